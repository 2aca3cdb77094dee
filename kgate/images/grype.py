"""Grype, called as Trivy is: nothing of the scanned repository, the environment or the image can change what it finds."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Self

from msgspec import Struct

from kgate.images.executable import find
from kgate.images.grype_report import gap, read_report
from kgate.images.room import Room, open_room, run, tail
from kgate.images.scanner import NotScanned, ScanResult, Target
from kgate.images.settings import ImagesSettings
from kgate.images.shapes import read_document

DATABASE_UPGRADE = 100
"""The exit code for a database that this version cannot read."""


class Grype(Struct, frozen=True, kw_only=True):
    settings: ImagesSettings
    executable: str
    database: Path

    @classmethod
    def opened(cls, settings: ImagesSettings) -> Self:
        """Raises NotScanned with what is missing."""
        database = Path(settings.cache_dir).absolute() if settings.cache_dir else _default_database()
        return cls(settings=settings, executable=find(settings.grype, "grype"), database=database)

    @property
    def identity(self) -> str:
        """By place, size and time of the program and of the files of its database: asking either takes as long as a scan."""
        files = [Path(self.executable).resolve(), *sorted(p for p in self.database.rglob("*") if p.is_file())]
        stats = "\n".join(f"{p} {(s := p.stat()).st_size} {s.st_mtime_ns} {s.st_ino}" for p in files)
        return f"grype {hashlib.sha256(stats.encode('utf-8', 'surrogateescape')).hexdigest()} {self.settings.covered}"

    @property
    def outdated(self) -> str:
        return ""  # each answer says so itself

    @property
    def parallel(self) -> int:
        return self.settings.jobs

    @property
    def parallel_pulls(self) -> int:
        return self.settings.jobs

    @contextmanager
    def for_many(self, targets: Sequence[Target], *, until: float, stop: Event) -> Iterator[Grype]:
        yield self

    def scan(self, target: Target, *, deadline_s: float, stop: Event) -> ScanResult:
        with open_room() as room:
            if target.login:
                (room.path / "docker" / "config.json").write_text(target.login)
            more = self._more(target)
            ended = run(self.argv(target, room), room, deadline_s=deadline_s, stop=stop, pulling=not target.local, more=more, who="grype")
            if ended.returncode != 0:
                raise _fault(room, ended.returncode)
            report = read_report(read_document(room.out, "grype"))
        built = report.built.date() if report.built else "an unknown day"
        return ScanResult(
            scanner=f"grype {report.version}, database of {built}",
            digest=target.image.digest,
            os=report.release,
            vulnerabilities=report.vulnerabilities,
            gap=gap(report, target.platform, self.settings.covered, self.settings.max_database_age_days),
        )

    def argv(self, target: Target, room: Room) -> list[str]:
        """What is to be scanned has the kind before it, so it is no option, whatever its name."""
        argv = [self.executable, "--quiet", "--output", "json", "--file", str(room.out)]
        if target.sbom:
            return [*argv, f"sbom:{target.sbom}"]
        argv += ["--platform", target.platform]
        if target.archive:
            return [*argv, f"{'oci-dir' if Path(target.archive).is_dir() else 'docker-archive'}:{target.archive}"]
        return [*argv, f"registry:{target.image.normalised}"]

    def _more(self, target: Target) -> dict[str, str]:
        """Of the environment. How old the database may be, kgate judges itself."""
        told = {
            "GRYPE_CHECK_FOR_APP_UPDATE": "false",
            "GRYPE_DB_AUTO_UPDATE": "false",
            "GRYPE_DB_VALIDATE_AGE": "false",
            "GRYPE_DB_CACHE_DIR": str(self.database),
        }
        if target.insecure:
            told["GRYPE_REGISTRY_INSECURE_USE_HTTP"] = "true"
        if self.settings.ca_file and not target.local:
            told["SSL_CERT_FILE"] = str(Path(self.settings.ca_file).absolute())
        return told


def _default_database() -> Path:
    """`$XDG_CACHE_HOME/grype/db`. Raises NotScanned without a home."""
    xdg, home = os.environ.get("XDG_CACHE_HOME", ""), os.environ.get("HOME", "")
    if not xdg.startswith("/") and not home.startswith("/"):
        raise NotScanned("HOME is not set, so nobody knows where Grype keeps its database", "set images.cache_dir")
    return (Path(xdg) if xdg.startswith("/") else Path(home, ".cache")) / "grype" / "db"


def _fault(room: Room, returncode: int) -> NotScanned:
    said = tail(room.stderr)
    if returncode == DATABASE_UPGRADE or "vulnerability d" in said.lower():
        return NotScanned("grype has no vulnerability database that it can read", "fetch one with `grype db update`")
    if "401" in said or "UNAUTHORIZED" in said:
        return NotScanned("the registry wants credentials", "give them with `docker login`")
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "")
    ending = f"ended by signal {-returncode}" if returncode < 0 else f"failed with exit code {returncode}"
    return NotScanned(f"grype {ending}" + (f": {last.strip()[:300]}" if last else ""))
