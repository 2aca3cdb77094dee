"""What the ReplicaSet controller does with pods (pkg/controller/replicaset)."""

from __future__ import annotations

from typing import Any

import pytest

from kgate.engine import Behaviour, Cluster
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Resource
from kgate.engine.errors import forbidden
from tests.engine.worlds import cluster, rest


def a_set(replicas: int = 3, name: str = "rs", **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "a", "image": "a:v1"}]}}
    body = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": name}, "spec": body}


def a_pod(name: str, **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [{"name": "a", "image": "a:v1"}]},
    }


class Allowance:
    """Refuses pods once there have been `left` of them; counts every attempt."""

    def __init__(self, world: Cluster, left: int) -> None:
        self.left, self.attempts = left, 0
        world.store.admit_with(self)

    def __call__(self, obj: Resource) -> Resource:
        if isinstance(obj, Pod):
            self.attempts += 1
            if self.left <= 0:
                raise forbidden("pods", obj.metadata.generate_name, "no more")
            self.left -= 1
        return obj


def status(world: Cluster, name: str = "rs") -> dict[str, Any]:
    found: dict[str, Any] = world.get("ReplicaSet", name)["status"]
    return found


@pytest.mark.parametrize(
    ("replicas", "allowed", "attempts"),
    [
        (10, 0, 1),  # the first batch is one
        (10, 1, 1 + 2),  # the whole second batch is tried
        (10, 2, 1 + 2),
        (10, 3, 1 + 2 + 4),
        (10, 7, 1 + 2 + 4 + 3),  # the last batch is what is left
        (10, 10, 10),
        (0, 0, 0),
    ],
)
def test_pods_are_made_in_batches_that_double_until_one_fails(replicas: int, allowed: int, attempts: int) -> None:
    world = cluster()
    gate = Allowance(world, allowed)
    world.create(a_set(replicas))
    # The condition wakes the set again, and so does the status that counts what was created; both start with a batch of one.
    again = 0 if allowed >= replicas else 2 if allowed else 1
    assert gate.attempts == attempts + again
    assert len(world.list("Pod")) == allowed


def test_failed_creations_are_tried_again_after_twice_the_time() -> None:
    world = cluster()
    gate = Allowance(world, 0)
    world.create(a_set(1))
    seen = []
    while world.now_ms < 100:
        before = gate.attempts
        world.run_for(1)
        if gate.attempts > before:
            seen.append(world.now_ms)
    assert seen == [5, 25, 65]  # 0 ms had two attempts: the second because the condition of the first was written


def test_the_condition_keeps_the_first_error_until_a_sync_succeeds() -> None:
    world = cluster()
    gate = Allowance(world, 0)
    world.create(a_set(2))
    world.run_for(1000)
    (found,) = status(world)["conditions"]
    assert (found["type"], found["status"], found["reason"]) == ("ReplicaFailure", "True", "FailedCreate")
    assert found["message"] == 'pods "rs-" is forbidden: no more'
    gate.left = 5
    rest(world)
    assert "conditions" not in status(world)
    assert status(world)["replicas"] == 2


def test_a_status_counts_ready_available_and_fully_labelled_pods() -> None:
    world = cluster()
    world.create(a_set(3, minReadySeconds=5))
    world.run_for(1500)
    now = status(world)
    assert {k: now.get(k, 0) for k in ("replicas", "readyReplicas", "availableReplicas", "fullyLabeledReplicas")} == {
        "replicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 0,
        "fullyLabeledReplicas": 3,
    }
    rest(world)
    assert status(world)["availableReplicas"] == 3


def test_a_pod_that_lacks_a_label_of_the_template_is_not_fully_labelled() -> None:
    world = cluster()
    body = a_set(2)
    body["spec"]["template"]["metadata"]["labels"]["tier"] = "web"
    world.create(a_pod("mine", app="rs"))
    world.create(body)
    rest(world)
    assert (status(world)["replicas"], status(world)["fullyLabeledReplicas"]) == (2, 1)


@pytest.mark.parametrize(("version", "known"), [("1.34", False), ("1.35", True), ("1.36", True)])
def test_terminating_pods_are_counted_since_1_35(version: str, known: bool) -> None:
    world = cluster(Behaviour(startup_ms=100, termination_ms=5000), kubernetes_version=version)
    world.create(a_set(3))
    rest(world)
    world.patch("ReplicaSet", "rs", {"spec": {"replicas": 1}})
    assert status(world).get("terminatingReplicas") == (2 if known else None)


def test_a_pod_on_its_way_out_is_replaced_at_once() -> None:
    world = cluster(Behaviour(startup_ms=100, termination_ms=5000))
    world.create(a_set(2))
    rest(world)
    world.delete("Pod", world.list("Pod")[0]["metadata"]["name"])
    assert len(world.list("Pod")) == 3
    assert (status(world)["replicas"], status(world)["terminatingReplicas"]) == (2, 1)


def test_a_set_adopts_matching_pods_without_controller_and_needs_fewer_of_its_own() -> None:
    world = cluster()
    for name in ("a", "b"):
        world.create(a_pod(name, app="rs"))
    world.create(a_pod("other", app="x"))
    world.create(a_set(3))
    rest(world)
    owned = [p["metadata"]["name"] for p in world.list("Pod") if p["metadata"].get("ownerReferences")]
    assert owned[:2] == ["a", "b"] and len(owned) == 3


def test_a_pod_with_an_owner_that_does_not_control_it_is_adopted_too() -> None:
    world = cluster()
    config = world.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}})
    pod = a_pod("a", app="rs")
    pod["metadata"]["ownerReferences"] = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": config["metadata"]["uid"]}]
    world.create(pod)
    world.create(a_set(1))
    rest(world)
    assert [(o["kind"], o.get("controller", False)) for o in world.list("Pod")[0]["metadata"]["ownerReferences"]] == [
        ("ConfigMap", False),
        ("ReplicaSet", True),
    ]


def test_too_many_adopted_pods_are_deleted() -> None:
    world = cluster()
    for name in ("a", "b", "c"):
        world.create(a_pod(name, app="rs"))
    world.create(a_set(1))
    rest(world)
    assert len(world.list("Pod")) == 1


def test_a_pod_whose_label_changes_is_let_go_and_replaced() -> None:
    world = cluster()
    world.create(a_set(2))
    rest(world)
    first = world.list("Pod")[0]["metadata"]["name"]
    world.patch("Pod", first, {"metadata": {"labels": {"app": "debug"}}})
    rest(world)
    assert "ownerReferences" not in world.get("Pod", first)["metadata"]
    assert len(world.list("Pod")) == 3
    world.patch("Pod", first, {"metadata": {"labels": {"app": "rs"}}})
    rest(world)
    assert len(world.list("Pod")) == 2  # back again, there is one too many


def test_a_pod_that_loses_its_owner_reference_is_adopted_again() -> None:
    world = cluster()
    world.create(a_set(2))
    rest(world)
    first = world.list("Pod")[0]["metadata"]["name"]
    world.patch("Pod", first, {"metadata": {"ownerReferences": None}})
    rest(world)
    assert world.get("Pod", first)["metadata"]["ownerReferences"][0]["name"] == "rs"
    assert len(world.list("Pod")) == 2


def test_two_sets_that_both_select_a_pod_do_not_fight_over_it() -> None:
    world = cluster()
    world.create(a_pod("a", app="rs", team="x"))
    world.create(a_set(1))
    world.create({**a_set(1, "other"), "spec": {**a_set(1, "rs")["spec"]}})
    rest(world)
    assert len(world.list("Pod")) == 2
    assert len({p["metadata"]["ownerReferences"][0]["name"] for p in world.list("Pod")}) == 2


def test_a_set_that_goes_makes_no_more_pods() -> None:
    world = cluster()
    body = a_set(2)
    body["metadata"]["finalizers"] = ["x/y"]
    world.create(body)
    rest(world)
    world.delete("ReplicaSet", "rs")
    world.delete("Pod", world.list("Pod")[0]["metadata"]["name"])
    rest(world)
    assert len(world.list("Pod")) == 1


def test_only_five_hundred_pods_are_made_in_one_sync() -> None:
    world = cluster(nodes=0)
    world.create(a_set(1200))
    made = [e.after.status.replicas for e in world.trace.of("ReplicaSet") if e.after is not None]  # type: ignore[attr-defined]
    assert made == [0, 0, 500, 1000, 1200]


@pytest.mark.parametrize(
    ("replicas", "to", "reason", "count"),
    [(0, 3, "SuccessfulCreate", 3), (3, 1, "SuccessfulDelete", 2)],
)
def test_every_pod_made_or_deleted_is_told(replicas: int, to: int, reason: str, count: int) -> None:
    world = cluster()
    world.create(a_set(replicas))
    rest(world)
    world.patch("ReplicaSet", "rs", {"spec": {"replicas": to}})
    told = [e.message for e in world.events if e.reason == reason]
    assert len(told) == count
    assert all(m.startswith(("Created pod: rs-", "Deleted pod: rs-")) for m in told)
