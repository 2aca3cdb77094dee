"""Who set which field: server-side apply with several managers (s/apimachinery/pkg/util/managedfields, structured-merge-diff/merge).

A path is a tuple: names of fields, and for items of lists with identity the values that tell them apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from kgate.engine import patching
from kgate.engine.errors import ApiError, Cause

Json = Any


class Item(NamedTuple):
    """An item of a list that has an identity, by the fields that make it."""

    keys: tuple[tuple[str, Json], ...]

    def __str__(self) -> str:
        return "[" + ",".join(f"{k}={json.dumps(v)}" for k, v in self.keys) + "]"


class Value(NamedTuple):
    """An item of a list that is a set of plain values."""

    value: Json

    def __str__(self) -> str:
        return f"[={json.dumps(self.value)}]"


Path = tuple[str | Item | Value, ...]
Owned = dict[Path, None]
"""Paths in order of the object, for a set's order would depend on the hash seed."""

PRESENT = object()
"""The value of an item as such: there it is, whatever is in it."""

NOT_MANAGED = frozenset(
    {
        ("apiVersion",),
        ("kind",),
        ("status",),
        *(
            ("metadata", name)
            for name in (
                "creationTimestamp",
                "deletionGracePeriodSeconds",
                "deletionTimestamp",
                "generation",
                "managedFields",
                "name",
                "namespace",
                "resourceVersion",
                "selfLink",
                "uid",
            )
        ),
    }
)


class Manager(NamedTuple):
    """Whoever writes under that name; what it applies and what it updates are apart."""

    name: str
    operation: str


CONTROLLERS = Manager("kube-controller-manager", "Update")
"""Whoever else changed an object since a client last did."""


class FieldManagers:
    """The managers of all objects, by uid."""

    fork_holds: ClassVar[tuple[str, ...]] = ("_owned", "_seen")

    def __init__(self) -> None:
        self._owned: dict[str, dict[Manager, Owned]] = {}
        self._seen: dict[str, Json] = {}

    def applied(self, uid: str, live: Json, wanted: Json, manager: str, *, force: bool) -> tuple[Json, dict[Manager, Owned]]:
        """The object with `wanted` applied, and who owns what then (for `commit`).

        What the manager applied before, now omits and nobody else owns is gone. Raises ApiError 409 with a cause for every field
        that another manager owns and `wanted` would change, unless `force` takes it over.
        """
        me, owners = Manager(manager, "Apply"), self._current(uid, live)
        want, have = dict(fields(wanted)), dict(fields(live))
        mine = owners.pop(me, {})
        changed = [path for path, value in want.items() if have.get(path, _ABSENT) != value]
        conflicts = [(other, path) for other, owned in owners.items() for path in changed if path in owned]
        if conflicts and not force:
            raise _conflict(conflicts, str(wanted.get("apiVersion", "")))
        for other, path in conflicts:
            del owners[other][path]
        left = patching.lay_over(live, wanted)
        for path in reversed([p for p in mine if p not in want and not _held(p, owners)]):
            left = _without(left, path, want)
        return left, {**{m: o for m, o in owners.items() if o}, me: dict.fromkeys(want)}

    def updated(self, uid: str, live: Json, after: Json, manager: str) -> dict[Manager, Owned]:
        """Who owns what once `manager` has changed `live` into `after` by other means than apply (for `commit`)."""
        return _updated(self._current(uid, live), live, after, Manager(manager, "Update"))

    def commit(self, uid: str, owned: dict[Manager, Owned], shown: Json) -> None:
        """`shown` is the object as it was stored, with what defaulting added, which nobody owns."""
        self._owned[uid], self._seen[uid] = owned, shown

    def forget(self, uid: str) -> None:
        """The object is gone."""
        self._owned.pop(uid, None)
        self._seen.pop(uid, None)

    def managers(self, uid: str, live: Json) -> Sequence[tuple[Manager, Sequence[str]]]:
        """Who owns which fields, in the order in which they came."""
        return [(m, [dotted(p) for p in owned]) for m, owned in self._current(uid, live).items() if owned]

    def _current(self, uid: str, live: Json) -> dict[Manager, Owned]:
        """A copy, with what controllers have changed since the last client's write accounted for."""
        owners = {m: dict(owned) for m, owned in self._owned.get(uid, {}).items()}
        seen = self._seen.get(uid)
        return owners if seen is None else _updated(owners, seen, live, CONTROLLERS)


_ABSENT = object()


def _updated(owners: dict[Manager, Owned], before: Json, after: Json, who: Manager) -> dict[Manager, Owned]:
    old, new = dict(fields(before)), dict(fields(after))
    changed = dict.fromkeys(path for path, value in new.items() if old.get(path, _ABSENT) != value)
    gone = {path for path in old if path not in new}
    for owned in owners.values():
        for path in [p for p in owned if p in changed or p in gone]:
            del owned[path]
    if changed:
        owners.setdefault(who, {}).update(changed)
    return owners


def fields(body: Json) -> Iterator[tuple[Path, Json]]:
    """Every field that can have an owner, with its value; what is atomic counts as one field."""
    return _walk(body, "", ())


def _walk(value: Json, field: str, path: Path) -> Iterator[tuple[Path, Json]]:
    if path in NOT_MANAGED:
        return
    keys = patching.merge_keys(field, value)
    if isinstance(value, Mapping) and value and field not in patching.ATOMIC:
        for key, child in value.items():
            if child is not None:
                yield from _walk(child, key, (*path, key))
    elif isinstance(value, list) and value and (keys or field in patching.SETS):
        for item in value:
            place = (*path, Item(tuple(zip(keys, patching.identity(item, keys), strict=True))) if keys else Value(patching.plain(item)))
            yield place, PRESENT
            if keys:
                yield from _walk(item, "", place)
    elif path:
        yield path, value


def dotted(path: Path) -> str:
    """`.spec.template.spec.containers[name="app"].image`."""
    return "".join(f".{step}" if isinstance(step, str) else str(step) for step in path)


def _held(path: Path, owners: Mapping[Manager, Owned]) -> bool:
    """Whether another manager owns the field or something in it."""
    return any(p[: len(path)] == path for owned in owners.values() for p in owned)


def _without(value: Json, path: Path, want: Mapping[Path, Json]) -> Json:
    """A copy without that field; a mapping or list that is thereby emptied goes, too. Fields that identify an item stay with it."""
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        if not isinstance(value, Mapping) or step not in value:
            return value
        inner = _without(value[step], rest, want) if rest else None
        return {k: (inner if k == step else v) for k, v in value.items() if k != step or inner not in (None, {}, [])}
    if not isinstance(value, list):
        return value
    return [item for item in (_without_item(item, step, rest, want) for item in value) if item is not _ABSENT]


def _without_item(item: Json, step: Item | Value, rest: Path, want: Mapping[Path, Json]) -> Json:
    if isinstance(step, Value):
        return _ABSENT if patching.plain(item) == step.value else item
    names = [k for k, _ in step.keys]
    if patching.identity(item, names) != tuple(v for _, v in step.keys):
        return item
    if not rest:
        return _ABSENT
    return item if rest[0] in names else _without(item, rest, want)


def _conflict(conflicts: Sequence[tuple[Manager, Path]], api_version: str) -> ApiError:
    """internal/conflict.go."""
    causes = [
        Cause(field=dotted(path), message=f"conflict with {_named(who, api_version)}", reason="FieldManagerConflict")
        for who, path in conflicts
    ]
    if len(conflicts) == 1:
        said = f"Apply failed with 1 conflict: {causes[0].message}: {causes[0].field}"
        return ApiError(409, said, causes=causes)
    lines = []
    for name in sorted({_named(who, api_version) for who, _ in conflicts}):
        lines += [f"conflicts with {name}:", *(f"- {dotted(path)}" for who, path in conflicts if _named(who, api_version) == name)]
    return ApiError(409, f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines), causes=causes)


def _named(who: Manager, api_version: str) -> str:
    """Unlike what was applied, an update is told with its API version."""
    return f'"{who.name}" using {api_version}' if who.operation == "Update" else f'"{who.name}"'
