"""Answers that others have recorded, where that bank is at hand."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kgate.images import clair_report, grype_report, sysdig_report

BANK = Path(__file__).resolve().parents[4] / "shared" / "bank" / "trivy" / "adapters"
pytestmark = pytest.mark.skipif(not BANK.is_dir(), reason="the bank is not here")


def recorded(name: str) -> Any:
    return json.loads((BANK / name).read_text())


def test_sysdig() -> None:
    document = recorded("sysdig-cli-scanner-1.20.0.json")
    report = sysdig_report.read_report(document)
    assert (report.version, report.release, report.platform, report.packages) == ("1.20.0", "debian 9.13", "linux/amd64", 282)
    told = document["result"]["vulnTotalBySeverity"]
    counts = Counter(v.severity.lower() for v in report.vulnerabilities)
    assert all(counts[name] <= told[name] for name in ("critical", "high", "medium")) and counts["critical"] > 0
    assert sum(1 for p in document["result"]["packages"] for _ in p.get("vulns", ())) >= len(report.vulnerabilities) > 20
    # of 282 packages those of Debian have none: this release was no longer looked up
    assert sysdig_report.gap(report, "linux/amd64", ()).startswith("sysdig does not tell whether its data covers debian 9.13")


def test_grype() -> None:
    report = grype_report.read_report(recorded("grype.check_all_fields.json"))
    assert (report.version, report.release, report.platform) == ("0.28.0", "debian 10", "linux/amd64") or report.platform == ""
    assert [v.id for v in report.vulnerabilities][:2] == ["CVE-2004-0971", "CVE-2021-32626"]
    assert {v.fixed for v in report.vulnerabilities} == {"", "3.2.10"}
    assert grype_report.gap(report, "linux/amd64", (), 7).startswith("grype's data is of 2021-12-24")


def test_clair() -> None:
    report = clair_report.read_report(recorded("clair4-vulnerability_report.assembled.json"))
    assert [(v.id, v.package, v.installed, v.fixed, v.severity) for v in report.vulnerabilities] == [
        ("CVE-2009-5155", "libapt-pkg5.0", "1.6.11", "2.28-0ubuntu1", "LOW")
    ]
    assert [d.release for d in report.distributions] == ["ubuntu 18.04"] and report.system_packages == 1
