"""Trivy's JSON report (pkg/types/report.go, schema version 2), read with suspicion: names and versions in it are the image's own words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from kgate.images.coverage import Packages
from kgate.images.scanner import NotScanned, Vulnerability
from kgate.images.shapes import mapping, read_document, sequence, severity, text

SCHEMA_VERSION = 2


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
    report = read_document(file, "trivy")
    if report.get("SchemaVersion") != SCHEMA_VERSION:
        raise NotScanned(f"trivy's report has schema version {report.get('SchemaVersion')!r}, not {SCHEMA_VERSION}")
    return _decode(report)


def _decode(report: Mapping[str, Any]) -> TrivyReport:
    metadata = mapping(report.get("Metadata"), "trivy's report at Metadata")
    system = mapping(metadata.get("OS"), "trivy's report at Metadata.OS")
    config = mapping(metadata.get("ImageConfig"), "trivy's report at Metadata.ImageConfig")
    results = [mapping(r, "trivy's report at Results") for r in sequence(report.get("Results"), "trivy's report at Results")]
    return TrivyReport(
        family=text(system.get("Family")),
        release=text(system.get("Name")),
        end_of_life=system.get("EOSL") is True,
        platform="/".join(p for p in (text(config.get("os")), text(config.get("architecture"))) if p),
        digests=tuple(text(d) for d in sequence(metadata.get("RepoDigests"), "trivy's report at RepoDigests")),
        packages=tuple(_packages(r) for r in results if text(r.get("Class")) in ("os-pkgs", "lang-pkgs")),
        vulnerabilities=tuple(sorted({v for r in results for v in _vulnerabilities(r)})),
        with_findings=frozenset(text(r.get("Type")) for r in results if r.get("Vulnerabilities")),
    )


def _packages(result: Mapping[str, Any]) -> Packages:
    count = len(sequence(result.get("Packages"), "trivy's report at Packages"))
    return Packages(kind=text(result.get("Class")), type=text(result.get("Type")), count=count)


def _vulnerabilities(result: Mapping[str, Any]) -> Iterator[Vulnerability]:
    for item in sequence(result.get("Vulnerabilities"), "trivy's report at Vulnerabilities"):
        v = mapping(item, "trivy's report at Vulnerabilities")
        status = text(v.get("Status"))
        if status == "not_affected":
            continue
        yield Vulnerability(
            id=text(v.get("VulnerabilityID")) or "a vulnerability without an identifier",
            package=text(v.get("PkgName")),
            installed=text(v.get("InstalledVersion")),
            fixed=text(v.get("FixedVersion")),
            severity=severity(v.get("Severity")),
            severity_source=text(v.get("SeveritySource")),
            status=status,
            title=text(v.get("Title")),
            path=text(v.get("PkgPath")),
            purl=text(mapping(v.get("PkgIdentifier"), "trivy's report at PkgIdentifier").get("PURL")),
        )
