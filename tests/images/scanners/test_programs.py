"""Sysdig and Grype: programs that write what theirs wrote, and all the ways in which they may not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kgate import load
from kgate.images import Judged, from_config, judge
from kgate.images.scanner import NotScanned
from kgate.images.sysdig_report import read_report
from tests.e2e.trivy import registry
from tests.images.scanners.programs import called, grype, program, sysdig_new, sysdig_old

pytestmark = pytest.mark.slow

FILES = {"etc/os-release": "ID=debian\nVERSION_ID=12\n"}
LOOK = {"sysdig": "sysdig-cli-scanner", "grype": "grype"}
PLAIN: dict[str, Callable[..., dict[str, Any]]] = {"sysdig": sysdig_new, "grype": grype}


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECURE_API_TOKEN", "a-secret-token")
    monkeypatch.setenv("GITHUB_TOKEN", "another-secret")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))


def judged(tmp_path: Path, scanner: str, report: dict[str, Any], mood: str = "", **settings: Any) -> Judged:
    with registry.serving(FILES) as (host, digest):
        image = f"{host}/shop/api:1"
        file = tmp_path / "pod.yaml"
        file.write_text(f"apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec:\n  containers:\n  - {{name: a, image: '{image}'}}\n")
        told = {
            "scanner": scanner,
            scanner: program(tmp_path / "opt", LOOK[scanner], report, mood),
            "server": "https://secure.example.com",
            "pull": True,
            "registries": [host],
            "timeout_s": 10,
        }
        if scanner == "grype":
            told["cache_dir"] = str(tmp_path / "db")
        (tmp_path / "image").write_text(f"{host}/shop/api@{digest}")
        return judge(load.manifests([str(file)]).manifests, from_config(told | settings))


@pytest.mark.parametrize(
    ("scanner", "report", "name"),
    [
        ("sysdig", sysdig_old(), "sysdig-cli-scanner 1.20.0; its own policies: failed"),
        ("sysdig", sysdig_new(), "sysdig-cli-scanner 1.24.1; its own policies: failed"),
        ("grype", grype(), "grype 0.116.0, database of "),
        ("grype", grype(old=True), "grype 0.116.0, database of "),
    ],
)
def test_what_they_find_is_judged_as_what_any_scanner_finds(tmp_path: Path, scanner: str, report: dict[str, Any], name: str) -> None:
    found = judged(tmp_path, scanner, report, "policy-failed" if scanner == "sysdig" else "", ignore_unfixed=False, severity="LOW")
    (outcome,) = found.images
    assert (outcome.scanned, outcome.reason) == (True, None)
    assert (outcome.scanner or "").startswith(name)
    assert {k: v for k, v in outcome.vulnerabilities.items() if v} == {"CRITICAL": 1, "HIGH": 1, "LOW": 1}
    assert sorted((f.rule, f.message.partition(" has ")[2].partition(" ")[0]) for f in found.findings) == [
        ("KG3002", "CVE-2099-0001"),
        ("KG3002", "CVE-2099-0003"),
        ("KG3003", "CVE-2099-0002"),
    ]


def test_waivers_thresholds_and_known_exploits_hold_for_every_scanner(tmp_path: Path) -> None:
    (tmp_path / "kev.json").write_text(json.dumps({"vulnerabilities": [{"cveID": "CVE-2099-0002"}]}))
    waiver = {"id": "CVE-2099-0001", "owner": "shop", "reason": "not reached", "expires": "2999-01-01"}
    for scanner in LOOK:
        found = judged(tmp_path, scanner, PLAIN[scanner](), kev=str(tmp_path / "kev.json"), waivers=[waiver], exclude_paths=["srv/*"])
        assert sorted((f.rule, f.waived is not None) for f in found.findings) == [("KG3000", False), ("KG3002", True)]


SILENT = "does not tell whether its data covers debian 12"


@pytest.mark.parametrize("scanner", list(LOOK))
@pytest.mark.parametrize(
    "mood", ["hang", "cut-off", "empty", "nothing", "null", "list", "object", "killed", "status-2", "status-3", "status-100"]
)
def test_no_fault_looks_like_a_clean_image(tmp_path: Path, scanner: str, mood: str) -> None:
    began = time.monotonic()
    found = judged(tmp_path, scanner, PLAIN[scanner](vulnerable=False), mood, timeout_s=2, on_unscanned="fail", covered=["debian *"])
    (outcome,) = found.images
    assert not outcome.scanned and outcome.reason and scanner in outcome.reason
    assert [f.rule for f in found.findings] == ["KG3001"]
    assert time.monotonic() - began < 8


@pytest.mark.parametrize(
    ("scanner", "report", "mood", "reason"),
    [
        ("sysdig", sysdig_new(vulnerable=False), "", f"sysdig {SILENT}.5"),
        ("grype", grype(vulnerable=False), "", f"grype {SILENT}"),
        ("grype", grype(distro="", vulnerable=False), "", "grype does not tell whether its data covers the image"),
        ("grype", grype(days_old=90), "", "grype's data is of "),
        ("sysdig", sysdig_new(architecture="arm64"), "", "the image is for linux/arm64, not for linux/amd64"),
        ("grype", grype(architecture="arm64"), "", "the image is for linux/arm64, not for linux/amd64"),
        ("sysdig", sysdig_old(release=""), "", "the image's operating system is not one that sysdig knows"),
        ("sysdig", sysdig_old(), "refused", "sysdig refuses the token in SECURE_API_TOKEN, or the registry its credentials"),
        ("sysdig", sysdig_old(), "status-1", "sysdig wrote no report"),
        ("grype", grype(), "status-1", "grype failed with exit code 1: made-up fault"),
        ("grype", grype(), "status-100", "grype has no vulnerability database that it can read"),
    ],
)
def test_what_they_pass_silently_is_told(tmp_path: Path, scanner: str, report: dict[str, Any], mood: str, reason: str) -> None:
    (outcome,) = judged(tmp_path, scanner, report, mood).images
    assert not outcome.scanned and (outcome.reason or "").startswith(reason), outcome.reason


def test_who_knows_what_the_data_covers_may_say_so(tmp_path: Path) -> None:
    assert judged(tmp_path, "sysdig", sysdig_new(vulnerable=False), covered=["debian 12"]).images[0].scanned
    assert judged(tmp_path, "grype", grype(vulnerable=False), covered=["debian 12"]).images[0].scanned
    assert not judged(tmp_path, "grype", grype(vulnerable=False), covered=["debian 1"]).images[0].scanned


@pytest.mark.parametrize("scanner", list(LOOK))
def test_the_call_is_hardened(tmp_path: Path, scanner: str) -> None:
    """A digest behind a word that makes it no option; secrets by the environment, and only those that are meant for it."""
    judged(tmp_path, scanner, PLAIN[scanner]())
    argv, environment = called(tmp_path / "opt")
    image = (tmp_path / "image").read_text()
    assert argv[-1] == f"{'pull://' if scanner == 'sysdig' else 'registry:'}{image}"
    assert "a-secret-token" not in argv and "GITHUB_TOKEN" not in environment
    assert environment.get("SECURE_API_TOKEN") == ("a-secret-token" if scanner == "sysdig" else None)
    assert environment["HOME"].startswith("/") and environment["HOME"] != str(Path.home())
    if scanner == "grype":
        assert argv[argv.index("--platform") + 1] == "linux/amd64" and environment["GRYPE_DB_CACHE_DIR"] == str(tmp_path / "db")
    else:
        assert argv[:3] == ["--apiurl", "https://secure.example.com", "--skipupload"]


def test_sysdig_gets_the_credentials_of_the_one_registry(tmp_path: Path) -> None:
    from kgate.images.scanner import Target
    from kgate.images.sysdig import _login
    from kgate.reference import parse

    login = json.dumps({"auths": {"a.example": {"username": "ci", "password": "s3cret"}}})
    assert _login(Target(image=parse("a.example/b"), login=login)) == {"REGISTRY_USER": "ci", "REGISTRY_PASSWORD": "s3cret"}
    assert _login(Target(image=parse("a.example/b"))) == {}


def test_sysdig_needs_its_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECURE_API_TOKEN")
    assert (judged(tmp_path, "sysdig", sysdig_new()).images[0].reason or "").startswith("SECURE_API_TOKEN is not set")


def test_grype_reads_archives_and_bills_of_materials_and_remembers(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: a, image: a}, {name: b, image: b}]}\n"
    )
    (tmp_path / "a.tar").write_bytes(b"x")
    (tmp_path / "b.json").write_bytes(b"{}")
    settings = from_config(
        {
            "scanner": "grype",
            "grype": program(tmp_path / "opt", "grype", grype()),
            "cache_dir": str(tmp_path / "db"),
            "archives": {"a": str(tmp_path / "a.tar")},
            "sboms": {"b": str(tmp_path / "b.json")},
            "jobs": 1,
        }
    )
    first = judge(load.manifests([str(tmp_path / "pod.yaml")]).manifests, settings)
    assert [o.scanned for o in first.images] == [True, True]
    assert called(tmp_path / "opt")[0][-1] in (f"docker-archive:{tmp_path}/a.tar", f"sbom:{tmp_path}/b.json")
    (tmp_path / "opt" / "called.json").unlink()
    assert judge(load.manifests([str(tmp_path / "pod.yaml")]).manifests, settings) == first
    assert not (tmp_path / "opt" / "called.json").exists()


def test_both_shapes_of_sysdig_say_the_same() -> None:
    old, new = read_report(sysdig_old()), read_report(sysdig_new())
    assert old.vulnerabilities == new.vulnerabilities and len(old.vulnerabilities) == 3
    assert (old.packages, old.system_packages, old.release, old.policies) == (new.packages, new.system_packages, new.release, new.policies)


def test_a_reference_to_no_vulnerability_is_a_fault() -> None:
    report = sysdig_new()
    report["result"]["vulnerabilities"].popitem()
    with pytest.raises(NotScanned, match="names vulnerabilities that are not in it"):
        read_report(report)
