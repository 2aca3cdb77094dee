from __future__ import annotations

import pytest

from kgate.engine import Behaviour
from kgate.engine.api.apps import Deployment, ReplicaSet, ReplicaSetSpec, ReplicaSetStatus
from kgate.engine.api.codec import decode
from kgate.engine.api.meta import ObjectMeta
from kgate.engine.controllers.deployment import rolling
from tests.engine.worlds import cluster, deployment, pairs, rest


def wanted(replicas: int, surge: int | str = 0, unavailable: int | str = 0, **spec: object) -> Deployment:
    obj = decode(deployment(replicas=replicas, surge=surge, unavailable=unavailable, **spec))
    assert isinstance(obj, Deployment)
    return obj


def a_set(name: str, replicas: int, available: int = 0, created_ms: int = 0) -> ReplicaSet:
    return ReplicaSet(
        metadata=ObjectMeta(name=name, creation_timestamp_ms=created_ms),
        spec=ReplicaSetSpec(replicas=replicas),
        status=ReplicaSetStatus(replicas=replicas, available_replicas=available),
    )


@pytest.mark.parametrize(
    ("surge", "unavailable", "replicas", "fenceposts"),
    [
        ("25%", "25%", 10, (3, 2)),
        ("25%", "25%", 3, (1, 0)),
        ("25%", "25%", 1, (1, 0)),
        (0, "25%", 4, (0, 1)),
        (0, "10%", 3, (0, 1)),
        ("0%", "0%", 5, (0, 1)),
        ("1%", 0, 1, (1, 0)),
        (0, 100, 5, (0, 5)),
        ("100%", "100%", 7, (7, 7)),
        (5, "50%", 0, (5, 0)),
        (None, 1, 4, (0, 1)),
    ],
)
def test_surge_rounds_up_and_unavailable_down_and_never_both_are_zero(
    surge: int | str | None, unavailable: int | str, replicas: int, fenceposts: tuple[int, int]
) -> None:
    d = wanted(replicas, surge, unavailable)  # type: ignore[arg-type]
    assert rolling.fenceposts(d) == fenceposts


def test_recreate_spares_nothing_and_still_wants_all_available() -> None:
    d = decode(deployment(strategy={"type": "Recreate"}, replicas=4))
    assert isinstance(d, Deployment)
    assert rolling.fenceposts(d) == (0, 0)
    assert rolling.min_available(d) == 4


@pytest.mark.parametrize(
    ("replicas", "surge", "old", "new", "steps"),
    [
        (10, 0, 10, 0, []),  # no room
        (10, 2, 10, 0, [2]),
        (10, 2, 5, 0, [7]),
        (10, 2, 8, 2, [4]),
        (10, 2, 0, 10, []),
        (10, 0, 8, 1, [2]),
        (5, 2, 0, 8, [5]),  # too large: shrink at once
        (10, "25%", 10, 0, [3]),
        (10, 20, 0, 4, [10]),  # never beyond replicas
    ],
)
def test_the_new_set_grows_into_the_room_there_is(replicas: int, surge: int | str, old: int, new: int, steps: list[int]) -> None:
    sets = [a_set("old", old), a_set("new", new)]
    assert [s.replicas for s in rolling.scale_up_new(wanted(replicas, surge, 1), sets, sets[1])] == steps


@pytest.mark.parametrize(
    ("replicas", "unavailable", "old", "old_available", "new", "new_available", "steps"),
    [
        (10, 2, 10, 10, 0, 0, [8]),
        (10, 0, 10, 10, 0, 0, []),
        (10, 2, 8, 8, 5, 0, []),  # 13 - 8 - 5: nothing to spare
        (10, 2, 8, 8, 5, 5, [3]),
        (10, 2, 10, 8, 0, 0, [8]),  # the two unhealthy ones go, the healthy ones stay
        (10, 2, 10, 9, 3, 0, [9, 8]),  # one unhealthy, then one healthy
        (10, 2, 10, 0, 3, 0, [8]),  # at most what may be missing
        (10, 2, 0, 0, 10, 10, []),
        (10, 2, 4, 6, 6, 6, []),  # the set has not caught up with its size
        (1, 0, 1, 1, 1, 0, []),
        (1, 0, 1, 1, 1, 1, [0]),
    ],
)
def test_old_pods_go_unhealthy_ones_first(
    replicas: int, unavailable: int, old: int, old_available: int, new: int, new_available: int, steps: list[int]
) -> None:
    d = wanted(replicas, 3, unavailable)
    found = rolling.scale_down_old(d, [a_set("old", old, old_available)], a_set("new", new, new_available))
    assert [s.replicas for s in found] == steps


def test_the_oldest_set_is_emptied_first() -> None:
    d = wanted(6, 2, 2)
    older, newer = a_set("z", 2, 2, created_ms=1), a_set("a", 3, 3, created_ms=2)
    assert rolling.scale_down_old(d, [newer, older], a_set("new", 3, 3)) == [("z", 0), ("a", 1)]


ONE_BY_ONE = [[5, 7], [6, 7], [6, 6], [7, 6], [7, 5], [8, 5], [8, 4], [9, 4], [9, 3], [10, 3], [10, 2], [10, 1], [10, 0]]
GOLDENS = [
    (10, "25%", "25%", [[0, 10], [3, 10], [3, 8], [5, 8], *ONE_BY_ONE]),
    (3, "25%", "25%", [[0, 3], [1, 3], [1, 2], [2, 2], [2, 1], [3, 1], [3, 0]]),
    (1, "25%", "25%", [[0, 1], [1, 1], [1, 0]]),
    (4, 0, "25%", [[0, 4], [0, 3], [1, 3], [1, 2], [2, 2], [2, 1], [3, 1], [3, 0], [4, 0]]),
]


@pytest.mark.parametrize(("replicas", "surge", "unavailable", "expected"), GOLDENS)
def test_pods_that_become_ready_together_are_seen_one_after_another(
    replicas: int, surge: int | str, unavailable: int | str, expected: list[list[int]]
) -> None:
    world = cluster()
    world.apply(deployment("app:v1", replicas=replicas, surge=surge, unavailable=unavailable))
    rest(world)
    since = len(world.trace)
    world.apply(deployment("app:v2", replicas=replicas, surge=surge, unavailable=unavailable))
    assert pairs(rest(world), since) == expected


def test_pods_that_become_ready_one_by_one_roll_one_by_one() -> None:
    world = cluster(Behaviour(startup_ms=50, termination_ms=100, serial_ms=250))
    world.apply(deployment("app:v1", replicas=3, surge=0, unavailable=1))
    rest(world)
    since = len(world.trace)
    world.apply(deployment("app:v2", replicas=3, surge=0, unavailable=1))
    assert pairs(rest(world), since) == [[0, 3], [0, 2], [1, 2], [1, 1], [2, 1], [2, 0], [3, 0]]
