"""How many more pods like one fit; nothing is written to find out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate.engine import ApiError, Cluster

POD: dict[str, Any] = {
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
    "spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}}]},
}  # fmt: skip


def node(name: str, cpu: int) -> dict[str, Any]:
    has = {"cpu": str(cpu), "memory": "8Gi", "pods": "110"}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {"capacity": has, "allocatable": has}}


def cluster(*cpus: int) -> Cluster:
    made = Cluster()
    for i, cpu in enumerate(cpus):
        made.add_node(node(f"n{i}", cpu))
    made.create(POD)
    return made


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.lists(st.integers(1, 4), max_size=2), st.integers(1, 20))
def test_as_many_fit_as_there_are_cores_and_no_more_than_asked_for(cpus: list[int], more: list[int], most: int) -> None:
    made = cluster(*cpus)
    before = len(made.trace)
    room = made.room_for("p", most, more=[node(f"m{i}", cpu) for i, cpu in enumerate(more)])
    assert room.fit == min(most, sum(cpus) + sum(more))
    assert (room.message == "") is (room.fit == most)
    assert len(made.trace) == before


def test_what_is_in_the_way_is_said_in_the_words_of_kube_scheduler() -> None:
    room = cluster(1, 2).room_for("p", 9)
    assert room.by_node == {"n1": 2, "n0": 1} and room.reasons == {"Insufficient cpu": 2}
    assert room.message == (
        "0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, "
        "preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod."
    )


def test_a_pod_that_is_not_there_has_no_room() -> None:
    with pytest.raises(ApiError):
        cluster(1).room_for("q", 1)
