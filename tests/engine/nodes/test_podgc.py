"""Pods that nobody else will ever remove."""

from __future__ import annotations

from typing import Any

import pytest

from kgate.engine import Cluster
from kgate.engine.api.core import Pod
from tests.engine.nodes.worlds import bare, bearing, first_ms, pods_on, world

OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


def ended(cluster: Cluster, name: str, phase: str, reason: str = "") -> None:
    """A pod that has run to its end."""
    cluster.create(bare(name, "n1"))
    cluster.patch("Pod", name, {"status": {"phase": phase, "reason": reason}}, subresource="status")


def names(cluster: Cluster) -> list[str]:
    return [p["metadata"]["name"] for p in cluster.list("Pod")]


@pytest.mark.parametrize(
    ("threshold", "pods", "left"),
    [
        (0, {"a": "Failed", "b": "Succeeded"}, ["a", "b"]),
        (1, {"a": "Failed", "b": "Succeeded", "c": "Failed"}, ["c"]),
        (1, {"a": "Running", "b": "Succeeded", "c": "Failed"}, ["a", "c"]),
        (1, {"a": "Failed", "b": "Succeeded"}, ["b"]),
        (5, {"a": "Failed", "b": "Succeeded"}, ["a", "b"]),
        (1, {"a": "Failed", "b": "Succeeded", "c": "Evicted"}, ["b"]),  # evicted ones go first, then a, as old as b, by name
        (1, {"a": "Running", "b": "Succeeded", "c": "Evicted"}, ["a", "b"]),
    ],
)
def test_of_too_many_ended_pods_the_evicted_and_the_oldest_go(threshold: int, pods: dict[str, str], left: list[str]) -> None:
    cluster = world(settings={"terminated-pod-gc-threshold": threshold})
    for name, phase in pods.items():
        if phase == "Running":
            cluster.create(bare(name, "n1"))
        else:
            ended(cluster, name, "Failed" if phase == "Evicted" else phase, phase if phase == "Evicted" else "")
    cluster.run_for(20_000)
    assert names(cluster) == left


def test_nobody_looks_while_there_are_not_too_many() -> None:
    cluster = world(settings={})
    ended(cluster, "a", "Succeeded")
    assert cluster.run_to_rest(100_000)
    assert cluster.now_ms < 1_000


@pytest.mark.parametrize(("deleted_ms", "removed_ms"), [(1_000, 60_000), (19_999, 60_000), (20_000, 60_000), (20_001, 80_000)])
def test_pods_of_a_deleted_node_go_after_a_look_and_forty_seconds(deleted_ms: int, removed_ms: int) -> None:
    cluster = world()
    cluster.create(bare("p", "n1"))
    cluster.run_for(deleted_ms)
    cluster.delete("Node", "n1")
    cluster.run_for(removed_ms - deleted_ms - 1)
    assert [p.ready for p in pods_on(cluster, "n1")] == [True]
    cluster.run_for(1)
    assert names(cluster) == []
    last = next(e.before for e in reversed(list(cluster.trace)) if e.key.kind == "Pod" and e.after is None)
    assert isinstance(last, Pod)
    why = next((c.status, c.reason, c.message) for c in last.status.conditions if c.type == "DisruptionTarget")
    assert (last.status.phase, why) == ("Failed", ("True", "DeletionByPodGC", "PodGC: node no longer exists"))


def test_a_node_that_is_there_again_after_the_quarantine_keeps_its_pods() -> None:
    cluster = world()
    cluster.create(bare("p", "n1"))
    cluster.run_for(1_000)
    cluster.delete("Node", "n1")
    cluster.run_for(50_000)
    cluster.add_node({"metadata": {"name": "n1"}})
    cluster.run_to_rest(1_000_000)
    assert names(cluster) == ["p"]


def test_a_pod_that_is_put_on_a_node_that_never_was_goes_too() -> None:
    cluster = world()
    cluster.run_for(1_000)
    cluster.create(bare("p", "nowhere"))
    cluster.run_to_rest(1_000_000)
    assert (names(cluster), cluster.now_ms) == ([], 60_000)


def test_replacements_of_a_deleted_nodes_pods_come_when_they_are_given_up() -> None:
    cluster = world()
    cluster.apply(bearing(300))
    cluster.run_to_rest(100_000)
    cluster.delete("Node", "n1")
    cluster.run_for(59_000)
    assert cluster.get("Deployment", "web")["status"]["readyReplicas"] == 3
    cluster.run_to_rest(100_000)
    assert sorted(p["spec"]["nodeName"] for p in cluster.list("Pod")) == ["n2", "n2", "n3"]


@pytest.mark.parametrize(
    ("stopped", "tainted", "deleted", "goes"),
    [
        (True, True, True, True),
        (True, True, False, True),  # the taint itself evicts it
        (True, False, True, False),
        (False, True, False, True),  # a living kubelet does it
    ],
)
def test_terminating_pods_of_a_node_that_is_out_of_service_are_given_up(stopped: bool, tainted: bool, deleted: bool, goes: bool) -> None:
    cluster = world()
    cluster.create(bare("p", "n1"))
    cluster.run_for(1_000)
    if stopped:
        cluster.stop_node("n1")
        cluster.run_for(10_000)
    if deleted:
        cluster.delete("Pod", "p")
    if tainted:
        cluster.taint("n1", OUT_OF_SERVICE, "nodeshutdown", "NoExecute")
    cluster.run_for(30_000)
    assert names(cluster) == ([] if goes else ["p"])


def test_a_ready_node_that_is_out_of_service_leaves_the_pods_to_its_kubelet() -> None:
    cluster = world()
    cluster.create(bare("p", "n1"))
    cluster.run_for(1_000)
    cluster.taint("n1", OUT_OF_SERVICE, effect="NoExecute")
    cluster.run_to_rest(100_000)
    assert names(cluster) == []
    assert not any(e.key.kind == "Pod" and _failed(e.object) for e in cluster.trace)


def test_a_pod_that_was_never_bound_and_is_terminating_goes_when_its_finalizer_lets_it() -> None:
    cluster = world("a")
    body = bare("p", "")
    del body["spec"]["nodeName"]
    body["spec"]["nodeSelector"] = {"no": "such"}
    body["metadata"]["finalizers"] = ["example.com/hold"]
    cluster.create(body)
    cluster.delete("Pod", "p")
    cluster.run_for(20_000)
    assert cluster.get("Pod", "p")["status"]["phase"] == "Failed"
    cluster.patch("Pod", "p", {"metadata": {"finalizers": None}})
    assert names(cluster) == []


def test_what_is_given_up_was_failed_before() -> None:
    cluster = world()
    cluster.apply(bearing(1))
    cluster.run_to_rest(100_000)
    cluster.stop_node("n1")
    cluster.taint("n1", OUT_OF_SERVICE, effect="NoExecute")
    cluster.run_to_rest(100_000)
    assert first_ms(cluster, _failed, "Pod") == 20_000
    assert sorted(p["spec"]["nodeName"] for p in cluster.list("Pod")) == ["n2", "n2", "n3"]


def _failed(pod: Any) -> bool:
    return isinstance(pod, Pod) and pod.status.phase == "Failed"
