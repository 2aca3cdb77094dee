"""Trivy, called so that nothing of the scanned repository, the environment or the image can change what it finds.

A `.trivyignore` or a `trivy.yaml` in the working directory and any TRIVY_* variable would silently remove findings: the child gets an empty
working directory, an environment made from scratch, and /dev/null for both files. Its own time limit does not cover the registry: kgate
keeps its own. Nothing is believed but a whole JSON report.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from threading import Event
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from kgate.images.bill import file_of, folder_of, keep
from kgate.images.cache import Cache, default_folder
from kgate.images.coverage import gap
from kgate.images.database import Database, default_cache_dir, read_database
from kgate.images.executable import find
from kgate.images.room import Room, open_room, run, tail
from kgate.images.scanner import NotScanned, ScanResult, Target
from kgate.images.settings import ImagesSettings
from kgate.images.trivy_database import SILENT, fetch_due
from kgate.images.trivy_log import alpine_branch, fault
from kgate.images.trivy_remote import remote_database, unsure
from kgate.images.trivy_report import TrivyReport, read_report
from kgate.images.trivy_server import WORTH, Server, serving

OLDEST = (0, 59, 0)
PARALLEL_SINCE = (0, 68, 0)
"""Before, Trivy locked its database for itself alone."""
REFUSED: Mapping[tuple[int, int, int], str] = {(0, 69, 4): "a malicious release (GHSA-69fq-xp46-6x23)"}
VERSION_DEADLINE_S = 20.0
_VERSION = re.compile(r"^Version: v?(\d+)\.(\d+)\.(\d+)$", re.MULTILINE)


def probe_version(executable: str, stop: Event) -> tuple[int, int, int]:
    """Raises NotScanned for what is too old, known to be bad, or does not say."""
    with open_room() as room:
        argv = [executable, "--config", "/dev/null", "--cache-dir", str(room.path / "tmp"), "--version"]
        run(argv, room, deadline_s=VERSION_DEADLINE_S, stop=stop, pulling=False, more=SILENT)
        told = _VERSION.search(tail(room.stdout))
    if told is None:
        raise NotScanned(f"{executable} does not say which version of Trivy it is", "use a released version")
    return _supported((int(told[1]), int(told[2]), int(told[3])))


def _version(executable: str, settings: ImagesSettings, stop: Event) -> tuple[int, int, int]:
    """Asked once for each file of that place, size and time: starting it takes longer than reading all that is remembered."""
    at = Path(executable).resolve().stat()
    cache = Cache(default_folder() if settings.cache else None)
    key = ("version", executable, str(at.st_size), str(at.st_mtime_ns), str(at.st_ino))
    if (known := cache.text(*key)) and (told := _VERSION.fullmatch(known)):
        return _supported((int(told[1]), int(told[2]), int(told[3])))
    version = probe_version(executable, stop)
    cache.keep_text(f"Version: {_dotted(version)}", *key)
    return version


def _supported(version: tuple[int, int, int]) -> tuple[int, int, int]:
    if version in REFUSED:
        raise NotScanned(f"trivy {_dotted(version)} is {REFUSED[version]}", "remove it and install another version")
    if version < OLDEST:
        raise NotScanned(f"trivy {_dotted(version)} is older than {_dotted(OLDEST)}", "install a newer one")
    return version


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(str(part) for part in version)


class Trivy(Struct, frozen=True, kw_only=True):
    """One executable with one database."""

    executable: str
    version: tuple[int, int, int]
    database: Database
    settings: ImagesSettings
    server: Server | None = None
    memory: bool = False
    """Keep layers in memory: somebody else has the cache that lasts."""

    @classmethod
    def opened(cls, settings: ImagesSettings, stop: Event) -> Self:
        """Raises NotScanned with what is missing."""
        executable = find(settings.trivy)
        version = _version(executable, settings, stop)
        if settings.sbom:
            folder_of(settings)
        cache_dir = Path(settings.cache_dir).absolute() if settings.cache_dir else default_cache_dir()
        if settings.server:
            token = os.environ.get("TRIVY_TOKEN", "")
            database = remote_database(settings, cache_dir, token, stop)
            server: Server | None = Server(url=settings.server, token=token)
        else:
            fetch_due(executable, cache_dir, settings, stop)
            database, server = read_database(cache_dir), None
        return cls(executable=executable, version=version, database=database, settings=settings, server=server)

    @property
    def name(self) -> str:
        where = " of a server" if self.settings.server else ""
        return f"trivy {_dotted(self.version)}, database{where} of {self.database.date}"

    @property
    def identity(self) -> str:
        """The whole instant: two databases may be of one day."""
        return f"{self.name} {self.database.updated_at.isoformat()}"

    @property
    def outdated(self) -> str:
        return self.database.too_old(self.settings.max_database_age_days)

    @property
    def parallel(self) -> int:
        return self.settings.jobs if self.version >= PARALLEL_SINCE or self.server else 1

    @property
    def parallel_pulls(self) -> int:
        """One, because the cache that keeps layers from run to run is locked while Trivy uses it. Archives go through memory."""
        return self.settings.jobs if self.server else 1

    @contextmanager
    def for_many(self, targets: Sequence[Target], *, until: float, stop: Event) -> Iterator[Trivy]:
        """A Trivy for so many images: with a server of its own where that is worth it. Bills of materials need no layers."""
        if self.server or len([t for t in targets if not t.sbom]) < WORTH:
            yield self
            return
        memory = all(t.local for t in targets) or not os.access(self.database.cache_dir, os.W_OK)
        with (
            open_room() as room,
            serving(
                self.executable,
                self.database.cache_dir,
                folder=room.path,
                environment={**room.environment(pulling=False), **SILENT},
                memory=memory,
                until=until,
                stop=stop,
            ) as server,
        ):
            yield replace(self, server=server)

    def scan(self, target: Target, *, deadline_s: float, stop: Event) -> ScanResult:
        with open_room() as room:
            until = time.monotonic() + deadline_s
            argv = self.argv(target, out=room.out, deadline_s=deadline_s)
            if target.login:
                (room.path / "docker" / "config.json").write_text(target.login)
            ended = run(argv, room, deadline_s=deadline_s, stop=stop, pulling=not target.local, more=self._more(target))
            if ended.returncode != 0:
                raise fault(tail(room.stderr), ended.returncode)
            report = read_report(room.out)
            branches = self._branches(report, room)
            if self.settings.sbom and not target.sbom and branches is not None:
                self._bill(target, room, until=until, stop=stop)
        if branches is None:
            return replace(self, server=None, memory=True).scan(target, deadline_s=max(0.1, until - time.monotonic()), stop=stop)
        return self._result(target, report, branches)

    def _bill(self, target: Target, room: Room, *, until: float, stop: Event) -> None:
        """Made of the report: the image is not looked into again. Raises NotScanned."""
        made = room.path / "bill.json"
        argv = [self.executable, "convert", "--config", "/dev/null", "--format", "cyclonedx", f"--output={made}", "--", str(room.out)]
        ended = run(argv, room, deadline_s=max(0.1, until - time.monotonic()), stop=stop, pulling=False, more=SILENT)
        if ended.returncode != 0 or not made.exists():
            raise NotScanned(f"trivy made no bill of materials: {fault(tail(room.stderr), ended.returncode)}", "take images.sbom out")
        keep(made, file_of(target, self.settings))

    def _more(self, target: Target) -> dict[str, str]:
        """Of the environment."""
        more = {"SSL_CERT_FILE": str(Path(self.settings.ca_file).absolute())} if self.settings.ca_file and not target.local else {}
        return {**SILENT, **more} | ({"TRIVY_TOKEN": self.server.token} if self.server else {})

    def _branches(self, report: TrivyReport, room: Room) -> str | None:
        """Whose advisories were looked up. None: only a scan without the server tells.

        For Alpine that stands in the log alone, and the server's log does not say for which of its clients.
        """
        if report.family != "alpine":
            return report.release
        if self.server is None:
            return alpine_branch(tail(room.stderr))
        if self.settings.server:
            return ""  # nobody tells, so nobody can say that it is covered
        found = self.server.branches(report.release)
        return next(iter(found)) if len(found) == 1 else None

    def argv(self, target: Target, *, out: Path, deadline_s: float) -> list[str]:
        """No text of a manifest is in it but a reference that has been parsed and written anew, behind `--`."""
        memory = self.memory or target.local or not os.access(self.database.cache_dir, os.W_OK)
        argv = [self.executable, "sbom" if target.sbom else "image", "--config", "/dev/null", "--ignorefile", "/dev/null"]
        argv += ["--cache-dir", str(self.database.cache_dir), *(["--cache-backend", "memory"] if memory and not self.server else [])]
        argv += ["--skip-db-update", "--skip-java-db-update", "--offline-scan", "--pkg-types", "os,library"]
        argv += [] if target.sbom else ["--scanners", "vuln"]
        argv += ["--format", "json", "--list-all-pkgs", "--timeout", f"{ceil(deadline_s)}s", f"--output={out}"]
        argv += ["--server", self.server.url] if self.server else []
        if target.sbom:
            return [*argv, "--", target.sbom]
        argv += ["--no-progress", "--image-src", "remote", "--platform", target.platform]
        argv += ["--insecure"] if target.insecure else []
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
            gap=self._gap(target, report, branch),
        )

    def _gap(self, target: Target, report: TrivyReport, branch: str) -> str:
        wanted = "/".join(target.platform.split("/")[:2])
        if report.platform and report.platform != wanted:
            return f"the image is for {report.platform}, not for {wanted}; set images.platform to that of the nodes"
        if self.database.buckets is None:
            return unsure(report.packages, report.with_findings) or self.outdated
        uncovered = gap(family=report.family, branch=branch, packages=report.packages, buckets=self.database.buckets)
        return uncovered or self.outdated


def _digest(target: Target, report: TrivyReport) -> str | None:
    """What the registry calls the image now, when the scanner asked it."""
    found = sorted({d.partition("@")[2] for d in report.digests})
    return found[0] if len(found) == 1 and not target.local and re.fullmatch(r"sha256:[0-9a-f]{64}", found[0]) else None
