"""Arithmetic and the reading of containers (cel-go common/types)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from kgate.cel.faults import EvaluationError, no_overload
from kgate.cel.values import (
    NONE,
    Duration,
    Lazy,
    Optional,
    Timestamp,
    Uint,
    Unknown,
    compared,
    equal,
    key_of,
    natural,
    type_of,
    whole,
)

_FIRST, _LAST = -62135596800 * 10**9, 253402300799 * 10**9 + 999_999_999
"""Of the years 1 to 9999."""


def timestamp(ns: int) -> Timestamp:
    if _FIRST <= ns <= _LAST:
        return Timestamp(ns)
    raise EvaluationError("timestamp overflow")


def duration(ns: int) -> Duration:
    if abs(ns) < 2**63:
        return Duration(ns)
    raise EvaluationError("duration overflow")


def add(a: Any, b: Any) -> Any:
    match a, b:
        case (int(), int()) if type(a) is int and type(b) is int:
            return whole(a + b)
        case (str(), str()) | (float(), float()) | (list(), list()) | (bytes(), bytes()):
            return a + b
        case (Uint(), Uint()):
            return natural(int(a) + int(b))
        case (Timestamp(), Duration()) | (Duration(), Timestamp()):
            return timestamp(a.ns + b.ns)
        case (Duration(), Duration()):
            return duration(a.ns + b.ns)
    raise no_overload()


def subtract(a: Any, b: Any) -> Any:
    match a, b:
        case (int(), int()) if type(a) is int and type(b) is int:
            return whole(a - b)
        case (float(), float()):
            return a - b
        case (Uint(), Uint()):
            return natural(int(a) - int(b))
        case (Timestamp(), Timestamp()) | (Duration(), Duration()):
            return duration(a.ns - b.ns)
        case (Timestamp(), Duration()):
            return timestamp(a.ns - b.ns)
    raise no_overload()


def multiply(a: Any, b: Any) -> Any:
    kind = _number(a, b)
    if kind is float:
        return a * b
    return whole(a * b) if kind is int else natural(int(a) * int(b))


def divide(a: Any, b: Any) -> Any:
    """Towards zero."""
    kind = _number(a, b)
    if kind is float:
        if b == 0:
            return math.nan if a == 0 or a != a else math.copysign(math.inf, a) * math.copysign(1, b)
        return a / b
    if b == 0:
        raise EvaluationError("division by zero")
    quotient = abs(int(a)) // abs(int(b))
    return natural(quotient) if kind is Uint else whole(quotient if (a < 0) == (b < 0) else -quotient)


def modulo(a: Any, b: Any) -> Any:
    """Of the sign of `a`."""
    kind = _number(a, b)
    if kind is float:
        raise no_overload()
    if b == 0:
        raise EvaluationError("modulus by zero")
    rest = abs(int(a)) % abs(int(b))
    if kind is int and abs(b) == 1 and a == -(2**63):
        raise EvaluationError("integer overflow")
    return Uint(rest) if kind is Uint else (-rest if a < 0 else rest)


def negate(a: Any) -> Any:
    if type(a) is int:
        return whole(-a)
    if type(a) is float:
        return -a
    raise no_overload()


def _number(a: Any, b: Any) -> type:
    if type(a) is type(b) and type(a) in (int, Uint, float):
        return type(a)
    raise no_overload()


def ordering(holds: Callable[[int], bool]) -> Callable[[Any, Any], bool]:
    def order(a: Any, b: Any) -> bool:
        found = compared(a, b)
        return found is not None and holds(found)

    return order


def contained(a: Any, b: Any) -> bool:
    if type(b) is list:
        return any(equal(a, item) for item in b)
    if type(b) is dict:
        try:
            return key_of(a) in b
        except EvaluationError:
            return False
    if type(b) is Lazy:
        return a in b.names
    raise no_overload()


def indexed(container: Any, index: Any) -> Any:
    """`container[index]`; of an optional one, an optional value."""
    if type(container) is list:
        if type(index) is float and index.is_integer():
            index = int(index)
        if not isinstance(index, int) or isinstance(index, bool):
            raise EvaluationError(f"unsupported index type '{type_of(index).name}' in list")
        if not 0 <= index < len(container):
            raise EvaluationError(f"index out of bounds: {index}")
        return _read(container[index])
    if type(container) is dict:
        key = key_of(index)
        if key in container:
            return _read(container[key])
        raise EvaluationError(f"no such key: {index}")
    if type(container) is Lazy:
        return container.get(index)
    if type(container) is Optional:
        return optionally(container, index)
    raise no_overload()


def optionally(container: Any, index: Any) -> Optional:
    """`container[?index]` and `container.?index`."""
    if type(container) is Optional:
        if not container.there:
            return NONE
        container = container.value
    if type(container) is list:
        there = isinstance(index, int) and not isinstance(index, bool) and 0 <= index < len(container)
        return Optional(_read(container[index])) if there else NONE
    if type(container) is dict:
        key = key_of(index)
        return Optional(_read(container[key])) if key in container else NONE
    if type(container) is Lazy:
        return Optional(container.get(index)) if index in container.names else NONE
    raise no_overload()


def selected(operand: Any, field: str) -> Any:
    """`operand.field`."""
    if operand.__class__ is dict:
        if field in operand:
            found = operand[field]
            return found.read() if found.__class__ is Unknown else found
        raise EvaluationError(f"no such key: {field}")
    if operand.__class__ is Lazy:
        return operand.get(field)
    if operand.__class__ is Optional:
        return optionally(operand, field)
    raise no_overload()


def present(operand: Any, field: str) -> bool:
    """`has(operand.field)`."""
    if operand.__class__ is dict:
        return field in operand
    if operand.__class__ is Lazy:
        return field in operand.names
    if operand.__class__ is Optional:
        return bool(operand.there and present(operand.value, field))
    raise no_overload()


def _read(found: Any) -> Any:
    return found.read() if found.__class__ is Unknown else found


OPERATORS: Mapping[str, Callable[..., Any]] = {
    "_+_": add,
    "_-_": subtract,
    "_*_": multiply,
    "_/_": divide,
    "_%_": modulo,
    "-_": negate,
    "_==_": equal,
    "_!=_": lambda a, b: not equal(a, b),
    "_<_": ordering(lambda order: order < 0),
    "_<=_": ordering(lambda order: order <= 0),
    "_>_": ordering(lambda order: order > 0),
    "_>=_": ordering(lambda order: order >= 0),
    "@in": contained,
    "_in_": contained,
    "_[_]": indexed,
    "_[?_]": optionally,
    "_?._": optionally,
}
