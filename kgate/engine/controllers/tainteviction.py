"""Deletes the pods that do not bear, or no longer bear, the NoExecute taints of their node.

Source: pkg/controller/tainteviction/taint_eviction.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from msgspec.structs import replace

from kgate.engine.api.core import Node, Pod, Taint, Toleration
from kgate.engine.api.meta import Condition, Key, Millis, ObjectMeta, condition
from kgate.engine.api.tolerations import matching
from kgate.engine.manager import Manager, Watch
from kgate.engine.store import Store, key_of
from kgate.engine.trace import WatchEvent

SOURCE = "taint-eviction-controller"
DISRUPTION_TARGET = Condition(
    type="DisruptionTarget", status="True", reason="DeletionByTaintManager", message="Taint manager: deleting due to NoExecute taint"
)


class TaintEvictionController:
    """One timer for each pod that bears its node's taints only for a while."""

    name: ClassVar[str] = "tainteviction"

    def __init__(self, store: Store, manager: Manager) -> None:
        self._store = store
        self._manager = manager
        self._due: dict[Key, Millis] = {}
        """When the pod is to be deleted."""
        self.watches = (Watch(Node, self._on_node), Watch(Pod, self._of_pod))

    def reconcile(self, key: Key) -> Millis | None:
        """processPodOnNode. Says how long the pod may stay."""
        pod = self._store.get(Pod, key.namespace, key.name)
        if pod is None:
            self._cancel(key)
            return None
        due = self._due.get(key)
        if due is not None and due <= self._store.now_ms:
            return self._evict(pod)
        node = self._store.get(Node, "", pod.spec.node_name)
        if node is None:  # who has gone with all its taints takes nothing back
            return None if due is None else due - self._store.now_ms
        return self._decide(pod, _no_execute(node))

    def _decide(self, pod: Pod, taints: Sequence[Taint]) -> Millis | None:
        """A pod that already waits goes on waiting as before, whatever its tolerations now say of new taints."""
        key = key_of(pod)
        allowed = stay_ms(pod.spec.tolerations, taints)
        if not taints or allowed is None:
            self._cancel(key)
            return None
        if allowed < 0:
            self._cancel(key)
            return self._evict(pod)
        due = self._due.setdefault(key, self._store.now_ms + allowed)
        return due - self._store.now_ms if due > self._store.now_ms else self._evict(pod)

    def _evict(self, pod: Pod) -> Millis | None:
        """addConditionAndDeletePod. Of pods that are being deleted already only the condition changes."""
        self._due.pop(key_of(pod), None)
        self._say(key_of(pod), f"Marking for deletion Pod {pod.metadata.namespace}/{pod.metadata.name}")
        pod = self._store.update_status(_with_target(pod, self._store.now_ms))
        if not pod.metadata.deleting:
            self._store.delete(key_of(pod))
        return None

    def _cancel(self, key: Key) -> None:
        if self._due.pop(key, None) is not None:
            self._say(key, f"Cancelling deletion of Pod {key.namespace}/{key.name}")

    def _say(self, key: Key, message: str) -> None:
        """The event names the pod without its uid, as upstream's does."""
        about = Pod(metadata=ObjectMeta(namespace=key.namespace, name=key.name))
        self._manager.record(about, "Normal", "TaintManagerEviction", message, source=SOURCE)

    def _on_node(self, event: WatchEvent) -> Iterable[Key]:
        """All pods of a node whose NoExecute taints are others now."""
        before: Any = event.before
        after: Any = event.after
        if after is None or _no_execute(after) == (() if before is None else _no_execute(before)):
            return ()
        return [key_of(pod) for pod in self._store.pods_on(after.metadata.name)]

    def _of_pod(self, event: WatchEvent) -> Iterable[Key]:
        """A pod that is new on its node, bears other taints than before, or is gone."""
        before: Any = event.before
        after: Any = event.after
        if after is None:
            return (event.key,) if event.key in self._due else ()
        if not after.spec.node_name or (before is not None and before.spec is after.spec):
            return ()
        if before is None and self._store.now_ms == 0:
            return ()  # Unlike upstream: who is on a tainted node from the beginning is believed to be there with good reason.
        if before is not None and (before.spec.node_name, before.spec.tolerations) == (after.spec.node_name, after.spec.tolerations):
            return ()
        node = self._store.get(Node, "", after.spec.node_name)
        return (event.key,) if node is not None and _no_execute(node) else ()


def stay_ms(tolerations: Iterable[Toleration], taints: Sequence[Taint]) -> Millis | None:
    """How long a pod may stay on a node with these NoExecute taints: None for ever, negative not at all (getMinTolerationTime)."""
    used = matching(tuple(tolerations), taints)
    if used is None:
        return -1
    limits = [t.toleration_seconds for t in used if t.toleration_seconds is not None]
    return max(0, min(limits)) * 1000 if limits else None


def _no_execute(node: Node) -> tuple[Taint, ...]:
    return tuple(t for t in node.spec.taints if t.effect == "NoExecute")


def _with_target(pod: Pod, now_ms: Millis) -> Pod:
    """A condition that is already there as it should be keeps its time."""
    old = condition(pod.status.conditions, DISRUPTION_TARGET.type)
    since = now_ms // 1000 * 1000 if old is None or old.status != "True" else old.last_transition_time_ms
    new = replace(DISRUPTION_TARGET, last_transition_time_ms=since)
    conditions = (*pod.status.conditions, new) if old is None else tuple(new if c.type == new.type else c for c in pod.status.conditions)
    return replace(pod, status=replace(pod.status, conditions=conditions))
