"""Clair over its API: a process that answers as it does, and all the ways in which it may not. No fault ever looks like a clean image."""

from __future__ import annotations

import base64
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kgate import load
from kgate.images import Judged, from_config, judge
from kgate.images.clair_report import read_report, read_updates
from tests.e2e.trivy import registry

pytestmark = pytest.mark.slow

KEY = base64.b64encode(b"a key of both").decode()
SERVER = Path(__file__).with_name("clair_server.py")
FILES = {"etc/os-release": "ID=debian\nVERSION_ID=12\n"}


@contextmanager
def clair(mood: str, key: str = "", issuer: str = "kgate") -> Iterator[str]:
    process = subprocess.Popen([sys.executable, str(SERVER), mood, key, issuer], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def judged(tmp_path: Path, url: str, **settings: Any) -> Judged:
    with registry.serving(FILES) as (host, _):
        file = tmp_path / "pod.yaml"
        file.write_text(
            f"apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec:\n  containers:\n  - {{name: a, image: '{host}/shop/api:1'}}\n"
        )
        told = {"scanner": "clair", "server": url, "pull": True, "registries": [host], "timeout_s": 10} | settings
        return judge(load.manifests([str(file)]).manifests, from_config(told))


def test_what_clair_finds_is_judged_as_what_any_scanner_finds(tmp_path: Path) -> None:
    with clair("well") as url:
        found = judged(tmp_path, url, ignore_unfixed=False, severity="LOW")
    (outcome,) = found.images
    assert (outcome.scanned, outcome.reason) == (True, None)
    assert (outcome.scanner or "").startswith("clair, data of ")
    assert {k: v for k, v in outcome.vulnerabilities.items() if v} == {"CRITICAL": 1, "HIGH": 1, "LOW": 1}
    assert [f.message.partition(" has ")[2] for f in found.findings] == [
        "CVE-2099-0001 (CRITICAL by debian) in libquux1 1.2-1 (fixed in 1.2-3)",
        "GHSA-2099-0003 (HIGH by osv) in garply 3.0.0 (fixed in 3.1.4)",
        "CVE-2099-0002 (LOW by debian) in libquux1 1.2-1 (no fix)",
    ]


def test_the_key_of_both_signs_each_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with clair("well", KEY, "shop") as url:
        monkeypatch.setenv("CLAIR_PSK", KEY)
        assert judged(tmp_path, url, issuer="shop").images[0].scanned
        refused = judged(tmp_path, url, issuer="kiosk").images[0]
        monkeypatch.setenv("CLAIR_PSK", base64.b64encode(b"another key").decode())
        assert not judged(tmp_path, url, issuer="shop").images[0].scanned
        monkeypatch.setenv("CLAIR_PSK", "no base64!")
        assert (judged(tmp_path, url).images[0].reason or "").startswith("CLAIR_PSK is not base64")
    assert (refused.reason or "").endswith("it refuses the key in CLAIR_PSK, or who signs with it (images.issuer)")
    assert KEY not in str(refused)


@pytest.mark.parametrize(
    ("mood", "reason"),
    [
        ("not-ready", "clair has no vulnerability data yet: clair did not answer within"),
        ("unauthorized", "clair gives no report: it refuses the key in CLAIR_PSK"),
        ("missing", "clair gives no report: it does not know the image, or is no Clair"),
        ("busy-for-hours", "clair gives no answer: too many questions; try again later"),
        ("broken", "clair gives no answer: status 500, made up; try again later"),
        ("hang", "clair gives no answer: clair did not answer within"),
        ("cut-off", "clair's report is no JSON"),
        ("cut-connection", "clair gives no answer: "),
        ("empty", "clair's report is no JSON"),
        ("null", "clair's report is malformed"),
        ("list", "clair's report is malformed"),
        ("portal", "clair's report is no JSON"),
        ("another", "clair answers about another image"),
        ("refused", "clair does not take the image: status 400"),
        ("unreadable", "clair could not read the image: failed to fetch layers: made up"),
        ("no-packages", "clair found no packages in the image, and so nothing to look up"),
        ("no-system", "the image's operating system is not one that clair knows"),
        ("silent", "clair does not tell whether its data covers debian 12, and found nothing in it; list the release under images.covered"),
        ("old-data", "clair's data is of "),
        ("untold", "clair does not tell how old its data is"),
    ],
)
def test_no_fault_looks_like_a_clean_image(tmp_path: Path, mood: str, reason: str) -> None:
    began = time.monotonic()
    with clair(mood) as url:
        found = judged(tmp_path, url, timeout_s=3, on_unscanned="fail")
    (outcome,) = found.images
    assert not outcome.scanned and (outcome.reason or "").startswith(reason), outcome.reason
    assert "KG3001" in {f.rule for f in found.findings}
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("mood", ["ready-later", "unfinished", "busy", "clean"])
def test_what_passes_is_waited_for(tmp_path: Path, mood: str) -> None:
    with clair(mood) as url:
        (outcome,) = judged(tmp_path, url).images
    assert outcome.scanned, outcome.reason


@pytest.mark.parametrize("mood", ["silent-vouched", "untold-vouched"])
def test_who_knows_what_the_data_covers_may_say_so(tmp_path: Path, mood: str) -> None:
    with clair(mood) as url:
        assert judged(tmp_path, url, covered=["debian 12"]).images[0].scanned


def test_an_answer_is_remembered_for_the_same_data(tmp_path: Path) -> None:
    with registry.serving(FILES) as (host, _), clair("well") as url:
        file = tmp_path / "pod.yaml"
        file.write_text(
            f"apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec: {{containers: [{{name: a, image: {host}/shop/api:1}}]}}\n"
        )
        settings = from_config({"scanner": "clair", "server": url, "pull": True, "registries": [host]})
        first = judge(load.manifests([str(file)]).manifests, settings)
        assert len(list((tmp_path / "xdg" / "kgate" / "images").glob("scan-*"))) == 1
        assert judge(load.manifests([str(file)]).manifests, settings) == first


def test_no_clair_is_no_scan(tmp_path: Path) -> None:
    outcome = judged(tmp_path, "http://127.0.0.1:1").images[0]
    assert (outcome.reason or "").startswith("clair gives no answer: 127.0.0.1:1 cannot be reached")


def test_archives_are_none_of_clairs_business(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: a, image: a}]}\n")
    (tmp_path / "a.tar").touch()
    with clair("well") as url:
        settings = from_config({"scanner": "clair", "server": url, "archives": {"a": str(tmp_path / "a.tar")}})
        (outcome,) = judge(load.manifests([str(tmp_path / "pod.yaml")]).manifests, settings).images
    assert outcome.reason == "clair scans what a registry has, no archives; take it out of images.archives, or use another scanner"


@pytest.mark.parametrize(
    ("name", "links", "ids"),
    [
        ("CVE-2009-5155 on Ubuntu 18.04 LTS (bionic) - low.", "", {"CVE-2009-5155"}),
        ("RHSA-2099:1234: quux update", "x/CVE-2099-0001 x/CVE-2099-0002 y/CVE-2099-0001", {"CVE-2099-0001", "CVE-2099-0002"}),
        ("GHSA-aaaa-bbbb-cccc", "https://x/CVE-2099-0001", {"GHSA-aaaa-bbbb-cccc"}),
        ("ELSA-2099-1", "", {"ELSA-2099-1"}),
        ("", "", {"a vulnerability without an identifier"}),
    ],
)  # fmt: skip
def test_vulnerabilities_go_by_their_cve(name: str, links: str, ids: set[str]) -> None:
    report = read_report(
        {
            "packages": {"1": {"name": "a", "version": "1"}},
            "vulnerabilities": {"v": {"name": name, "links": links}},
            "package_vulnerabilities": {"1": ["v"]},
        }
    )
    assert {v.id for v in report.vulnerabilities} == ids
    assert {v.severity for v in report.vulnerabilities} == {"UNKNOWN"}


@pytest.mark.parametrize(
    ("updater", "release", "covered"),
    [
        ("alpine-main-v3.18-updater", ("alpine", "3.18.4", ""), True),
        ("alpine-main-v3.18-updater", ("alpine", "3.1", ""), False),
        ("alpine-main-v3.18-updater", ("alpine", "3.22", ""), False),
        ("debian/updater", ("debian", "12", "bookworm"), True),
        ("debian/updater/bookworm", ("debian", "13", "trixie"), False),
        ("ubuntu/updater/jammy", ("ubuntu", "22.04", "jammy"), True),
        ("ubuntu/updater/jammy", ("debian", "12", "bookworm"), False),
        ("rhel-vex", ("rhel", "9", ""), True),
        ("osv/pypi", ("wolfi", "", ""), False),
    ],
)
def test_an_updater_covers_its_own_releases(updater: str, release: tuple[str, str, str], covered: bool) -> None:
    from kgate.images.clair_report import Distribution

    updates = read_updates({updater: [{"date": "2026-01-01T00:00:00Z"}]})
    assert updates.covers(Distribution(id=release[0], version=release[1], code_name=release[2])) is covered
