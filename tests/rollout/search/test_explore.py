"""Other schedules of the same change: what is found, what is not looked at, and that nothing is overlooked."""

from __future__ import annotations

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kgate.engine import Cluster
from kgate.engine.choices import At, Choices
from kgate.rollout.floors import Failures
from kgate.rollout.search import ORDERS, STARTS, TIES, Explored, Floor, Freedom, Start, explore
from kgate.rollout.search.world import next_instant
from tests.rollout.search.worlds import WEB, deployment, start

NODES = {"a1": "a", "a2": "a", "b1": "b", "b2": "b"}
ZONE_LOSS = Failures(node=0, zone=1)


def floor(n: int, failures: Failures = ZONE_LOSS, in_failure: int | None = None) -> Floor:
    return Floor(deployment=WEB, floor=n, failures=failures, in_failure=n if in_failure is None else in_failure)


def explored(begin: Start, wanted: Floor, budget: int = 5000, freedom: Freedom = TIES) -> Explored:
    return explore(begin, wanted, budget, freedom)


def two() -> Start:
    return start(NODES, deployment("app:1", 2), deployment("app:2", 2))


def test_what_fails_only_when_ties_end_differently_is_found() -> None:
    begin, wanted = two(), floor(0, in_failure=1)
    found = explored(begin, wanted)
    assert found.violation is not None
    assert (found.violation.left, found.violation.what, len(found.schedule)) == (0, "zone", 1)
    assert lowest(begin, {}, wanted) >= 1  # as kube-scheduler breaks ties, one pod is always left
    assert lowest(begin, dict(found.schedule), wanted) == 0  # and the schedule replays


def test_without_a_violation_and_with_nothing_left_it_holds() -> None:
    found = explored(two(), floor(2, Failures(node=0, zone=0)))
    assert found.holds
    assert found.states > 3


def test_a_budget_that_is_used_up_proves_nothing() -> None:
    found = explored(two(), floor(2, Failures(node=0, zone=0)), budget=2)
    assert (found.violation, found.left, found.holds) == (None, True, False)


def test_states_are_only_looked_at_once_whatever_their_nodes_are_called() -> None:
    nodes = {f"{zone}{n}": zone for zone in "ab" for n in range(4)}
    found = explored(start(nodes, deployment("app:1", 3), deployment("app:2", 3)), floor(0, in_failure=0))
    assert found.holds
    assert found.states < 300  # of 5 x 4 x 3 and more ways to place the pods, at a dozen instants each


def test_the_same_search_finds_the_same() -> None:
    assert explored(two(), floor(0, in_failure=1)) == explored(two(), floor(0, in_failure=1))


def lowest(begin: Start, told: dict[At, str], wanted: Floor) -> int:
    """The fewest that are left in that schedule, right after a loss or without one."""
    return walked(begin, told, wanted, TIES)[0]


def walked(begin: Start, told: dict[At, str], wanted: Floor, freedom: Freedom) -> tuple[int, Choices]:
    cluster = begin.cluster.fork()
    choices = Choices(told, kinds=freedom.kinds, jitter_ms=freedom.jitter_ms)
    cluster.choose_with(choices)
    begin.change(cluster)
    least = left(cluster, wanted)
    while not begin.ended(cluster) and next_instant(cluster):
        least = min(least, left(cluster, wanted))
    return least, choices


def left(cluster: Cluster, wanted: Floor) -> int:
    """As if everything were a violation."""
    strict = Floor(deployment=wanted.deployment, floor=0, failures=wanted.failures, in_failure=1000)
    violation = strict.violated(cluster)
    return 1000 if violation is None else violation.left


def every(begin: Start, wanted: Floor, freedom: Freedom, most: int = 3000) -> int | None:
    """The same over all schedules there are, one by one: no symmetry, no merging, no forks in between. None: there are too many."""
    waiting: list[tuple[dict[At, str], int]] = [({}, 0)]
    least, walks = 1000, 0
    while waiting:
        walks += 1
        if walks > most:
            return None
        told, free = waiting.pop()
        found, choices = walked(begin, told, wanted, freedom)
        least = min(least, found)
        for choice in choices.made:
            if choice.serial >= free:
                waiting += [({**told, choice.at: node}, choice.serial + 1) for node in choice.options if node != choice.node]
    return least


def agrees(begin: Start, failures: Failures, freedom: Freedom) -> None:
    """The search finds the least that any schedule leaves, and nothing lower."""
    least = every(begin, floor(0, failures, 0), freedom)
    assume(least is not None)
    assert least is not None
    assert explored(begin, floor(0, failures, least), freedom=freedom).holds
    found = explored(begin, floor(0, failures, least + 1), freedom=freedom)
    assert found.violation is not None
    assert walked(begin, dict(found.schedule), floor(0, failures, 0), freedom)[0] <= least


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(
    zones=st.lists(st.sampled_from("ab"), min_size=2, max_size=4),
    replicas=st.integers(1, 3),
    surge=st.integers(0, 1),
    unavailable=st.integers(0, 1),
    failures=st.sampled_from([ZONE_LOSS, Failures(node=1, zone=0)]),
)
def test_nothing_is_overlooked(zones: list[str], replicas: int, surge: int, unavailable: int, failures: Failures) -> None:
    nodes = {f"n{i}": zone for i, zone in enumerate(zones)}
    change = [deployment(image, replicas, surge=surge, unavailable=max(unavailable, 1 - surge)) for image in ("app:1", "app:2")]
    agrees(start(nodes, *change), failures, TIES)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(
    zones=st.lists(st.sampled_from("ab"), min_size=2, max_size=3),
    replicas=st.integers(1, 3),
    surge=st.integers(0, 2),
    least_ms=st.sampled_from([None, 500, 2000]),
    failures=st.sampled_from([ZONE_LOSS, Failures(node=1, zone=0)]),
)
def test_nothing_is_overlooked_when_starts_vary(
    zones: list[str], replicas: int, surge: int, least_ms: int | None, failures: Failures
) -> None:
    nodes = {f"n{i}": zone for i, zone in enumerate(zones)}
    change = [deployment(image, replicas, surge=surge, unavailable=1 - min(surge, 1)) for image in ("app:1", "app:2")]
    agrees(start(nodes, *change, least_ms=least_ms), failures, ORDERS if least_ms is None else STARTS)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(zones=st.lists(st.sampled_from("ab"), min_size=2, max_size=3), others=st.lists(st.integers(0, 2), min_size=2, max_size=3))
def test_nothing_is_overlooked_among_pods_of_others(zones: list[str], others: list[int]) -> None:
    nodes = {f"n{i}": zone for i, zone in enumerate(zones)}
    change = [deployment(image, 2, surge=1, unavailable=1) for image in ("app:1", "app:2")]
    agrees(start(nodes, *change, others=dict(zip(nodes, others, strict=False))), ZONE_LOSS, TIES)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(zones=st.lists(st.sampled_from("ab"), min_size=2, max_size=3), others=st.lists(st.integers(0, 2), min_size=2, max_size=3))
def test_what_new_pods_look_for_in_others_counts(zones: list[str], others: list[int]) -> None:
    """Old pods did not mind the others; new ones would rather not be with them."""
    nodes = {f"n{i}": zone for i, zone in enumerate(zones)}
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "other"}}}
    shy = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": term}]}}
    change = [deployment("app:1", 2, surge=1, unavailable=1), deployment("app:2", 2, surge=1, unavailable=1, affinity=shy)]
    agrees(start(nodes, *change, others=dict(zip(nodes, others, strict=False))), ZONE_LOSS, TIES)
