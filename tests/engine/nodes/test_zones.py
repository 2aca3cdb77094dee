"""Arithmetic of zones: states, rates, the queue of nodes to be emptied."""

from __future__ import annotations

import pytest

from kgate.engine.api.core import Node
from kgate.engine.api.meta import FrozenMap, ObjectMeta
from kgate.engine.controllers.nodelifecycle.zones import Rates, Tainter, zone_of
from kgate.engine.flags import Flags


@pytest.mark.parametrize(
    ("good", "bad", "state"),
    [
        (0, 0, "Normal"),
        (1, 0, "Normal"),
        (0, 1, "FullDisruption"),
        (0, 9, "FullDisruption"),
        (1, 1, "Normal"),  # half of them, but only one
        (1, 2, "Normal"),  # two thirds, but only two
        (1, 3, "PartialDisruption"),
        (3, 3, "Normal"),  # 0.5 < 0.55
        (9, 11, "PartialDisruption"),  # 0.55 exactly
        (10, 12, "Normal"),  # 0.545
    ],
)
def test_a_zone_is_disrupted_by_more_than_two_bad_nodes_that_are_most_of_it(good: int, bad: int, state: str) -> None:
    assert Rates().state([True] * good + [False] * bad) == state


@pytest.mark.parametrize(
    ("state", "nodes", "rate"),
    [
        ("Normal", 3, 0.1),
        ("FullDisruption", 3, 0.1),
        ("PartialDisruption", 3, 0.0),
        ("PartialDisruption", 50, 0.0),
        ("PartialDisruption", 51, 0.01),
    ],
)
def test_only_a_partly_disrupted_zone_is_slower_and_a_small_one_stops(state: str, nodes: int, rate: float) -> None:
    assert Rates().within(state, nodes) == rate  # type: ignore[arg-type]


def test_rates_come_from_flags() -> None:
    flags = {
        "node-eviction-rate": 10,
        "secondary-node-eviction-rate": "0.5",
        "large-cluster-size-threshold": 2,
        "unhealthy-zone-threshold": 0.3,
    }
    rates = Rates.of(Flags(flags))
    assert rates == Rates(eviction=10, secondary=0.5, large_cluster=2, unhealthy=0.3)
    assert rates.within(rates.state([True] * 6 + [False] * 3), 9) == 0.5


@pytest.mark.parametrize(
    ("labels", "zone"),
    [
        ({}, ""),
        ({"topology.kubernetes.io/zone": "a"}, ":a"),
        ({"topology.kubernetes.io/region": "r"}, "r:"),
        ({"topology.kubernetes.io/region": "r", "topology.kubernetes.io/zone": "a"}, "r:a"),
        ({"failure-domain.beta.kubernetes.io/zone": "old", "topology.kubernetes.io/zone": "a"}, ":old"),
    ],
)
def test_a_zone_is_told_by_region_and_zone_together(labels: dict[str, str], zone: str) -> None:
    assert zone_of(Node(metadata=ObjectMeta(name="n", labels=FrozenMap(labels)))) == zone


def test_nodes_are_taken_in_order_one_for_each_token() -> None:
    tainter = Tainter(0.1)
    assert [tainter.add(n) for n in ("b", "a", "b")] == [True, True, False]
    assert (tainter.take(0), tainter.take(0), tainter.next_ms(0)) == ("b", None, 10_000)
    assert (tainter.take(9_999), tainter.take(10_000), tainter.next_ms(10_000)) == (None, "a", None)


def test_a_node_that_has_been_taken_is_not_added_again_until_it_is_removed() -> None:
    tainter = Tainter(1)
    tainter.add("a")
    assert tainter.take(0) == "a"
    assert not tainter.add("a")
    tainter.remove("a")
    assert tainter.add("a")


def test_a_removed_node_does_not_come_up_and_an_idle_bucket_holds_one_token_only() -> None:
    tainter = Tainter(1)
    for name in "abc":
        tainter.add(name)
    tainter.remove("a")
    assert (tainter.take(60_000), tainter.take(60_000), tainter.take(61_000)) == ("b", None, "c")


def test_with_rate_zero_nobody_is_taken() -> None:
    tainter = Tainter(1)
    tainter.swap_rate(0, 0)
    tainter.add("a")
    assert (tainter.take(10**9), tainter.next_ms(10**9)) == (None, None)


@pytest.mark.parametrize(("used", "first"), [(True, 10_000), (False, 0)])
def test_a_new_rate_begins_with_a_token_unless_the_old_one_was_being_waited_for(used: bool, first: int) -> None:
    tainter = Tainter(10)
    tainter.add("a")
    tainter.add("b")
    if used:
        tainter.take(0)
    tainter.swap_rate(0.1, 0)
    assert tainter.next_ms(0) == first


def test_after_a_standstill_the_first_token_takes_its_time() -> None:
    tainter = Tainter(0.1)
    tainter.add("a")
    tainter.swap_rate(0, 0)
    tainter.swap_rate(0.1, 5_000)
    assert tainter.next_ms(5_000) == 15_000


def test_the_same_rate_changes_nothing() -> None:
    tainter = Tainter(0.1)
    tainter.add("a")
    tainter.add("b")
    tainter.take(0)
    tainter.swap_rate(0.1, 9_000)
    assert tainter.next_ms(9_000) == 10_000
