"""Bandwidth is a resource of nodes when somebody says so, and only then."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from kgate.engine import Cluster
from kgate.engine.api.meta import FrozenMap
from kgate.engine.scheduler.profile import default_profile
from tests.engine.scheduler.objects import World, node, pod

INGRESS, EGRESS = "kubernetes.io/ingress-bandwidth", "kubernetes.io/egress-bandwidth"


def saying(obj: Any, **said: str) -> Any:
    annotations = FrozenMap({f"kubernetes.io/{direction}-bandwidth": text for direction, text in said.items()})
    return replace(obj, metadata=replace(obj.metadata, annotations=annotations))


def world(*objects: Any) -> World:
    return World(*objects, profile=default_profile(bandwidth=True))


def test_off_by_default() -> None:
    there = World(saying(node("n"), egress="1G"), saying(pod("p"), egress="2G"))
    assert there.where("p") == "n"


def test_pods_share_what_the_node_carries() -> None:
    there = world(saying(node("n"), egress="1G", ingress="1G"), *(saying(pod(f"p{i}"), egress="400M") for i in range(3)))
    assert [there.where(f"p{i}") for i in range(3)] == ["n", "n", ""]
    assert there.message("p2") == (
        "0/1 nodes are available: 1 Insufficient egress-bandwidth. no new claims to deallocate, "
        "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
    )
    assert there.gone("p0").where("p2") == "n"


def test_each_direction_is_counted_and_told_by_itself() -> None:
    there = world(saying(node("n"), egress="1M", ingress="1M"), saying(pod("p"), egress="2M", ingress="3M"))
    assert "1 Insufficient egress-bandwidth, 1 Insufficient ingress-bandwidth." in there.message("p")
    assert "Preemption is not helpful" in there.message("p")


@pytest.mark.parametrize("asked", ["nonsense", "1", "2P", "-5M"])
def test_what_the_kubelet_would_refuse_asks_for_nothing(asked: str) -> None:
    assert world(saying(node("n"), egress="1M"), saying(pod("p"), egress=asked)).where("p") == "n"


def test_a_node_that_says_nothing_carries_everything() -> None:
    assert world(saying(node("n"), ingress="1M"), saying(pod("p"), egress="9G")).where("p") == "n"


def test_a_node_that_declares_more_lets_a_waiting_pod_in() -> None:
    there = world(saying(node("n"), egress="1M"), saying(pod("p"), egress="2M"))
    found = there.store.list_kind("Node")[0]
    there.store.update(saying(found, egress="5M"))
    there.manager.settle()
    assert there.where("p") == "n"


def test_a_cluster_is_given_the_profile() -> None:
    cluster = Cluster(profile=default_profile(bandwidth=True))
    cluster.add_node({"metadata": {"name": "n", "annotations": {EGRESS: "1M"}}, "status": {"capacity": {"cpu": "4", "pods": "9"}}})
    cluster.create({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "annotations": {EGRESS: "2M", INGRESS: "1M"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    })  # fmt: skip
    assert "nodeName" not in cluster.get("Pod", "p")["spec"]
