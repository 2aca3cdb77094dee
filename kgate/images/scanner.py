"""What every scanner answers, whichever it is. The judgement of it is in `judgement`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from threading import Event
from typing import Protocol

from msgspec import Struct

from kgate.reference import ImageReference


class NotScanned(Exception):  # noqa: N818 (raised or returned, it is an answer)
    """Why an image, or any image, could not be scanned: one sentence, and what to do about it."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.reason}; {self.hint}" if self.hint else self.reason


class Vulnerability(Struct, frozen=True, kw_only=True, order=True):
    """One known vulnerability of one installed package."""

    id: str
    """`CVE-2023-4911`, `GHSA-...`."""
    package: str
    installed: str
    fixed: str = ""
    """The first fixed version, or several with commas; empty when nobody has fixed it."""
    severity: str
    """One of `settings.SEVERITIES`."""
    severity_source: str = ""
    """Who rated it: `nvd`, `debian`, `ghsa`."""
    status: str = ""
    """Why there is no fix, in the distribution's word: `affected`, `will_not_fix`, `fix_deferred`."""
    title: str = ""
    path: str = ""
    """The file in the image that the package was read from; empty for packages of the operating system."""
    purl: str = ""
    only: str = ""
    """The platforms whose image has it; empty when those of all wanted platforms do."""


class ScanResult(Struct, frozen=True, kw_only=True):
    """What a scanner saw in one image."""

    scanner: str
    """Name, version, and the date of its data; then what it says of itself that limits the answer without being a gap."""
    digest: str | None = None
    os: str = ""
    """`debian 12.5`; empty when the image has no operating system."""
    end_of_life: bool = False
    """The distribution no longer fixes this release."""
    vulnerabilities: tuple[Vulnerability, ...] = ()
    """Sorted, each once."""
    gap: str = ""
    """Why the vulnerabilities may not be all: the image then does not count as scanned. Empty when they are."""


class Target(Struct, frozen=True, kw_only=True):
    """What to scan, and where it comes from."""

    image: ImageReference
    platform: str = "linux/amd64"
    archive: str = ""
    """Absolute path of a `docker save` tar or an OCI layout folder; empty for pulling."""
    sbom: str = ""
    """Absolute path of a bill of materials (CycloneDX, SPDX), instead of the image."""
    content: str = ""
    """Names what will be read, byte for byte: a digest. Empty when nobody knows before."""
    insecure: bool = False
    """Its registry has no TLS."""
    login: str = ""
    """A config.json of Docker with the credentials for its registry; never shown."""

    @property
    def local(self) -> bool:
        return bool(self.archive or self.sbom)


class Scanner(Protocol):
    """All scanners answer the same question. Which there are stands in `scan.SCANNERS`."""

    @property
    def identity(self) -> str:
        """The same text: the same answer for the same content on the same platform. Version, date of the data. Empty: nobody knows."""

    @property
    def outdated(self) -> str:
        """Why its data is too old for any answer to count; empty when it is not."""

    @property
    def parallel(self) -> int:
        """How many archives it scans at once, at least 1."""

    @property
    def parallel_pulls(self) -> int:
        """How many images it pulls at once, at least 1."""

    def for_many(self, targets: Sequence[Target], *, until: float, stop: Event) -> AbstractContextManager[Scanner]:
        """The scanner to scan them with, set up for so many by `until` of time.monotonic."""

    def scan(self, target: Target, *, deadline_s: float, stop: Event) -> ScanResult:
        """Raises NotScanned. Returns within `deadline_s` seconds plus a short grace, sooner when `stop` is set, and leaves no child."""
