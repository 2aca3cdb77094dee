"""What lived only because of a deleted owner goes too (pkg/controller/garbagecollector/{garbagecollector,graph_builder}.go)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from msgspec.structs import replace

from kgate.engine.api.codec import CLUSTER_SCOPED
from kgate.engine.api.meta import Key, Millis, OwnerReference, Resource
from kgate.engine.lifecycle import FOREGROUND, ORPHAN
from kgate.engine.manager import Manager, Watch
from kgate.engine.store import Store, key_of
from kgate.engine.trace import WatchEvent


class GarbageCollector:
    """Background: dependents follow their owner. Foreground: the owner waits for them. Orphan: they stay and forget it.

    It looks at objects of every kind, modelled or not.
    """

    name: ClassVar[str] = "garbagecollector"
    watches: ClassVar[tuple[Watch, ...]] = ()

    def __init__(self, store: Store, manager: Manager) -> None:
        self._store = store
        self._manager = manager
        store.subscribe(self._noticed)

    def reconcile(self, key: Key) -> Millis | None:
        """attemptToDeleteItem, attemptToOrphanWorker."""
        obj = self._store.find(key)
        if obj is None:
            return None
        meta = obj.metadata
        if meta.deleting and ORPHAN in meta.finalizers:
            self._orphan(obj)
        elif meta.deleting and FOREGROUND in meta.finalizers:
            self._foreground(obj)
        elif meta.owner_references and not meta.deleting:
            self._follow(obj)
        return None

    def _noticed(self, event: WatchEvent) -> None:
        for key in self._affected(event):
            self._manager.enqueue(self.name, key)

    def _affected(self, event: WatchEvent) -> Iterable[Key]:
        """The dependents of an object that went; what waits for dependents; what got or lost an owner, and then the owner, too."""
        meta, before = event.object.metadata, event.before
        if event.after is None:
            return [*map(key_of, self._store.dependents(meta.uid)), *_owners(event.after, before)]
        if before is None:
            return (event.key,) if meta.owner_references else ()
        keys: list[Key] = []
        if meta.owner_references is not before.metadata.owner_references:
            keys = [event.key, *_owners(event.after, before)]
        if meta.finalizers and meta.deleting:
            keys.append(event.key)
        return keys

    def _follow(self, obj: Resource) -> None:
        """Deletes the object when no owner holds it any longer; when some do, it only forgets the others.

        An owner that waits for its dependents no longer holds them; what itself has dependents then waits for them in turn.
        """
        owners = [(ref, self._owner(ref, obj)) for ref in obj.metadata.owner_references]
        waiting = [owner for _, owner in owners if owner is not None and _waits(owner)]
        holding = tuple(ref for ref, owner in owners if owner is not None and not _waits(owner))
        if holding:
            if len(holding) < len(owners):
                self._store.update(_with_owners(obj, holding))
        elif waiting and (dependents := self._store.dependents(obj.metadata.uid)):
            if any(_waits(d) for d in dependents):
                obj = self._store.update(_with_owners(obj, tuple(map(_not_blocking, obj.metadata.owner_references))))
            self._delete(obj, "Foreground")
        else:
            self._delete(obj, None)

    def _delete(self, obj: Resource, propagation: str | None) -> None:
        self._store.delete(key_of(obj), propagation=propagation, uid=obj.metadata.uid)

    def _owner(self, ref: OwnerReference, dependent: Resource) -> Resource | None:
        """None when it does not exist, or another object has its name by now."""
        namespace = "" if ref.kind in CLUSTER_SCOPED else dependent.metadata.namespace
        owner: Resource | None = self._store.find(Key(ref.kind, namespace, ref.name))
        return owner if owner is not None and owner.metadata.uid == ref.uid else None

    def _foreground(self, obj: Any) -> None:
        """Deletes the dependents, and lets the object go once none that blocks it is left."""
        for dependent in self._store.dependents(obj.metadata.uid):
            if not dependent.metadata.deleting:
                self._follow(dependent)
        if not any(_blocks(d, obj.metadata.uid) for d in self._store.dependents(obj.metadata.uid)):
            self._let_go(obj, FOREGROUND)

    def _orphan(self, obj: Any) -> None:
        for dependent in self._store.dependents(obj.metadata.uid):
            left = tuple(ref for ref in dependent.metadata.owner_references if ref.uid != obj.metadata.uid)
            self._store.update(_with_owners(dependent, left))
        self._let_go(obj, ORPHAN)

    def _let_go(self, obj: Any, finalizer: str) -> None:
        """Meanwhile the object may have been written again, or have gone."""
        now = self._store.find(key_of(obj))
        if now is not None and now.metadata.uid == obj.metadata.uid:
            left = tuple(f for f in now.metadata.finalizers if f != finalizer)
            self._store.update(replace(now, metadata=replace(now.metadata, finalizers=left)))


def _waits(owner: Resource) -> bool:
    """It is being deleted in the foreground."""
    return owner.metadata.deleting and FOREGROUND in owner.metadata.finalizers


def _owners(after: Resource | None, before: Resource | None) -> list[Key]:
    """Those the object no longer refers to, or no longer blocks: if they wait, they may go now."""
    kept = {ref.uid: ref for ref in after.metadata.owner_references} if after is not None else {}
    refs = before.metadata.owner_references if before is not None else ()
    freed = [ref for ref in refs if ref.uid not in kept or (ref.block_owner_deletion and not kept[ref.uid].block_owner_deletion)]
    namespace = before.metadata.namespace if before is not None else ""
    return [Key(ref.kind, "" if ref.kind in CLUSTER_SCOPED else namespace, ref.name) for ref in freed]


def _blocks(dependent: Resource, owner_uid: str) -> bool:
    return any(ref.uid == owner_uid and ref.block_owner_deletion for ref in dependent.metadata.owner_references)


def _not_blocking(ref: OwnerReference) -> OwnerReference:
    return replace(ref, block_owner_deletion=False)


def _with_owners(obj: Any, owners: tuple[OwnerReference, ...]) -> Any:
    return replace(obj, metadata=replace(obj.metadata, owner_references=owners))
