"""A node or zone is lost at every instant: what is left, and what follows, played or known without playing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kgate.engine import Cluster
from kgate.rollout.floors import Failures
from kgate.rollout.search import Floor, Losses, Serving, Start, Wanted, losses
from kgate.rollout.search.world import next_instant, nodes_of
from tests.rollout.search.worlds import WEB, deployment, start

NODES = {"a1": "a", "a2": "a", "b1": "b", "b2": "b"}


def lost(begin: Start, floor: int, *, kept: int | None, failures: Failures | None = None, budget: int = 10_000) -> Losses:
    wanted = Floor(deployment=WEB, floor=0, failures=failures or Failures(node=1, zone=1), in_failure=floor)
    return losses(begin, [Wanted(floor=wanted, kept=kept)], budget)[WEB]


def test_all_places_with_pods_at_all_instants_are_cases() -> None:
    found = lost(start(NODES, deployment("app:1", 4), deployment("app:2", 4)), 1, kept=4)
    assert found.holds
    assert found.cases > 4 * found.instants  # four nodes or more, and two zones
    assert found.played == 0  # 4 are kept, 2 are lost at most


def test_what_is_left_too_few_at_once_needs_no_playing() -> None:
    found = lost(start(NODES, deployment("app:1", 2), deployment("app:2", 2)), 2, kept=2)
    assert found.violation is not None
    assert (found.violation.left, found.lost_ms, found.at_ms, found.played) == (1, 0, 0, 0)


def test_what_falls_later_is_played_and_told_with_both_moments() -> None:
    """The API counts the dead pods for a while, and the rollout goes on taking live ones away."""
    begin = start({f"n{i}": "" for i in range(6)}, deployment("app:1", 6), deployment("app:2", 6, surge=0, unavailable=2))
    found = lost(begin, 4, kept=4, failures=Failures(node=1, zone=0))
    assert found.violation is not None
    assert replayed(begin, found) == found.violation.left < 4


def test_with_too_small_a_budget_nobody_knows() -> None:
    found = lost(start(NODES, deployment("app:1", 4), deployment("app:2", 4)), 1, kept=None, budget=1)
    assert (found.violation, found.left, found.holds) == (None, True, False)


def replayed(begin: Start, found: Losses) -> int:
    """How many serve at that moment after that loss."""
    assert found.violation is not None
    cluster = begin.begun()
    cluster.run_for(found.lost_ms)
    stop(cluster, found)
    cluster.run_for(found.at_ms - found.lost_ms)
    return Serving.of(cluster, WEB).total


def stop(cluster: Cluster, found: Losses) -> None:
    assert found.violation is not None
    place = found.violation.lost
    for node in [place] if found.violation.what == "node" else nodes_of(cluster, place):
        cluster.stop_node(node)


@settings(max_examples=30, deadline=None)
@given(
    zones=st.lists(st.sampled_from("ab"), min_size=2, max_size=4),
    replicas=st.integers(1, 5),
    surge=st.integers(0, 2),
    unavailable=st.integers(0, 2),
    floor=st.integers(0, 4),
    failures=st.sampled_from([Failures(node=0, zone=1), Failures(node=1, zone=0)]),
)
def test_what_the_strategy_keeps_it_keeps_after_any_loss(
    zones: list[str], replicas: int, surge: int, unavailable: int, floor: int, failures: Failures
) -> None:
    """The losses that are not played would not have failed."""
    unavailable = max(unavailable, 1 - surge)
    change = [deployment(image, replicas, surge=surge, unavailable=unavailable) for image in ("app:1", "app:2")]
    begin = start({f"n{i}": zone for i, zone in enumerate(zones)}, *change)
    known = lost(begin, floor, kept=max(0, replicas - unavailable), failures=failures)
    played = lost(begin, floor, kept=None, failures=failures)
    assert known.violation == played.violation
    assert (known.lost_ms, known.at_ms) == (played.lost_ms, played.at_ms)
    assert known.played <= played.played


def test_forks_leave_the_beginning_alone() -> None:
    begin = start(NODES, deployment("app:1", 3), deployment("app:2", 3))
    before = len(begin.cluster.trace)
    lost(begin, 1, kept=None)
    assert len(begin.cluster.trace) == before
    assert next_instant(begin.cluster.fork()) in (True, False)
