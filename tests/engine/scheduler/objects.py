"""Nodes, pods and whole small clusters for the scheduler's tests, written as manifests are."""

from __future__ import annotations

from typing import Any

from kgate.engine.api.codec import decode
from kgate.engine.api.core import Event, Node, Pod
from kgate.engine.manager import Manager
from kgate.engine.scheduler.profile import Profile
from kgate.engine.scheduler.scheduler import Scheduler
from kgate.engine.store import Store, key_of

Json = dict[str, Any]


def node(name: str, *, zone: str = "", labels: Json | None = None, images: Json | None = None, **spec: Any) -> Node:
    """Four cores and 8Gi unless `cpu`, `memory`, `pods` or `resources` say otherwise; `images` maps a name to bytes."""
    given = {"kubernetes.io/hostname": name} | ({"topology.kubernetes.io/zone": zone} if zone else {}) | (labels or {})
    has = {"cpu": spec.pop("cpu", "4"), "memory": spec.pop("memory", "8Gi"), "pods": spec.pop("pods", "110")} | spec.pop("resources", {})
    held = [{"names": [n], "sizeBytes": size} for n, size in (images or {}).items()]
    meta = {"name": name, "labels": given}
    obj = decode({"apiVersion": "v1", "kind": "Node", "metadata": meta, "spec": spec, "status": {"allocatable": has, "images": held}})
    assert isinstance(obj, Node)
    return obj


def pod(
    name: str,
    *,
    labels: Json | None = None,
    namespace: str = "default",
    cpu: str = "",
    memory: str = "",
    owner: Json | None = None,
    container: Json | None = None,
    **spec: Any,
) -> Pod:
    """One container; `container` is merged into it, `owner` is an ownerReference, the rest goes into the spec."""
    requests = ({"cpu": cpu} if cpu else {}) | ({"memory": memory} if memory else {})
    only = {"name": "c", "image": "app:v1", "resources": {"requests": requests}} | (container or {})
    meta: Json = {"name": name, "namespace": namespace, "labels": labels or {}, "ownerReferences": [owner] if owner else []}
    obj = decode({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [only]} | spec})
    assert isinstance(obj, Pod)
    return obj


class World:
    """A store, a manager and a scheduler, and nothing else: pods stay what they are made."""

    def __init__(self, *objects: Any, kubernetes_version: str = "1.36", profile: Profile | None = None) -> None:
        self.store = Store()
        self.manager = Manager(self.store)
        self.scheduler = Scheduler(self.store, self.manager, kubernetes_version=kubernetes_version, profile=profile)
        self.manager.add(self.scheduler)
        self.put(*objects)

    def put(self, *objects: Any) -> World:
        """Creates the objects one after another and lets the scheduler work once all are there."""
        for obj in objects:
            self.store.create(obj)
        self.manager.settle()
        return self

    def where(self, name: str, namespace: str = "default") -> str:
        return self.pod(name, namespace).spec.node_name

    def pod(self, name: str, namespace: str = "default") -> Pod:
        found = self.store.get(Pod, namespace, name)
        assert found is not None
        return found

    def message(self, name: str) -> str:
        """What the pod's PodScheduled condition says."""
        return next((c.message for c in self.pod(name).status.conditions if c.type == "PodScheduled"), "")

    def gone(self, name: str, namespace: str = "default") -> World:
        self.store.delete(key_of(self.pod(name, namespace)), grace_seconds=0)
        self.manager.settle()
        return self

    def said(self, reason: str) -> list[str]:
        return [e.message for e in self.store.list(Event) if e.reason == reason]
