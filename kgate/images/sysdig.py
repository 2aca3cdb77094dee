"""sysdig-cli-scanner: a closed program that asks Sysdig's service. It is told an image by the digest of its platform's manifest."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Self

from msgspec import Struct

from kgate.images.cache import default_folder
from kgate.images.executable import find
from kgate.images.presence import access
from kgate.images.registry.answers import NotChecked
from kgate.images.registry.client import Registry
from kgate.images.registry.layers import manifest_for
from kgate.images.room import Room, open_room, run, tail
from kgate.images.scanner import NotScanned, ScanResult, Target
from kgate.images.settings import ImagesSettings
from kgate.images.shapes import read_document
from kgate.images.sysdig_report import gap, read_report

POLICY_FAILED = 1
"""The exit code of a scan that Sysdig's own policies do not like; above it are faults."""


class Sysdig(Struct, frozen=True, kw_only=True):
    settings: ImagesSettings
    executable: str
    registry: Registry

    @classmethod
    def opened(cls, settings: ImagesSettings, stop: Event) -> Self:
        """Raises NotScanned with what is missing."""
        if settings.offline:
            raise NotScanned("kgate runs offline, and Sysdig is over the network")
        executable = find(settings.sysdig, "sysdig")
        if not os.environ.get("SECURE_API_TOKEN"):
            raise NotScanned("SECURE_API_TOKEN is not set", "Sysdig gives one under Settings, User Profile")
        return cls(settings=settings, executable=executable, registry=Registry(access(settings), stop))

    @property
    def identity(self) -> str:
        return ""  # the service's data changes without a word

    @property
    def outdated(self) -> str:
        return ""

    @property
    def parallel(self) -> int:
        return 1  # they would share a database folder

    @property
    def parallel_pulls(self) -> int:
        return 1

    @contextmanager
    def for_many(self, targets: Sequence[Target], *, until: float, stop: Event) -> Iterator[Sysdig]:
        yield self

    def scan(self, target: Target, *, deadline_s: float, stop: Event) -> ScanResult:
        if target.local:
            raise NotScanned("sysdig scans what a registry has, no archives", "take it out of images.archives, or use another scanner")
        try:
            digest = manifest_for(self.registry, target.image, target.platform).digest
        except NotChecked as e:
            raise NotScanned(e.reason, e.hint) from e
        with open_room() as room:
            more = {"SECURE_API_TOKEN": os.environ["SECURE_API_TOKEN"], **_login(target)}
            argv = self.argv(f"{target.image.name}@{digest}", room)
            ended = run(argv, room, deadline_s=deadline_s, stop=stop, pulling=True, more=more, who="sysdig-cli-scanner")
            if ended.returncode not in (0, POLICY_FAILED):
                raise _fault(room, ended.returncode)
            report = read_report(read_document(room.out, "sysdig"))
        verdict = f"; its own policies: {report.policies}" if report.policies else ""
        return ScanResult(
            scanner=f"sysdig-cli-scanner {report.version}{verdict}".replace("  ", " "),
            digest=target.image.digest,
            os=report.release,
            vulnerabilities=report.vulnerabilities,
            gap=gap(report, target.platform, self.settings.covered),
        )

    def argv(self, image: str, room: Room) -> list[str]:
        """The token goes by the environment. `pull://`: never what a Docker daemon happens to have under that name."""
        folder = self._folder(room)
        argv = [self.executable, "--apiurl", self.settings.server, "--skipupload", f"--output=json-file={room.out}"]
        return [*argv, f"--dbpath={folder / 'db'}", f"--cachepath={folder / 'scanner'}", f"pull://{image}"]

    def _folder(self, room: Room) -> Path:
        """Kept from run to run, where there is a home: its database is fetched anew otherwise."""
        if self.settings.cache_dir:
            return Path(self.settings.cache_dir).absolute()
        home = default_folder()
        return home.with_name("sysdig") if home and self.settings.cache else room.path / "tmp"


def _login(target: Target) -> dict[str, str]:
    """Of Docker's config.json for the one registry; an identity token alone is nothing that it could use."""
    auths = json.loads(target.login)["auths"] if target.login else {}
    entry: dict[str, str] = next(iter(auths.values()), {})
    return {"REGISTRY_USER": entry["username"], "REGISTRY_PASSWORD": entry["password"]} if entry.get("password") else {}


def _fault(room: Room, returncode: int) -> NotScanned:
    said = tail(room.stderr) + tail(room.stdout)
    if "401" in said or "nauthorized" in said:
        return NotScanned("sysdig refuses the token in SECURE_API_TOKEN, or the registry its credentials")
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "")
    ending = f"ended by signal {-returncode}" if returncode < 0 else f"failed with exit code {returncode}"
    return NotScanned(f"sysdig-cli-scanner {ending}" + (f": {last.strip()[:300]}" if last else ""))
