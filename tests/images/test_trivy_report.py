"""Only a whole report is believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kgate.images.scanner import NotScanned
from kgate.images.trivy_report import read_report

WHOLE: dict[str, Any] = {
    "SchemaVersion": 2,
    "Metadata": {"OS": {"Family": "debian", "Name": "12.5", "EOSL": True}, "ImageConfig": {"architecture": "arm64", "os": "linux"}},
    "Results": [
        {
            "Class": "os-pkgs",
            "Type": "debian",
            "Packages": [{"Name": "a"}, {"Name": "b"}],
            "Vulnerabilities": [
                {"VulnerabilityID": "CVE-2099-0002", "PkgName": "a", "InstalledVersion": "1", "Severity": "LOW", "Status": "affected"},
                {"VulnerabilityID": "CVE-2099-0001", "PkgName": "a", "InstalledVersion": "1", "FixedVersion": "2", "Severity": "odd"},
                {"VulnerabilityID": "CVE-2099-0003", "PkgName": "a", "Status": "not_affected", "Severity": "HIGH"},
            ],
        },
        {"Class": "secret", "Target": "x"},
    ],
}


def read(tmp_path: Path, document: object) -> Any:
    file = tmp_path / "out.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return read_report(file)


def test_a_whole_report_is_read_in_order(tmp_path: Path) -> None:
    report = read(tmp_path, WHOLE)
    assert (report.family, report.release, report.end_of_life, report.platform) == ("debian", "12.5", True, "linux/arm64")
    assert [(p.kind, p.type, p.count) for p in report.packages] == [("os-pkgs", "debian", 2)]
    assert [(v.id, v.fixed, v.severity) for v in report.vulnerabilities] == [
        ("CVE-2099-0001", "2", "UNKNOWN"),
        ("CVE-2099-0002", "", "LOW"),
    ]


def test_keys_of_later_versions_are_passed_over(tmp_path: Path) -> None:
    assert read(tmp_path, WHOLE | {"Trivy": {"Version": "9"}, "ReportID": 7}) == read(tmp_path, WHOLE)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("", "no JSON"),
        (json.dumps(WHOLE)[:-9], "no JSON"),
        ("[" * 100_000, "no JSON"),
        ([], "report is malformed"),
        ({}, "schema version None"),
        (WHOLE | {"SchemaVersion": 3}, "schema version 3"),
        (WHOLE | {"Metadata": None}, ""),
        (WHOLE | {"Metadata": "x"}, "Metadata is malformed"),
        (WHOLE | {"Results": {}}, "Results is malformed"),
        (WHOLE | {"Results": [1]}, "Results is malformed"),
        (WHOLE | {"Results": [{"Class": "os-pkgs", "Packages": 3}]}, "Packages is malformed"),
        (WHOLE | {"Results": [{"Vulnerabilities": ["x"]}]}, "Vulnerabilities is malformed"),
    ],
)
def test_anything_else_is_refused_with_the_reason(tmp_path: Path, document: object, reason: str) -> None:
    if not reason:
        assert read(tmp_path, document).family == ""  # an absent system is one case, a wrong one is another
        return
    with pytest.raises(NotScanned, match=reason):
        read(tmp_path, document)


def test_no_report_is_no_scan(tmp_path: Path) -> None:
    with pytest.raises(NotScanned, match="wrote no report"):
        read_report(tmp_path / "out.json")
