"""Where kgate never connects, whatever a manifest names and whatever a name resolves to."""

from __future__ import annotations

import time

import pytest

from kgate.images.registry import NotChecked
from kgate.images.registry.addresses import Guard, resolve
from tests.images.registry.conftest import Ask

FORBIDDEN = [
    "169.254.169.254", "169.254.170.2", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1",
    "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "224.0.0.1", "ff02::1", "0.0.0.0", "::",
]  # fmt: skip
PRIVATE = ["127.0.0.1", "::1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd12::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"]
PUBLIC = ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"]


@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("address", FORBIDDEN)
def test_link_local_addresses_and_metadata_services_are_never_connected_to(address: str, private: bool) -> None:
    assert Guard(networks=("0.0.0.0/0", "::/0")).refusal(address, private=private)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_for_those_that_are_listed(address: str) -> None:
    assert Guard().refusal(address, private=False) and not Guard().refusal(address, private=True)


def test_a_network_can_be_allowed() -> None:
    guard = Guard(networks=("10.1.0.0/16", "fd12::/64"))
    assert not guard.refusal("10.1.2.3", private=False) and not guard.refusal("fd12::9", private=False)
    assert guard.refusal("10.2.0.1", private=False)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_for_everybody(address: str) -> None:
    assert not Guard().refusal(address, private=False)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "localhost"])
def test_addresses_in_disguise_are_what_they_lead_to(host: str) -> None:
    with pytest.raises(NotChecked, match="is no public address"):
        Guard().addresses(Guard().door(host, 443), timeout_s=5)


def test_one_refused_address_refuses_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", ("8.8.8.8", 443)), (2, 1, 6, "", ("169.254.169.254", 443))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *a, **k: found)
    with pytest.raises(NotChecked, match=r"^rebound\.example is at 169\.254\.169\.254, which is a link-local address"):
        Guard().addresses(Guard().door("rebound.example", 443), timeout_s=5)


def test_the_address_that_was_looked_at_is_the_one_connected_to(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that answers differently the second time gains nothing: there is no second time."""
    asked: list[str] = []

    def look_up(host: str, *_: object, **__: object) -> list[object]:
        asked.append(host)
        return [(2, 1, 6, "", ("169.254.169.254" if len(asked) > 1 else "127.0.0.1", 9))]

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    monkeypatch.setattr("kgate.images.registry.client.ATTEMPTS", 1)
    connected: list[object] = []
    monkeypatch.setattr("socket.create_connection", lambda where, **_: connected.append(where) or (_ for _ in ()).throw(OSError(1, "no")))
    assert "cannot be reached" in str(ask("rebinding.example:9/a:1"))
    assert asked == ["rebinding.example"] and connected == [("127.0.0.1", 9)]


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *a, **k: time.sleep(3) or [])
    began = time.monotonic()
    with pytest.raises(NotChecked, match="was not found within"):
        resolve("slow.example", 443, timeout_s=0.2)
    assert time.monotonic() - began < 1


def test_a_proxy_is_not_sent_where_kgate_may_not_go(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert "link-local address" in str(ask("169.254.169.254/a:1"))
    assert "no public address" in str(ask("10.0.0.1/a:1", listed=False))


def test_a_proxy_that_does_not_work_is_named(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert "cannot be reached" in str(ask("8.8.8.8/a:1")) or "the proxy for 8.8.8.8 does not work" in str(ask("8.8.8.8/a:1"))
