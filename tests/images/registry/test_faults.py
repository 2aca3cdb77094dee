"""A registry that misbehaves is not checked; it never makes an image missing, and never holds up the run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Event, Timer

import pytest

from kgate.images.registry import Missing, NotChecked, Present
from tests.images.registry.conftest import Ask, Shop
from tests.images.registry.front import Front, before

pytestmark = pytest.mark.slow


@pytest.fixture
def front(shop: Shop) -> Iterator[Front]:
    with before(shop.host) as front:
        yield front


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kgate.images.registry.client.BACK_OFF_S", 0.01)


@pytest.mark.parametrize(
    ("fault", "reason", "questions"),
    [
        ("401", "wants to know who asks, in a way that kgate does not know", 1),
        ("403", "denies access to", 1),
        ("418", "answers with status 418, as no registry does", 1),
        ("429", "the rate limit of", 4),
        ("500", "answers with an internal error (500)", 4),
        ("503", "answers with an internal error (503)", 4),
        ("drop", "cannot be reached", 4),
        ("portal", "answers with status 404, but not as a registry does", 2),
        ("truncated", "cannot be reached: the connection broke", None),
        ("forged", "other bytes than those of sha256", None),
        ("huge", "no JSON", None),
        ("redirect", "a link-local address or a metadata service; kgate never connects to one", 1),
    ],
)
def test_a_fault_is_not_checked(front: Front, ask: Ask, fault: str, reason: str, questions: int | None) -> None:
    answer = ask(f"{front.host}/{fault}/shop/api:1")
    assert isinstance(answer, NotChecked) and (reason in str(answer) or (fault == "huge" and "more than 8 MiB" in str(answer)))
    assert questions in (None, len(front.asked))


@pytest.mark.parametrize("fault", ["429", "500", "502", "503", "504", "drop"])
def test_a_fault_that_passes_is_waited_for(front: Front, ask: Ask, fault: str) -> None:
    front.patience = 2
    assert isinstance(ask(f"{front.host}/{fault}/shop/api:1"), Present)
    front.patience = 2
    assert isinstance(ask(f"{front.host}/{fault}/shop/api:none"), Missing)


def test_the_registry_says_how_long_to_wait(front: Front, ask: Ask) -> None:
    front.patience, front.retry_after = 1, "1"
    began = time.monotonic()
    assert isinstance(ask(f"{front.host}/429/shop/api:1"), Present)
    assert 1 <= time.monotonic() - began < 3
    front.patience, front.retry_after = 1, "3600"
    began = time.monotonic()
    assert "the rate limit of" in str(ask(f"{front.host}/429/shop/api:1"))
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("fault", ["nohead", "nodigest"])
def test_a_registry_of_few_words_is_understood(shop: Shop, front: Front, ask: Ask, fault: str) -> None:
    assert ask(f"{front.host}/{fault}/shop/api:multi") == Present(
        digest=shop.digests["multi"], platforms=("linux/amd64", "linux/arm64/v8"), index=True
    )
    assert isinstance(ask(f"{front.host}/{fault}/shop/api:none"), Missing)


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_the_time_limit_holds_however_slow_the_registry_is(front: Front, ask: Ask, fault: str) -> None:
    began = time.monotonic()
    answer = ask(f"{front.host}/{fault}/shop/api:1", timeout_s=0.6)
    assert str(answer).startswith("the registry did not answer within 0.6 s") and time.monotonic() - began < 2


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_an_interrupt_ends_a_question_under_way(front: Front, ask: Ask, fault: str) -> None:
    stop = Event()
    Timer(0.3, stop.set).start()
    began = time.monotonic()
    assert str(ask(f"{front.host}/{fault}/shop/api:1", stop=stop)) == "the run was interrupted"
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("realm", "reason"),
    [
        ("http://169.254.169.254/token", "a link-local address or a metadata service"),
        ("http://user:pass@127.0.0.1/token", "sends to an address that makes no sense"),
        ("file:///etc/passwd", "sends to an address that makes no sense"),
        ("ftp://127.0.0.1/", "sends to an address that makes no sense"),
        ("http://[::1", "sends to an address that makes no sense"),
        ("http://10.255.255.1:9/token", "no public address"),
        ("", "in a way that kgate does not know"),
    ],
)
def test_a_registry_sends_nobody_to_a_forbidden_token_service(front: Front, ask: Ask, realm: str, reason: str) -> None:
    front.realm = realm
    answer = ask(f"{front.host}/bearer/shop/api:1")
    assert isinstance(answer, NotChecked) and reason in str(answer)


def test_credentials_do_not_follow_a_redirect_to_another_host(
    front: Front, shop: Shop, ask: Ask, nobodys_docker: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with before(shop.host) as other:
        front.redirect = f"http://{other.host}/plain/shop/api/manifests/1"
        monkeypatch.setattr("kgate.images.registry.client.Registry._header", lambda *_: {"Authorization": "Basic c2VjcmV0"})
        ask(f"{front.host}/redirect/shop/api:1")
        assert set(front.shown) == {"Basic c2VjcmV0"} and set(other.shown) == {""}
