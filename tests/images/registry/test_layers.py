"""What a scanner that pulls for itself is told: the manifest of the nodes' platform, its layers, and what to show for them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from threading import Event

import pytest
import requests

from kgate.images.registry.addresses import Guard
from kgate.images.registry.answers import NotChecked
from kgate.images.registry.client import Access, Registry
from kgate.images.registry.layers import manifest_for
from kgate.reference import parse
from tests.images.registry import distribution
from tests.images.registry.conftest import FILES, Shop


def registry(host: str) -> Registry:
    return Registry(Access(guard=Guard(listed=frozenset({host}))), Event())


@pytest.mark.parametrize(("platform", "wanted"), [("linux/amd64", "1"), ("linux/arm64", "arm"), ("linux/arm64/v8", "arm")])
def test_of_an_index_it_is_the_manifest_of_the_platform(shop: Shop, platform: str, wanted: str) -> None:
    told = manifest_for(registry(shop.host), parse(f"{shop.host}/shop/api@{shop.digests['multi']}"), platform)
    assert told.digest == shop.digests[wanted] and len(told.layers) == 1 and told.authorization == ""
    content = requests.get(told.layers[0].url, timeout=5).content
    assert distribution.digest(content) == told.layers[0].digest


def test_of_a_manifest_it_is_that(shop: Shop) -> None:
    for tag in ("1", "docker"):
        told = manifest_for(registry(shop.host), parse(f"{shop.host}/shop/api@{shop.digests[tag]}"), "linux/amd64")
        assert told.digest == shop.digests[tag] and told.layers


def test_a_platform_that_is_not_there_is_told(shop: Shop) -> None:
    with pytest.raises(NotChecked, match="there is none for linux/s390x"):
        manifest_for(registry(shop.host), parse(f"{shop.host}/shop/api@{shop.digests['attested']}"), "linux/s390x")


def test_what_was_shown_for_the_manifest_is_shown_for_the_layers(tmp_path: Path, nobodys_docker: Path) -> None:
    with distribution.serving(tmp_path / "r", distribution.htpasswd_auth(tmp_path / "r")) as host:
        digest = distribution.Pusher(host, "shop/api", distribution.basic()).image("1", FILES)
        login = {"auths": {host: {"auth": base64.b64encode(b"ci:s3cret").decode()}}}
        (nobodys_docker / "config.json").write_text(json.dumps(login))
        told = manifest_for(registry(host), parse(f"{host}/shop/api@{digest}"), "linux/amd64")
        assert requests.get(told.layers[0].url, timeout=5).status_code == 401
        shown = requests.get(told.layers[0].url, headers={"Authorization": told.authorization}, timeout=5)
        assert distribution.digest(shown.content) == told.layers[0].digest
