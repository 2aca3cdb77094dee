"""The timeline of a recording: every change of what a recording tracks, and the pods counted after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.codec import encode
from kgate.engine.api.core import Node, Pod
from kgate.engine.api.meta import Condition, Key, Resource
from kgate.engine.trace import WatchEvent
from kgate.rollout.aliases import Aliases

Fields = dict[str, Any]

REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"

_ADDED_OPS = {"ADDED": "ADD", "MODIFIED": "MOD", "DELETED": "DEL"}


class Timeline:
    """Follows a trace event by event. `entries` is what the recording shows, `state` what is tracked of every object there is."""

    def __init__(self) -> None:
        self.aliases = Aliases()
        self.entries: list[dict[str, Any]] = []
        self.versions: list[int] = []
        """The resourceVersion of each entry, ascending."""
        self.state: dict[Key, Fields] = {}
        self.named: dict[Key, str] = {}
        self._counts = _Counts()

    def follow(self, events: Iterable[WatchEvent]) -> None:
        for event in events:
            tracked = _TRACKED.get(event.key.kind)
            if tracked is not None:
                self._add(event, tracked)

    def _add(self, event: WatchEvent, tracked: Callable[[Any, Aliases], Fields]) -> None:
        alias = self.aliases.of(event.object)
        old = self.state.get(event.key, {})
        new = tracked(event.after, self.aliases) if event.after is not None else {}
        self.named[event.key] = alias
        self._counts.see(event, alias, self.aliases)
        if event.after is None:
            self.state.pop(event.key, None)
        else:
            self.state[event.key] = new
        changes = {} if event.after is None else _added(new) if event.before is None else _changes(old, new)
        if changes or event.after is None or (event.before is None and event.key.kind in _COUNTED):
            self._record(event, alias, changes)

    def _record(self, event: WatchEvent, alias: str, changes: Fields) -> None:
        if event.before is None and event.key.kind not in _COUNTED:
            return  # Nodes, budgets and quotas are there when they are first seen
        entry: dict[str, Any] = {
            "t": event.time_ms / 1000,
            "rv": event.resource_version,
            "o": f"{event.key.kind}/{alias}",
            "op": _ADDED_OPS[event.type],
            "set": changes,
        }
        if event.key.kind in _COUNTED:
            entry["n"] = self._counts.now()
        self.entries.append(entry)
        self.versions.append(event.resource_version)


class _Counts:
    """Pods by state and by ReplicaSet, kept up to date write by write."""

    def __init__(self) -> None:
        self._pods: dict[Key, tuple[str, bool, bool, bool]] = {}
        self._sets: dict[Key, tuple[str, int]] = {}
        self._total = [0, 0, 0, 0]
        self._by_owner: dict[str, list[int]] = {}

    def see(self, event: WatchEvent, alias: str, aliases: Aliases) -> None:
        if event.key.kind == "Pod":
            self._count(event.key, -1)
            if isinstance(event.after, Pod):
                self._pods[event.key] = _pod_state(event.after, aliases)
                self._count(event.key, 1)
            else:
                self._pods.pop(event.key, None)
        elif event.key.kind == "ReplicaSet":
            if isinstance(event.after, ReplicaSet):
                self._sets[event.key] = (alias, event.after.spec.replicas)
            else:
                self._sets.pop(event.key, None)

    def _count(self, key: Key, by: int) -> None:
        known = self._pods.get(key)
        if known is None:
            return
        owner, deleting, ready, bound = known
        for i, counts in enumerate((not deleting, ready and not deleting, deleting, bound and not deleting)):
            self._total[i] += by * counts
        sums = self._by_owner.setdefault(owner, [0, 0])
        sums[0] += by * (not deleting)
        sums[1] += by * (ready and not deleting)

    def now(self) -> dict[str, Any]:
        pods, ready, terminating, bound = self._total
        rs = {alias: [size, *self._by_owner.get(alias, (0, 0))] for alias, size in sorted(self._sets.values())}
        return {"pods": pods, "ready": ready, "terminating": terminating, "bound": bound, "rs": rs}


def _pod_state(pod: Pod, aliases: Aliases) -> tuple[str, bool, bool, bool]:
    return aliases.owner(pod), pod.metadata.deleting, pod.ready, bool(pod.spec.node_name)


def _added(new: Fields) -> Fields:
    """Of a new object, what is not zero; its status is still empty."""
    return {k: v for k, v in new.items() if v}


def _changes(old: Fields, new: Fields) -> Fields:
    """`field: new` for what was not there before, else `field: [old, new]`."""
    out: Fields = {}
    for field in sorted({*old, *new}):
        if old.get(field) != new.get(field):
            out[field] = [old[field], new.get(field)] if field in old else new[field]
    return out


def _deployment(d: Deployment, aliases: Aliases) -> Fields:
    status = d.status
    fields: Fields = {
        "generation": d.metadata.generation,
        "spec.replicas": d.spec.replicas,
        "paused": d.spec.paused,
        "images": [c.image for c in d.spec.template.spec.containers],
        "revision": d.metadata.annotations.get(REVISION),
        "status.observedGeneration": status.observed_generation,
        "status.replicas": status.replicas,
        "status.updatedReplicas": status.updated_replicas,
        "status.readyReplicas": status.ready_replicas,
        "status.availableReplicas": status.available_replicas,
        "status.unavailableReplicas": status.unavailable_replicas,
        "status.terminatingReplicas": status.terminating_replicas or 0,
        "status.collisionCount": status.collision_count or 0,
    }
    return fields | _conditions(status.conditions, aliases) | _leaving(d)


def _replica_set(rs: ReplicaSet, aliases: Aliases) -> Fields:
    annotations = rs.metadata.annotations
    fields: Fields = {
        "spec.replicas": rs.spec.replicas,
        "revision": annotations.get(REVISION),
        "revisionHistory": annotations.get(HISTORY),
        "desired": annotations.get(DESIRED),
        "max": annotations.get(MAXIMUM),
        "status.replicas": rs.status.replicas,
        "status.fullyLabeledReplicas": rs.status.fully_labeled_replicas,
        "status.readyReplicas": rs.status.ready_replicas,
        "status.availableReplicas": rs.status.available_replicas,
        "status.terminatingReplicas": rs.status.terminating_replicas or 0,
        "status.observedGeneration": rs.status.observed_generation,
        "owner": aliases.owner(rs) or None,
    }
    return fields | _conditions(rs.status.conditions, aliases) | _leaving(rs)


def _pod(pod: Pod, aliases: Aliases) -> Fields:
    fields: Fields = {
        "phase": pod.status.phase or "Pending",
        "node": pod.spec.node_name or None,
        "ready": pod.ready,
        "deleting": pod.metadata.deleting,
        "owner": aliases.owner(pod) or None,
    }
    if pod.metadata.deletion_grace_period_seconds is not None:
        fields["deletionGracePeriodSeconds"] = pod.metadata.deletion_grace_period_seconds
    if pod.status.nominated_node_name:
        fields["nominatedNodeName"] = pod.status.nominated_node_name
    for status in pod.status.container_statuses:
        waiting = status.state.get("waiting")
        if isinstance(waiting, Mapping) and waiting.get("reason") not in (None, "ContainerCreating"):
            fields[f"waiting.{status.name}"] = waiting.get("reason")
    shown = tuple(c for c in pod.status.conditions if c.type == "DisruptionTarget" or (c.type == "PodScheduled" and c.status == "False"))
    return fields | _conditions(shown, aliases)


def _node(node: Node, _aliases: Aliases) -> Fields:
    ready = next((c.status for c in node.status.conditions if c.type == "Ready"), None)
    taints = [f"{t.key}={t.value}:{t.effect}" for t in node.spec.taints]
    return {"ready": ready, "unschedulable": node.spec.unschedulable, "taints": taints}


def _from_status(*names: str) -> Callable[[Resource, Aliases], Fields]:
    """Fields of .status, for kinds that the engine may know or not."""

    def read(obj: Resource, aliases: Aliases) -> Fields:
        status = encode(obj).get("status") or {}
        fields: Fields = {name: status.get(name) for name in names}
        for c in status.get("conditions") or ():
            fields[f"cond.{c.get('type')}"] = {k: aliases.aliased(str(c[k])) for k in ("status", "reason", "message") if c.get(k)}
        return fields

    return read


def _conditions(conditions: Iterable[Condition], aliases: Aliases) -> Fields:
    return {f"cond.{c.type}": _condition(c, aliases) for c in conditions}


def _condition(c: Condition, aliases: Aliases) -> Fields:
    shown = {"status": c.status, "reason": c.reason, "message": aliases.aliased(c.message)}
    return {k: v for k, v in shown.items() if v}


def _leaving(obj: Resource) -> Fields:
    fields: Fields = {}
    if obj.metadata.deleting:
        fields["deleting"] = True
    if obj.metadata.finalizers:
        fields["finalizers"] = list(obj.metadata.finalizers)
    return fields


_COUNTED = ("Deployment", "ReplicaSet", "Pod")

_TRACKED: Mapping[str, Callable[[Any, Aliases], Fields]] = {
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "Pod": _pod,
    "Node": _node,
    "PodDisruptionBudget": _from_status("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"),
    "HorizontalPodAutoscaler": _from_status("currentReplicas", "desiredReplicas", "currentMetrics"),
    "ResourceQuota": _from_status("hard", "used"),
    "VerticalPodAutoscaler": _from_status("recommendation"),
}
