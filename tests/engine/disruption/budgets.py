"""Budgets, and pods that stand as they are put: a store with nothing but the disruption controller."""

from __future__ import annotations

from typing import Any

from kgate.engine import ApiError, Cluster
from kgate.engine.api.codec import decode, encode
from kgate.engine.api.core import Event, Pod
from kgate.engine.api.policy import PodDisruptionBudget
from kgate.engine.controllers.disruption.controller import DisruptionController
from kgate.engine.manager import Manager
from kgate.engine.store import Store

ALL: dict[str, Any] = {"matchLabels": {"app": "web"}}


def budget(name: str = "pdb", selector: Any = ALL, **spec: Any) -> dict[str, Any]:
    """`selector` None is an absent one."""
    chosen = {} if selector is None else {"selector": selector}
    meta = {"name": name, "namespace": "default"}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": {**spec, **chosen}}


def answers(world: Cluster, count: int | None = None, **options: Any) -> list[int]:
    """The codes of evicting the first pods, one after another, before any time passes."""
    names = [p.metadata.name for p in world.store.list(Pod)][:count]
    return [answer(world, name, **options)[0] for name in names]


def answer(world: Cluster, pod: str, **options: Any) -> tuple[int, str, list[str]]:
    """Code, message and the messages of the causes; 201 when it was evicted."""
    try:
        world.evict(pod, **options)
    except ApiError as refused:
        return refused.code, refused.message, [c.message for c in refused.causes]
    return 201, "", []


class Desk:
    """Objects are put into the store by hand; the controller reacts at once."""

    def __init__(self) -> None:
        self.store = Store()
        self.manager = Manager(self.store)
        self.manager.add(DisruptionController(self.store, self.manager))

    def put(self, body: dict[str, Any]) -> Any:
        made = self.store.create(decode(body))
        self.manager.settle()
        return made

    def pod(self, name: str, *, owner: Any = None, ready: bool = True, labels: dict[str, str] | None = None, phase: str = "Running") -> Pod:
        """`owner` is an object, or an ownerReference as JSON."""
        meta: dict[str, Any] = {"name": name, "namespace": "default", "labels": {"app": "web"} if labels is None else labels}
        if owner is not None:
            meta["ownerReferences"] = [owner if isinstance(owner, dict) else reference(owner)]
        conditions = [{"type": "Ready", "status": "True"}] if ready else []
        status = {"phase": phase, "conditions": conditions}
        made: Pod = self.put({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"nodeName": "n1"}, "status": status})
        return made

    def workload(self, kind: str, replicas: int | None, *, name: str = "w", owner: Any = None, api_version: str = "apps/v1") -> Any:
        meta: dict[str, Any] = {"name": name, "namespace": "default"}
        if owner is not None:
            meta["ownerReferences"] = [reference(owner)]
        spec = {} if replicas is None else {"replicas": replicas}
        return self.put({"apiVersion": api_version, "kind": kind, "metadata": meta, "spec": spec})

    def counts(self, name: str = "pdb") -> tuple[int, int, int, int]:
        """Disruptions allowed, healthy, desired, expected."""
        status = self.budget(name).status
        return status.disruptions_allowed, status.current_healthy, status.desired_healthy, status.expected_pods

    def budget(self, name: str = "pdb") -> PodDisruptionBudget:
        found = self.store.get(PodDisruptionBudget, "default", name)
        assert found is not None
        return found

    def shown(self, name: str = "pdb") -> dict[str, Any]:
        status: dict[str, Any] = encode(self.budget(name))["status"]
        return status

    def said(self) -> list[str]:
        return [e.reason for e in self.store.list(Event)]

    def message(self, reason: str) -> str:
        return next(e.message for e in self.store.list(Event) if e.reason == reason)


def reference(owner: Any) -> dict[str, Any]:
    return {
        "apiVersion": owner.api_version, "kind": owner.kind, "name": owner.metadata.name, "uid": owner.metadata.uid, "controller": True,
    }  # fmt: skip
