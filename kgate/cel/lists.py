"""Lists and sets (apiserver pkg/cel/library/lists.go, cel-go ext/{lists,sets}.go)."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from kgate.cel.faults import EvaluationError, no_overload
from kgate.cel.function import Function, bounded, walked, weight
from kgate.cel.operators import add, contained
from kgate.cel.values import NONE, Optional, compared, equal, key_of

_FLAT = 1


def is_sorted(items: list[Any]) -> bool:
    return all((found := compared(a, b)) is not None and found <= 0 for a, b in zip(_list(items), items[1:], strict=False))


def total(items: list[Any]) -> Any:
    if not _list(items):
        return 0
    return functools.reduce(add, items)


def least(items: list[Any]) -> Any:
    return _extreme(items, "min", -1)


def greatest(items: list[Any]) -> Any:
    return _extreme(items, "max", 1)


def _extreme(items: list[Any], name: str, sign: int) -> Any:
    if not _list(items):
        raise EvaluationError(f"{name} called on empty list")
    best = items[0]
    for item in items[1:]:
        if (order := compared(item, best)) is not None and order * sign > 0:
            best = item
    return best


def index_of(items: list[Any], wanted: Any) -> int:
    return next((i for i, item in enumerate(_list(items)) if equal(item, wanted)), -1)


def last_index_of(items: list[Any], wanted: Any) -> int:
    return next((i for i in range(len(_list(items)) - 1, -1, -1) if equal(items[i], wanted)), -1)


def _slice(items: list[Any], start: int, end: int) -> list[Any]:
    size = len(_list(items))
    if start < 0 or end < 0:
        raise EvaluationError(f"cannot slice({start}, {end}), negative indexes not supported")
    if start > end:
        raise EvaluationError(f"cannot slice({start}, {end}), start index must be less than or equal to end index")
    if end > size:
        raise EvaluationError(f"cannot slice({start}, {end}), list is length {size}")
    return items[start:end]


def _flatten(items: list[Any], depth: int = _FLAT) -> list[Any]:
    if depth < 0:
        raise EvaluationError("level must be non-negative")
    out: list[Any] = []
    for item in _list(items):
        out += _flatten(item, depth - 1) if item.__class__ is list and depth > 0 else [item]
    return out


def _distinct(items: list[Any]) -> list[Any]:
    out: list[Any] = []
    for item in _list(items):
        if not contained(item, out):
            out.append(item)
    return out


def _sorted(items: list[Any]) -> list[Any]:
    return _by(items, items)


def _by(items: list[Any], by: list[Any]) -> list[Any]:
    """`sortBy`: the items in the order of what was made of each."""
    if len(_list(items)) != len(_list(by)):
        raise no_overload()
    if any(type(key) is not type(by[0]) for key in by):
        raise EvaluationError("list elements must have the same type")
    order: list[int] = sorted(range(len(items)), key=lambda i: functools.cmp_to_key(lambda a, b: compared(a, b) or 0)(by[i]))
    return [items[i] for i in order]


def _range(size: int) -> list[Any]:
    bounded(size)
    return list(range(size))


def _square(*values: Any) -> int:
    """What compares every item with every other."""
    return 1 + functools.reduce(lambda a, b: a * (weight(b) + 1), values, 1) // 10


def _contains(items: list[Any], others: list[Any]) -> bool:
    return all(contained(item, _list(items)) for item in _list(others))


def _equivalent(items: list[Any], others: list[Any]) -> bool:
    return _contains(items, others) and _contains(others, items)


def _intersects(items: list[Any], others: list[Any]) -> bool:
    return any(contained(item, _list(items)) for item in _list(others))


def _inserted(found: Any, *more: Any) -> Any:
    """What transformMap and transformMapEntry make of their accumulator, which nobody else holds."""
    if found.__class__ is not dict:
        raise no_overload()
    entries = [(key_of(more[0]), more[1])] if len(more) == 2 else list(more[0].items())
    for key, value in entries:
        if key in found:
            raise EvaluationError(f"insert failed: key {key} already exists")
        found[key] = value
    return found


def _list(value: Any) -> list[Any]:
    if value.__class__ is not list:
        raise no_overload()
    return value


FUNCTIONS: Mapping[str, Function] = {
    "isSorted": Function(is_sorted, (1,), lambda v: 1 + len(v)),
    "sum": Function(total, (1,), lambda v: 1 + len(v)),
    "min": Function(least, (1,), lambda v: 1 + len(v)),
    "max": Function(greatest, (1,), lambda v: 1 + len(v)),
    "slice": Function(_slice, (3,), walked),
    "flatten": Function(_flatten, (1, 2), walked),
    "distinct": Function(_distinct, (1,), lambda v: _square(v, v)),
    "sort": Function(_sorted, (1,), walked),
    "@sortByAssociatedKeys": Function(_by, (2,), walked),
    "first": Function(lambda v: Optional(v[0]) if _list(v) else NONE, (1,)),
    "last": Function(lambda v: Optional(v[-1]) if _list(v) else NONE, (1,)),
    "lists.range": Function(_range, (1,), lambda n: n if isinstance(n, int) and n > 0 else 1),
    "sets.contains": Function(_contains, (2,), _square),
    "sets.equivalent": Function(_equivalent, (2,), _square),
    "sets.intersects": Function(_intersects, (2,), _square),
    "cel.@mapInsert": Function(_inserted, (2, 3)),
}
