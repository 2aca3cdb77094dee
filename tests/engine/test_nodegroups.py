"""Groups of nodes that grow when pods find no room."""

from __future__ import annotations

from typing import Any

import pytest

from kgate.engine import Cluster
from kgate.engine.nodegroups import NodeGroups, node_group


def node(name: str = "", cpu: str = "2", **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {
            "capacity": {"cpu": cpu, "memory": "8Gi", "pods": "110"},
            "allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def pod(name: str, cpu: str = "1", **spec: Any) -> dict[str, Any]:
    containers = [{"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "a"}},
        "spec": {"containers": containers, **spec},
    }


def group(name: str = "g-", *occupants: dict[str, Any], size: int = 0, most: int = 3, seconds: int = 60, **how: Any) -> Any:
    return node_group(name, [node(**how), *occupants], size=size, most=most, provision_ms=seconds * 1000)


def cluster(*groups: Any) -> Cluster:
    made = Cluster()
    made.manager.add(NodeGroups(made.store, made.manager, groups))
    return made


def places(c: Cluster) -> dict[str, str]:
    return {p["metadata"]["name"]: p["spec"].get("nodeName", "") for p in c.list("Pod")}


def said(c: Cluster, reason: str) -> list[str]:
    return [e.message for e in c.events if e.reason == reason]


def test_a_pod_that_found_no_room_gets_a_node_after_the_time_that_takes() -> None:
    c = cluster(group())
    c.create(pod("a"))
    c.run_for(59_999)
    assert places(c) == {"a": ""}
    c.run_for(1)
    assert places(c) == {"a": "g-1"}
    assert said(c, "TriggeredScaleUp") == ["pod triggered scale-up: [{g- 0->1 (max: 3)}]"]


def test_no_more_nodes_come_than_the_pods_need() -> None:
    c = cluster(group())
    for name in "abc":
        c.create(pod(name))
    c.run_for(300_000)
    assert sorted(places(c).values()) == ["g-1", "g-1", "g-2"]
    assert [n["metadata"]["name"] for n in c.list("Node")] == ["g-1", "g-2"]


def test_a_node_on_its_way_is_counted_before_another_is_asked_for() -> None:
    c = cluster(group())
    c.create(pod("a"))
    c.run_for(30_000)
    c.create(pod("b"))
    c.run_for(300_000)
    assert places(c) == {"a": "g-1", "b": "g-1"}


def test_a_group_does_not_grow_beyond_its_end_and_says_so_once() -> None:
    c = cluster(group(most=1))
    for name in "abc":
        c.create(pod(name))
    c.run_for(900_000)
    assert [n["metadata"]["name"] for n in c.list("Node")] == ["g-1"]
    assert places(c)["c"] == ""
    assert said(c, "NotTriggerScaleUp") == ["pod didn't trigger scale-up: 1 max node group size reached"]


def test_a_pod_that_a_new_node_would_not_hold_gets_none() -> None:
    c = cluster(group())
    c.create(pod("huge", cpu="3"))
    c.create(pod("picky", nodeSelector={"disk": "ssd"}))
    c.run_for(900_000)
    assert c.list("Node") == []
    assert said(c, "NotTriggerScaleUp") == [
        "pod didn't trigger scale-up: 1 Insufficient cpu",
        "pod didn't trigger scale-up: 1 node(s) didn't match Pod's node affinity/selector",
    ]


def test_the_first_group_whose_nodes_fit_grows() -> None:
    c = cluster(group("small-"), group("big-", cpu="8"), group("ssd-", disk="ssd"))
    c.create(pod("huge", cpu="6"))
    c.create(pod("picky", nodeSelector={"disk": "ssd"}))
    c.run_for(60_000)
    assert places(c) == {"huge": "big-1", "picky": "ssd-1"}


def test_what_runs_on_each_node_takes_its_room() -> None:
    agent = pod("", cpu="1500m") | {"metadata": {"name": "x", "namespace": "kube-system"}}
    c = cluster(group("g-", agent))
    c.create(pod("a", cpu="500m"))
    c.create(pod("b", cpu="600m"))
    c.run_for(300_000)
    assert places(c) == {"a": "g-1", "b": "", "g-1-1": "g-1"}


def test_anti_affinity_asks_for_a_node_each() -> None:
    apart = {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "a"}}}
            ]
        }
    }
    c = cluster(group())
    for name in "abc":
        c.create(pod(name, cpu="100m", affinity=apart))
    c.run_for(60_000)
    assert places(c) == {"a": "g-1", "b": "g-2", "c": "g-3"}


def test_expendable_pods_get_no_node() -> None:
    c = cluster(group())
    c.create({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "filler"}, "value": -11})
    c.create(pod("a", priorityClassName="filler"))
    c.run_for(300_000)
    assert c.list("Node") == []


def test_a_cluster_that_grows_comes_to_rest_and_can_be_forked_while_a_node_is_coming() -> None:
    c = cluster(group())
    c.create(pod("a"))
    c.run_for(30_000)
    other = c.fork()
    assert c.run_to_rest(10**7)
    assert places(other) == {"a": ""}
    assert other.run_to_rest(10**7)
    assert places(other) == places(c) == {"a": "g-1"}


@pytest.mark.slow
def test_five_hundred_pods_are_planned_for_at_once() -> None:
    import time

    c = cluster(group(most=300))
    started = time.perf_counter()
    template = {"metadata": {"labels": {"app": "a"}}, "spec": pod("x")["spec"]}
    c.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {"replicas": 500, "selector": {"matchLabels": {"app": "a"}}, "template": template},
        }
    )
    c.run_for(120_000)
    assert len(c.list("Node")) == 250
    assert all(places(c).values())
    assert time.perf_counter() - started < 30
