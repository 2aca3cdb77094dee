"""What is read of headers and documents."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate.images.registry import NotChecked
from kgate.images.registry.challenge import Challenge, challenge
from kgate.images.registry.credentials import credentials_for
from kgate.images.registry.manifests import platforms_of_index, runs_on


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Basic realm="x"', Challenge(scheme="basic", realm="x")),
        ("Basic", Challenge(scheme="basic")),
        ('bearer realm="https://a/t", service="s,1"', Challenge(scheme="bearer", realm="https://a/t", service="s,1")),
        ('Basic realm="x", Bearer realm="https://a/t",service=s', Challenge(scheme="bearer", realm="https://a/t", service="s")),
        ('Bearer realm="https://a/t",scope="repository:a:pull",error="invalid_token", Basic realm="y"',
         Challenge(scheme="bearer", realm="https://a/t", error="invalid_token")),
        ('Bearer realm="a\\"b"', Challenge(scheme="bearer", realm='a"b')),
        ('Bearer service="s"', None),
        ("Negotiate", None),
        ("", None),
    ],
)  # fmt: skip
def test_the_challenge_of_a_registry_is_understood(header: str, expected: Challenge | None) -> None:
    assert challenge(header) == expected


@given(st.text())
def test_no_header_is_too_strange(header: str) -> None:
    assert challenge(header) is None or challenge(header)


@pytest.mark.parametrize(
    ("wanted", "offered", "runs"),
    [
        ("linux/amd64", "linux/amd64", True),
        ("linux/arm64", "linux/arm64/v8", True),
        ("linux/arm64/v8", "linux/arm64", True),
        ("linux/arm/v7", "linux/arm/v6", True),
        ("linux/arm/v6", "linux/arm/v7", False),
        ("linux/amd64", "windows/amd64", False),
        ("linux/amd64", "linux/386", False),
        ("linux/amd64/v2", "linux/amd64/v3", False),
    ],
)
def test_an_image_runs_where_its_platform_allows(wanted: str, offered: str, runs: bool) -> None:
    assert runs_on(wanted, offered) is runs


def test_hostile_indexes_have_no_platforms() -> None:
    for manifests in (None, {}, [None, 1, {}, {"platform": 1}, {"platform": {"os": 1, "architecture": []}}]):
        assert platforms_of_index({"manifests": manifests}) == ()


@pytest.mark.parametrize(
    ("registry", "name"),
    [("docker.io", "https://index.docker.io/v1/"), ("quay.io", "quay.io"), ("r:5000", "https://r:5000"), ("r:5000", "https://r:5000/v2/")],
)
def test_docker_files_registries_under_several_names(nobodys_docker: Path, registry: str, name: str) -> None:
    auth = base64.b64encode(b"me:a:b").decode()
    (nobodys_docker / "config.json").write_text(json.dumps({"auths": {name: {"auth": auth}, "other": {"auth": "eDp5"}}}))
    told = credentials_for(registry, stop=Event())
    assert told is not None and (told.user, told.password) == ("me", "a:b") and "a:b" not in repr(told)
    assert credentials_for("elsewhere.example", stop=Event()) is None


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"auths": {"quay.io": {"auth": "%%%"}}}', '{"credsStore": "../evil"}', '{"credHelpers": {"quay.io": 3}}',
     '{"credsStore": "surely-not-installed"}'],
)  # fmt: skip
def test_broken_settings_of_docker_are_told(nobodys_docker: Path, text: str) -> None:
    (nobodys_docker / "config.json").write_text(text)
    with pytest.raises(NotChecked):
        credentials_for("quay.io", stop=Event())


def test_settings_without_credentials_are_none(nobodys_docker: Path) -> None:
    for text in ("{}", '{"auths": []}', '{"auths": {"quay.io": {}}}', '{"auths": {"quay.io": 1}}'):
        (nobodys_docker / "config.json").write_text(text)
        assert credentials_for("quay.io", stop=Event()) is None
