"""The API server's memory: objects, versions, watches and the rules of deletion.

Everything is synchronous: a write is seen by every watcher before it returns (s/apiserver/pkg/registry/generic/registry/store.go).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol, TypeVar, cast

from msgspec.structs import replace

from kgate.engine import lifecycle
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key, Millis, ObjectMeta, Resource
from kgate.engine.api.names import resource, safe_hash, uid
from kgate.engine.errors import already_exists, conflict, not_found
from kgate.engine.lifecycle import FOREGROUND, ORPHAN
from kgate.engine.trace import ADDED, DELETED, MODIFIED, WatchEvent

MAX_GENERATED_PREFIX = 58


class Kind(Protocol):
    """A class of objects: knows its kind without an instance."""

    kind: ClassVar[str]
    metadata: ObjectMeta


R = TypeVar("R", bound=Any)
Watcher = Callable[[WatchEvent], None]
Admission = Callable[[Resource], Resource]


def key_of(obj: Resource) -> Key:
    """Where the object belongs in the store."""
    return Key(obj.kind, obj.metadata.namespace, obj.metadata.name)


class Store:
    """All objects of the cluster. Lists come in order of creation."""

    def __init__(self) -> None:
        self.now_ms: Millis = 0
        """Set by the Manager alone."""
        self.resource_version = 0
        self._serial = 0
        self._names = 0
        self._objects: dict[str, dict[Key, Any]] = {}
        self._owned: dict[str, dict[Key, None]] = {}
        self._controlled: dict[str, dict[Key, None]] = {}
        self._on_node: dict[str, dict[Key, None]] = {}
        self._watchers: list[Watcher] = []
        self._admission: list[Admission] = []

    def __len__(self) -> int:
        return sum(len(objects) for objects in self._objects.values())

    def subscribe(self, watcher: Watcher) -> None:
        """`watcher` is called with every later write, before the write returns, in order of subscription."""
        self._watchers.append(watcher)

    def admit_with(self, admission: Admission) -> None:
        """`admission` may change or refuse (ApiError) every object about to be created, in order of registration."""
        self._admission.append(admission)

    # Reading

    def find(self, key: Key) -> Any | None:
        """The object, or None."""
        objects = self._objects.get(key.kind)
        return objects.get(key) if objects is not None else None

    def get(self, cls: type[R], namespace: str, name: str) -> R | None:
        """The object of that class, or None. `namespace` is empty for cluster-wide kinds."""
        found = self._objects.get(cls.kind, {}).get(Key(cls.kind, namespace, name))
        return found if isinstance(found, cls) else None  # another group may have a kind of that name

    def list(self, cls: type[R], namespace: str | None = None) -> Sequence[R]:
        """All objects of that class, or those of one namespace."""
        return cast("Sequence[R]", self.list_kind(cls.kind, namespace))

    def list_kind(self, kind: str, namespace: str | None = None) -> Any:
        """The same for a kind without a class of its own."""
        objects = self._objects.get(kind)
        if not objects:
            return []
        return [o for o in objects.values() if namespace is None or o.metadata.namespace == namespace]

    def kinds(self) -> tuple[str, ...]:
        """The kinds there are objects of, sorted."""
        return tuple(sorted(kind for kind, objects in self._objects.items() if objects))

    def owned_by(self, owner_uid: str, cls: type[R]) -> Sequence[R]:
        """Objects of that class whose controller has that uid."""
        return [self._objects[key.kind][key] for key in self._controlled.get(owner_uid, ()) if key.kind == cls.kind]

    def dependents(self, owner_uid: str) -> Sequence[Resource]:
        """Objects of any kind with an owner reference to that uid."""
        return [self._objects[key.kind][key] for key in self._owned.get(owner_uid, ())]

    def orphans(self, cls: type[R], namespace: str) -> Sequence[R]:
        """Objects of that class in that namespace with no controller, which one may adopt."""
        return [self._objects[key.kind][key] for key in self._controlled.get("", ()) if key.kind == cls.kind and key.namespace == namespace]

    def pods_on(self, node: str) -> Sequence[Pod]:
        """Pods bound to that node, terminating and terminal ones included."""
        return [self._objects["Pod"][key] for key in self._on_node.get(node, ())]

    # Writing

    def create(self, obj: R) -> R:
        """Stores the object under a new uid. Raises ApiError: 409 AlreadyExists, or what admission says."""
        if not obj.metadata.name:
            obj = replace(obj, metadata=replace(obj.metadata, name=self._generated_name(obj)))
        for admit in self._admission:
            obj = cast("R", admit(obj))
        key = key_of(obj)
        if self.find(key) is not None:
            raise already_exists(resource(obj.api_version, obj.kind), obj.metadata.name)
        self._serial += 1
        generation = 0 if obj.kind in lifecycle.WITHOUT_GENERATION else 1
        meta = replace(obj.metadata, uid=uid(self._serial), generation=generation, creation_timestamp_ms=self.now_ms, resource_version=0)
        return cast("R", self._put(ADDED, key, None, lifecycle.prepared(replace(obj, metadata=meta))))

    def update(self, obj: R) -> R:
        """Writes all but the status's meaning: a changed spec bumps the generation. Raises ApiError 404 and 409.

        Writing what is already there does nothing and wakes nobody.
        """
        key, before = self._current(obj)
        if obj == before:
            return cast("R", before)
        if before.metadata.generation and lifecycle.wants_another(before, obj):
            obj = replace(obj, metadata=replace(obj.metadata, generation=before.metadata.generation + 1))
        if before.metadata.deleting and not before.metadata.deletion_grace_period_seconds and not lifecycle.finalizers(obj):
            return cast("R", self._remove(key, obj))
        return cast("R", self._put(MODIFIED, key, before, obj))

    def update_status(self, obj: R) -> R:
        """Writes the status (and annotations, as the status subresource does); the generation stays. Raises ApiError 404 and 409."""
        key, before = self._current(obj)
        return cast("R", before if obj == before else self._put(MODIFIED, key, before, obj))

    def delete(
        self,
        key: Key,
        *,
        grace_seconds: int | None = None,
        propagation: str | None = None,
        uid: str | None = None,
        resource_version: int | None = None,
    ) -> None:
        """Begins or completes the deletion; what waits for finalizers or its grace period stays for the time being.

        `propagation` is Background, Foreground or Orphan; without it, finalizers the object already has decide, else Background.
        Raises ApiError: 404, and 409 when the preconditions `uid` and `resource_version` do not hold.
        """
        before = self.find(key)
        if before is None:
            raise not_found(resource(_API_VERSIONS.get(key.kind, "v1"), key.kind), key.name)
        lifecycle.check_preconditions(before, uid, resource_version)
        marked = lifecycle.marked(before, self.now_ms, grace_seconds, propagation)
        if marked is not None and marked != before:
            before = self._put(MODIFIED, key, before, marked)
        if marked is None or lifecycle.due(marked):
            self._remove(key, before)

    def _current(self, obj: Any) -> tuple[Key, Any]:
        key, meta = key_of(obj), obj.metadata
        before = self.find(key)
        if before is None or before.metadata.uid != meta.uid:
            raise not_found(resource(obj.api_version, obj.kind), obj.metadata.name)
        if before.metadata.resource_version != meta.resource_version:
            raise conflict(resource(obj.api_version, obj.kind), obj.metadata.name)
        return key, before

    def _put(self, type_: str, key: Key, before: Any, obj: Any) -> Any:
        self.resource_version += 1
        obj = replace(obj, metadata=replace(obj.metadata, resource_version=self.resource_version))
        if before is None:
            self._objects.setdefault(key.kind, {})[key] = obj
            self._index(key, obj)
        else:
            self._objects[key.kind][key] = obj
            self._reindex(key, before, obj)
        self._tell(WatchEvent(self.now_ms, self.resource_version, type_, key, before, obj))
        return obj

    def _remove(self, key: Key, obj: Any) -> Any:
        self.resource_version += 1
        del self._objects[key.kind][key]
        self._unindex(key, obj)
        self._tell(WatchEvent(self.now_ms, self.resource_version, DELETED, key, obj, None))
        return obj

    def _tell(self, event: WatchEvent) -> None:
        for watcher in self._watchers:
            watcher(event)

    def _generated_name(self, obj: Any) -> str:
        """`generateName`, cut to 58 characters, and five letters that no object of the kind has yet (s/apiserver/pkg/storage/names).

        Every attempt gets new ones, refused ones too.
        """
        prefix: str = obj.metadata.generate_name[:MAX_GENERATED_PREFIX]
        while True:
            self._names += 1
            name = prefix + safe_hash(f"{prefix}{self._names}", 5)
            if self.find(Key(obj.kind, obj.metadata.namespace, name)) is None:
                return name

    # Secondary indexes: a controller pays for what it owns, not for the size of the cluster

    def _index(self, key: Key, obj: Any) -> None:
        for owner in obj.metadata.owner_references:
            self._owned.setdefault(owner.uid, {})[key] = None
        if (controller := _controller(obj)) is not None:
            self._controlled.setdefault(controller, {})[key] = None
        if isinstance(obj, Pod) and obj.spec.node_name:
            self._on_node.setdefault(obj.spec.node_name, {})[key] = None

    def _unindex(self, key: Key, obj: Any) -> None:
        for owner in obj.metadata.owner_references:
            self._owned.get(owner.uid, {}).pop(key, None)
        if (controller := _controller(obj)) is not None:
            self._controlled.get(controller, {}).pop(key, None)
        if isinstance(obj, Pod) and obj.spec.node_name:
            self._on_node.get(obj.spec.node_name, {}).pop(key, None)

    def _reindex(self, key: Key, before: Any, after: Any) -> None:
        owners_changed = before.metadata.owner_references is not after.metadata.owner_references
        node_changed = isinstance(after, Pod) and before.spec.node_name != after.spec.node_name
        if owners_changed or node_changed:
            self._unindex(key, before)
            self._index(key, after)


_API_VERSIONS = {"Deployment": "apps/v1", "ReplicaSet": "apps/v1", "PriorityClass": "scheduling.k8s.io/v1"}


def _controller(obj: Any) -> str | None:
    """The uid an object is found under by its controller; what may be adopted and has none is found under the empty one."""
    controller = obj.metadata.controller
    if controller is not None:
        return cast("str", controller.uid)
    return "" if obj.kind in ("Pod", "ReplicaSet") else None


__all__ = ["FOREGROUND", "ORPHAN", "Kind", "Store", "key_of"]
