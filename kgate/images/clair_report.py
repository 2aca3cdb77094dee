"""Clair's vulnerability report (quay/clair, openapi.yaml: VulnerabilityReport), and what its updaters have brought."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from msgspec import Struct

from kgate.images.scanner import Vulnerability
from kgate.images.shapes import mapping, sequence, severity, text
from kgate.images.silence import silence, vouched

_REPORT = "clair's report"
_CVE = re.compile(r"CVE-\d{4}-\d{4,19}")


class Distribution(Struct, frozen=True, kw_only=True):
    id: str
    """`debian`"""
    version: str
    """`12`"""
    code_name: str

    @property
    def release(self) -> str:
        return f"{self.id} {self.version}".strip()


class ClairReport(Struct, frozen=True, kw_only=True):
    distributions: tuple[Distribution, ...]
    packages: int
    system_packages: int
    """Of them, those of a distribution."""
    vulnerabilities: tuple[Vulnerability, ...]


class Updates(Struct, frozen=True, kw_only=True):
    """What the updaters of a Clair have brought; `names` None: it does not tell."""

    names: tuple[str, ...] | None = None
    newest: datetime | None = None
    state: str = ""
    """The same text: the same data."""

    def covers(self, distribution: Distribution) -> bool:
        """Alpine, Debian and Ubuntu have an updater of each release, or one for all; others one of the distribution."""
        for name in self.names or ():
            parts = set(re.split("[^a-z0-9.]+", name.lower()))
            if distribution.id not in parts and not name.lower().startswith(distribution.id):
                continue
            if distribution.id == "alpine" and "v" + ".".join(distribution.version.split(".")[:2]) not in parts:
                continue
            if distribution.id in ("debian", "ubuntu") and name.count("/") > 1 and distribution.code_name not in parts:
                continue
            return True
        return False

    def too_old(self, max_age_days: float) -> str:
        """Why, or an empty text."""
        if self.newest is None:
            return "clair does not tell how old its data is"
        if datetime.now(UTC) - self.newest <= timedelta(days=max_age_days):
            return ""
        return f"clair's data is of {self.newest.date()}, older than the {max_age_days:g} days allowed"


def read_updates(document: Mapping[str, Any]) -> Updates:
    """Updater -> its operations, the newest first. Raises NotScanned."""
    dates, refs = [], []
    for name, operations in sorted(document.items()):
        for entry in sequence(operations, "clair's list of updates")[:1]:
            operation = mapping(entry, "clair's list of updates")
            refs.append(f"{name} {text(operation.get('ref'))} {text(operation.get('fingerprint'))}")
            dates += _instant(text(operation.get("date")))
    return Updates(names=tuple(sorted(document)), newest=max(dates, default=None), state="\n".join(refs))


def _instant(written: str) -> list[datetime]:
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        return []
    return [found if found.tzinfo else found.replace(tzinfo=UTC)]


def read_report(document: Mapping[str, Any]) -> ClairReport:
    """Raises NotScanned for another shape."""
    packages, environments = mapping(document.get("packages"), _REPORT), mapping(document.get("environments"), _REPORT)
    distributions = (mapping(d, _REPORT) for d in mapping(document.get("distributions"), _REPORT).values())
    system = {p for p in packages if any(text(e.get("distribution_id")) for e in _environments(environments, p))}
    known = mapping(document.get("vulnerabilities"), _REPORT)
    found = {
        vulnerability
        for id_, of_package in mapping(document.get("package_vulnerabilities"), _REPORT).items()
        for reference in sequence(of_package, _REPORT)
        for vulnerability in _vulnerabilities(
            mapping(packages.get(id_), _REPORT),
            mapping(known.get(text(reference)), _REPORT),
            "" if id_ in system else _path(_environments(environments, id_)),
        )
    }
    return ClairReport(
        distributions=tuple(
            Distribution(id=text(d.get("did")), version=text(d.get("version_id")), code_name=text(d.get("version_code_name")))
            for d in distributions
        ),
        packages=len(packages),
        system_packages=len(system),
        vulnerabilities=tuple(sorted(found)),
    )


def _environments(environments: Mapping[str, Any], package: str) -> list[Mapping[str, Any]]:
    return [mapping(e, _REPORT) for e in sequence(environments.get(package), _REPORT)]


def _path(environments: list[Mapping[str, Any]]) -> str:
    """`python:usr/lib/python3/dist-packages`."""
    return next((text(e.get("package_db")).partition(":")[2] or text(e.get("package_db")) for e in environments), "")


def _vulnerabilities(package: Mapping[str, Any], found: Mapping[str, Any], path: str) -> Iterator[Vulnerability]:
    """One for each CVE: an advisory like RHSA-2024:1234 names them in its links alone."""
    for id_ in _ids(text(found.get("name")), text(found.get("links"))):
        yield Vulnerability(
            id=id_,
            package=text(package.get("name")) or text(mapping(found.get("package"), _REPORT).get("name")),
            installed=text(package.get("version")),
            fixed=_fixed(text(found.get("fixed_in_version"))),
            severity=severity(found.get("normalized_severity")),
            severity_source=text(found.get("updater")).split("/")[0],
            path=path,
        )


def _ids(name: str, links: str) -> tuple[str, ...]:
    """The name may go on: `CVE-2009-5155 on Ubuntu 18.04 LTS (bionic) - low.`"""
    word = name.split(" ")[0].rstrip(":")
    named = _CVE.findall(name) or ([] if word.startswith(("GHSA-", "PYSEC-", "GO-")) else _CVE.findall(links))
    return tuple(dict.fromkeys(named)) or (word or "a vulnerability without an identifier",)


def _fixed(written: str) -> str:
    """OSV's ranges stand there as a query: `fixed=3.2.10&introduced=3.0`."""
    if "=" not in written:
        return "" if written == "0" else written
    return ", ".join(parse_qs(written).get("fixed", []))


def gap(report: ClairReport, updates: Updates, covered: tuple[str, ...], max_age_days: float) -> str:
    """Why an image's vulnerabilities are not, or not all, known; empty when they are."""
    if not report.packages:
        return "clair found no packages in the image, and so nothing to look up"
    releases = [d.release for d in report.distributions]
    if report.system_packages and not releases:
        return "the image's operating system is not one that clair knows"
    sure = bool(releases) and all(vouched(release, covered) for release in releases)
    if not sure and (old := updates.too_old(max_age_days)):
        return old
    found = any(not v.path for v in report.vulnerabilities) or not report.system_packages
    unknown = [d.release for d in report.distributions if not updates.covers(d)]
    return next((why for release in unknown if (why := silence("clair", release, found=found, covered=covered))), "")
