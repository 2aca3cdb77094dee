"""The same verdicts as recorded runs of Trivy over real packages and real advisories, where that bank of recordings is at hand."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from kgate import load
from kgate.images import from_config, judge
from kgate.images.scanner import ScanResult, Target
from kgate.images.trivy import Trivy
from kgate.images.trivy_log import fault
from kgate.reference import parse

BANK = Path(__file__).resolve().parents[4] / "shared" / "bank" / "trivy"
TRIVY = os.environ.get("KGATE_TRIVIES", "").partition(os.pathsep)[0] or "trivy"
NOT_SCANNED = {
    "alpine322-clean": "no data for alpine 3.22",
    "debian13-nodata": "no data for debian 13",
    "unknown-os": "not one that trivy knows",
    "scratch-static": "no packages",
}
EXPECTED: dict[str, Any] = json.loads((BANK / "expected" / "summary.json").read_text()) if BANK.is_dir() else {}

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not EXPECTED, reason="the bank is not here")]


def scanned(tmp_path: Path, name: str) -> ScanResult:
    from threading import Event

    shutil.copytree(BANK / "db", tmp_path / "cache" / "db")
    archive = BANK / "images" / f"{name}.tar"
    if name.startswith("oci-"):
        with tarfile.open(archive) as tar:
            tar.extractall(tmp_path / "layout", filter="data")
        archive = tmp_path / "layout"
    settings = from_config({"cache_dir": str(tmp_path / "cache"), "max_database_age_days": 36500, "trivy": TRIVY})
    scanner = Trivy.opened(settings, Event())
    return scanner.scan(Target(image=parse("a:1"), archive=str(archive)), deadline_s=60, stop=Event())


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_findings_are_those_that_were_recorded(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if shutil.which("trivy") is None:
        pytest.skip("trivy is not installed")
    result = scanned(tmp_path, name)
    recorded = {
        (id_, package, installed, fixed or "", severity, source or "")
        for target in EXPECTED[name]["results"]
        for id_, package, installed, fixed, _, severity, source in target["vulnerabilities"]
    }
    found = {(v.id, v.package, v.installed, v.fixed, v.severity, v.severity_source) for v in result.vulnerabilities}
    assert found == recorded
    assert NOT_SCANNED[name] in result.gap if name in NOT_SCANNED else result.gap == ""


def test_recorded_failures_are_understood() -> None:
    recorded = json.loads((BANK / "expected" / "errors" / "cases.json").read_text())
    reasons = {case["name"]: fault(case["stderr"], case["exit"]).reason for case in recorded if case["exit"] not in (0, "TIMEOUT")}
    vague = {name for name, reason in reasons.items() if reason.startswith("trivy failed")}
    # kgate asks for no exit code of findings, and for no severity and no ignore file
    assert vague == {"findings_exit_10", "eol_exit_11", "bad_severity", "ignorefile_missing", "ignorefile_bad_date"}
    assert reasons["db_truncated_panic"] == "trivy crashed" and reasons["tag_not_found"] == "the registry has no such image"


def test_all_of_them_at_once_through_a_shared_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole stage: what is scanned has the recorded vulnerabilities, what Trivy passes silently is not scanned."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    if shutil.which("trivy") is None:
        pytest.skip("trivy is not installed")
    shutil.copytree(BANK / "db", tmp_path / "cache" / "db")
    archives = {}
    for name in EXPECTED:
        archives[f"bank/{name}:1"] = str(BANK / "images" / f"{name}.tar")
        if name.startswith("oci-"):
            with tarfile.open(BANK / "images" / f"{name}.tar") as tar:
                tar.extractall(tmp_path / name, filter="data")
            archives[f"bank/{name}:1"] = str(tmp_path / name)
    containers = [{"name": f"c{n}", "image": image} for n, image in enumerate(archives)]
    (tmp_path / "pod.json").write_text(
        json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": containers}})
    )
    settings = from_config({"cache_dir": str(tmp_path / "cache"), "max_database_age_days": 36500, "archives": archives, "trivy": TRIVY})
    outcomes = {
        o.image.split("/")[1].split(":")[0]: o for o in judge(load.manifests([str(tmp_path / "pod.json")]).manifests, settings).images
    }
    assert {name for name, o in outcomes.items() if not o.scanned} == set(NOT_SCANNED) & set(EXPECTED)
    for name, outcome in outcomes.items():
        recorded = {v[0] for target in EXPECTED[name]["results"] for v in target["vulnerabilities"]}
        assert sum(outcome.vulnerabilities.values()) == len(recorded), name
