"""A namespace goes with its content (pkg/controller/namespace/deletion/namespaced_resources_deleter.go)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msgspec.structs import replace

from kgate.engine.api.core import Namespace
from kgate.engine.api.meta import Condition, Key, Millis, Resource, condition
from kgate.engine.lifecycle import KUBERNETES
from kgate.engine.manager import Manager, Watch
from kgate.engine.store import Store, key_of
from kgate.engine.trace import WatchEvent


class NamespaceController:
    """Deletes all there is in a namespace that is being deleted, pods first, and then lets it go."""

    name: ClassVar[str] = "namespace"

    def __init__(self, store: Store, manager: Manager, *, pods_first: bool = True) -> None:
        """`pods_first`: the gate OrderedNamespaceDeletion, on since 1.33."""
        self._store = store
        self._manager = manager
        self._pods_first = pods_first
        self.watches = (Watch(Namespace),)
        store.subscribe(self._noticed)

    def reconcile(self, key: Key) -> Millis | None:
        namespace = self._store.get(Namespace, "", key.name)
        if namespace is None or not namespace.metadata.deleting or KUBERNETES not in namespace.spec.finalizers:
            return None
        if self._pods_first and self._store.list_kind("Pod", key.name):
            self._delete_all("Pod", key.name)
        if not (self._pods_first and self._store.list_kind("Pod", key.name)):
            for kind in self._store.kinds():
                self._delete_all(kind, key.name)
        self._conclude(namespace, [o for kind in self._store.kinds() for o in self._store.list_kind(kind, key.name)])
        return None

    def _delete_all(self, kind: str, namespace: str) -> None:
        for obj in self._store.list_kind(kind, namespace):
            if self._store.find(key_of(obj)) is not None and not obj.metadata.deleting:
                self._store.delete(key_of(obj), propagation="Background")

    def _conclude(self, namespace: Namespace, left: Sequence[Resource]) -> None:
        """Says what is left; without anything left, the namespace is free to go."""
        now = self._store.now_ms // 1000 * 1000
        conditions = tuple(_since(c, condition(namespace.status.conditions, c.type), now) for c in _conditions(left))
        namespace = self._store.update_status(replace(namespace, status=replace(namespace.status, conditions=conditions)))
        if not left:
            others = tuple(f for f in namespace.spec.finalizers if f != KUBERNETES)
            self._store.update(replace(namespace, spec=replace(namespace.spec, finalizers=others)))

    def _noticed(self, event: WatchEvent) -> None:
        """Something in a namespace that waits for it has gone."""
        # Unlike upstream: it looks again when content goes, not after an estimate of how long that will take.
        if event.after is None and event.key.namespace and event.key.kind != "Event":
            namespace = self._store.get(Namespace, "", event.key.namespace)
            if namespace is not None and namespace.metadata.deleting:
                self._manager.enqueue(self.name, key_of(namespace))


def _conditions(left: Sequence[Resource]) -> list[Condition]:
    """status_condition_utils.go."""
    finalizers = sorted({f for obj in left for f in obj.metadata.finalizers})
    deleted = "All content successfully deleted, may be waiting on finalization"
    return [
        _said("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
        _said("NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
        _said("NamespaceDeletionContentFailure", "ContentDeleted", deleted),
        _remaining(left),
        _finalizing(left, finalizers),
    ]


def _remaining(left: Sequence[Resource]) -> Condition:
    if not left:
        return _said("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed")
    counts = _counted([_plural(obj) for obj in left], "{} has {} resource instances")
    return _said("NamespaceContentRemaining", "SomeResourcesRemain", f"Some resources are remaining: {counts}", "True")


def _finalizing(left: Sequence[Resource], finalizers: Sequence[str]) -> Condition:
    if not finalizers:
        return _said("NamespaceFinalizersRemaining", "ContentHasNoFinalizers", "All content-preserving finalizers finished")
    counts = _counted([f for obj in left for f in obj.metadata.finalizers], "{} in {} resource instances")
    said = f"Some content in the namespace has finalizers remaining: {counts}"
    return _said("NamespaceFinalizersRemaining", "SomeFinalizersRemain", said, "True")


def _counted(names: Sequence[str], phrase: str) -> str:
    return ", ".join(phrase.format(name, names.count(name)) for name in sorted(set(names)))


def _plural(obj: Resource) -> str:
    """`pods.`, `deployments.apps`: the group stands after the dot even when it is empty."""
    from kgate.engine.api.names import resource

    name = resource(obj.api_version, obj.kind)
    return name if "." in name else f"{name}."


def _said(type_: str, reason: str, message: str, status: str = "False") -> Condition:
    return Condition(type=type_, status=status, reason=reason, message=message)


def _since(new: Condition, old: Condition | None, now: Millis) -> Condition:
    same = old is not None and old.status == new.status
    return replace(new, last_transition_time_ms=old.last_transition_time_ms if old is not None and same else now)
