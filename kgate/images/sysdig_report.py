"""The result of sysdig-cli-scanner, in both its shapes: vulnerabilities inside their packages (to 1.20), or beside them with references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from kgate.images.scanner import NotScanned, Vulnerability
from kgate.images.shapes import mapping, sequence, severity, text
from kgate.images.silence import silence

_REPORT = "sysdig's report"
SYSTEM = "os"
"""The type of packages of the operating system."""


class SysdigReport(Struct, frozen=True, kw_only=True):
    version: str
    """Of the scanner."""
    release: str
    """`debian 9.13`; empty when the image has no operating system that Sysdig knows."""
    platform: str
    packages: int
    system_packages: int
    vulnerabilities: tuple[Vulnerability, ...]
    policies: str
    """What Sysdig's own policies say: `passed`, `failed`. It is no judgement of kgate's."""


def read_report(document: Mapping[str, Any]) -> SysdigReport:
    """Raises NotScanned for another shape."""
    result = mapping(document.get("result"), _REPORT)
    if "packages" not in result or "metadata" not in result:
        raise NotScanned(f"{_REPORT} is malformed")
    metadata = mapping(result["metadata"], _REPORT)
    packages, found = (_inside if isinstance(result["packages"], list) else _beside)(result)
    policies = text(result.get("policyEvaluationsResult")) or text(mapping(result.get("policies"), _REPORT).get("globalEvaluation"))
    return SysdigReport(
        version=text(mapping(document.get("scanner"), _REPORT).get("version")),
        release=text(metadata.get("baseOs")),
        platform="/".join(p for p in (text(metadata.get("os")), text(metadata.get("architecture"))) if p),
        packages=len(packages),
        system_packages=sum(1 for p in packages if text(p.get("type")) == SYSTEM),
        vulnerabilities=tuple(sorted(set(found))),
        policies=policies,
    )


_Read = tuple[list[Mapping[str, Any]], Iterator[Vulnerability]]


def _inside(result: Mapping[str, Any]) -> _Read:
    packages = [mapping(p, _REPORT) for p in sequence(result["packages"], _REPORT)]
    entries = ((p, mapping(v, _REPORT)) for p in packages for v in sequence(p.get("vulns"), _REPORT))
    return packages, (_of(p, v, fixed=text(v.get("fixedInVersion")), rated=v.get("severity")) for p, v in entries)


def _beside(result: Mapping[str, Any]) -> _Read:
    """A reference to nothing would be a vulnerability lost."""
    packages = [mapping(p, _REPORT) for p in mapping(result["packages"], _REPORT).values()]
    known = mapping(result.get("vulnerabilities"), _REPORT)
    entries = [(p, text(r)) for p in packages for r in sequence(p.get("vulnerabilitiesRefs"), _REPORT)]
    if any(reference not in known for _, reference in entries):
        raise NotScanned(f"{_REPORT} names vulnerabilities that are not in it")
    found = ((p, mapping(known[reference], _REPORT)) for p, reference in entries)
    return packages, (
        _of(p, v, fixed=text(v.get("fixVersion")), rated={"value": v.get("severity"), "sourceName": v.get("mainProvider")})
        for p, v in found
    )  # fmt: skip


def _of(package: Mapping[str, Any], found: Mapping[str, Any], *, fixed: str, rated: Any) -> Vulnerability:
    rating = mapping(rated, _REPORT) if not isinstance(rated, str) else {"value": rated}
    return Vulnerability(
        id=text(found.get("name")) or "a vulnerability without an identifier",
        package=text(package.get("name")),
        installed=text(package.get("version")),
        fixed=fixed,
        severity=severity(rating.get("value")),
        severity_source=text(rating.get("sourceName")),
        path="" if text(package.get("type")) == SYSTEM else text(package.get("path")),
    )


def gap(report: SysdigReport, wanted: str, covered: tuple[str, ...]) -> str:
    """Why an image's vulnerabilities are not, or not all, known; empty when they are."""
    told = "/".join(wanted.split("/")[:2])
    if report.platform and report.platform != told:
        return f"the image is for {report.platform}, not for {told}"
    if not report.packages:
        return "sysdig found no packages in the image, and so nothing to look up"
    if report.system_packages and not report.release:
        return "the image's operating system is not one that sysdig knows"
    found = any(not v.path for v in report.vulnerabilities) or not report.system_packages
    return silence("sysdig", report.release, found=found, covered=covered)
