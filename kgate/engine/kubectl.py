"""What `kubectl` does beyond reading and writing objects: rollouts, evictions and drains, and nodes that come, go and are cordoned."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kgate.engine import nodestatus
from kgate.engine.admission.chain import Admission
from kgate.engine.api.apps import ReplicaSet
from kgate.engine.api.codec import encode
from kgate.engine.api.core import Event
from kgate.engine.api.meta import Millis
from kgate.engine.client import Client, Json, Validate
from kgate.engine.leases import Leases
from kgate.engine.manager import Manager
from kgate.engine.store import Store

if TYPE_CHECKING:
    from kgate.engine.drain import Drained, DrainOptions


QUIET_MS = 600_000
"""Longer than any window after which a controller changes its mind about the same facts (five minutes, of the autoscaler)."""


class Kubectl(Client):
    """What its verbs need is imported when they are used."""

    def __init__(self, store: Store, manager: Manager, admission: Admission, validate: Validate | None, leases: Leases) -> None:
        super().__init__(store, manager, admission, validate)
        self._leases = leases
        self._changed_ms: Millis = 0
        """When anything but an Event was last written."""

    def at_rest(self) -> bool:
        """No timer will change anything any more."""
        due = self.manager.next_timer_ms()
        return due is None or (due > self._changed_ms + QUIET_MS and self.manager.next_work_ms() is None)

    # kubectl rollout

    def undo(self, deployment: str, to_revision: int = 0, namespace: str = "default") -> str:
        """`kubectl rollout undo`: back to that revision, 0 for the one before. What kubectl says. Raises ApiError, RolloutError."""
        from kgate.engine import rollouts

        d = self.get("Deployment", deployment, namespace)
        sets = [encode(rs) for rs in self.store.owned_by(d["metadata"]["uid"], ReplicaSet)]
        patch = rollouts.undo(d, sets, to_revision)
        if patch is None:
            return f"skipped rollback (current template already matches revision {to_revision})"
        self.patch("Deployment", deployment, patch, type="json", namespace=namespace, manager="kubectl-rollout")
        return "rolled back"

    def rollout_status(self, deployment: str, namespace: str = "default", revision: int = 0) -> tuple[str, bool]:
        """What `kubectl rollout status` prints now, and whether it would stop there. Raises ApiError 404, RolloutError."""
        from kgate.engine import rollouts

        return rollouts.status(self.get("Deployment", deployment, namespace), revision)

    def rollout_history(self, deployment: str, namespace: str = "default") -> str:
        """What `kubectl rollout history` prints. Raises ApiError 404."""
        from kgate.engine import rollouts

        uid = self._find("Deployment", deployment, namespace).metadata.uid
        return rollouts.history([encode(rs) for rs in self.store.owned_by(uid, ReplicaSet)])

    def events_table(self, namespace: str = "default") -> str:
        """What `kubectl get events --sort-by=.lastTimestamp` prints."""
        from kgate.engine import rollouts

        events = list(self.store.list(Event))
        return rollouts.events([e for e in events if e.metadata.namespace == namespace], self.now_ms, namespace)

    def evict(
        self,
        pod: str,
        namespace: str = "default",
        *,
        grace_s: int | None = None,
        dry_run: bool = False,
        uid: str = "",
        resource_version: str = "",
    ) -> None:
        """The eviction API: a graceful delete of the pod, if its PodDisruptionBudget allows it and it is still that uid and version.

        Raises ApiError: 404, 429 TooManyRequests (a budget would be violated), 500 (several budgets), 409 Conflict (preconditions).
        """
        from kgate.engine.eviction import Eviction, evict

        wanted = Eviction(grace_s=grace_s, dry_run=dry_run, uid=uid, resource_version=resource_version)
        try:
            evict(self.store, namespace, pod, wanted)
        finally:
            self.manager.settle()

    def drain(self, node: str, options: DrainOptions | None = None) -> Drained:
        """`kubectl drain`: time passes until the node is empty, the timeout is reached or nothing can change any more.

        What kubectl would print and answer is in the result. Raises ApiError 404 when there is no such node, LivelockError.
        """
        from kgate.engine.drain import NO_OPTIONS, Drain

        return Drain(self.store, self.manager, options or NO_OPTIONS, self.at_rest).run(node)

    def add_node(self, obj: Json, *, started: bool = True) -> dict[str, Any]:
        """A node joins; it gets the labels that its kubelet would give it, unless it has them. Raises ApiError.

        Without `started` its kubelet says nothing until `start_node`.
        """
        body = {"apiVersion": "v1", "kind": "Node", **copy.deepcopy(dict(obj))}
        body["metadata"]["labels"] = nodestatus.labels(body["metadata"]["name"]) | (body["metadata"].get("labels") or {})
        if not started:
            self._leases.expect_without_kubelet(body["metadata"]["name"])
        return self.create(body)

    def stop_node(self, name: str) -> None:
        """The node's kubelet dies: no lease, no report, nothing starts or stops there any more. Raises ApiError 404."""
        self._find("Node", name, "")
        self._leases.stop(name, self.now_ms)
        self.manager.settle()

    def start_node(self, name: str) -> None:
        """Its kubelet is back; the containers have gone on running. Raises ApiError 404."""
        self._find("Node", name, "")
        self._leases.start(name, self.now_ms)
        self.manager.settle()

    def cordon(self, node: str) -> None:
        """No new pods for the node, as `kubectl cordon` asks. Raises ApiError 404."""
        self.patch("Node", node, {"spec": {"unschedulable": True}})

    def uncordon(self, node: str) -> None:
        """Takes `cordon` back. Raises ApiError 404."""
        self.patch("Node", node, {"spec": {"unschedulable": None}})

    def taint(self, node: str, key: str, value: str = "", effect: str = "NoSchedule") -> None:
        """Adds the taint, or replaces the one with that key and effect. Raises ApiError 404."""
        new = {"key": key, "effect": effect} | ({"value": value} if value else {})
        self._retaint(node, lambda t: (t["key"], t["effect"]) == (key, effect), new)

    def untaint(self, node: str, key: str, effect: str = "") -> None:
        """Removes the taints with that key, of every effect when none is named. Raises ApiError 404."""
        self._retaint(node, lambda t: t["key"] == key and effect in ("", t["effect"]))

    # Inside

    def _retaint(self, node: str, gone: Callable[[Json], bool], *new: Json) -> None:
        taints = encode(self._find("Node", node, "")).get("spec", {}).get("taints", [])
        self.patch("Node", node, {"spec": {"taints": [*(t for t in taints if not gone(t)), *new] or None}})
