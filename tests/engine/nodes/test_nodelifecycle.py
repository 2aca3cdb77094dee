"""Nodes that fall silent, come back, leave, or say themselves that they are not well."""

from __future__ import annotations

from typing import Any

import pytest

from kgate.engine import ApiError, Cluster
from kgate.engine.api.core import Node
from kgate.engine.flags import FlagError
from tests.engine.nodes.worlds import CAPACITY, UNREACHABLE, bare, bearing, first_ms, pods_on, ready, said, taints, world

LOST = ["unreachable:NoSchedule", "unreachable:NoExecute"]


def condition(cluster: Cluster, node: str, type_: str, status: str) -> None:
    """As the kubelet of that node would report it."""
    others = [c for c in cluster.get("Node", node)["status"]["conditions"] if c["type"] != type_]
    cluster.patch("Node", node, {"status": {"conditions": [*others, {"type": type_, "status": status}]}}, subresource="status")


@pytest.mark.parametrize(("version", "seconds"), [("1.36", 50), ("1.32", 50), ("1.31", 50), ("1.30", 40)])
def test_a_silent_node_is_unknown_after_the_grace_period_of_the_version(version: str, seconds: int) -> None:
    cluster = world(settings={}, kubernetes_version=version)
    cluster.stop_node("n1")
    cluster.run_for(seconds * 1000 - 1)
    assert ready(cluster, "n1") == "True"
    cluster.run_for(1)
    assert ready(cluster, "n1") == "Unknown"


@pytest.mark.parametrize("stopped_ms", [0, 300, 4_999, 5_000, 9_999, 10_000, 10_001, 17_500])
def test_the_grace_counts_from_the_look_that_saw_the_last_renewal(stopped_ms: int) -> None:
    cluster = world(settings={})
    cluster.run_for(stopped_ms)
    cluster.stop_node("n1")
    cluster.run_to_rest(1_000_000)
    unknown = first_ms(cluster, lambda n: any(c.status == "Unknown" for c in n.status.conditions), "Node")
    assert unknown == stopped_ms // 10_000 * 10_000 + 50_000
    assert stopped_ms + 40_000 <= unknown <= stopped_ms + 55_000


def test_all_conditions_of_the_kubelet_become_unknown_and_those_of_others_stay() -> None:
    cluster = world()
    condition(cluster, "n1", "NetworkUnavailable", "False")
    cluster.stop_node("n1")
    cluster.run_for(6_000)
    shown = {c["type"]: (c["status"], c.get("reason"), c.get("message")) for c in cluster.get("Node", "n1")["status"]["conditions"]}
    silent = ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
    assert {k: v for k, v in shown.items() if v == silent}.keys() == {"Ready", "MemoryPressure", "DiskPressure", "PIDPressure"}
    assert shown["NetworkUnavailable"][0] == "False"


def test_a_node_of_which_nothing_was_ever_heard_has_the_startup_grace() -> None:
    cluster = world(settings={"node-startup-grace-period": "20s"})
    cluster.add_node({"metadata": {"name": "late"}, "status": CAPACITY}, started=False)
    cluster.run_for(19_999)
    assert ready(cluster, "late") == ""
    cluster.run_for(1)
    ready_condition = next(c for c in cluster.get("Node", "late")["status"]["conditions"] if c["type"] == "Ready")
    assert (ready_condition["status"], ready_condition["reason"]) == ("Unknown", "NodeStatusNeverUpdated")
    assert ready_condition["message"] == "Kubelet never posted node status."
    cluster.start_node("late")
    assert ready(cluster, "late") == "True"


def test_first_the_node_is_unknown_then_its_pods_are_not_ready_then_come_the_taints() -> None:
    cluster = world()
    cluster.create(bare("p", "n1"))
    cluster.run_for(1_000)
    cluster.stop_node("n1")
    begin = len(cluster.trace)
    cluster.run_for(7_000)
    written = [f"{e.key.kind} {e.key.name}" for e in list(cluster.trace)[begin:] if e.key.kind != "Event"]
    assert written[:4] == ["Node n1", "Pod p", "Node n1", "Node n1"]
    assert taints(cluster, "n1") == LOST
    assert said(cluster, "NodeNotReady") == ["Node n1 status is now: NodeNotReady", "Node is not ready"]
    (pod,) = pods_on(cluster, "n1")
    assert (pod.ready, pod.status.phase) == (False, "Running")


def test_a_kubelet_that_is_back_in_time_leaves_no_trace() -> None:
    cluster = world()
    cluster.run_for(500)
    begin = len(cluster.trace)
    cluster.stop_node("n1")
    cluster.run_for(4_000)
    cluster.start_node("n1")
    cluster.run_to_rest(100_000)
    assert [e.key.kind for e in list(cluster.trace)[begin:]] in ([], ["Node"])
    assert ready(cluster, "n1") == "True"


def test_a_node_that_comes_back_loses_its_taints_and_its_pods_are_ready_again() -> None:
    cluster = world()
    cluster.create(bare("p", "n1"))
    cluster.run_for(1_000)
    cluster.stop_node("n1")
    cluster.run_for(10_000)
    cluster.start_node("n1")
    assert taints(cluster, "n1") == ["unreachable:NoExecute"]
    assert [p.ready for p in pods_on(cluster, "n1")] == [True]
    cluster.run_for(1_000)
    assert taints(cluster, "n1") == []
    assert said(cluster, "NodeReady") == ["Node n1 status is now: NodeReady"]


def test_on_a_dead_node_nothing_starts_and_nothing_ends() -> None:
    cluster = world()
    cluster.create(bare("old", "n1"))
    cluster.run_for(1_000)
    cluster.stop_node("n1")
    cluster.create(bare("new", "n1"))
    cluster.delete("Pod", "old", grace_s=5)
    cluster.run_for(60_000)
    assert [(p.metadata.name, p.status.phase, p.metadata.deleting) for p in pods_on(cluster, "n1")] == [
        ("old", "Running", True),
        ("new", "Pending", False),
    ]
    cluster.start_node("n1")
    cluster.run_for(100)
    assert [p.metadata.name for p in pods_on(cluster, "n1")] == ["new"]
    cluster.run_for(200)
    assert [p.ready for p in pods_on(cluster, "n1")] == [True]


@pytest.mark.parametrize(
    ("type_", "status", "taint"),
    [
        ("MemoryPressure", "True", "memory-pressure"),
        ("DiskPressure", "True", "disk-pressure"),
        ("PIDPressure", "True", "pid-pressure"),
        ("NetworkUnavailable", "True", "network-unavailable"),
        ("Ready", "False", "not-ready"),
        ("Ready", "Unknown", "unreachable"),
        ("MemoryPressure", "Unknown", None),
        ("KernelDeadlock", "True", None),
    ],
)
def test_conditions_become_no_schedule_taints_at_once(type_: str, status: str, taint: str | None) -> None:
    cluster = world()
    condition(cluster, "n1", type_, status)
    assert taints(cluster, "n1") == ([f"{taint}:NoSchedule"] if taint else [])
    condition(cluster, "n1", type_, "True" if type_ == "Ready" else "False")
    assert taints(cluster, "n1") == []


def test_a_cordoned_node_is_tainted_and_taints_of_others_stay() -> None:
    cluster = world()
    cluster.taint("n1", "mine", "x")
    cluster.taint("n1", UNREACHABLE, effect="PreferNoSchedule")
    cluster.cordon("n1")
    assert taints(cluster, "n1") == ["mine:NoSchedule", "unreachable:PreferNoSchedule", "unschedulable:NoSchedule"]
    cluster.uncordon("n1")
    assert taints(cluster, "n1") == ["mine:NoSchedule", "unreachable:PreferNoSchedule"]
    cluster.untaint("n1", "mine")
    cluster.untaint("n1", UNREACHABLE, "NoSchedule")
    assert taints(cluster, "n1") == ["unreachable:PreferNoSchedule"]


def test_a_taint_of_the_controller_that_somebody_else_sets_does_not_last() -> None:
    cluster = world()
    cluster.taint("n1", UNREACHABLE)
    assert taints(cluster, "n1") == []


def test_one_taint_follows_the_other_when_the_kind_of_trouble_changes() -> None:
    cluster = world()
    condition(cluster, "n1", "Ready", "False")
    cluster.run_for(2_000)
    assert taints(cluster, "n1") == ["not-ready:NoSchedule", "not-ready:NoExecute"]
    cluster.stop_node("n1")
    cluster.run_for(8_000)
    assert sorted(taints(cluster, "n1")) == sorted(LOST)


def test_a_no_execute_taint_that_somebody_removes_comes_again() -> None:
    cluster = world()
    cluster.stop_node("n1")
    cluster.run_for(8_000)
    cluster.untaint("n1", UNREACHABLE, "NoExecute")
    cluster.run_for(2_000)
    assert taints(cluster, "n1") == LOST


def test_nodes_of_one_zone_are_tainted_one_every_ten_seconds() -> None:
    cluster = world("aaaaaa", {})
    for name in ("n1", "n2", "n3"):
        cluster.stop_node(name)
    cluster.run_to_rest(1_000_000)
    at = [e.time_ms for e in cluster.trace if isinstance(e.after, Node) and any(t.effect == "NoExecute" for t in e.after.spec.taints)]
    assert at == [50_100, 60_100, 70_100]


def test_zones_do_not_wait_for_each_other() -> None:
    cluster = world("aabb", {})
    cluster.stop_node("n1")
    cluster.stop_node("n3")
    cluster.run_for(50_100)
    assert taints(cluster, "n1") == taints(cluster, "n3") == LOST


def test_in_a_small_zone_that_is_mostly_lost_nobody_is_evicted() -> None:
    cluster = world("aaaabb")
    for name in ("n1", "n2", "n3"):
        cluster.stop_node(name)
    cluster.run_to_rest(1_000_000)
    assert [taints(cluster, n) for n in ("n1", "n2", "n3")] == [LOST[:1]] * 3
    cluster.start_node("n3")
    cluster.run_to_rest(1_000_000)
    assert [taints(cluster, n) for n in ("n1", "n2", "n3")] == [LOST, LOST, []]


def test_a_zone_that_is_wholly_lost_is_evicted_while_another_one_lives() -> None:
    cluster = world("aab")
    cluster.stop_node("n1")
    cluster.stop_node("n2")
    cluster.run_to_rest(1_000_000)
    assert taints(cluster, "n1") == taints(cluster, "n2") == LOST


def test_when_all_zones_are_lost_evictions_stop_until_a_node_is_back() -> None:
    cluster = world("aab")
    cluster.apply(bearing(3))
    cluster.run_to_rest(1_000_000)
    for name in ("n1", "n2", "n3"):
        cluster.stop_node(name)
    cluster.run_for(60_000)
    assert [taints(cluster, n) for n in ("n1", "n2", "n3")] == [LOST[:1]] * 3
    assert not any(p["metadata"].get("deletionTimestamp") for p in cluster.list("Pod"))
    cluster.start_node("n3")
    cluster.run_to_rest(1_000_000)
    assert [taints(cluster, n) for n in ("n1", "n2", "n3")] == [LOST, LOST, []]


def test_when_the_last_node_is_lost_later_the_others_are_forgiven() -> None:
    cluster = world("ab")
    cluster.apply(bearing(20, replicas=2))
    cluster.run_to_rest(1_000_000)
    cluster.stop_node("n1")
    cluster.run_for(10_000)
    assert taints(cluster, "n1") == LOST
    cluster.stop_node("n2")
    cluster.run_to_rest(1_000_000)
    assert taints(cluster, "n1") == taints(cluster, "n2") == LOST[:1]
    assert len(said(cluster, "TaintManagerEviction")) == 1
    assert said(cluster, "TaintManagerEviction")[0].startswith("Cancelling deletion of Pod default/web-")


def test_nodes_that_are_excluded_do_not_count_for_their_zone() -> None:
    cluster = world("aab")
    cluster.patch("Node", "n3", {"metadata": {"labels": {"node.kubernetes.io/exclude-disruption": ""}}})
    cluster.stop_node("n1")
    cluster.stop_node("n2")
    cluster.run_to_rest(1_000_000)
    assert taints(cluster, "n1") == LOST[:1]


def test_nodes_that_join_and_leave_are_told() -> None:
    cluster = world()
    cluster.run_for(1_500)
    cluster.add_node({"metadata": {"name": "n4"}, "status": CAPACITY})
    cluster.run_for(1_000)
    cluster.delete("Node", "n4")
    cluster.run_for(1_000)
    assert said(cluster, "RegisteredNode") == ["Node n4 event: Registered Node n4 in Controller"]
    assert said(cluster, "RemovingNode") == ["Node n4 event: Removing Node n4 from Controller"]


def test_old_names_of_labels_follow_the_new_ones() -> None:
    cluster = world()
    labels = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64", "beta.kubernetes.io/arch": "amd64"}
    cluster.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n4", "labels": labels}, "status": CAPACITY})
    shown = cluster.get("Node", "n4")["metadata"]["labels"]
    assert (shown["beta.kubernetes.io/os"], shown["beta.kubernetes.io/arch"]) == ("linux", "arm64")


def test_while_all_is_well_nobody_looks() -> None:
    cluster = world(settings={})
    cluster.apply(bearing(None))
    assert cluster.run_to_rest(1_000_000)
    assert cluster.now_ms < 1_000
    assert cluster.manager.next_timer_ms() is None


def test_a_lost_node_is_rest_as_well() -> None:
    cluster = world(settings={})
    cluster.apply(bearing(None))
    cluster.run_to_rest(1_000_000)
    cluster.stop_node("n1")
    assert cluster.run_to_rest(1_000_000)
    assert cluster.now_ms < 60_000
    assert cluster.manager.next_timer_ms() is None


@pytest.mark.parametrize("act", ["stop_node", "start_node", "cordon", "uncordon"])
def test_a_node_that_is_not_there_is_not_found(act: str) -> None:
    with pytest.raises(ApiError, match='nodes "n9" not found'):
        getattr(world(), act)("n9")


def test_a_wrong_flag_is_refused_before_anything_happens() -> None:
    bad: dict[str, Any] = {"node-monitor-grace-period": "soon"}
    with pytest.raises(FlagError, match='invalid argument "soon" for "--node-monitor-grace-period" flag'):
        Cluster(settings=bad)
