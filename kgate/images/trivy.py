"""Trivy, called so that nothing of the scanned repository, the environment or the image can change what it finds.

A `.trivyignore` or a `trivy.yaml` in the working directory and any TRIVY_* variable would silently remove findings: the child gets an empty
working directory, an environment made from scratch, and /dev/null for both files. Its own time limit does not cover the registry: kgate
keeps its own. Nothing is believed but a whole JSON report.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from threading import Event
from typing import Self

from msgspec import Struct

from kgate.images import child
from kgate.images.coverage import gap
from kgate.images.database import Database, default_cache_dir, read_database
from kgate.images.executable import find
from kgate.images.scanner import NotScanned, ScanResult, Target
from kgate.images.settings import ImagesSettings
from kgate.images.trivy_log import alpine_branch, fault, tail
from kgate.images.trivy_report import TrivyReport, read_report

OLDEST = (0, 59, 0)
PARALLEL_SINCE = (0, 68, 0)
"""Before, Trivy locked its database for itself alone."""
REFUSED: Mapping[tuple[int, int, int], str] = {(0, 69, 4): "a malicious release (GHSA-69fq-xp46-6x23)"}
VERSION_DEADLINE_S = 20.0

_WHEN_PULLING = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR")
_VERSION = re.compile(r"^Version: v?(\d+)\.(\d+)\.(\d+)$", re.MULTILINE)


class _Room(Struct, frozen=True):
    """The folder that is all the child sees as its own. It goes with everything in it."""

    path: Path

    @property
    def out(self) -> Path:
        return self.path / "out.json"

    @property
    def stdout(self) -> Path:
        return self.path / "stdout"

    @property
    def stderr(self) -> Path:
        return self.path / "stderr"

    @property
    def empty(self) -> Path:
        return self.path / "empty"

    def environment(self, *, pulling: bool) -> dict[str, str]:
        passed = {name: os.environ[name] for name in _WHEN_PULLING if name in os.environ} if pulling else {}
        return passed | {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.path / "home"),
            "TMPDIR": str(self.path / "tmp"),
            "LANG": "C.UTF-8",
            # as variables, because a version that does not know them would fail on them as options
            "TRIVY_SKIP_VERSION_CHECK": "true",
            "TRIVY_DISABLE_TELEMETRY": "true",
        }


@contextmanager
def _room() -> Iterator[_Room]:
    try:
        folder = tempfile.TemporaryDirectory(prefix="kgate-", ignore_cleanup_errors=True)
        for name in ("empty", "home", "tmp"):
            (Path(folder.name) / name).mkdir()
    except OSError as e:
        raise NotScanned(f"no temporary folder can be made: {e.strerror}", "set TMPDIR to a folder with space in it") from e
    with folder:
        yield _Room(Path(folder.name))


def probe_version(executable: str, stop: Event) -> tuple[int, int, int]:
    """Raises NotScanned for what is too old, known to be bad, or does not say."""
    with _room() as room:
        argv = [executable, "--config", "/dev/null", "--cache-dir", str(room.path / "tmp"), "--version"]
        _run(argv, room, deadline_s=VERSION_DEADLINE_S, stop=stop, pulling=False)
        told = _VERSION.search(tail(room.stdout))
    if told is None:
        raise NotScanned(f"{executable} does not say which version of Trivy it is", "use a released version")
    version = (int(told[1]), int(told[2]), int(told[3]))
    if version in REFUSED:
        raise NotScanned(f"trivy {_dotted(version)} is {REFUSED[version]}", "remove it and install another version")
    if version < OLDEST:
        raise NotScanned(f"trivy {_dotted(version)} is older than {_dotted(OLDEST)}", "install a newer one")
    return version


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(str(part) for part in version)


def _run(argv: list[str], room: _Room, *, deadline_s: float, stop: Event, pulling: bool) -> child.Ended:
    """Raises NotScanned when it does not end by itself, or cannot be started."""
    try:
        ended = child.run(
            argv,
            cwd=str(room.empty),
            env=room.environment(pulling=pulling),
            stdout=str(room.stdout),
            stderr=str(room.stderr),
            deadline_s=deadline_s,
            stop=stop,
        )
    except OSError as e:
        raise NotScanned(f"{argv[0]} cannot be started: {e.strerror}") from e
    if ended.timed_out:
        raise NotScanned(f"trivy did not end within {deadline_s:g} s", "raise images.timeout_s")
    if ended.interrupted:
        raise NotScanned("the run was interrupted")
    return ended


class Trivy(Struct, frozen=True, kw_only=True):
    """One executable with one database."""

    executable: str
    version: tuple[int, int, int]
    database: Database
    settings: ImagesSettings

    @classmethod
    def opened(cls, settings: ImagesSettings, stop: Event) -> Self:
        """Raises NotScanned with what is missing."""
        executable = find(settings.trivy)
        cache_dir = Path(settings.cache_dir).absolute() if settings.cache_dir else default_cache_dir()
        database = read_database(cache_dir)
        return cls(executable=executable, version=probe_version(executable, stop), database=database, settings=settings)

    @property
    def name(self) -> str:
        return f"trivy {_dotted(self.version)}, database of {self.database.date}"

    @property
    def parallel(self) -> int:
        return self.settings.jobs if self.version >= PARALLEL_SINCE else 1

    @property
    def parallel_pulls(self) -> int:
        """One, because the cache that keeps layers from run to run is locked while Trivy uses it. Archives go through memory."""
        return 1

    def scan(self, target: Target, *, deadline_s: float, stop: Event) -> ScanResult:
        with _room() as room:
            argv = self.argv(target, out=room.out, deadline_s=deadline_s)
            ended = _run(argv, room, deadline_s=deadline_s, stop=stop, pulling=not target.archive)
            if ended.returncode != 0:
                raise fault(tail(room.stderr), ended.returncode)
            report = read_report(room.out)
            branch = alpine_branch(tail(room.stderr)) if report.family == "alpine" else report.release
        return self._result(target, report, branch)

    def argv(self, target: Target, *, out: Path, deadline_s: float) -> list[str]:
        """No text of a manifest is in it but a reference that has been parsed and written anew, behind `--`."""
        memory = bool(target.archive) or not os.access(self.database.cache_dir, os.W_OK)
        argv = [self.executable, "image", "--config", "/dev/null", "--ignorefile", "/dev/null"]
        argv += ["--cache-dir", str(self.database.cache_dir), *(["--cache-backend", "memory"] if memory else [])]
        argv += ["--skip-db-update", "--skip-java-db-update", "--offline-scan", "--scanners", "vuln", "--pkg-types", "os,library"]
        argv += ["--format", "json", "--list-all-pkgs", "--no-progress", "--image-src", "remote"]
        argv += ["--platform", self.settings.platform, "--timeout", f"{ceil(deadline_s)}s", f"--output={out}"]
        if target.archive:
            return [*argv, f"--input={target.archive}"]
        return [*argv, "--", target.image.normalised]

    def _result(self, target: Target, report: TrivyReport, branch: str) -> ScanResult:
        return ScanResult(
            scanner=self.name if report.family else f"{self.name}; it knows of no operating system in the image, only of language packages",
            digest=target.image.digest or _digest(target, report),
            os=f"{report.family} {report.release}".strip() if report.family != "none" else "",
            end_of_life=report.end_of_life,
            vulnerabilities=report.vulnerabilities,
            gap=self._gap(report, branch),
        )

    def _gap(self, report: TrivyReport, branch: str) -> str:
        wanted = "/".join(self.settings.platform.split("/")[:2])
        if report.platform and report.platform != wanted:
            return f"the image is for {report.platform}, not for {wanted}; set images.platform to that of the nodes"
        uncovered = gap(family=report.family, branch=branch, packages=report.packages, buckets=self.database.buckets)
        return uncovered or self.database.too_old(self.settings.max_database_age_days)


def _digest(target: Target, report: TrivyReport) -> str | None:
    """What the registry calls the image now, when the scanner asked it."""
    found = sorted({d.partition("@")[2] for d in report.digests})
    return found[0] if len(found) == 1 and not target.archive and re.fullmatch(r"sha256:[0-9a-f]{64}", found[0]) else None
