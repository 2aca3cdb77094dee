"""Removes pods that nobody else will ever remove (pkg/controller/podgc/gc_controller.go).

Upstream looks at all pods every 20 s. Here a look is taken at the same moments, but only when there is something to find.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from msgspec.structs import replace

from kgate.engine.api.core import Node, Pod
from kgate.engine.api.meta import Condition, Key, Millis, condition
from kgate.engine.errors import ApiError
from kgate.engine.flags import Flags
from kgate.engine.manager import Manager, Watch
from kgate.engine.store import Store, key_of
from kgate.engine.trace import WatchEvent

PERIOD_MS, QUARANTINE_MS = 20_000, 40_000
"""Between two looks; and from the look that missed a node until its pods are given up."""
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
ALL = Key("PodGC", "", "pods")
"""Stands for all pods together."""
ORPHANED = Condition(type="DisruptionTarget", status="True", reason="DeletionByPodGC", message="PodGC: node no longer exists")


class PodGCController:
    """Pods of nodes that are gone or out of service, pods that were never bound and are terminating, too many pods that ended."""

    name: ClassVar[str] = "podgc"

    def __init__(self, store: Store, manager: Manager, *, flags: Flags) -> None:
        """Raises FlagError."""
        self._store = store
        self._threshold = int(flags.number("terminated-pod-gc-threshold", 12_500))
        self._ended: set[Key] = set()
        """Pods that are Succeeded or Failed. Only counted."""
        self._quarantine: dict[str, Millis] = {}
        """Nodes that are missing, and when their pods are given up."""
        self.watches = (Watch(Node, self._of_node), Watch(Pod, self._of_pod))

    def reconcile(self, key: Key) -> Millis | None:
        """Looks at the full 20 s; says how long it is until the next look that has something to do."""
        now = self._store.now_ms
        if now % PERIOD_MS:
            return PERIOD_MS - now % PERIOD_MS
        self._collect()
        return PERIOD_MS if self._quarantine else None

    def _collect(self) -> None:
        pods = self._store.list(Pod)
        for pod in self._too_many(pods):
            self._fail_and_delete(pod)
        for pod in (p for p in pods if p.metadata.deleting and self._out_of_service(p.spec.node_name)):
            self._fail_and_delete(pod)
        lost = self._lost_nodes(pods)
        for pod in (p for p in pods if p.spec.node_name in lost):
            self._fail_and_delete(pod, ORPHANED)
        for pod in (p for p in pods if p.metadata.deleting and not p.spec.node_name):
            self._fail_and_delete(pod)

    def _too_many(self, pods: Sequence[Pod]) -> list[Pod]:
        """Evicted ones first, then the oldest; threshold 0 keeps them all."""
        ended = sorted((p for p in pods if p.terminal), key=_age)
        return ended[: max(0, len(ended) - self._threshold)] if self._threshold > 0 else []

    def _lost_nodes(self, pods: Sequence[Pod]) -> frozenset[str]:
        """Nodes that were missing 40 s ago and are missing still."""
        now = self._store.now_ms
        missing = {p.spec.node_name: None for p in pods if p.spec.node_name and self._store.get(Node, "", p.spec.node_name) is None}
        for name in missing:
            self._quarantine.setdefault(name, now + QUARANTINE_MS)
        over = [name for name, until in self._quarantine.items() if until <= now]
        for name in over:
            del self._quarantine[name]
        return frozenset(name for name in over if name in missing)

    def _fail_and_delete(self, pod: Pod, why: Condition | None = None) -> None:
        """The pod is marked as Failed first: no kubelet is left that would do it. Finalizers are waited for."""
        current = self._store.get(Pod, pod.metadata.namespace, pod.metadata.name)
        if current is None or current.metadata.uid != pod.metadata.uid:
            return
        if not current.terminal:
            self._store.update_status(_failed(current, why, self._store.now_ms))
        try:
            self._store.delete(key_of(pod), grace_seconds=0)
        except ApiError as e:
            if e.code != 404:  # marking it may have made somebody else delete it
                raise

    def _out_of_service(self, name: str) -> bool:
        node = self._store.get(Node, "", name)
        return node is not None and _is_out_of_service(node)

    def _of_node(self, event: WatchEvent) -> Iterable[Key]:
        """A node that is gone while pods are on it, or that is out of service now."""
        after: Any = event.after
        found = self._store.pods_on(event.key.name) if after is None or _is_out_of_service(after) else ()
        return (ALL,) if found else ()

    def _of_pod(self, event: WatchEvent) -> Iterable[Key]:
        pod: Any = event.object
        self._count(event.key, event.after is not None and pod.terminal)
        return (ALL,) if event.after is not None and self._matters(pod, event.before) else ()

    def _count(self, key: Key, ended: bool) -> None:
        if ended:
            self._ended.add(key)
        else:
            self._ended.discard(key)

    def _matters(self, pod: Pod, before: Any) -> bool:
        """Whether a look would find something in what is new about the pod."""
        if before is None or before.spec.node_name != pod.spec.node_name or before.metadata.deleting != pod.metadata.deleting:
            node = self._store.get(Node, "", pod.spec.node_name)
            if pod.spec.node_name and (node is None or (pod.metadata.deleting and _is_out_of_service(node))):
                return True
            if pod.metadata.deleting and not pod.spec.node_name:
                return True
        return pod.terminal and 0 < self._threshold < len(self._ended)


def _is_out_of_service(node: Node) -> bool:
    ready = condition(node.status.conditions, "Ready")
    return (ready is None or ready.status != "True") and any(t.key == OUT_OF_SERVICE for t in node.spec.taints)


def _age(pod: Pod) -> tuple[bool, Millis, str]:
    evicted = pod.status.phase == "Failed" and pod.status.reason == "Evicted"
    return not evicted, (pod.metadata.creation_timestamp_ms or 0) // 1000, pod.metadata.name


def _failed(pod: Pod, why: Condition | None, now_ms: Millis) -> Pod:
    conditions = pod.status.conditions
    if why is not None:
        new = replace(why, last_transition_time_ms=now_ms // 1000 * 1000)
        conditions = (*(c for c in conditions if c.type != why.type), new)
    return replace(pod, status=replace(pod.status, phase="Failed", conditions=conditions))
