"""Real registries with a few images in them, for all tests here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Event

import pytest
from msgspec import Struct

from kgate.images.registry.addresses import Guard
from kgate.images.registry.answers import Answer, NotChecked
from kgate.images.registry.client import Access, Registry
from kgate.reference import parse
from tests.images.registry import distribution

FILES = {"etc/os-release": "ID=debian\nVERSION_ID=12\n"}


class Shop(Struct, frozen=True):
    """A registry with shop/api: `1` for amd64, `arm` for arm64, `multi` for both, `docker` and `docker-list` in Docker's own format."""

    host: str
    digests: Mapping[str, str]

    def image(self, rest: str) -> str:
        return f"{self.host}/{rest}"


@pytest.fixture(autouse=True)
def nobodys_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Docker's settings of the test alone, and no proxies."""
    folder = tmp_path / "docker"
    folder.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with distribution.serving(tmp_path_factory.mktemp("registry")) as host:
        push = distribution.Pusher(host, "shop/api")
        digests = {"1": push.image("1", FILES), "arm": push.image("arm", FILES, "arm64")}
        both = {"linux/amd64": digests["1"], "linux/arm64/v8": digests["arm"]}
        digests["multi"] = push.index("multi", both)
        digests["attested"] = push.index("attested", both | {"unknown/unknown": digests["1"]})
        digests["docker"] = push.image("docker", FILES, docker=True)
        digests["docker-list"] = push.index("docker-list", {"linux/amd64": digests["docker"]}, docker=True)
        yield Shop(host, digests)


Ask = Callable[..., Answer]


@pytest.fixture
def ask() -> Ask:
    """The answer about one image. Listed registries: all that are named."""

    def asked(image: str, *, listed: bool = True, timeout_s: float = 10, stop: Event | None = None, **access: object) -> Answer:
        reference = parse(image)
        guard = Guard(listed=frozenset({reference.registry, "127.0.0.1"} if listed else ()))
        registry = Registry(Access(guard=guard, timeout_s=timeout_s, **access), stop or Event())  # type: ignore[arg-type]
        try:
            return registry.look_up(reference)
        except NotChecked as e:
            return e

    return asked
