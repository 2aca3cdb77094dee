"""Grype's JSON (anchore/grype, grype/presenter/models/document.go). It lists matches alone, not the packages that it looked at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from kgate.images.scanner import NotScanned, Vulnerability
from kgate.images.shapes import mapping, sequence, severity, text
from kgate.images.silence import silence, vouched

_REPORT = "grype's report"
_SYSTEM = ("apk", "deb", "rpm", "alpm", "portage")
"""Types of packages of an operating system."""


class GrypeReport(Struct, frozen=True, kw_only=True):
    version: str
    built: datetime | None
    """Its database."""
    release: str
    """`debian 12`; empty when the image has no operating system that Grype knows."""
    platform: str
    system_findings: bool
    vulnerabilities: tuple[Vulnerability, ...]


def read_report(document: Mapping[str, Any]) -> GrypeReport:
    """Raises NotScanned for another shape."""
    descriptor = mapping(document.get("descriptor"), _REPORT)
    if "matches" not in document or text(descriptor.get("name")) != "grype":
        raise NotScanned(f"{_REPORT} is malformed")
    matches = [mapping(m, _REPORT) for m in sequence(document["matches"], _REPORT)]
    distro = mapping(document.get("distro"), _REPORT)
    source = mapping(document.get("source"), _REPORT)
    target = source.get("target") if isinstance(source.get("target"), Mapping) else {}
    return GrypeReport(
        version=text(descriptor.get("version")),
        built=_built(mapping(descriptor.get("db"), _REPORT)),
        release=f"{text(distro.get('name'))} {text(distro.get('version'))}".strip(),
        platform="/".join(p for p in (text(mapping(target, _REPORT).get(key)) for key in ("os", "architecture")) if p),
        system_findings=any(text(mapping(m.get("artifact"), _REPORT).get("type")) in _SYSTEM for m in matches),
        vulnerabilities=tuple(sorted({_vulnerability(m) for m in matches})),
    )


def _built(db: Mapping[str, Any]) -> datetime | None:
    """From version 0.88 on it stands in a status."""
    written = text(db.get("built")) or text(mapping(db.get("status"), _REPORT).get("built"))
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _vulnerability(match: Mapping[str, Any]) -> Vulnerability:
    """A GHSA that is one CVE goes by that: waivers and lists of exploited ones name CVEs."""
    found, artifact = mapping(match.get("vulnerability"), _REPORT), mapping(match.get("artifact"), _REPORT)
    fix = mapping(found.get("fix"), _REPORT)
    related = [mapping(r, _REPORT) for r in sequence(match.get("relatedVulnerabilities"), _REPORT)]
    cves = sorted({id_ for r in related if (id_ := text(r.get("id"))).startswith("CVE-")})
    id_ = text(found.get("id")) or "a vulnerability without an identifier"
    places = [mapping(p, _REPORT) for p in sequence(artifact.get("locations"), _REPORT)]
    return Vulnerability(
        id=cves[0] if len(cves) == 1 and not id_.startswith("CVE-") else id_,
        package=text(artifact.get("name")),
        installed=text(artifact.get("version")),
        fixed=", ".join(text(v) for v in sequence(fix.get("versions"), _REPORT)) if text(fix.get("state")) == "fixed" else "",
        severity=severity(found.get("severity")),
        severity_source=text(found.get("namespace")).split(":")[0],
        status={"wont-fix": "will_not_fix", "not-fixed": "affected"}.get(text(fix.get("state")), ""),
        title="",
        path="" if text(artifact.get("type")) in _SYSTEM else next((text(p.get("path")) for p in places), ""),
        purl=text(artifact.get("purl")),
    )


def gap(report: GrypeReport, wanted: str, covered: tuple[str, ...], max_age_days: float) -> str:
    """Why an image's vulnerabilities are not, or not all, known; empty when they are."""
    told = "/".join(wanted.split("/")[:2])
    if report.platform.count("/") and report.platform != told:
        return f"the image is for {report.platform}, not for {told}"
    if report.built is None:
        return "" if vouched(report.release, covered) else "grype does not tell how old its data is"
    if datetime.now(UTC) - report.built > timedelta(days=max_age_days):
        day = report.built.date()
        return f"grype's data is of {day}, older than the {max_age_days:g} days allowed; fetch a new one with `grype db update`"
    found = report.system_findings if report.release else bool(report.vulnerabilities)
    return silence("grype", report.release, found=found, covered=covered)
