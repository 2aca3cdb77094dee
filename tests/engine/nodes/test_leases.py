from __future__ import annotations

import pytest

from kgate.engine.api.core import Node
from kgate.engine.api.meta import Key, ObjectMeta
from kgate.engine.leases import Leases
from kgate.engine.trace import ADDED, DELETED, WatchEvent


def followed(grace_ms: int = 50_000, at_ms: int = 0) -> Leases:
    leases = Leases(grace_ms)
    leases.follow(_event(ADDED, at_ms))
    return leases


def _event(type_: str, at_ms: int) -> WatchEvent:
    node = Node(metadata=ObjectMeta(name="n1"))
    before, after = (None, node) if type_ == ADDED else (node, None)
    return WatchEvent(at_ms, 1, type_, Key("Node", "", "n1"), before, after)


@pytest.mark.parametrize(("since", "stopped", "renewed"), [(0, 0, 0), (0, 9_999, 0), (0, 10_000, 10_000), (300, 25_000, 20_300)])
def test_a_lease_was_last_renewed_at_a_full_interval_since_the_node_joined(since: int, stopped: int, renewed: int) -> None:
    leases = followed(at_ms=since)
    leases.stop("n1", stopped)
    assert leases.renewed_ms("n1") == renewed


@pytest.mark.parametrize(("grace", "every"), [(50_000, 10_000), (40_000, 10_000), (6_000, 1_500), (1, 1)])
def test_kubelets_renew_often_enough_for_the_grace_period(grace: int, every: int) -> None:
    assert Leases(grace).renew_ms == every


def test_a_kubelet_that_is_started_again_begins_anew() -> None:
    leases = followed()
    leases.stop("n1", 12_000)
    assert not leases.alive("n1")
    leases.start("n1", 33_000)
    leases.stop("n1", 42_000)
    assert leases.renewed_ms("n1") == 33_000


def test_stopping_and_starting_twice_is_told_once() -> None:
    told: list[tuple[str, bool]] = []
    leases = followed()
    leases.subscribe(lambda name: told.append((name, leases.alive(name))))
    for ms, act in enumerate((leases.start, leases.stop, leases.stop, leases.start, leases.start)):
        act("n1", ms)
    assert told == [("n1", False), ("n1", True)]


def test_a_kubelet_outlives_its_node_object_in_the_state_it_was_in() -> None:
    leases = followed()
    leases.stop("n1", 5)
    leases.follow(_event(DELETED, 6))
    assert not leases.alive("n1")
    leases.follow(_event(ADDED, 7))
    assert leases.alive("n1")


def test_a_node_that_is_announced_without_a_kubelet_has_never_renewed_anything() -> None:
    leases = Leases(50_000)
    leases.expect_without_kubelet("n1")
    leases.follow(_event(ADDED, 7))
    assert (leases.alive("n1"), leases.renewed_ms("n1"), leases.silent()) == (False, None, ["n1"])
    leases.start("n1", 9)
    assert (leases.alive("n1"), leases.silent()) == (True, [])


def test_nobody_stops_what_is_not_there() -> None:
    leases = Leases(50_000)
    leases.stop("n1", 5)
    assert leases.alive("n1")
