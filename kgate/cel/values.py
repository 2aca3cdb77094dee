"""Values of CEL: Python's own where one type of it stands for one of CEL's, and a few types for the others.

null None, bool, int, double float, string str (of code points), bytes, list, map dict. Keys of maps that are no texts or integers are
told apart by BoolKey, because Python's True is 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kgate.cel.faults import EvaluationError, UnknownError, no_overload

INT_MIN, INT_MAX, UINT_MAX = -(2**63), 2**63 - 1, 2**64 - 1
NANO = 10**9


class Uint(int):
    """An unsigned integer of 64 bits."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class BoolKey:
    value: bool


@dataclass(frozen=True, slots=True)
class Timestamp:
    ns: int
    """Nanoseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Duration:
    ns: int


@dataclass(frozen=True, slots=True)
class TypeValue:
    name: str


@dataclass(frozen=True, slots=True)
class Optional:
    """`optional.of(value)`; without one, NONE."""

    value: Any
    there: bool = True


NONE = Optional(None, False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Stands for a value that only a cluster has. Whoever reads it gets UnknownError."""

    why: str

    def read(self) -> Any:
        raise UnknownError(self.why)


class Lazy:
    """A mapping whose values are computed when they are first asked for, and then kept: `variables`."""

    __slots__ = ("_known", "_make", "names")

    def __init__(self, names: Iterable[str], make: Any) -> None:
        self.names = frozenset(names)
        self._make = make
        self._known: dict[str, Any] = {}

    def get(self, name: str) -> Any:
        """Raises what its expression raises, each time."""
        if name not in self.names:
            raise EvaluationError(f"no such key: {name}")
        if name not in self._known:
            try:
                self._known[name] = self._make(name)
            except Exception as error:
                self._known[name] = Failed(error)
        value = self._known[name]
        if value.__class__ is Failed:
            raise value.error
        return value


class Failed:
    """In place of a value that is an error: of a variable, or of a macro that may still come to an answer."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


_NAMES: Mapping[type, str] = {
    type(None): "null_type",
    bool: "bool",
    int: "int",
    Uint: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "list",
    dict: "map",
    Timestamp: "google.protobuf.Timestamp",
    Duration: "google.protobuf.Duration",
    TypeValue: "type",
    Optional: "optional_type",
}
TYPES = tuple(_NAMES.values())
NUMBERS = (int, Uint, float)


def type_of(value: Any) -> TypeValue:
    kind = type(value)
    return TypeValue(_NAMES.get(kind) or kind.type_name)


def whole(value: int) -> int:
    """Raises where it does not fit 64 bits."""
    if INT_MIN <= value <= INT_MAX:
        return value
    raise EvaluationError("integer overflow")


def natural(value: int) -> Uint:
    if 0 <= value <= UINT_MAX:
        return Uint(value)
    raise EvaluationError("unsigned integer overflow")


def key_of(value: Any) -> Any:
    """The key of a map that CEL's `value` is."""
    kind = type(value)
    if kind is str or kind is int or kind is Uint:
        return value
    if kind is bool:
        return BoolKey(value)
    if kind is float and value.is_integer():
        return int(value)
    raise EvaluationError("unsupported key type")


def keys(found: Mapping[Any, Any]) -> Iterator[Any]:
    for key in found:
        yield key.value if key.__class__ is BoolKey else key


def equal(a: Any, b: Any) -> bool:
    """Raises UnknownError where it depends on a value that is not known."""
    kind, other = type(a), type(b)
    if kind is Unknown or other is Unknown:
        return a is b or bool((a if kind is Unknown else b).read())
    if kind is not other:
        return kind in NUMBERS and other in NUMBERS and bool(a == b)
    if kind is list:
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    if kind is dict:
        return len(a) == len(b) and all(k in b and equal(v, b[k]) for k, v in a.items())
    if kind is Optional:
        return a.there == b.there and (not a.there or equal(a.value, b.value))
    return bool(a == b)


_ORDERED = (str, bytes, bool)


def compared(a: Any, b: Any) -> int | None:
    """Negative, zero, positive; None where one is no number at all."""
    kind, other = type(a), type(b)
    if (kind in NUMBERS and other in NUMBERS) or (kind is other and kind in _ORDERED):
        return (a > b) - (a < b) if a == a and b == b else None
    if kind is other and kind in (Timestamp, Duration):
        return int(a.ns > b.ns) - int(a.ns < b.ns)
    raise no_overload()


def size(value: Any) -> int:
    if type(value) in (str, bytes, list, dict):
        return len(value)
    raise no_overload()


def plain(value: Any) -> Any:
    """What JSON writes of it; Raises UnknownError for what JSON has no form for."""
    kind = type(value)
    if kind is list:
        return [plain(item) for item in value]
    if kind is dict:
        return {str(key): plain(item) for key, item in value.items()}
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is Uint:
        return int(value)
    raise UnknownError(f"a value of type {type_of(value).name} has no form in JSON")
