"""A real Trivy and a real registry with passwords: looked up, pulled by digest, judged, remembered."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
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
from tests.e2e.trivy import advisories, archives
from tests.images.registry import distribution
from tests.images.registry.conftest import Shop
from tests.images.registry.front import before

pytestmark = pytest.mark.slow

VULNERABLE = archives.debian("12", {"libquux1": ("quux", "1.2-1")})


@pytest.fixture(autouse=True)
def trivy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if shutil.which("trivy") is None:
        pytest.skip("trivy is not installed")


def judged(tmp_path: Path, *images: str, **settings: Any) -> Judged:
    file = tmp_path / "pod.yaml"
    file.write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n"
        + "".join(f"  - {{name: c{n}, image: '{image}'}}\n" for n, image in enumerate(images))
    )
    hosts = sorted({image.partition("/")[0] for image in images})
    cache = advisories.write_cache(tmp_path / "cache") if not (tmp_path / "cache").exists() else tmp_path / "cache"
    told = {"registries": hosts, "cache_dir": str(cache), "pull": True} | settings
    return judge(load.manifests([str(file)]).manifests, from_config(told))


def test_an_image_behind_a_password_is_scanned_by_its_digest_and_remembered(
    tmp_path: Path, nobodys_docker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with distribution.serving(tmp_path / "r", distribution.htpasswd_auth(tmp_path / "r")) as host:
        digest = distribution.Pusher(host, "shop/api", distribution.basic()).image("1", VULNERABLE)
        login = {"auths": {host: {"auth": base64.b64encode(b"ci:s3cret").decode()}, "other": {"auth": "c2VjcmV0OnNlY3JldA=="}}}
        (nobodys_docker / "config.json").write_text(json.dumps(login))
        found = judged(tmp_path, f"{host}/shop/api:1")
        (outcome,) = found.images
        assert (outcome.scanned, outcome.digest, outcome.reason) == (True, digest, None)
        assert [(f.rule, f.line) for f in found.findings if f.severity == "error"] == [("KG3002", 6)]
        monkeypatch.setattr("kgate.images.child.run", None)  # neither Trivy nor its version is asked again
        assert judged(tmp_path, f"{host}/shop/api:1") == found


def test_several_images_share_a_server_and_the_answers_are_the_same(tmp_path: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    push = distribution.Pusher(shop.host, "shop/many")
    files = [archives.debian("12", {"libquux1": ("quux", f"1.2-{n % 3}")}) for n in range(4)]
    files.append(archives.alpine("3.18.4", {"grault": ("grault", "2.0.0-r0")}))
    files.append(files[-1] | {"etc/apk/repositories": "https://dl-cdn.alpinelinux.org/alpine/edge/main\n"})
    for n, content in enumerate(files):
        push.image(str(n), content)
    images = [f"{shop.host}/shop/many:{n}" for n in range(len(files))]
    together = judged(tmp_path, *images, cache_dir=str(advisories.write_cache(tmp_path / "cache")))
    assert [i.scanned for i in together.images] == [True] * 5 + [False]
    assert together.images[5].reason == "the vulnerability database has no data for alpine edge"
    monkeypatch.setattr("kgate.images.trivy.WORTH", 1000)
    shutil.rmtree(os.environ["XDG_CACHE_HOME"])
    assert judged(tmp_path, *images) == together


def test_what_the_registry_has_not_is_an_error_and_what_it_does_not_tell_is_none(tmp_path: Path, shop: Shop) -> None:
    with before(shop.host) as front:
        images = (shop.image("shop/api:multi"), shop.image("shop/api:none"), f"{front.host}/500/shop/api:1")
        found = judged(tmp_path, *images, registry=True, pull=False)
    assert [(f.rule, f.line) for f in found.findings] == [("KG3005", 7)]
    assert [(s.line, s.wanted) for s in found.skipped] == [(8, True)]
    assert next(i for i in found.images if "multi" in i.image).digest == shop.digests["multi"]


def test_an_image_of_another_platform_is_an_error(tmp_path: Path, shop: Shop) -> None:
    found = judged(tmp_path, shop.image("shop/api:multi"), shop.image("shop/api:arm"), registry=True, pull=False, platform="linux/arm64")
    assert found.findings == ()
    found = judged(tmp_path, shop.image("shop/api:multi"), shop.image("shop/api:arm"))
    assert [(f.rule, f.line) for f in found.findings] == [("KG3006", 7)]


def test_a_newer_tag_that_fits_the_pattern_is_told(tmp_path: Path, shop: Shop) -> None:
    push = distribution.Pusher(shop.host, "shop/tagged")
    for tag in ("1.9.0", "1.10.0", "1.10.0-rc1", "2.0.0", "latest"):
        push.image(tag, VULNERABLE)
    updates = [{"repository": "*/shop/tagged", "pattern": r"1\.\d+\.\d+"}]
    images = [shop.image("shop/tagged:1.9.0"), shop.image("shop/tagged:1.10.0"), shop.image("shop/tagged:latest")]
    found = judged(tmp_path, *images, registry=True, pull=False, updates=updates)
    assert [(f.rule, f.line, f.message.rpartition(" ")[2]) for f in found.findings] == [("KG3009", 6, "1.10.0")]


def test_offline_asks_nobody(tmp_path: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pod.yaml"
    file.write_text(
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec:\n  containers:\n  - {{name: c, image: '{shop.image('a:1')}'}}\n"
    )
    monkeypatch.setattr("socket.socket", None)
    told = {"registries": [shop.host], "pull": True, "registry": True, "server": "http://127.0.0.1:1"}
    found = judge(load.manifests([str(file)]).manifests, from_config(told, offline=True))
    assert (found.findings, found.skipped) == ((), ()) and (found.images[0].reason or "").startswith("kgate runs offline")


def test_a_bill_of_materials_is_looked_up_instead_of_the_image(tmp_path: Path) -> None:
    bom = {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "components": [
            {"type": "operating-system", "name": "debian", "version": "12", "bom-ref": "os"},
            {"type": "library", "name": "libquux1", "version": "1.2-1", "bom-ref": "q",
             "purl": "pkg:deb/debian/libquux1@1.2-1?distro=debian-12",
             "properties": [{"name": f"aquasecurity:trivy:Src{name}", "value": v} for name, v in (("Name", "quux"), ("Version", "1.2-1"))]},
        ],
    }  # fmt: skip
    (tmp_path / "bom.json").write_text(json.dumps(bom))
    found = judged(tmp_path, "shop/api:1", pull=False, sboms={"shop/api:1": str(tmp_path / "bom.json")})
    assert found.images[0].reason is None and "KG3002" in {f.rule for f in found.findings}


@contextmanager
def somebodys_server(tmp_path: Path, *, token: str) -> Iterator[str]:
    advisories.write_cache(tmp_path / "theirs")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{probe.getsockname()[1]}"
    argv = ["trivy", "server", "--config", "/dev/null", "--cache-dir", str(tmp_path / "theirs"), "--skip-db-update", "--listen", listen]
    process = subprocess.Popen([*argv, "--token", token], stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while not distribution._listens(listen) and time.monotonic() < until:
            time.sleep(0.05)
        yield f"http://{listen}"
    finally:
        process.kill()
        process.wait()


def test_somebodys_server_is_asked_and_what_it_may_not_cover_is_not_scanned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = archives.docker_archive(tmp_path / "found.tar", VULNERABLE)
    clean = archives.docker_archive(tmp_path / "clean.tar", archives.debian("12", {"plugh": ("plugh", "1.0-1")}))
    settings = {"pull": False, "archives": {"a/found:1": str(found), "a/clean:1": str(clean)}}
    with somebodys_server(tmp_path, token="s3cret") as url:
        monkeypatch.setenv("TRIVY_TOKEN", "s3cret")
        none = str(tmp_path / "none")
        result = judged(tmp_path, "a/clean:1", "a/found:1", server=url, cache_dir=none, **settings)
        assert [i.scanned for i in result.images] == [False, True] and "KG3002" in {f.rule for f in result.findings}
        assert "does not tell whether its database covers debian packages" in (result.images[0].reason or "")
        assert "database of a server of" in (result.images[1].scanner or "")
        copy = shutil.copytree(tmp_path / "theirs", tmp_path / "copy")
        result = judged(tmp_path, "a/clean:1", "a/found:1", server=url, cache_dir=str(copy), **settings)
        assert [i.scanned for i in result.images] == [True, True]
        monkeypatch.setenv("TRIVY_TOKEN", "wrong")
        shutil.rmtree(os.environ["XDG_CACHE_HOME"])
        assert judged(tmp_path, "a/clean:1", server=url, cache_dir=none, **settings).images[0].reason == "the trivy server wants a token"
    down = judged(tmp_path, "a/clean:1", server=url, cache_dir=none, **settings)
    assert (down.images[0].reason or "").startswith("the trivy server gives no answer")
