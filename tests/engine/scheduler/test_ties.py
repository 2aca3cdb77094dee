"""Nodes with the same score: who wins, who could have won, and who may decide instead."""

from __future__ import annotations

import pytest

from kgate.engine import ApiError, Cluster
from tests.engine.scheduler.objects import World, node, pod


def cluster(**kwargs: object) -> Cluster:
    made = Cluster(**kwargs)  # type: ignore[arg-type]
    for i, zone in enumerate("aab"):
        meta = {"name": f"n{i}", "labels": {"topology.kubernetes.io/zone": zone}}
        made.add_node({"metadata": meta, "status": {"capacity": {"cpu": "4", "memory": "8Gi", "pods": "9"}}})
    return made


POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def test_all_tied_nodes_are_told_in_the_order_of_the_node_tree() -> None:
    made = cluster()
    made.create({**POD, "spec": {**POD["spec"], "schedulerName": "nobody"}})  # type: ignore[dict-item]
    assert made.tied_nodes("p") == ("n0", "n2", "n1")
    with pytest.raises(ApiError):
        made.tied_nodes("q")


def test_somebody_else_may_choose_between_them() -> None:
    seen = []

    def last(pod_: object, nodes: object) -> str:
        seen.append(nodes)
        return nodes[-1]  # type: ignore[index, no-any-return]

    made = cluster(choose=last)
    made.create(POD)
    assert (made.get("Pod", "p")["spec"]["nodeName"], seen) == ("n1", [("n0", "n2", "n1")])


def test_a_pod_that_fits_nowhere_has_no_tied_nodes() -> None:
    world = World(node("n", cpu="1"), pod("p", cpu="2"))
    assert world.scheduler.tied_nodes(world.pod("p")) == ()
