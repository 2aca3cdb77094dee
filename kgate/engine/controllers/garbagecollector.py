"""What lived only because of a deleted owner goes too (pkg/controller/garbagecollector/garbagecollector.go)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from msgspec.structs import replace

from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key, Millis, OwnerReference, Resource
from kgate.engine.manager import Manager, Watch
from kgate.engine.store import FOREGROUND, ORPHAN, Store, key_of
from kgate.engine.trace import WatchEvent


class GarbageCollector:
    """Background: dependents follow their owner. Foreground: the owner waits for them. Orphan: they stay and forget it."""

    name: ClassVar[str] = "garbagecollector"

    def __init__(self, store: Store, manager: Manager) -> None:
        self._store = store
        kinds: tuple[type[Any], ...] = (Deployment, ReplicaSet, Pod)
        self.watches = tuple(Watch(kind, self._affected) for kind in kinds)

    def reconcile(self, key: Key) -> Millis | None:
        obj = self._store.find(key)
        if obj is None:
            return None
        if ORPHAN in obj.metadata.finalizers:
            self._orphan(obj)
        elif FOREGROUND in obj.metadata.finalizers:
            self._foreground(obj)
        elif obj.metadata.owner_references and not obj.metadata.deleting:
            self._follow(obj)
        return None

    def _affected(self, event: WatchEvent) -> Iterable[Key]:
        """The dependents of an object that went, and the object itself and its owners when it is or was being deleted."""
        meta = event.object.metadata
        if event.after is None:
            owners = [Key(o.kind, event.key.namespace, o.name) for o in meta.owner_references]
            return [*map(key_of, self._store.dependents(meta.uid)), *owners]
        if meta.deleting and meta.finalizers:
            return (event.key,)
        return (event.key,) if event.before is None and meta.owner_references else ()

    def _follow(self, obj: Resource) -> None:
        """Deletes the object when none of its owners is left; when some are, it only forgets those that went."""
        left = tuple(ref for ref in obj.metadata.owner_references if self._exists(ref, obj))
        if not left:
            waiting = "Foreground" if self._store.dependents(obj.metadata.uid) else "Background"
            self._store.delete(key_of(obj), propagation=waiting if self._any_foreground(obj) else "Background")
        elif len(left) < len(obj.metadata.owner_references):
            self._store.update(_with_owners(obj, left))

    def _exists(self, ref: OwnerReference, dependent: Resource) -> bool:
        """An owner that is being deleted in the foreground no longer holds its dependents."""
        owner = self._store.find(Key(ref.kind, dependent.metadata.namespace, ref.name))
        return owner is not None and owner.metadata.uid == ref.uid and FOREGROUND not in owner.metadata.finalizers

    def _any_foreground(self, obj: Resource) -> bool:
        owners = [self._store.find(Key(r.kind, obj.metadata.namespace, r.name)) for r in obj.metadata.owner_references]
        return any(o is not None and FOREGROUND in o.metadata.finalizers for o in owners)

    def _foreground(self, obj: Any) -> None:
        """Deletes the dependents, and lets the object go once none that blocks it is left."""
        dependents = self._store.dependents(obj.metadata.uid)
        for dependent in dependents:
            if not dependent.metadata.deleting:
                self._follow(dependent)
        blocking = [d for d in self._store.dependents(obj.metadata.uid) if _blocks(d, obj.metadata.uid)]
        if not blocking:
            self._store.update(_without_finalizer(obj, FOREGROUND))

    def _orphan(self, obj: Any) -> None:
        for dependent in self._store.dependents(obj.metadata.uid):
            left = tuple(ref for ref in dependent.metadata.owner_references if ref.uid != obj.metadata.uid)
            self._store.update(_with_owners(dependent, left))
        self._store.update(_without_finalizer(obj, ORPHAN))


def _blocks(dependent: Resource, owner_uid: str) -> bool:
    return any(ref.uid == owner_uid and ref.block_owner_deletion for ref in dependent.metadata.owner_references)


def _with_owners(obj: Any, owners: tuple[OwnerReference, ...]) -> Any:
    return replace(obj, metadata=replace(obj.metadata, owner_references=owners))


def _without_finalizer(obj: Any, finalizer: str) -> Any:
    left = tuple(f for f in obj.metadata.finalizers if f != finalizer)
    return replace(obj, metadata=replace(obj.metadata, finalizers=left))
