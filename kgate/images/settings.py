"""What may be decided about the images stage, under `images:` in `.kgate.yaml`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kgate.reference import ImageReference, parse

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN")
"""Worst first. UNKNOWN is what nobody has rated, not what is harmless."""


class Unscanned(StrEnum):
    """What an image means that could not be scanned, or not be looked up."""

    REPORT = "report"
    WARN = "warn"
    FAIL = "fail"


class EndOfLife(StrEnum):
    FAIL = "fail"
    WARN = "warn"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """Somebody has looked at a vulnerability and answers for it, for a while."""

    id: str
    """`CVE-2023-4911`."""
    owner: str
    reason: str
    expires: str
    """ISO date; the last day on which it holds."""
    images: tuple[str, ...] = ()
    """Patterns of images without tag, `docker.io/library/*`; empty for all, here and below."""
    packages: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    """Patterns of manifest files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Other thresholds for some namespaces or files. None: as everywhere else."""

    namespaces: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    severity: str | None = None
    ignore_unfixed: bool | None = None
    on_unscanned: Unscanned | None = None
    end_of_life: EndOfLife | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Tags of which newer ones are told: a regular expression for the whole tag."""

    repository: str
    pattern: str


class Scan(StrEnum):
    REQUIRED = "required"
    IF_AVAILABLE = "if-available"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagesSettings:
    """Without any settings kgate reads no image: it uses no network, and nobody told it of an archive."""

    scan: Scan = Scan.IF_AVAILABLE
    scanner: str = "trivy"
    trivy: str = "trivy"
    """A name looked up on PATH, or an absolute path."""
    grype: str = "grype"
    sysdig: str = "sysdig-cli-scanner"
    cache_dir: str = ""
    """Where the scanner keeps its database; empty for its own place."""
    db_repositories: tuple[str, ...] = ()
    """Where Trivy's database is fetched from when there is none or a new one is due; empty: it is never fetched."""
    java_db_repositories: tuple[str, ...] = ()
    platform: str = "linux/amd64"
    platforms: tuple[str, ...] = ()
    """Of all nodes, where there are several; empty: `platform` alone."""
    severity: str = "HIGH"
    """The lowest severity that is an error."""
    ignore_unfixed: bool = True
    """Vulnerabilities nobody has fixed are no errors; critical ones are still warned of."""
    max_database_age_days: float = 7
    timeout_s: float = 300
    """For one image."""
    timeout_all_s: float = 1800
    """For all images of a run together."""
    jobs: int = 4
    """Images scanned at once, at most."""
    offline: bool = False
    """Never pull, whatever `pull` says. `--offline` sets it; it is no key of the file."""
    pull: bool = False
    registries: tuple[str, ...] = ()
    """Registries to pull from, `host[:port]`; empty for every public one."""
    archives: Mapping[str, str] = field(default_factory=dict)
    """Image as the manifests name it -> `docker save` tar or OCI layout folder; relative to the working directory."""
    sboms: Mapping[str, str] = field(default_factory=dict)
    """Image -> bill of materials, likewise."""
    registry: bool = False
    """Ask registries whether images are there; pulling asks as well."""
    networks: tuple[str, ...] = ()
    insecure: tuple[str, ...] = ()
    ca_file: str = ""
    registry_timeout_s: float = 30
    server: str = ""
    """URL of a Trivy server (token in TRIVY_TOKEN), of Clair (key in CLAIR_PSK) or of Sysdig (token in SECURE_API_TOKEN)."""
    issuer: str = "kgate"
    """Who asks, as Clair's configuration names it."""
    covered: tuple[str, ...] = ()
    """Patterns of releases, `debian 12`, of which the scanner's data is known to tell, where the scanner itself does not say."""
    sbom: str = ""
    """Folder for a bill of materials of each image that Trivy scans."""
    on_unscanned: Unscanned = Unscanned.REPORT
    end_of_life: EndOfLife = EndOfLife.WARN
    exclude_packages: tuple[str, ...] = ()
    exclude_paths: tuple[str, ...] = ()
    kev: str = ""
    vex: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    overrides: tuple[Override, ...] = ()
    updates: tuple[Update, ...] = ()
    cache: bool = True
    """Remember answers from run to run. `--no-cache` clears it; it is no key of the file."""

    @property
    def all_platforms(self) -> tuple[str, ...]:
        return self.platforms or (self.platform,)

    def local(self, reference: ImageReference) -> tuple[str, str] | None:
        """The setting and the file that stand for the image, when there is one."""
        for name, files in (("archives", self.archives), ("sboms", self.sboms)):
            for image, file in sorted(files.items()):
                if parse(image) == reference:
                    return name, file
        return None

    def unwaived(self) -> ImagesSettings:
        """As if nobody had waived anything."""
        import dataclasses

        return dataclasses.replace(self, waivers=())

    def homed(self, home: Callable[[str], str]) -> ImagesSettings:
        """With every file that they name taken from another folder."""
        import dataclasses

        single: dict[str, Any] = {name: home(file) for name in ("cache_dir", "kev", "ca_file", "sbom") if (file := getattr(self, name))}
        return dataclasses.replace(
            self,
            archives={image: home(file) for image, file in self.archives.items()},
            sboms={image: home(file) for image, file in self.sboms.items()},
            vex=tuple(home(file) for file in self.vex),
            **single,
        )


def from_config(mapping: Mapping[str, Any], *, offline: bool = False) -> ImagesSettings:
    """The settings under `images:`. Raises SettingError, also for an archive whose image is no reference."""
    from kgate.images import reading  # a run without settings needs neither the schema nor its judge

    return reading.settings_of(mapping, offline=offline)
