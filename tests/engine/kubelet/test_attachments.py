"""A volume that one node at a time may have, and pods that wait for it."""

from __future__ import annotations

from typing import Any

import pytest

from kgate.engine import Cluster
from tests.engine.worlds import cluster, deployment, rest

CLAIM = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}}
SIZE: dict[str, Any] = {"resources": {"requests": {"storage": "1Gi"}}}


def world(*modes: str, source: dict[str, Any] | None = None) -> Cluster:
    """A bound claim, in which the source of its volume is a driver's unless told."""
    made = cluster()
    ref = {"kind": "PersistentVolumeClaim", "namespace": "default", "name": "data"}
    spec = {"accessModes": list(modes), "capacity": {"storage": "1Gi"}, "claimRef": ref}
    spec |= source or {"csi": {"driver": "disk.example.com", "volumeHandle": "v"}}
    made.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "disk"}, "spec": spec})
    made.apply({**CLAIM, "spec": {"accessModes": list(modes), "storageClassName": "", **SIZE}})
    return made


def using(image: str = "app:v1", **more: Any) -> dict[str, Any]:
    body = deployment(image, **more)
    body["spec"]["template"]["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    return body


def ready(made: Cluster) -> int:
    return int(made.get("Deployment", "web")["status"].get("readyReplicas", 0))


def said(made: Cluster) -> list[str]:
    return [e.message for e in made.events if e.reason == "FailedAttachVolume"]


def test_a_pod_on_another_node_waits_and_the_cluster_says_for_whom() -> None:
    made = world("ReadWriteOnce")
    made.apply(using(replicas=2))
    rest(made)
    assert ready(made) == 1
    first, second = made.list("Pod")
    assert second["status"]["phase"] == "Pending"
    assert said(made) == [f'Multi-Attach error for volume "disk" Volume is already used by pod(s) {first["metadata"]["name"]}']


def test_it_starts_when_the_other_is_gone() -> None:
    made = world("ReadWriteOnce")
    made.apply(using(replicas=1))
    rest(made)
    old = made.list("Pod")[0]["metadata"]["name"]
    made.apply(using(replicas=2))
    rest(made)
    began = made.now_ms
    made.delete("Pod", old)
    rest(made)
    assert ready(made) == 1  # the replacement of the deleted one now waits for the other
    assert made.now_ms > began


@pytest.mark.parametrize(
    ("modes", "source"),
    [
        (["ReadWriteMany"], None),
        (["ReadWriteOnce", "ReadOnlyMany"], None),
        (["ReadWriteOnce"], {"nfs": {"server": "s", "path": "/"}}),
        (["ReadWriteOnce"], {"hostPath": {"path": "/data"}}),
    ],
)
def test_what_several_nodes_may_have_or_what_is_not_attached_keeps_nobody_waiting(modes: list[str], source: dict[str, Any] | None) -> None:
    made = world(*modes, source=source)
    made.apply(using(replicas=3))
    rest(made)
    assert (ready(made), said(made)) == (3, [])


def test_pods_of_one_node_share_it() -> None:
    made = world("ReadWriteOnce")
    body = using(replicas=3)
    body["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/hostname": "n1"}
    made.patch("Node", "n1", {"metadata": {"labels": {"kubernetes.io/hostname": "n1"}}})
    made.apply(body)
    rest(made)
    assert (ready(made), said(made)) == (3, [])


def test_an_update_that_first_starts_the_new_pod_elsewhere_never_completes() -> None:
    made = world("ReadWriteOnce")
    made.apply(using(replicas=1, surge=1, unavailable=0))
    rest(made)
    made.patch("Node", made.list("Pod")[0]["spec"]["nodeName"], {"spec": {"unschedulable": True}})
    made.apply(using("app:v2", replicas=1, surge=1, unavailable=0))
    rest(made)
    status = made.get("Deployment", "web")["status"]
    assert (status["readyReplicas"], status["updatedReplicas"], status["replicas"]) == (1, 1, 2)


def test_one_that_first_stops_the_old_pod_does() -> None:
    made = world("ReadWriteOnce")
    for image in ("app:v1", "app:v2"):
        made.apply(using(image, replicas=1, surge=0, unavailable=1))
        rest(made)
    status = made.get("Deployment", "web")["status"]
    assert (status["readyReplicas"], status["updatedReplicas"], status["replicas"]) == (1, 1, 1)


def test_ephemeral_volumes_have_a_claim_a_pod_that_goes_with_it() -> None:
    made = cluster()
    driver = {"provisioner": "disk.example.com", "volumeBindingMode": "WaitForFirstConsumer"}
    made.apply({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"}, **driver})
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", **SIZE}}
    body = deployment(replicas=3)
    body["spec"]["template"]["spec"]["volumes"] = [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}]
    made.apply(body)
    rest(made)
    assert ready(made) == 3
    names = [p["metadata"]["name"] + "-scratch" for p in made.list("Pod")]
    assert sorted(c["metadata"]["name"] for c in made.list("PersistentVolumeClaim")) == sorted(names)
    assert {c["status"]["phase"] for c in made.list("PersistentVolumeClaim", label_selector="a=b")} == {"Bound"}
    made.delete("Deployment", "web")
    rest(made)
    assert not made.list("PersistentVolumeClaim")


def test_a_copy_goes_on_with_the_same_waiting_pods() -> None:
    made = world("ReadWriteOnce")
    made.apply(using(replicas=2))
    rest(made)
    other = made.fork()
    for each in (made, other):
        each.delete("Pod", each.list("Pod")[0]["metadata"]["name"])
        rest(each)
    assert made.list("Pod") == other.list("Pod")
