"""What every object has: identity, version, lifetime and ownership (staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/types.go)."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple, NoReturn, Protocol, Self, TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace

K = TypeVar("K")
V = TypeVar("V")

Millis: TypeAlias = int
"""Virtual milliseconds since the cluster began."""

Time: TypeAlias = Annotated[int, "time"]
"""A moment in virtual milliseconds; the API shows it as an RFC 3339 timestamp with second resolution."""


class FrozenMap(dict[K, V]):
    """A dict that nobody changes and that may therefore be hashed and shared. `==` ignores the order of keys, as the API does."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]  # dict says None
        return hash(frozenset(self.items()))

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError("a FrozenMap cannot be changed; build a new one")

    __setitem__ = __delitem__ = _refuse
    __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def with_(self, key: K, value: V) -> FrozenMap[K, V]:
        """The same map with `key` set to `value`."""
        return FrozenMap({**self, key: value})

    def without(self, key: K) -> FrozenMap[K, V]:
        """The same map without `key`; the very same one when it has no such key."""
        return FrozenMap({k: v for k, v in self.items() if k != key}) if key in self else self

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self


Labels: TypeAlias = FrozenMap[str, str]
Rest: TypeAlias = FrozenMap[str, Any]
"""The fields a class does not model, by their JSON names, frozen by `codec.freeze`: kept, compared and shown, never interpreted."""

NO_LABELS: Labels = FrozenMap()
NO_REST: Rest = FrozenMap()


class Key(NamedTuple):
    """Where an object is in the store. `namespace` is empty for kinds that have none (Node, Namespace, PriorityClass)."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class OwnerReference(Struct, frozen=True, kw_only=True, gc=False):
    """A dependent's link to its owner; at most one reference of an object is the controller."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None
    block_owner_deletion: bool | None = None
    rest: Rest = NO_REST


class ObjectMeta(Struct, frozen=True, kw_only=True, gc=False):
    """`generation` counts changes of the spec, `resource_version` all writes of the whole store. 0 means not stored yet."""

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: Annotated[int, "decimal string"] = 0
    generation: int = 0
    creation_timestamp_ms: Time | None = None
    deletion_timestamp_ms: Time | None = None
    deletion_grace_period_seconds: int | None = None
    labels: Labels = NO_LABELS
    annotations: Labels = NO_LABELS
    owner_references: tuple[OwnerReference, ...] = ()
    finalizers: tuple[str, ...] = ()
    rest: Rest = NO_REST

    @property
    def controller(self) -> OwnerReference | None:
        """The managing owner (metav1.GetControllerOf)."""
        for owner in self.owner_references:
            if owner.controller:
                return owner
        return None

    @property
    def deleting(self) -> bool:
        """The object has a deletionTimestamp: it is on its way out and waits for finalizers or its grace period."""
        return self.deletion_timestamp_ms is not None

    def labelled(self, key: str, value: str | None) -> ObjectMeta:
        """With the label set, or removed when `value` is None."""
        return replace(self, labels=self.labels.without(key) if value is None else self.labels.with_(key, value))

    def annotated(self, key: str, value: str | None) -> ObjectMeta:
        """With the annotation set, or removed when `value` is None."""
        return replace(self, annotations=self.annotations.without(key) if value is None else self.annotations.with_(key, value))


class LabelSelectorRequirement(Struct, frozen=True, kw_only=True, gc=False):
    """`operator` is In, NotIn, Exists or DoesNotExist."""

    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()
    rest: Rest = NO_REST


class LabelSelector(Struct, frozen=True, kw_only=True, gc=False):
    """Empty selects everything; where a selector may be absent, None selects nothing."""

    match_labels: Labels = NO_LABELS
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()
    rest: Rest = NO_REST

    @property
    def empty(self) -> bool:
        """Neither labels nor expressions."""
        return not self.match_labels and not self.match_expressions


NO_METADATA = ObjectMeta()
EVERYTHING = LabelSelector()


class Condition(Struct, frozen=True, kw_only=True, gc=False):
    """A Deployment's, ReplicaSet's, Pod's or Node's condition; which times a kind uses differs."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_update_time_ms: Time | None = None
    last_transition_time_ms: Time | None = None
    last_probe_time_ms: Time | None = None
    last_heartbeat_time_ms: Time | None = None
    observed_generation: int | None = None
    rest: Rest = NO_REST


def condition(conditions: tuple[Condition, ...], type_: str) -> Condition | None:
    """The condition of that type, if the object has it."""
    for c in conditions:
        if c.type == type_:
            return c
    return None


class Resource(Protocol):
    """An object of the API: a frozen struct with metadata."""

    @property
    def kind(self) -> str: ...
    @property
    def api_version(self) -> str: ...
    @property
    def metadata(self) -> ObjectMeta: ...


class Unstructured(Struct, frozen=True, kw_only=True, gc=False):
    """An object of a kind the engine does not model: stored, versioned, watched and shown, never interpreted."""

    kind: str
    api_version: str
    metadata: ObjectMeta = NO_METADATA
    rest: Rest = NO_REST
