"""What scanners say is weighed by kgate's own rules, the same for all scanners."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgate import load
from kgate.finding import Severity
from kgate.images.inventory import inventory
from kgate.images.judgement import Judged, weigh
from kgate.images.rules import RULES
from kgate.images.scanner import NotScanned, ScanResult, Vulnerability
from kgate.images.settings import ImagesSettings, Scan, from_config

TWO = "\n---\n".join(
    f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  template:\n    spec:\n      containers:\n"
    "      - name: app\n        image: shop/api:1"
    for name in ("web", "api")
)


def vulnerability(**changes: str) -> Vulnerability:
    about = {"id": "CVE-2099-0001", "package": "libquux1", "installed": "1.0", "fixed": "1.1", "severity": "HIGH", "severity_source": "nvd"}
    return Vulnerability(**(about | changes))


UNFIXED = {"fixed": "", "status": "will_not_fix"}


def weighed(tmp_path: Path, answer: ScanResult | NotScanned, settings: ImagesSettings | None = None) -> Judged:
    file = tmp_path / "two.yaml"
    file.write_text(TWO)
    return weigh([(image, answer) for image in inventory(load.manifests([str(file)]).manifests)], settings or ImagesSettings())


def result(*vulnerabilities: Vulnerability, gap: str = "", end_of_life: bool = False) -> ScanResult:
    return ScanResult(scanner="trivy 1", os="debian 12", vulnerabilities=tuple(sorted(vulnerabilities)), gap=gap, end_of_life=end_of_life)


def test_a_finding_says_everything_in_one_sentence_at_the_line_of_the_first_use(tmp_path: Path) -> None:
    judged = weighed(tmp_path, result(vulnerability(), vulnerability(package="quux-bin", title="quux: overflow")))
    (finding,) = judged.findings
    assert (finding.rule, finding.severity, finding.line, finding.column) == ("KG3002", Severity.ERROR, 9, 16)
    assert finding.message == (
        "image shop/api:1 has CVE-2099-0001 (HIGH by nvd) in libquux1 1.0 (fixed in 1.1), quux-bin 1.0 (fixed in 1.1)"
        "; also used by Deployment api"
    )
    assert str(finding.object) == "Deployment web"
    assert finding.remediation == "update the image to one that has libquux1 1.1, quux-bin 1.1"


@pytest.mark.parametrize(
    ("changes", "settings", "expected"),
    [
        ({"severity": "CRITICAL"}, {}, [("KG3002", "error")]),
        ({"severity": "HIGH"}, {}, [("KG3002", "error")]),
        ({"severity": "MEDIUM"}, {}, []),
        ({"severity": "MEDIUM"}, {"severity": "MEDIUM"}, [("KG3002", "error")]),
        ({"severity": "HIGH"}, {"severity": "CRITICAL"}, []),
        ({"severity": "UNKNOWN"}, {}, [("KG3002", "warning")]),
        ({"severity": "UNKNOWN"}, {"severity": "UNKNOWN"}, [("KG3002", "error")]),
        ({"severity": "CRITICAL", **UNFIXED}, {}, [("KG3003", "warning")]),
        ({"severity": "HIGH", **UNFIXED}, {}, []),
        ({"severity": "HIGH", **UNFIXED}, {"ignore_unfixed": False}, [("KG3003", "error")]),
        ({"severity": "CRITICAL", **UNFIXED}, {"ignore_unfixed": False}, [("KG3003", "error")]),
        ({"severity": "LOW", **UNFIXED}, {"ignore_unfixed": False}, []),
    ],
)
def test_severity_and_fix_decide(
    tmp_path: Path, changes: dict[str, str], settings: dict[str, object], expected: list[tuple[str, str]]
) -> None:
    judged = weighed(tmp_path, result(vulnerability(**changes)), from_config(settings))
    assert [(f.rule, str(f.severity)) for f in judged.findings] == expected


def test_distinct_vulnerabilities_are_counted_by_their_worst_severity(tmp_path: Path) -> None:
    found = [vulnerability(), vulnerability(package="b", severity="LOW"), vulnerability(id="CVE-2099-0002", severity="UNKNOWN")]
    (outcome,) = weighed(tmp_path, result(*found)).images
    assert outcome.scanned and outcome.vulnerabilities == {"CRITICAL": 0, "HIGH": 1, "MEDIUM": 0, "LOW": 0, "UNKNOWN": 1}
    assert outcome.used_by == ("Deployment api", "Deployment web")


def test_the_fixable_and_the_unfixed_part_of_one_vulnerability_are_told_apart(tmp_path: Path) -> None:
    found = [vulnerability(severity="CRITICAL"), vulnerability(package="b", severity="CRITICAL", **UNFIXED)]
    assert [(f.rule, str(f.severity)) for f in weighed(tmp_path, result(*found)).findings] == [("KG3002", "error"), ("KG3003", "warning")]


@pytest.mark.parametrize("answer", [NotScanned("trivy not found", "install it"), result(gap="trivy not found; install it")])
@pytest.mark.parametrize("scan", list(Scan))
def test_an_image_that_was_not_scanned_fails_only_where_a_scan_is_required(
    tmp_path: Path, answer: ScanResult | NotScanned, scan: Scan
) -> None:
    judged = weighed(tmp_path, answer, ImagesSettings(scan=scan))
    (outcome,) = judged.images
    assert (outcome.scanned, outcome.reason, outcome.vulnerabilities) == (False, "trivy not found; install it", {})
    assert [f.rule for f in judged.findings] == (["KG3001"] if scan is Scan.REQUIRED else [])
    assert all("shop/api:1 was not scanned: trivy not found; install it" in f.message for f in judged.findings)


def test_what_was_found_in_spite_of_a_gap_is_still_found(tmp_path: Path) -> None:
    judged = weighed(tmp_path, result(vulnerability(), gap="the database is old"))
    assert [f.rule for f in judged.findings] == ["KG3002"]
    assert not judged.images[0].scanned and judged.images[0].vulnerabilities["HIGH"] == 1


def test_a_release_without_security_updates_is_warned_of(tmp_path: Path) -> None:
    (finding,) = weighed(tmp_path, result(end_of_life=True)).findings
    assert (finding.rule, finding.severity) == ("KG3004", Severity.WARNING)
    assert "built on debian 12, which gets no more security updates" in finding.message


def test_long_lists_are_cut(tmp_path: Path) -> None:
    found = [vulnerability(package=f"p{i}") for i in range(9)]
    (finding,) = weighed(tmp_path, result(*found)).findings
    assert "p3 1.0 (fixed in 1.1) and 5 more; also used by" in finding.message


def test_hostile_names_inside_an_image_are_spelt_out(tmp_path: Path) -> None:
    (finding,) = weighed(tmp_path, result(vulnerability(package="\x1b[2J\n::error::", title="\u202e"))).findings
    assert finding.message.isprintable()


def test_rules_are_complete_and_their_identifiers_are_their_own() -> None:
    assert len({r.id for r in RULES}) == len({r.name for r in RULES}) == len(RULES)
    assert all(r.id.startswith("KG3") and r.summary and r.why and r.remediation for r in RULES)
