"""What the status of a budget says (facts of pkg/controller/disruption/disruption_test.go, and more)."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Condition, FrozenMap, Key, LabelSelector
from kgate.engine.store import key_of
from tests.engine.disruption.budgets import Desk, budget, reference


@pytest.mark.parametrize(
    ("spec", "replicas", "ready", "counts"),
    [
        # allowed, healthy, desired, expected
        ({"minAvailable": 3}, 4, 4, (1, 4, 3, 4)),
        ({"minAvailable": 3}, 4, 3, (0, 3, 3, 4)),
        ({"minAvailable": 5}, 4, 4, (0, 4, 5, 4)),
        ({"minAvailable": 0}, 4, 2, (2, 2, 0, 4)),
        # A plain minimum is held against the pods there are; everything else against what the Deployment wants.
        ({"minAvailable": "50%"}, 3, 3, (1, 3, 2, 3)),
        ({"minAvailable": "34%"}, 3, 3, (1, 3, 2, 3)),
        ({"minAvailable": "100%"}, 3, 3, (0, 3, 3, 3)),
        ({"minAvailable": "0%"}, 3, 3, (3, 3, 0, 3)),
        ({"maxUnavailable": "30%"}, 4, 4, (2, 4, 2, 4)),
        ({"maxUnavailable": "30%"}, 7, 7, (3, 7, 4, 7)),
        ({"maxUnavailable": 1}, 4, 4, (1, 4, 3, 4)),
        ({"maxUnavailable": 0}, 4, 4, (0, 4, 4, 4)),
        ({"maxUnavailable": 9}, 4, 3, (3, 3, 0, 4)),
        ({"maxUnavailable": "100%"}, 4, 4, (4, 4, 0, 4)),
        # Nothing is asked for, and so nothing is allowed.
        ({}, 4, 4, (0, 4, 0, 0)),
    ],
)
def test_all_forms_of_a_budget_are_counted(spec: dict[str, Any], replicas: int, ready: int, counts: tuple[int, ...]) -> None:
    desk = Desk()
    d = desk.workload("Deployment", replicas)
    rs = desk.workload("ReplicaSet", replicas, owner=d)
    desk.put(budget(**spec))
    for n in range(replicas):
        desk.pod(f"p{n}", owner=rs, ready=n < ready)
    assert desk.counts() == counts


@pytest.mark.parametrize(("selector", "expected"), [({}, 2), (None, 0), ({"matchLabels": {"app": "web"}}, 1)])
def test_an_empty_selector_selects_all_pods_of_the_namespace_and_an_absent_one_none(selector: Any, expected: int) -> None:
    desk = Desk()
    desk.put(budget(selector=selector, minAvailable=1))
    desk.pod("web")
    desk.pod("other", labels={})
    assert desk.counts()[3] == expected


def test_without_pods_nothing_is_allowed_and_an_event_says_so() -> None:
    desk = Desk()
    desk.put(budget(maxUnavailable=1))
    assert desk.counts() == (0, 0, 0, 0)
    assert desk.message("NoPods") == "No matching pods found"


def test_the_condition_shows_its_empty_message_and_the_generation() -> None:
    desk = Desk()
    desk.store.now_ms = 5_400
    desk.put(budget(minAvailable=1))
    expected = {"type": "DisruptionAllowed", "status": "False", "observedGeneration": 1, "reason": "InsufficientPods", "message": ""}
    assert desk.shown()["conditions"] == [expected | {"lastTransitionTime": "1970-01-01T00:00:05Z"}]
    desk.pod("a"), desk.pod("b")
    assert desk.shown()["conditions"][0] == expected | {
        "status": "True", "reason": "SufficientPods", "lastTransitionTime": "1970-01-01T00:00:05Z",
    }  # fmt: skip


def test_a_changed_spec_is_observed() -> None:
    desk = Desk()
    desk.put(budget(minAvailable=1))
    desk.pod("a"), desk.pod("b")
    pdb = desk.budget()
    desk.store.update(replace(pdb, spec=replace(pdb.spec, min_available=2)))
    desk.manager.settle()
    assert (desk.counts(), desk.shown()["observedGeneration"]) == ((0, 2, 2, 2), 2)


def test_a_changed_selector_covers_other_pods() -> None:
    desk = Desk()
    desk.put(budget(minAvailable=0))
    desk.pod("a"), desk.pod("b", labels={"app": "db"}), desk.pod("c", labels={"app": "db"})
    pdb = desk.budget()
    desk.store.update(replace(pdb, spec=replace(pdb.spec, selector=LabelSelector(match_labels=FrozenMap(app="db")))))
    desk.manager.settle()
    assert desk.counts() == (2, 2, 0, 2)
    pod = desk.store.get(Pod, "default", "b")
    assert pod is not None
    desk.store.update(replace(pod, metadata=pod.metadata.labelled("app", "web")))
    desk.manager.settle()
    # Who is told of a pod is who covers it now: its old budget learns of it with the next change of another pod.
    assert desk.counts() == (2, 2, 0, 2)
    desk.pod("d", labels={"app": "db"}, ready=False)
    assert desk.counts() == (1, 1, 0, 2)


def test_each_controller_is_counted_once_and_its_scale_is_what_it_wants() -> None:
    desk = Desk()
    rc = desk.workload("ReplicationController", 11, name="rc", api_version="v1")
    d = desk.workload("Deployment", 11, name="d")
    rs = desk.workload("ReplicaSet", 2, name="rs", owner=d)
    old = desk.workload("ReplicaSet", 9, name="old", owner=d)
    desk.put(budget(minAvailable="28%"))
    for n in range(4):
        desk.pod(f"rc{n}", owner=rc)
    assert desk.counts() == (0, 4, 4, 11)
    for n in range(4):
        desk.pod(f"d{n}", owner=old if n % 2 else rs)
    assert desk.counts() == (1, 8, 7, 22)


def test_the_new_size_of_a_workload_counts_with_the_next_change_of_a_pod() -> None:
    desk = Desk()
    rs = desk.workload("ReplicaSet", 7)
    desk.put(budget(maxUnavailable=2))
    desk.pod("a", owner=rs)
    assert desk.counts() == (0, 1, 5, 7)
    desk.store.update(rs.scaled_to(5))
    desk.manager.settle()
    assert desk.counts() == (0, 1, 5, 7)
    desk.pod("b", owner=rs)
    assert desk.counts() == (0, 2, 3, 5)


@pytest.mark.parametrize(
    ("kind", "api_version", "replicas", "expected"),
    [
        ("StatefulSet", "apps/v1", 3, 3),
        ("StatefulSet", "apps/v1", None, 1),
        ("ReplicationController", "v1", 12, 12),
        ("ReplicaSet", "apps/v1", 10, 10),
    ],
)
def test_workloads_that_are_only_objects_have_a_scale(kind: str, api_version: str, replicas: int | None, expected: int) -> None:
    desk = Desk()
    owner = desk.workload(kind, replicas, api_version=api_version)
    desk.put(budget(maxUnavailable=0))
    desk.pod("a", owner=owner)
    assert desk.counts() == (0, 1, expected, expected)


DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "rollouts.example.com"},
    "spec": {
        "group": "example.com",
        "names": {"kind": "Rollout", "plural": "rollouts"},
        "versions": [
            {"name": "v1", "served": True, "subresources": {"scale": {"specReplicasPath": ".spec.size"}}},
            {"name": "v2", "served": True},
        ],
    },
}


def test_a_custom_workload_is_scaled_as_its_definition_says() -> None:
    desk = Desk()
    desk.put(DEFINITION)
    owner = desk.put(
        {"apiVersion": "example.com/v1", "kind": "Rollout", "metadata": {"name": "r", "namespace": "default"}, "spec": {"size": 6}}
    )
    desk.put(budget(minAvailable="50%"))
    desk.pod("a", owner=owner)
    assert desk.counts() == (0, 1, 3, 6)


@pytest.mark.parametrize(
    ("owner", "why"),
    [
        ({"apiVersion": "apps/v1", "kind": "ReplicaSet"}, 'found no controllers for pod "a"'),
        ({"apiVersion": "apps/v1", "kind": "DaemonSet"}, "daemonsets.apps does not implement the scale subresource"),
        ({"apiVersion": "batch/v1", "kind": "Job"}, "jobs.batch does not implement the scale subresource"),
        ({"apiVersion": "v1", "kind": "Node"}, "nodes does not implement the scale subresource"),
        ({"apiVersion": "other/v1", "kind": "ReplicaSet"}, 'no matches for kind "ReplicaSet" in version "other/v1"'),
        ({"apiVersion": "apps/v1beta1", "kind": "StatefulSet"}, 'no matches for kind "StatefulSet" in version "apps/v1beta1"'),
        ({"apiVersion": "example.com/v2", "kind": "Rollout"}, "rollouts.example.com does not implement the scale subresource"),
        ({"apiVersion": "example.com/v3", "kind": "Rollout"}, 'no matches for kind "Rollout" in version "example.com/v3"'),
        ({"apiVersion": "a/b/c", "kind": "X"}, "unexpected GroupVersion string: a/b/c"),
    ],
)
def test_a_controller_whose_size_nobody_knows_stops_all_evictions(owner: dict[str, Any], why: str) -> None:
    desk = Desk()
    desk.put(DEFINITION)
    desk.put(budget(minAvailable="10%"))
    desk.pod("a", owner={**owner, "name": "w", "uid": "u", "controller": True})
    assert desk.budget().status.disruptions_allowed == 0
    condition = desk.shown()["conditions"][0]
    assert (condition["status"], condition["reason"], condition["message"]) == ("False", "SyncFailed", why)
    assert desk.message("CalculateExpectedPodCountFailed") == f"Failed to calculate the number of expected pods: {why}"


def test_a_workload_of_the_same_name_is_not_the_controller() -> None:
    desk = Desk()
    other = desk.workload("StatefulSet", 3)
    desk.put(budget(maxUnavailable=1))
    desk.pod("a", owner=reference(other) | {"uid": "another"})
    assert desk.shown()["conditions"][0]["reason"] == "SyncFailed"


def test_a_plain_minimum_does_not_ask_for_controllers() -> None:
    desk = Desk()
    desk.put(budget(minAvailable=1))
    desk.pod("a"), desk.pod("b", owner={"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "u", "controller": True})
    assert desk.counts() == (1, 2, 1, 2)


@pytest.mark.parametrize("spec", [{"maxUnavailable": 1}, {"minAvailable": "28%"}])
def test_pods_without_a_controller_are_in_no_sum_and_an_event_says_so(spec: dict[str, Any]) -> None:
    desk = Desk()
    selector = {"matchLabels": {"b": "2", "a": "1"}, "matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["y", "z"]}]}
    desk.put(budget(selector=selector, **spec))
    desk.pod("naked", labels={"a": "1", "b": "2"})
    assert desk.counts()[0] == 0
    assert desk.shown()["conditions"][0]["reason"] == "InsufficientPods"
    assert (
        "(selector: &LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement"
        "{LabelSelectorRequirement{Key:x,Operator:NotIn,Values:[y z],},},})"
    ) in desk.message("UnmanagedPods")


def test_several_budgets_of_one_pod_are_all_counted_and_the_pod_complains() -> None:
    desk = Desk()
    desk.put(budget("b", minAvailable=0)), desk.put(budget("a", minAvailable=0))
    desk.pod("p")
    assert (desk.counts("a"), desk.counts("b")) == ((1, 1, 0, 1), (1, 1, 0, 1))
    said = 'Pod "default"/"p" matches multiple PodDisruptionBudgets.  Chose "a" arbitrarily.'
    assert desk.message("MultiplePodDisruptionBudgets") == said
    pdb = desk.budget("a")
    desk.store.delete(key_of(pdb))
    desk.store.delete(Key("Pod", "default", "p"))
    desk.manager.settle()
    assert desk.counts("b")[1] == 0


def evicted(desk: Desk, **times: int) -> None:
    pdb = desk.budget()
    desk.store.update_status(replace(pdb, status=replace(pdb.status, disrupted_pods=FrozenMap(times))))
    desk.manager.settle()


def test_an_evicted_pod_counts_as_gone_until_its_deletion_is_seen_or_two_minutes_have_passed() -> None:
    desk = Desk()
    desk.put(budget(minAvailable=0))
    desk.store.now_ms = 200_000
    for name in ("fresh", "late", "leaving", "other"):
        desk.pod(name)
    desk.store.delete(Key("Pod", "default", "leaving"))
    evicted(desk, fresh=140_000, late=20_000, leaving=200_000, nobody=200_000)
    assert desk.shown()["disruptedPods"] == {"fresh": "1970-01-01T00:02:20Z"}
    assert desk.counts() == (2, 2, 0, 4)
    assert desk.message("NotDeleted") == "Pod was expected by PDB default/default to be deleted but it wasn't"
    desk.manager.run_until(260_004)
    assert "disruptedPods" in desk.shown()
    desk.manager.run_until(260_005)
    assert "disruptedPods" not in desk.shown()
    assert desk.counts() == (3, 3, 0, 4)
    assert desk.manager.next_timer_ms() is None


def announce(desk: Desk, pod: Pod, reason: str = "EvictionByEvictionAPI") -> None:
    said = Condition(type="DisruptionTarget", status="True", reason=reason, message="m", last_transition_time_ms=desk.store.now_ms)
    desk.store.update_status(replace(pod, status=replace(pod.status, conditions=(*pod.status.conditions, said))))
    desk.manager.settle()


def target(desk: Desk, pod: str) -> Condition:
    found = desk.store.get(Pod, "default", pod)
    assert found is not None
    return found.status.conditions[-1]


def test_an_announcement_is_taken_back_when_the_pod_lives_on_for_two_minutes() -> None:
    desk = Desk()
    announce(desk, desk.pod("a"))
    desk.manager.run_until(119_999)
    assert target(desk, "a").status == "True"
    desk.manager.run_until(120_000)
    assert target(desk, "a") == Condition(type="DisruptionTarget", status="False", last_transition_time_ms=120_000)
    assert desk.manager.next_timer_ms() is None


@pytest.mark.parametrize(("reason", "phase"), [("TerminationByKubelet", "Running"), ("EvictionByEvictionAPI", "Failed")])
def test_announcements_of_the_kubelet_and_of_ended_pods_stand(reason: str, phase: str) -> None:
    desk = Desk()
    announce(desk, desk.pod("a", phase=phase), reason)
    desk.manager.run_until(500_000)
    assert target(desk, "a").status == "True"


def test_a_failed_sync_recovers_once_the_controller_is_known() -> None:
    desk = Desk()
    desk.put(budget(maxUnavailable=1))
    pod = desk.pod("a", owner={"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "u", "controller": True})
    assert desk.shown()["conditions"][0]["reason"] == "SyncFailed"
    desk.store.delete(key_of(pod), grace_seconds=0)
    desk.pod("b", owner=desk.workload("ReplicaSet", 1))
    assert desk.counts() == (1, 1, 0, 1)
    assert desk.shown()["conditions"][0]["message"] == ""
