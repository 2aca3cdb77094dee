"""How clients change objects: merge patch, strategic merge patch, JSON patch, server-side apply.

Sources: RFC 7386, RFC 6902, s/apimachinery/pkg/util/strategicpatch, structured-merge-diff. All functions return a new value.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kgate.engine.errors import ApiError

Json = Any

MERGE_KEYS: Mapping[str, tuple[str, ...]] = {
    "conditions": ("type",),
    "containers": ("name",),
    "env": ("name",),
    "ephemeralContainers": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "resourceClaims": ("name",),
    "schedulingGates": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
"""Lists whose items have an identity, by the name of their field."""
SETS = frozenset({"finalizers"})
"""Lists of plain values that are sets."""
ATOMIC = frozenset(
    {
        "configMapKeyRef",
        "fieldRef",
        "labelSelector",
        "namespaceSelector",
        "nodeSelector",
        "resourceFieldRef",
        "scaleTargetRef",
        "secretKeyRef",
        "selector",
    }
)
"""Mappings that apply replaces as a whole (structType=atomic, mapType=atomic)."""
PORT_KEYS = {"containerPort": ("containerPort", "protocol"), "port": ("port", "protocol")}
"""`ports` of a container and of a Service."""
STRATEGIC_KEYS: Mapping[str, str] = {"taints": "key", "tolerations": ""}
"""Where strategic merge patch differs from apply; without a key the list is replaced."""


def merge_patch(target: Json, patch: Json) -> Json:
    """RFC 7386: null removes, mappings merge, everything else replaces."""
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def strategic_merge_patch(target: Json, patch: Json) -> Json:
    """Merge patch, but lists with identity merge item by item; `$patch`, `$retainKeys` and `$deleteFromPrimitiveList` are obeyed."""
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    if patch.get("$patch") == "delete":
        return None
    old = {} if patch.get("$patch") == "replace" or not isinstance(target, Mapping) else target
    retained = patch.get("$retainKeys")
    result = {k: v for k, v in old.items() if retained is None or k in retained}
    for key, value in patch.items():
        if key.startswith("$"):
            _directive(result, key, value)
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = _strategic_value(key, result.get(key), value)
    return {k: v for k, v in result.items() if v is not None}


def _directive(result: dict[str, Json], key: str, value: Json) -> None:
    name = key.partition("/")[2]
    if key.startswith("$deleteFromPrimitiveList/") and isinstance(result.get(name), list):
        result[name] = [item for item in result[name] if item not in value]


def _strategic_value(key: str, old: Json, new: Json) -> Json:
    if isinstance(new, Mapping):
        return strategic_merge_patch(old, new)
    keys = _strategic_keys(key, new)
    if not isinstance(new, list) or not keys:
        return _union(old, new) if key == "finalizers" else copy.deepcopy(new)
    if any(isinstance(item, Mapping) and item.get("$patch") == "replace" for item in new):
        return [copy.deepcopy(item) for item in new if "$patch" not in item]
    result = list(old or [])
    for item in new:
        place = _place(result, item, keys)
        merged = strategic_merge_patch(None if place is None else result[place], item)
        if place is None:
            result += [merged] if merged is not None else []
        elif merged is None:
            del result[place]
        else:
            result[place] = merged
    return result


def _strategic_keys(key: str, items: Json) -> tuple[str, ...]:
    """Strategic merge knows one key a list, where apply may have two."""
    if key in STRATEGIC_KEYS:
        return (STRATEGIC_KEYS[key],) if STRATEGIC_KEYS[key] else ()
    return merge_keys(key, items)[:1]


def merge_keys(key: str, items: Json) -> tuple[str, ...]:
    """By which fields the items of that list are told apart; none when it is replaced as a whole."""
    if key != "ports" or not isinstance(items, list):
        return MERGE_KEYS.get(key, ())
    first = next((item for item in items if isinstance(item, Mapping)), {})
    return PORT_KEYS["containerPort" if "containerPort" in first else "port"]


def _place(items: Sequence[Json], item: Json, keys: Sequence[str]) -> int | None:
    """Where in `items` the item with the same identity is. An absent protocol is TCP."""
    wanted = identity(item, keys)
    return next((n for n, other in enumerate(items) if identity(other, keys) == wanted), None)


def identity(item: Json, keys: Sequence[str]) -> tuple[Json, ...]:
    """What tells the item apart. An absent protocol is TCP."""
    if not isinstance(item, Mapping):
        return (repr(item),) * len(keys)
    return tuple(plain(item.get(k, "TCP" if k == "protocol" else None)) for k in keys)


def plain(value: Json) -> Json:
    """Something that can be looked up: what should be a scalar and is none counts by its text."""
    return value if value is None or isinstance(value, str | int | float) else repr(value)


def _union(old: Json, new: Json) -> Json:
    return [*(old or []), *(item for item in new if item not in (old or []))]


# Server-side apply (fieldmanager.py says who owns what)


def lay_over(live: Json, wanted: Json) -> Json:
    """`live` with `wanted` over it: mappings and lists with identity merge, everything else replaces."""
    return _overlay(live, wanted, "")


def _overlay(live: Json, wanted: Json, field: str) -> Json:
    if isinstance(wanted, Mapping) and field not in ATOMIC:
        result = dict(live) if isinstance(live, Mapping) else {}
        for key, value in wanted.items():
            if value is not None:
                result[key] = _overlay(result.get(key), value, key)
        return result
    keys = merge_keys(field, wanted)
    if not isinstance(wanted, list) or not isinstance(live, list) or not (keys or field in SETS):
        return copy.deepcopy(wanted)
    return _overlaid_list(live, wanted, keys) if keys else _union(live, wanted)


def _overlaid_list(live: Sequence[Json], wanted: Sequence[Json], keys: Sequence[str]) -> list[Json]:
    """Applied items in the order applied; one of others stays before the shared item it stood before (typed/merge.go:visitListItems)."""
    theirs, mine = [identity(item, keys) for item in live], [identity(item, keys) for item in wanted]
    shared = [who for who in mine if who in theirs]
    result: list[Json] = []
    here, there = 0, 0
    while here < len(mine) or there < len(theirs):
        other = theirs[there] if there < len(theirs) else None
        if other is not None and other not in mine:
            result.append(live[there])
            there += 1
        elif other is not None and (here >= len(mine) or other in mine[:here] or (shared and shared[0] != other)):
            there += 1  # it has its place among the applied ones
        else:
            who = mine[here]
            result.append(_overlay(live[theirs.index(who)] if who in theirs else None, wanted[here], ""))
            here += 1
            shared = shared[1:] if shared[:1] == [who] else shared
    return result


# JSON patch


def json_patch(target: Json, operations: Sequence[Mapping[str, Json]]) -> Json:
    """RFC 6902. Raises ApiError 422 when a path does not exist or a test fails."""
    if not isinstance(operations, list | tuple) or not all(isinstance(o, Mapping) for o in operations):
        raise ApiError(400, "error decoding patch: a JSON patch is a list of operations")
    result = copy.deepcopy(target)
    for operation in operations:
        result = _operate(result, operation)
    return result


def _operate(target: Json, operation: Mapping[str, Json]) -> Json:
    op, path = operation.get("op"), str(operation.get("path", ""))
    match op:
        case "add" | "replace":
            return _put(target, path, copy.deepcopy(operation.get("value")), insert=op == "add")
        case "remove":
            return _take(target, path)
        case "move" | "copy":
            value = copy.deepcopy(_at(target, str(operation.get("from", ""))))
            return _put(_take(target, str(operation["from"])) if op == "move" else target, path, value, insert=True)
        case "test":
            if _at(target, path) != operation.get("value"):
                raise ApiError(422, f"the server rejected our request due to an error in our request: testing value {path} failed")
            return target
    raise ApiError(400, f"unexpected JSON patch operation {op!r}")


def _steps(path: str) -> Iterator[str]:
    return (step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:])


def _at(target: Json, path: str) -> Json:
    for step in _steps(path):
        target = _child(target, step, path)
    return target


def _child(target: Json, step: str, path: str) -> Json:
    try:
        return target[int(step)] if isinstance(target, list) else target[step]
    except (KeyError, IndexError, ValueError, TypeError):
        raise ApiError(422, f"the server rejected our request due to an error in our request: nothing at {path}") from None


def _put(target: Json, path: str, value: Json, *, insert: bool) -> Json:
    if not path:
        return value
    head, _, last = path.rpartition("/")
    parent, name = _at(target, head), last.replace("~1", "/").replace("~0", "~")
    if not insert:
        _child(parent, name, path)
    if isinstance(parent, list):
        place = len(parent) if name == "-" else int(name)
        parent[place : place + (0 if insert else 1)] = [value]
    else:
        parent[name] = value
    return target


def _take(target: Json, path: str) -> Json:
    head, _, last = path.rpartition("/")
    parent, name = _at(target, head), last.replace("~1", "/").replace("~0", "~")
    _child(parent, name, path)
    if isinstance(parent, list):
        del parent[int(name)]
    else:
        del parent[name]
    return target
