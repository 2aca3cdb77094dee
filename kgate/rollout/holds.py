"""What a scenario waits for, as a question to the cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from kgate.engine.api.apps import Deployment
from kgate.engine.api.codec import encode
from kgate.engine.api.core import Event, Node, Pod
from kgate.engine.api.meta import Resource, condition
from kgate.engine.store import Store
from kgate.engine.trace import WatchEvent
from kgate.rollout.follow import complete
from kgate.rollout.steps import Complete, ConditionHolds, EventSeen, Gone, NodeHolds, PodsCount, Quiet, StatusHolds, Until

Holds = Callable[[], bool]


class _Cluster(Protocol):
    @property
    def store(self) -> Store: ...

    @property
    def now_ms(self) -> int: ...


class Watchman:
    """Answers waits. Knows when the API last changed anything."""

    def __init__(self, cluster: _Cluster) -> None:
        self._cluster = cluster
        self.changed_ms = 0
        cluster.store.subscribe(self._note)

    def _note(self, event: WatchEvent) -> None:
        if event.key.kind not in ("Lease", "Event"):
            self.changed_ms = event.time_ms

    def holds(self, until: Until) -> Holds:
        """A predicate for the end of an instant."""
        match until:
            case Quiet():
                raise ValueError("silence is no state of the cluster: ask changed_ms")
            case Complete():
                return lambda: all(self._complete(name, until.allow_terminating) for name in until.names)
            case ConditionHolds():
                return lambda: _condition(self._encoded(until.kind, until.name), until)
            case StatusHolds():
                return lambda: _status(self._encoded(until.kind, until.name), until.fields)
            case PodsCount():
                return lambda: self._pods(until)
            case Gone():
                return lambda: self._find(until.kind, until.name) is None
            case EventSeen():
                return lambda: self._events(until) >= until.count
            case NodeHolds():
                return lambda: _node(self._find("Node", until.name), until)

    def _find(self, kind: str, name: str) -> Resource | None:
        """The first of that name: a scenario has one namespace."""
        return next((o for o in self._cluster.store.list_kind(kind) if o.metadata.name == name), None)

    def _encoded(self, kind: str, name: str) -> Mapping[str, Any]:
        found = self._find(kind, name)
        status = encode(found).get("status") if found is not None else None
        return status if isinstance(status, Mapping) else {}

    def _complete(self, name: str, allow_terminating: bool) -> bool:
        d = self._find("Deployment", name)
        if not isinstance(d, Deployment) or not complete(d):
            return False
        if not allow_terminating and any(p.metadata.deleting for p in self._cluster.store.list(Pod)):
            return False
        progressing = condition(d.status.conditions, "Progressing")
        told = progressing is not None and progressing.reason == "NewReplicaSetAvailable"
        return told or d.spec.paused or d.spec.replicas == 0

    def _pods(self, wanted: PodsCount) -> bool:
        pods = [p for p in self._cluster.store.list(Pod) if p.metadata.name.startswith(wanted.prefix) and not p.terminal]
        alive = [p for p in pods if not p.metadata.deleting]
        counts = (
            (wanted.total, len(alive)),
            (wanted.ready, sum(p.ready for p in alive)),
            (wanted.bound, sum(bool(p.spec.node_name) for p in alive)),
            (wanted.unschedulable, sum(_unschedulable(p) for p in alive)),
            (wanted.terminating, len(pods) - len(alive)),
        )
        elsewhere = not wanted.not_on_node or all(p.spec.node_name != wanted.not_on_node for p in alive)
        return elsewhere and all(n is None or n == have for n, have in counts)

    def _events(self, wanted: EventSeen) -> int:
        events = [e for e in self._cluster.store.list(Event) if e.involved_object.namespace]  # not those about nodes
        return sum(e.count for e in events if wanted.reason in ("", e.reason) and wanted.contains in e.message)


def _unschedulable(pod: Pod) -> bool:
    scheduled = condition(pod.status.conditions, "PodScheduled")
    return scheduled is not None and scheduled.status == "False" and scheduled.reason == "Unschedulable"


def _condition(status: Mapping[str, Any], wanted: ConditionHolds) -> bool:
    return any(
        c.get("type") == wanted.type and wanted.status in ("", c.get("status")) and wanted.reason in ("", c.get("reason"))
        for c in status.get("conditions") or ()
    )


def _status(status: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """A counter that is zero is not shown, and equals zero."""
    return all(_fits(status.get(field), value) for field, value in wanted.items())


def _fits(have: Any, wanted: Any) -> bool:
    if not isinstance(wanted, Mapping):
        return bool((0 if have is None and wanted == 0 else have) == wanted)
    n = have or 0
    return bool(wanted.get("ge", n) <= n <= wanted.get("le", n))


def _node(node: Resource | None, wanted: NodeHolds) -> bool:
    if not isinstance(node, Node):
        return False
    if wanted.taint:
        there = any(t.key == wanted.taint and wanted.effect in ("", t.effect) for t in node.spec.taints)
        return there is not wanted.absent
    ready = condition(node.status.conditions, "Ready")
    return ready is not None and wanted.ready in ("", ready.status)
