"""Owners and dependents (pkg/controller/garbagecollector)."""

from __future__ import annotations

from typing import Any

import pytest

from kgate.engine import Behaviour, Cluster
from kgate.engine.api.apps import Deployment
from kgate.engine.errors import ApiError
from tests.engine.worlds import cluster, deployment, rest, sets


def config(name: str, *owners: dict[str, Any], **meta: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "ownerReferences": list(owners), **meta}}


def owner(obj: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "name": obj["metadata"]["name"], "uid": obj["metadata"]["uid"], **more}


def running() -> Cluster:
    world = cluster()
    world.apply(deployment(replicas=2))
    return rest(world)


def gone(world: Cluster, since: int = 0) -> list[str]:
    return [e.key.kind for e in list(world.trace)[since:] if e.after is None and e.key.kind != "Event"]


def there(world: Cluster) -> list[str]:
    return [o["metadata"]["name"] for o in world.list("ConfigMap")]


@pytest.mark.parametrize(
    ("propagation", "order"),
    [
        (None, ["Deployment", "ReplicaSet", "Pod", "Pod"]),
        ("Background", ["Deployment", "ReplicaSet", "Pod", "Pod"]),
        ("Foreground", ["Pod", "Pod", "ReplicaSet", "Deployment"]),
        ("Orphan", ["Deployment"]),
    ],
)
def test_a_deployment_goes_in_the_order_of_its_propagation(propagation: str | None, order: list[str]) -> None:
    world = running()
    world.delete("Deployment", "web", propagation=propagation)
    assert gone(rest(world)) == order


def test_pods_are_told_to_end_first_and_then_go() -> None:
    world = running()
    since = len(world.trace)
    world.delete("Deployment", "web")
    rest(world)
    pods = [e for e in list(world.trace)[since:] if e.key.kind == "Pod"]
    graces = [None if e.after is None else e.after.metadata.deletion_grace_period_seconds for e in pods]
    assert graces == [30, 30, 0, None, 0, None]


def test_in_the_foreground_everybody_waits_with_a_finalizer() -> None:
    world = running()
    world.delete("Deployment", "web", propagation="Foreground")
    for kind in ("Deployment", "ReplicaSet"):
        meta = world.list(kind)[0]["metadata"]
        assert meta["finalizers"] == ["foregroundDeletion"]
        assert meta["deletionTimestamp"]
    assert all("deletionTimestamp" in pod["metadata"] for pod in world.list("Pod"))


def test_an_impatient_second_delete_ends_the_waiting() -> None:
    world = running()
    world.delete("Deployment", "web", propagation="Foreground")
    world.delete("Deployment", "web", propagation="Background")
    assert world.list("Deployment") == []


def test_orphans_forget_their_owner_and_run_on() -> None:
    world = running()
    world.delete("Deployment", "web", propagation="Orphan")
    rest(world)
    assert "ownerReferences" not in world.list("ReplicaSet")[0]["metadata"]
    assert [p["status"]["phase"] for p in world.list("Pod")] == ["Running"] * 2


def test_a_deployment_with_the_same_selector_adopts_the_orphans_again() -> None:
    world = running()
    pods = [p["metadata"]["name"] for p in world.list("Pod")]
    world.delete("Deployment", "web", propagation="Orphan")
    world.apply(deployment(replicas=2))
    rest(world)
    assert len(sets(world)) == 1
    assert world.list("ReplicaSet")[0]["metadata"]["ownerReferences"][0]["uid"] == world.get("Deployment", "web")["metadata"]["uid"]
    assert [p["metadata"]["name"] for p in world.list("Pod")] == pods
    reasons = [c.reason for e in world.trace.of("Deployment") if isinstance(e.after, Deployment) for c in e.after.status.conditions]
    assert "FoundNewReplicaSet" in reasons


def test_orphaned_pods_are_adopted_by_a_set_with_the_same_selector() -> None:
    world = running()
    rs = world.list("ReplicaSet")[0]
    world.delete("Deployment", "web", propagation="Orphan")
    world.delete("ReplicaSet", rs["metadata"]["name"], propagation="Orphan")
    rest(world)
    pods = [p["metadata"]["name"] for p in world.list("Pod")]
    assert all("ownerReferences" not in p["metadata"] for p in world.list("Pod"))
    again = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "again"}, "spec": rs["spec"]}
    world.create(again)
    rest(world)
    assert [p["metadata"]["name"] for p in world.list("Pod")] == pods
    assert {p["metadata"]["ownerReferences"][0]["name"] for p in world.list("Pod")} == {"again"}


def test_while_it_goes_a_deployment_only_counts() -> None:
    world = running()
    world.delete("Deployment", "web", propagation="Foreground")
    world.apply(deployment("app:v2", replicas=5))
    rest(world)
    assert gone(world) == ["Pod", "Pod", "ReplicaSet", "Deployment"]


def test_a_dependent_goes_with_the_last_of_its_owners() -> None:
    world = Cluster()
    a, b = world.create(config("a")), world.create(config("b"))
    world.create(config("c", owner(a), owner(b)))
    world.delete("ConfigMap", "a")
    assert there(world) == ["b", "c"]
    assert [o["name"] for o in world.get("ConfigMap", "c")["metadata"]["ownerReferences"]] == ["b"]
    world.delete("ConfigMap", "b")
    assert there(world) == []


def test_a_dependent_of_an_owner_that_never_was_goes_at_once() -> None:
    world = Cluster()
    a = world.create(config("a"))
    world.create(config("b", {**owner(a), "uid": "another"}))
    assert there(world) == ["a"]


def test_a_reference_to_nobody_that_is_added_later_is_noticed() -> None:
    world = Cluster()
    world.create(config("b"))
    world.patch("ConfigMap", "b", {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "x"}]}})
    assert there(world) == []


def test_cluster_wide_owners_are_found() -> None:
    world = cluster(nodes=1)
    node = world.get("Node", "n1")
    world.create(config("c", owner(node)))
    assert there(world) == ["c"]
    world.delete("Node", "n1")
    assert there(world) == []


def test_only_dependents_that_block_are_waited_for() -> None:
    world = Cluster()
    a = world.create(config("a"))
    world.create(config("lazy", owner(a), finalizers=["x/y"]))
    world.delete("ConfigMap", "a", propagation="Foreground")
    assert there(world) == ["lazy"]


def test_who_blocks_is_waited_for_until_it_lets_go() -> None:
    world = Cluster()
    a = world.create(config("a"))
    world.create(config("b", owner(a, blockOwnerDeletion=True), finalizers=["x/y"]))
    world.delete("ConfigMap", "a", propagation="Foreground")
    assert there(world) == ["a", "b"]
    world.patch("ConfigMap", "b", [{"op": "remove", "path": "/metadata/ownerReferences"}], type="json")
    assert there(world) == ["b"]


def test_a_circle_of_owners_goes_in_the_foreground() -> None:
    world = Cluster()
    a = world.create(config("a"))
    b = world.create(config("b", owner(a, blockOwnerDeletion=True)))
    world.patch("ConfigMap", "a", {"metadata": {"ownerReferences": [owner(b, blockOwnerDeletion=True)]}})
    world.delete("ConfigMap", "a", propagation="Foreground")
    assert there(world) == []


def test_a_delete_without_a_word_obeys_the_finalizer_that_is_there() -> None:
    world = Cluster()
    a = world.create(config("a", finalizers=["orphan"]))
    world.create(config("b", owner(a)))
    world.delete("ConfigMap", "a")
    assert there(world) == ["b"]
    with pytest.raises(ApiError):
        world.delete("ConfigMap", "a")


@pytest.mark.parametrize(
    ("first", "then", "after_ms", "left"),
    [
        (30, None, 0, (30, 30_000)),
        (30, 60, 0, (30, 30_000)),
        (30, 10, 0, (10, 10_000)),
        (30, 10, 20_000, (1, 20_000)),  # already over: the shortest there is
        (30, -5, 0, (1, 1_000)),
    ],
)
def test_a_running_grace_period_can_only_be_shortened(first: int, then: int | None, after_ms: int, left: tuple[int, int]) -> None:
    world = cluster(Behaviour(startup_ms=0, termination_ms=100_000))
    world.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "a:v1"}]}})
    world.run_for(1000)
    began = world.now_ms
    world.delete("Pod", "p", grace_s=first)
    world.run_for(after_ms)
    world.delete("Pod", "p", grace_s=then)
    metas = [e.after.metadata for e in world.trace.of("Pod") if e.after is not None and e.after.metadata.deletion_grace_period_seconds]
    assert (metas[-1].deletion_grace_period_seconds, (metas[-1].deletion_timestamp_ms or 0) - began) == left
