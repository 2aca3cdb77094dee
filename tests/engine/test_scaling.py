from __future__ import annotations

import pytest

from kgate.engine.api.apps import Deployment, ReplicaSet, ReplicaSetSpec, ReplicaSetStatus
from kgate.engine.api.codec import decode
from kgate.engine.api.meta import FrozenMap, ObjectMeta
from kgate.engine.controllers.deployment import scaling
from tests.engine.worlds import deployment


def wanted(replicas: int, surge: int | str = 0, unavailable: int | str = 1) -> Deployment:
    obj = decode(deployment(replicas=replicas, surge=surge, unavailable=unavailable))
    assert isinstance(obj, Deployment)
    return obj


def a_set(name: str, replicas: int, created_ms: int, *, maximum: int, desired: int | None = None, available: int = 0) -> ReplicaSet:
    annotations = {scaling.MAX: str(maximum), scaling.DESIRED: str(maximum if desired is None else desired)}
    return ReplicaSet(
        metadata=ObjectMeta(name=name, creation_timestamp_ms=created_ms, annotations=FrozenMap(annotations)),
        spec=ReplicaSetSpec(replicas=replicas),
        status=ReplicaSetStatus(replicas=replicas, available_replicas=available),
    )


@pytest.mark.parametrize(
    ("before", "after", "surge", "sizes", "expected"),
    [
        (13, 15, 3, {"old": 8, "new": 5}, {"old": 11, "new": 7}),
        (13, 5, 3, {"old": 8, "new": 5}, {"old": 5, "new": 3}),
        (12, 20, 2, {"old": 6, "new": 6}, {"new": 11, "old": 11}),
        (10, 12, 0, {"old": 5, "new": 5}, {"new": 6, "old": 6}),
        (10, 11, 0, {"old": 5, "new": 5}, {"new": 6, "old": 5}),  # a tie while growing: the newest first
        (10, 9, 0, {"old": 5, "new": 5}, {"old": 4, "new": 5}),  # while shrinking: the oldest first
        (10, 0, 3, {"old": 7, "new": 3}, {"old": 0, "new": 0}),
        (11, 22, 0, {"a": 9, "b": 1, "c": 1}, {"a": 18, "c": 2, "b": 2}),
        (10, 10, 0, {"old": 7, "new": 3}, {"old": 7, "new": 3}),
    ],
)
def test_every_set_takes_its_share_of_the_change(
    before: int, after: int, surge: int, sizes: dict[str, int], expected: dict[str, int]
) -> None:
    active = [a_set(name, size, n, maximum=before) for n, (name, size) in enumerate(sizes.items())]
    assert dict(scaling.proportional(wanted(after, surge), active)) == expected


def test_the_largest_set_is_scaled_first() -> None:
    active = [a_set("small", 3, 0, maximum=13), a_set("large", 10, 1, maximum=13)]
    assert [s.name for s in scaling.proportional(wanted(20, 3), active)] == ["large", "small"]


def test_a_single_active_set_takes_the_whole_change() -> None:
    new = a_set("new", 3, 1, maximum=3)
    assert scaling.scale(wanted(5), [a_set("old", 0, 0, maximum=3)], new) == [("new", 5)]


def test_without_any_active_set_the_new_one_grows_else_the_newest() -> None:
    olds = [a_set("a", 0, 0, maximum=3), a_set("b", 0, 5, maximum=3)]
    assert scaling.scale(wanted(5), olds, None) == [("b", 5)]
    assert scaling.scale(wanted(5), olds, a_set("new", 0, 1, maximum=3)) == [("new", 5)]
    assert scaling.scale(wanted(0), olds, None) == []


def test_once_the_new_set_is_whole_and_available_the_old_ones_go() -> None:
    new = a_set("new", 5, 1, maximum=5, available=5)
    assert scaling.scale(wanted(5), [a_set("old", 2, 0, maximum=5)], new) == [("old", 0)]


@pytest.mark.parametrize("text", ["", "x", "-1", "99999999999", "٣"])
def test_an_annotation_that_is_no_number_counts_as_absent(text: str) -> None:
    rs = ReplicaSet(metadata=ObjectMeta(annotations=FrozenMap({scaling.DESIRED: text})))
    assert scaling.count_in(rs, scaling.DESIRED) is None
