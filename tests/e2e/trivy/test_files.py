"""Bills of materials, databases from a mirror, several platforms, and other versions of Trivy, all for real and on this machine."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kgate import load
from kgate.errors import ConfigError
from kgate.images import Judged, from_config, judge
from tests.e2e.trivy import advisories, archives
from tests.images.registry import distribution

pytestmark = pytest.mark.slow

VULNERABLE = archives.debian("12", {"libquux1": ("quux", "1.2-1")})
FIXED = archives.debian("12", {"plugh": ("plugh", "1.0-1")})
TRIVIES = [path for path in os.environ.get("KGATE_TRIVIES", "").split(os.pathsep) if path]
"""Executables of other versions, where somebody has some."""


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    if shutil.which("trivy") is None:
        pytest.skip("trivy is not installed")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return advisories.write_cache(tmp_path / "cache")


def judged(tmp_path: Path, images: Mapping[str, Path | None], **settings: Any) -> Judged:
    file = tmp_path / "pod.yaml"
    file.write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n"
        + "".join(f"  - {{name: c{n}, image: '{image}'}}\n" for n, image in enumerate(images))
    )
    told = {"cache_dir": str(tmp_path / "cache"), "archives": {i: str(p) for i, p in images.items() if p}} | settings
    return judge(load.manifests([str(file)]).manifests, from_config(told))


def test_each_scanned_image_has_its_bill_of_materials(tmp_path: Path, cache: Path) -> None:
    contents = [VULNERABLE | {"n": str(n)} for n in range(5)]
    images: dict[str, Path | None] = {f"shop/a{n}:1": archives.docker_archive(tmp_path / f"{n}.tar", c) for n, c in enumerate(contents)}
    folder = tmp_path / "out" / "boms"
    found = judged(tmp_path, images, sbom=str(folder))
    assert all(o.scanned for o in found.images), {o.reason for o in found.images}
    files = sorted(folder.iterdir())
    assert [f.name.rpartition("_")[0] for f in files] == [f"shop_a{n}_1_linux-amd64" for n in range(5)]
    bill = json.loads(files[0].read_text())
    assert bill["bomFormat"] == "CycloneDX" and any(c["name"] == "libquux1" for c in bill["components"])
    before = files[1].stat().st_mtime_ns
    files[0].unlink()
    assert judged(tmp_path, images, sbom=str(folder)) == found
    assert files[0].exists() and files[1].stat().st_mtime_ns == before
    # what kgate wrote, kgate reads
    again = judged(tmp_path, {"shop/a0:1": None}, sboms={"shop/a0:1": str(files[0])})
    assert [f.message for f in again.findings] == [f.message for f in found.findings if "shop/a0:1" in f.message]


def test_a_folder_that_cannot_be_made_is_a_fault_of_the_settings(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "file").touch()
    images = {"a:1": archives.docker_archive(tmp_path / "a.tar", FIXED)}
    with pytest.raises(ConfigError, match=r"file/boms: (Not a directory|File exists)"):
        judged(tmp_path, images, sbom=str(tmp_path / "file" / "boms"))


def push_database(host: str, cache: Path) -> str:
    """As an OCI artifact, as Trivy's own are."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in ("trivy.db", "metadata.json"):
            tar.add(cache / "db" / name, name)
    push = distribution.Pusher(host, "mirror/trivy-db")
    layer = {"mediaType": "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip", **push.blob(gzip.compress(packed.getvalue(), mtime=0))}
    layer["annotations"] = {"org.opencontainers.image.title": "db.tar.gz"}
    config = {"mediaType": "application/vnd.aquasec.trivy.config.v1+json", **push.blob(b"{}")}
    kind = "application/vnd.oci.image.manifest.v1+json"
    push.manifest("2", {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer]}, kind)
    return f"{host}/mirror/trivy-db:2"


def test_the_database_comes_from_a_mirror_once_and_never_offline(tmp_path: Path) -> None:
    built = advisories.write_cache(tmp_path / "built")
    images = {f"a{n}:1": archives.docker_archive(tmp_path / f"{n}.tar", VULNERABLE) for n in range(2)}
    with distribution.serving(tmp_path / "r") as host:
        mirror = push_database(host, built)
        told = {"db_repositories": [f"{host}/mirror/none:2", mirror]}
        offline = judge_offline(tmp_path, images, told)
        assert not any(o.scanned for o in offline.images) and not (tmp_path / "cache").exists()
        missing = judged(tmp_path, images, db_repositories=[f"{host}/mirror/none:2"])
        assert (missing.images[0].reason or "").startswith("the vulnerability database could not be fetched: ")
        found = judged(tmp_path, images, db_repositories=[mirror])
        assert [o.scanned for o in found.images] == [True, True] and found.findings
        at = (tmp_path / "cache" / "db" / "trivy.db").stat().st_mtime_ns
        assert judged(tmp_path, images, db_repositories=[mirror]) == found
        assert (tmp_path / "cache" / "db" / "trivy.db").stat().st_mtime_ns == at


def judge_offline(tmp_path: Path, images: Mapping[str, Path], settings: Mapping[str, Any]) -> Judged:
    file = tmp_path / "offline.yaml"
    file.write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: a, image: 'a0:1'}]}\n")
    told = {"cache_dir": str(tmp_path / "cache"), "archives": {i: str(p) for i, p in images.items()}} | settings
    return judge(load.manifests([str(file)]).manifests, from_config(told, offline=True))


def test_an_old_database_stays_where_no_new_one_can_be_had(tmp_path: Path) -> None:
    advisories.write_cache(tmp_path / "cache", days_old=3)
    images = {"a:1": archives.docker_archive(tmp_path / "a.tar", VULNERABLE)}
    assert judged(tmp_path, images, db_repositories=["127.0.0.1:1/mirror/trivy-db:2"]).images[0].scanned
    (outcome,) = judged(tmp_path, images, db_repositories=["127.0.0.1:1/mirror/trivy-db:2"], max_database_age_days=1).images
    assert "older than the 1 days allowed" in (outcome.reason or "")


def test_each_platform_of_an_index_is_scanned(tmp_path: Path, cache: Path) -> None:
    with distribution.serving(tmp_path / "r") as host:
        push = distribution.Pusher(host, "shop/api")
        both = {"linux/amd64": push.image("a", VULNERABLE), "linux/arm64": push.image("b", FIXED, "arm64")}
        push.index("1", both)
        told = {"pull": True, "registries": [host], "sbom": str(tmp_path / "boms")}
        found = judged(tmp_path, {f"{host}/shop/api:1": None}, platforms=["linux/arm64", "linux/amd64"], **told)
        assert [o.scanned for o in found.images] == [True], found.images
        assert {" on linux/amd64 (" in f.message for f in found.findings} == {True}
        assert len(list((tmp_path / "boms").iterdir())) == 2
        assert not judged(tmp_path, {f"{host}/shop/api:1": None}, platforms=["linux/arm64"], **told).findings
        missing = judged(tmp_path, {f"{host}/shop/api:1": None}, platforms=["linux/amd64", "linux/s390x"], **told)
        assert "KG3006" in {f.rule for f in missing.findings} and "KG3002" in {f.rule for f in missing.findings}
        assert "for linux/s390x: there is none" in (missing.images[0].reason or "")


@pytest.mark.parametrize("trivy", TRIVIES or [None])
def test_versions_agree(tmp_path: Path, cache: Path, trivy: str | None) -> None:
    """One image by itself, five through a shared server, a bill of materials made and read."""
    if trivy is None:
        pytest.skip("KGATE_TRIVIES names no other versions")
    alpine = archives.alpine("3.18.4", {"grault": ("grault", "2.0.0-r0")})
    contents = [VULNERABLE, FIXED, alpine, VULNERABLE | archives.node_package("garply", "3.0.0"), archives.debian("13", {"a": ("a", "1")})]
    images: dict[str, Path | None] = {f"shop/a{n}:1": archives.docker_archive(tmp_path / f"{n}.tar", c) for n, c in enumerate(contents)}
    for wanted in ({"shop/a0:1": images["shop/a0:1"]}, images):
        mine = judged(tmp_path, wanted)
        other = judged(tmp_path, wanted, trivy=trivy, sbom=str(tmp_path / "boms"))
        assert other.findings == mine.findings
        outcomes = [[(o.scanned, o.reason, o.vulnerabilities) for o in found.images] for found in (other, mine)]
        assert outcomes[0] == outcomes[1]
        assert other.images[0].scanner != mine.images[0].scanner
    bill = next((tmp_path / "boms").glob("shop_a3_*"))
    read = judged(tmp_path, {"shop/a3:1": None}, trivy=trivy, sboms={"shop/a3:1": str(bill)})
    assert {f.message for f in read.findings} == {f.message for f in judged(tmp_path, {"shop/a3:1": images["shop/a3:1"]}).findings}
