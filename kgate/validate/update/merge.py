"""What `kubectl apply --server-side` makes of a stored object (sigs.k8s.io/structured-merge-diff: merge, then prune).

One field manager applied the base and applies the head. What the base wrote and the head no longer writes goes; what nobody
ever wrote (the server's defaults) stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kgate.manifest import Path
from kgate.validate import schemas
from kgate.validate.cause import shown
from kgate.validate.schemas import Schema

Item = tuple[Any, ...]
"""What names an item of a list: the values of its keys, or the item itself in a set."""

_KEY_DEFAULTS = {"protocol": "TCP"}
"""A key of a list that may be left out."""

_ATOMIC_NAMES = (
    "MatchResources NamedRuleWithOperations ParamKind ParamRef Variable CrossVersionObjectReference ConfigMapKeySelector EndpointAddress"
    " EndpointPort FileKeySelector LocalObjectReference NodeSelector NodeSelectorTerm ObjectFieldSelector ObjectReference"
    " ResourceFieldSelector ScopeSelector SecretKeySelector SecretReference TopologySelectorTerm TypedLocalObjectReference"
    " ServiceBackendPort RoleRef Subject LabelSelector OwnerReference"
)
ATOMIC = frozenset(_ATOMIC_NAMES.split())
"""Definitions that are replaced as a whole (x-kubernetes-map-type: atomic)."""
_ATOMIC_FIELDS = {
    ("PodSpec", "nodeSelector"),
    ("ReplicationControllerSpec", "selector"),
    ("ServiceSpec", "selector"),
    ("Scheduling", "nodeSelector"),
}
_GRANULAR_FIELDS = {("PersistentVolumeSpec", "claimRef")}


def definition(schema: Schema) -> str:
    """The last part of the name of what `schema` refers to: `PodSpec`; empty for what has no name."""
    name = schema.get("$ref")
    return name.rpartition(".")[2] if isinstance(name, str) else ""


def merged(live: Any, base: Any, head: Any, root: Schema, schema: Schema) -> Any:
    """The stored object after the apply of `head` over `live`, which came of an apply of `base`. Lists keep the order of the head."""
    found = schemas.resolved(root, schema)
    if isinstance(head, Mapping) and _granular(found):
        return _object(_mapping(live), _mapping(base), head, root, schema) if definition(schema) not in ATOMIC else head
    if isinstance(head, list) and found.get("x-kubernetes-list-type"):
        return _list(_sequence(live), _sequence(base), head, root, found)
    return head


def _mergeable(root: Schema, schema: Schema) -> bool:
    """Whether null leaves what is there: it has no items that could replace any."""
    found = schemas.resolved(root, schema)
    return (_granular(found) and definition(schema) not in ATOMIC) or bool(found.get("x-kubernetes-list-type"))


def _granular(schema: Schema) -> bool:
    return isinstance(schema.get("properties"), Mapping) or isinstance(schema.get("additionalProperties"), Mapping)


def _object(live: Mapping[str, Any], base: Mapping[str, Any], head: Mapping[str, Any], root: Schema, schema: Schema) -> dict[str, Any]:
    result = {}
    for name, value in head.items():
        child = child_of(root, schema, name) if _merges(schema, name) else {}
        if value is not None or not _mergeable(root, child):
            result[name] = merged(live.get(name), base.get(name), value, root, child)
    for name, value in live.items():
        if head.get(name) is None and name not in base and name not in result:
            result[name] = value
    return result


def _merges(schema: Schema, name: str) -> bool:
    return (definition(schema), name) not in _ATOMIC_FIELDS


def child_of(root: Schema, schema: Schema, name: str) -> Schema:
    """The schema of a field; empty where nothing is said of it."""
    found = schemas.resolved(root, schema)
    child = found.get("properties", {}).get(name) or found.get("additionalProperties")
    if (definition(schema), name) in _GRANULAR_FIELDS and isinstance(child, Mapping):
        return schemas.resolved(root, child)
    return child if isinstance(child, Mapping) else {}


def _list(live: Sequence[Any], base: Sequence[Any], head: Sequence[Any], root: Schema, schema: Schema) -> list[Any]:
    """Items are the same when their keys are."""
    keys = schema.get("x-kubernetes-list-map-keys", ())
    lived, based = _by_key(live, keys), _by_key(base, keys)
    result, seen = [], set()
    for item in head:
        key = key_of(item, keys)
        seen.add(key)
        result.append(merged(lived.get(key), based.get(key), item, root, schema.get("items", {})) if keys else item)
    result.extend(item for key, item in lived.items() if key not in seen and key not in based)
    return result


def key_of(item: Any, keys: Sequence[str]) -> Item:
    if not keys or not isinstance(item, Mapping):
        return (repr(item),)
    return tuple(repr(_KEY_DEFAULTS.get(key) if item.get(key) is None else item[key]) for key in keys)


def _by_key(items: Sequence[Any], keys: Sequence[str]) -> dict[Item, Any]:
    return {key_of(item, keys): item for item in items}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def duplicates(body: Any, root: Schema, schema: Schema, path: Path = ()) -> Iterator[tuple[Path, Path, str]]:
    """Items that a list by key holds twice: the path of the list, of the second item, and the key as the server writes it.

    A create takes most of them; a server-side apply takes none (typed/validate.go).
    """
    found = schemas.resolved(root, schema)
    if isinstance(body, Mapping) and _granular(found):
        for name, value in body.items():
            yield from duplicates(value, root, child_of(root, schema, name), (*path, name))
    elif isinstance(body, list):
        yield from _twice(body, found, path)
        for i, item in enumerate(body):
            yield from duplicates(item, root, found.get("items", {}), (*path, i))


def _twice(items: Sequence[Any], schema: Schema, path: Path) -> Iterator[tuple[Path, Path, str]]:
    if not schema.get("x-kubernetes-list-type"):
        return
    keys = schema.get("x-kubernetes-list-map-keys", ())
    seen: set[Item] = set()
    for i, item in enumerate(items):
        key = key_of(item, keys)
        if key in seen:
            yield path, (*path, i), _written(item, keys)
        seen.add(key)


def _written(item: Any, keys: Sequence[str]) -> str:
    if not keys or not isinstance(item, Mapping):
        return f"[={shown(item)}]"
    return "[" + ",".join(f"{k}={shown(_KEY_DEFAULTS.get(k) if item.get(k) is None else item[k])}" for k in sorted(keys)) + "]"
