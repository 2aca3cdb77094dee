"""Against a real registry: what is there, what is not, and who may see it."""

from __future__ import annotations

import base64
import json
import os
import time
from pathlib import Path
from threading import Event

import pytest

from kgate.images.registry import Missing, NotChecked, Present
from kgate.images.registry.addresses import Guard
from kgate.images.registry.client import Access, Registry
from kgate.reference import parse
from tests.images.registry import distribution, tokens
from tests.images.registry.conftest import FILES, Ask, Shop

pytestmark = pytest.mark.slow


def login(folder: Path, host: str, **entry: str) -> None:
    entry = entry or {"auth": base64.b64encode(b"ci:s3cret").decode()}
    (folder / "config.json").write_text(json.dumps({"auths": {host: entry}}))


@pytest.mark.parametrize(
    ("tag", "platforms", "index"),
    [
        ("1", ("linux/amd64",), False),
        ("arm", ("linux/arm64",), False),
        ("multi", ("linux/amd64", "linux/arm64/v8"), True),
        ("attested", ("linux/amd64", "linux/arm64/v8"), True),
        ("docker", ("linux/amd64",), False),
        ("docker-list", ("linux/amd64",), True),
    ],
)
def test_an_image_is_there_with_its_digest_and_platforms(shop: Shop, ask: Ask, tag: str, platforms: tuple[str, ...], index: bool) -> None:
    wanted = Present(digest=shop.digests[tag], platforms=platforms, index=index)
    assert ask(shop.image(f"shop/api:{tag}")) == wanted
    assert ask(shop.image(f"shop/api@{shop.digests[tag]}")) == wanted
    assert ask(shop.image(f"shop/api:nonsense@{shop.digests[tag]}")) == wanted  # the digest decides


@pytest.mark.parametrize(
    ("rest", "what"),
    [("shop/api:2", "tag"), ("shop/api", "tag"), (f"shop/api@sha256:{'0' * 64}", "digest"), ("shop/none:1", "tag"), ("nothing:1", "tag")],
)
def test_what_the_registry_has_not_is_missing(shop: Shop, ask: Ask, rest: str, what: str) -> None:
    answer = ask(shop.image(rest))
    assert isinstance(answer, Missing) and answer.what in (what, "repository")


def test_a_registry_at_a_private_address_is_asked_only_when_it_is_listed(shop: Shop, ask: Ask) -> None:
    answer = ask(shop.image("shop/api:1"), listed=False)
    assert str(answer) == (
        "127.0.0.1 is no public address; list the registry under images.registries, or its network under images.networks"
    )


def test_credentials_of_docker_open_a_registry_with_passwords(tmp_path: Path, nobodys_docker: Path, ask: Ask) -> None:
    with distribution.serving(tmp_path / "r", distribution.htpasswd_auth(tmp_path / "r")) as host:
        wanted = distribution.Pusher(host, "shop/api", distribution.basic()).image("1", FILES)
        assert str(ask(f"{host}/shop/api:1")) == f"{host} wants credentials; give them with `docker login {host}`"
        login(nobodys_docker, host)
        assert ask(f"{host}/shop/api:1") == Present(digest=wanted, platforms=("linux/amd64",))
        assert ask(f"{host}/shop/api:2") == Missing(what="tag")
        login(nobodys_docker, f"https://{host}/v1/", username="ci", password="s3cret")
        assert isinstance(ask(f"{host}/shop/api:1"), Present)
        login(nobodys_docker, host, username="ci", password="wrong")
        assert str(ask(f"{host}/shop/api:1")).startswith(f"{host} refuses the credentials that Docker has for it")


def test_a_token_service_is_asked_for_what_is_read_and_no_more(tmp_path: Path, nobodys_docker: Path, ask: Ask) -> None:
    with tokens.issuing(tmp_path / "t") as (_, auth, asked), distribution.serving(tmp_path / "r", auth) as host:
        for repository in ("open/api", "shop/api"):
            distribution.Pusher(host, repository, tokens.push_token(tmp_path / "t", repository)).image("1", FILES)
        assert isinstance(ask(f"{host}/open/api:1"), Present)
        assert ask(f"{host}/open/api:2") == Missing(what="tag")
        assert asked[0] == "anybody GET repository:open/api:pull" and len(set(asked)) == 1
        assert "to nobody without credentials" in str(ask(f"{host}/shop/api:1"))
        login(nobodys_docker, host)
        asked.clear()
        assert isinstance(ask(f"{host}/shop/api:1"), Present)
        assert asked == ["ci GET repository:shop/api:pull"]
        login(nobodys_docker, host, identitytoken=tokens.REFRESH)
        asked.clear()
        assert isinstance(ask(f"{host}/shop/api:1"), Present)
        assert asked == ["ci POST repository:shop/api:pull"]
        login(nobodys_docker, host, identitytoken="stale")
        assert "refuses the credentials" in str(ask(f"{host}/shop/api:1"))


def helper(folder: Path, script: str) -> None:
    program = folder / "docker-credential-made-up"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_a_credential_helper_is_asked_for_the_registry_at_hand(
    tmp_path: Path, nobodys_docker: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with distribution.serving(tmp_path / "r", distribution.htpasswd_auth(tmp_path / "r")) as host:
        distribution.Pusher(host, "shop/api", distribution.basic()).image("1", FILES)
        (nobodys_docker / "config.json").write_text(json.dumps({"credHelpers": {host: "made-up"}}))
        answer = f"{host}/shop/api:1"
        assert "docker-credential-made-up, which is not on PATH" in str(ask(answer))
        helper(tmp_path, f'[ "$1" = get ] && cat > {tmp_path}/asked; echo \'{{"Username": "ci", "Secret": "s3cret"}}\'')
        assert isinstance(ask(answer), Present) and (tmp_path / "asked").read_text() == host
        helper(tmp_path, "echo credentials not found in native keychain; exit 1")
        assert "wants credentials" in str(ask(answer))
        helper(tmp_path, "exit 3")
        assert "gives no credentials" in str(ask(answer))
        helper(tmp_path, "echo hello")
        assert "does not answer in its protocol" in str(ask(answer))


def test_a_registry_with_tls_needs_an_authority_that_is_trusted(tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, key = distribution.certificate(tmp_path / "tls", ["IP:127.0.0.1", "DNS:localhost", "DNS:registry.test"])
    with distribution.serving(tmp_path / "r", tls=(str(cert), str(key))) as host:
        wanted = distribution.Pusher(host, "shop/api", verify=str(cert)).image("1", FILES)
        port = host.partition(":")[2]
        monkeypatch.setattr("socket.getaddrinfo", lambda *a, **k: [(2, 1, 6, "", ("127.0.0.1", int(port)))])
        image = f"registry.test:{port}/shop/api:1"
        assert "certificate of registry.test" in str(ask(image)) and "is not trusted; name" in str(ask(image))
        assert ask(image, ca_file=str(cert)) == Present(digest=wanted, platforms=("linux/amd64",))
        assert "cannot be read" in str(ask(image, ca_file=str(tmp_path / "none")))


def test_a_registry_without_tls_has_to_be_listed_as_such(shop: Shop, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    port = shop.host.partition(":")[2]
    monkeypatch.setattr("socket.getaddrinfo", lambda *a, **k: [(2, 1, 6, "", ("127.0.0.1", int(port)))])
    image = f"registry.test:{port}/shop/api:1"
    assert "does not speak TLS; list it under images.insecure" in str(ask(image))
    assert isinstance(ask(image, insecure=frozenset({f"registry.test:{port}"})), Present)


def test_all_pages_of_tags_are_read(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kgate.images.registry.client.PAGE", 2)
    registry = Registry(Access(guard=Guard(listed=frozenset({"127.0.0.1"}))), Event())
    found = registry.tags(parse(shop.image("shop/api")))
    assert found == ("1", "arm", "attested", "docker", "docker-list", "multi")


def test_what_is_known_of_a_digest_is_not_asked_again(shop: Shop) -> None:
    registry = Registry(Access(guard=Guard(listed=frozenset({"127.0.0.1"}))), Event())
    known = {shop.digests["1"]: Present(digest=shop.digests["1"], platforms=("plan9/amd64",))}
    assert registry.look_up(parse(shop.image("shop/api:1")), known=known) == known[shop.digests["1"]]


def test_nobody_answers_at_a_port_where_nothing_listens(ask: Ask) -> None:
    answer = ask("127.0.0.1:9/a:1")
    assert str(answer) == "127.0.0.1:9 cannot be reached: Connection refused; try again later"


def test_an_interrupted_question_ends_at_once(ask: Ask) -> None:
    stop = Event()
    stop.set()
    began = time.monotonic()
    answer = ask("127.0.0.1:9/a:1", stop=stop)
    assert isinstance(answer, NotChecked) and answer.reason == "the run was interrupted" and time.monotonic() - began < 1
