"""Trivy's JSON report (pkg/types/report.go, schema version 2), read with suspicion: names and versions in it are the image's own words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from kgate.images.coverage import Packages
from kgate.images.scanner import NotScanned, Vulnerability
from kgate.images.settings import SEVERITIES

SCHEMA_VERSION = 2
MAX_BYTES = 256 * 1024 * 1024


class TrivyReport(Struct, frozen=True, kw_only=True):
    family: str
    """Empty when the image has no operating system, `none` when Trivy does not know it."""
    release: str
    end_of_life: bool
    platform: str
    """`linux/amd64`; empty when the image does not say."""
    digests: tuple[str, ...]
    """`host/name@sha256:...`."""
    packages: tuple[Packages, ...]
    vulnerabilities: tuple[Vulnerability, ...]
    with_findings: frozenset[str] = frozenset()
    """Types of packages, `debian` or `node-pkg`, in which something was found."""


def read_report(file: Path) -> TrivyReport:
    """Raises NotScanned when the file is not a whole report of schema version 2."""
    import json

    try:
        if file.stat().st_size > MAX_BYTES:
            raise NotScanned(f"trivy's report is larger than {MAX_BYTES >> 20} MiB")
        document = json.loads(file.read_bytes())
    except FileNotFoundError as e:
        raise NotScanned("trivy wrote no report") from e
    except (OSError, ValueError, RecursionError) as e:
        raise NotScanned("trivy's report is no JSON") from e
    report = _mapping(document, "report")
    if report.get("SchemaVersion") != SCHEMA_VERSION:
        raise NotScanned(f"trivy's report has schema version {report.get('SchemaVersion')!r}, not {SCHEMA_VERSION}")
    return _decode(report)


def _decode(report: Mapping[str, Any]) -> TrivyReport:
    metadata = _mapping(report.get("Metadata") or {}, "Metadata")
    system = _mapping(metadata.get("OS") or {}, "Metadata.OS")
    config = _mapping(metadata.get("ImageConfig") or {}, "Metadata.ImageConfig")
    results = [_mapping(r, "Results") for r in _list(report.get("Results"), "Results")]
    return TrivyReport(
        family=_text(system.get("Family")),
        release=_text(system.get("Name")),
        end_of_life=system.get("EOSL") is True,
        platform="/".join(p for p in (_text(config.get("os")), _text(config.get("architecture"))) if p),
        digests=tuple(_text(d) for d in _list(metadata.get("RepoDigests"), "RepoDigests")),
        packages=tuple(_packages(r) for r in results if _text(r.get("Class")) in ("os-pkgs", "lang-pkgs")),
        vulnerabilities=tuple(sorted({v for r in results for v in _vulnerabilities(r)})),
        with_findings=frozenset(_text(r.get("Type")) for r in results if r.get("Vulnerabilities")),
    )


def _packages(result: Mapping[str, Any]) -> Packages:
    count = len(_list(result.get("Packages"), "Packages"))
    return Packages(kind=_text(result.get("Class")), type=_text(result.get("Type")), count=count)


def _vulnerabilities(result: Mapping[str, Any]) -> Iterator[Vulnerability]:
    for item in _list(result.get("Vulnerabilities"), "Vulnerabilities"):
        v = _mapping(item, "Vulnerabilities")
        severity, status = _text(v.get("Severity")), _text(v.get("Status"))
        if status == "not_affected":
            continue
        yield Vulnerability(
            id=_text(v.get("VulnerabilityID")) or "a vulnerability without an identifier",
            package=_text(v.get("PkgName")),
            installed=_text(v.get("InstalledVersion")),
            fixed=_text(v.get("FixedVersion")),
            severity=severity if severity in SEVERITIES else "UNKNOWN",
            severity_source=_text(v.get("SeveritySource")),
            status=status,
            title=_text(v.get("Title")),
            path=_text(v.get("PkgPath")),
            purl=_text(_mapping(v.get("PkgIdentifier") or {}, "PkgIdentifier").get("PURL")),
        )


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise NotScanned(f"trivy's report is malformed at {name}")
    return value


def _list(value: Any, name: str) -> list[Any]:
    if value is not None and not isinstance(value, list):
        raise NotScanned(f"trivy's report is malformed at {name}")
    return value or []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
