"""What a client of the API server can rely on."""

from __future__ import annotations

from typing import Any

import pytest

from kgate.engine import Cluster
from kgate.engine.errors import ApiError
from tests.engine.worlds import cluster, deployment, rest, sets

CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}


def refusal(call: Any, *args: Any, **kwargs: Any) -> ApiError:
    with pytest.raises(ApiError) as refused:
        call(*args, **kwargs)
    return refused.value


# Versions, generations, preconditions


def test_an_update_of_an_older_version_is_a_conflict() -> None:
    world = Cluster()
    old = world.create(CONFIG)
    world.update({**old, "data": {"a": "2"}})
    said = refusal(world.update, {**old, "data": {"a": "3"}})
    assert (said.code, said.reason) == (409, "Conflict")
    assert said.message == (
        'Operation cannot be fulfilled on configmaps "c": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    assert world.get("ConfigMap", "c")["data"] == {"a": "2"}


def test_an_update_without_a_version_always_fits() -> None:
    world = Cluster()
    world.create(CONFIG)
    assert world.update({**CONFIG, "data": {"b": "1"}})["data"] == {"b": "1"}


def test_an_update_of_what_is_not_there_is_not_found() -> None:
    assert refusal(Cluster().update, CONFIG).code == 404


def test_an_update_of_another_uid_is_a_conflict() -> None:
    world = Cluster()
    uid = world.create(CONFIG)["metadata"]["uid"]
    said = refusal(world.update, {**CONFIG, "metadata": {"name": "c", "uid": "x"}})
    assert (
        said.message
        == f'Operation cannot be fulfilled on configmaps "c": Precondition failed: UID in precondition: x, UID in object meta: {uid}'
    )


@pytest.mark.parametrize("write", ["merge patch", "apply"])
def test_a_patch_that_names_an_older_version_is_a_conflict(write: str) -> None:
    world = Cluster()
    version = world.create(CONFIG)["metadata"]["resourceVersion"]
    world.patch("ConfigMap", "c", {"data": {"a": "2"}})
    stale = {"metadata": {"name": "c", "resourceVersion": version}, "data": {"a": "3"}}
    if write == "apply":
        assert refusal(world.apply, {**CONFIG, **stale}).code == 409
    else:
        assert refusal(world.patch, "ConfigMap", "c", stale).code == 409


def test_a_delete_of_another_uid_or_version_is_a_conflict() -> None:
    world = Cluster()
    made = world.create(deployment())["metadata"]
    said = refusal(world.delete, "Deployment", "web", uid="x")
    assert said.message == (
        f'Operation cannot be fulfilled on Deployment.apps "web": the UID in the precondition (x) does not match the UID in record '
        f"({made['uid']}). The object might have been deleted and then recreated"
    )
    assert refusal(world.delete, "Deployment", "web", resource_version=made["resourceVersion"]).code == 409
    world.delete("Deployment", "web", uid=made["uid"])
    assert refusal(world.get, "Deployment", "web").code == 404


@pytest.mark.parametrize(
    ("patch", "bumps"),
    [
        ({"spec": {"replicas": 5}}, True),
        ({"spec": {"paused": True}}, True),
        ({"metadata": {"annotations": {"a": "b"}}}, True),
        ({"metadata": {"labels": {"a": "b"}}}, False),
        ({"spec": {"replicas": 3}}, False),
    ],
)
def test_a_generation_counts_changes_of_the_spec_and_of_a_deployments_annotations(patch: dict[str, Any], bumps: bool) -> None:
    world = Cluster()
    before = world.create(deployment())["metadata"]["generation"]
    assert world.patch("Deployment", "web", patch)["metadata"]["generation"] == before + bumps


def test_annotations_of_a_replica_set_do_not_count() -> None:
    world = cluster()
    world.apply(deployment())
    rest(world)
    name = sets(world)[0].metadata.name
    before = world.get("ReplicaSet", name)["metadata"]["generation"]
    assert world.patch("ReplicaSet", name, {"metadata": {"annotations": {"x": "y"}}})["metadata"]["generation"] == before


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret", "Service", "Namespace", "Node"])
def test_some_kinds_have_no_generation(kind: str) -> None:
    made = Cluster().create({"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}})
    assert "generation" not in made["metadata"]


def test_every_controller_says_which_generation_it_has_seen() -> None:
    world = cluster()
    world.apply(deployment())
    world.apply(deployment(replicas=5))
    rest(world)
    for kind in ("Deployment", "ReplicaSet"):
        for obj in world.list(kind):
            assert obj["status"]["observedGeneration"] == obj["metadata"]["generation"]


# Names


def test_a_generated_name_has_five_letters_after_at_most_58() -> None:
    world = Cluster()
    names = {world.create({**CONFIG, "metadata": {"generateName": "x" * 80}})["metadata"]["name"] for _ in range(50)}
    assert len(names) == 50
    assert {len(name) for name in names} == {63}


def test_a_name_is_required_to_apply() -> None:
    assert refusal(Cluster().apply, {**CONFIG, "metadata": {"generateName": "x-"}}).code == 400


# Finalizers


def test_an_object_with_a_finalizer_stays_until_the_last_one_is_removed() -> None:
    world = Cluster()
    world.create({**CONFIG, "metadata": {"name": "c", "finalizers": ["a/b", "c/d"]}})
    world.delete("ConfigMap", "c")
    left = world.get("ConfigMap", "c")["metadata"]
    assert left["deletionTimestamp"] and left["deletionGracePeriodSeconds"] == 0
    world.patch("ConfigMap", "c", {"metadata": {"finalizers": ["c/d"]}})
    assert world.get("ConfigMap", "c")["metadata"]["finalizers"] == ["c/d"]
    world.patch("ConfigMap", "c", [{"op": "remove", "path": "/metadata/finalizers"}], type="json")
    assert refusal(world.get, "ConfigMap", "c").code == 404


def test_a_second_delete_of_what_waits_changes_nothing() -> None:
    world = Cluster()
    world.create({**CONFIG, "metadata": {"name": "c", "finalizers": ["a/b"]}})
    world.delete("ConfigMap", "c")
    writes = len(world.trace)
    world.delete("ConfigMap", "c")
    assert len(world.trace) == writes


def test_a_pod_with_a_finalizer_outlives_its_grace_period() -> None:
    world = cluster()
    container = {"name": "app", "image": "app:v1"}
    world.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "finalizers": ["a/b"]}, "spec": {"containers": [container]}})
    rest(world)
    world.delete("Pod", "p")
    rest(world)
    assert world.get("Pod", "p")["metadata"]["deletionGracePeriodSeconds"] == 0
    world.patch("Pod", "p", {"metadata": {"finalizers": None}})
    assert refusal(world.get, "Pod", "p").code == 404


# Selectors


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("", "abc"),
        ("tier=web", "a"),
        ("tier==web", "a"),
        ("tier!=web", "bc"),
        ("tier", "ab"),
        ("!tier", "c"),
        ("tier in (web, db)", "ab"),
        ("tier notin (web)", "bc"),
        ("tier,env=prod", "b"),
        ("tier in (web,db),env!=prod", "a"),
    ],
)
def test_lists_obey_label_selectors(selector: str, names: str) -> None:
    world = Cluster()
    for name, labels in (("a", {"tier": "web"}), ("b", {"tier": "db", "env": "prod"}), ("c", {})):
        world.create({**CONFIG, "metadata": {"name": name, "labels": labels}})
    assert "".join(o["metadata"]["name"] for o in world.list("ConfigMap", label_selector=selector)) == names


@pytest.mark.parametrize("selector", ["a=b=c", "in (a)", "a in b", "a,,b", "a b"])
def test_what_is_no_label_selector_is_refused(selector: str) -> None:
    assert refusal(Cluster().list, "Pod", label_selector=selector).code == 400


def test_lists_obey_field_selectors() -> None:
    world = cluster(nodes=1)
    world.apply(deployment(replicas=2))
    rest(world)
    first = world.list("Pod")[0]["metadata"]["name"]
    assert len(world.list("Pod", field_selector="spec.nodeName=n1,status.phase=Running")) == 2
    assert len(world.list("Pod", field_selector=f"metadata.name!={first}")) == 1
    assert world.list("Node", field_selector="spec.unschedulable=true") == []
    assert refusal(world.list, "Pod", field_selector="spec.replicas=1").message == "field label not supported: spec.replicas"


# Scale


def test_the_scale_subresource_shows_size_and_selector() -> None:
    world = cluster()
    world.apply(deployment(replicas=3))
    rest(world)
    scale = world.get_scale("web")
    assert (scale["kind"], scale["spec"], scale["status"]) == ("Scale", {"replicas": 3}, {"replicas": 3, "selector": "app=web"})
    assert refusal(world.get_scale, "default", kind="Namespace").code == 404


# Namespaces


def test_a_namespace_goes_with_its_content_pods_first() -> None:
    world = cluster()
    body = deployment()
    body["metadata"]["namespace"] = "shop"
    world.apply(body)
    rest(world)
    since = len(world.trace)
    world.delete("Namespace", "shop")
    assert world.get("Namespace", "shop")["status"]["phase"] == "Terminating"
    rest(world)
    gone = [e.key.kind for e in list(world.trace)[since:] if e.after is None and e.key.kind != "Event"]
    assert gone == ["Pod"] * 3 + ["Deployment", "ReplicaSet", "Namespace"]


def test_a_namespace_waits_for_finalizers_and_says_so() -> None:
    world = Cluster()
    world.create({**CONFIG, "metadata": {"name": "c", "namespace": "shop", "finalizers": ["a/b"]}})
    world.delete("Namespace", "shop")
    said = {c["type"]: c["message"] for c in world.get("Namespace", "shop")["status"]["conditions"]}
    assert said["NamespaceContentRemaining"] == "Some resources are remaining: configmaps. has 1 resource instances"
    assert said["NamespaceFinalizersRemaining"] == "Some content in the namespace has finalizers remaining: a/b in 1 resource instances"
    world.patch("ConfigMap", "c", {"metadata": {"finalizers": None}}, namespace="shop")
    assert refusal(world.get, "Namespace", "shop").code == 404


def test_nothing_new_comes_into_a_namespace_that_goes() -> None:
    world = Cluster()
    world.create({**CONFIG, "metadata": {"name": "c", "namespace": "shop", "finalizers": ["a/b"]}})
    world.delete("Namespace", "shop")
    said = refusal(world.create, {**CONFIG, "metadata": {"name": "d", "namespace": "shop"}})
    assert said.message == 'configmaps "d" is forbidden: unable to create new content in namespace shop because it is being terminated'
    assert said.has_cause("NamespaceTerminating")


def test_a_set_in_a_namespace_that_goes_does_not_try_again_and_again() -> None:
    world = cluster()
    body = deployment()
    body["metadata"]["namespace"] = "shop"
    world.apply(body)
    rest(world)
    name = sets(world)[0].metadata.name
    world.patch("ReplicaSet", name, {"metadata": {"finalizers": ["a/b"]}}, namespace="shop")
    world.delete("Namespace", "shop")
    rest(world)
    assert [e.reason for e in world.events if e.reason == "FailedCreate"] == []


def test_some_namespaces_cannot_be_deleted() -> None:
    assert (
        refusal(Cluster().delete, "Namespace", "default").message == 'namespaces "default" is forbidden: this namespace may not be deleted'
    )


# Events


def test_events_are_shown_as_kubectl_shows_them() -> None:
    world = cluster(nodes=1)
    world.apply(deployment(replicas=1))
    rest(world)
    world.run_for(130_000)
    head, *rows = world.events_table().splitlines()
    assert head.split() == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    scaled = next(row for row in rows if "ScalingReplicaSet" in row)
    assert scaled.startswith("2m10s ") and "deployment/web" in scaled and scaled.endswith("from 0 to 1")
    assert {row.index("Normal") for row in rows if "Normal" in row} == {head.index("TYPE")}


def test_a_namespace_without_events_says_so() -> None:
    assert Cluster().events_table("shop") == "No resources found in shop namespace."
