"""An independent copy of a cluster at its present instant: what can change is copied, what cannot is shared.

It walks whatever hangs on an object, so a component takes part without knowing of it. Objects of the API, keys and watch events are
never copied; a function that closes over something that can change is bound to the copy of that.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import partial
from inspect import isclass
from types import BuiltinFunctionType, CellType, FunctionType, MethodType, ModuleType, NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from msgspec import Struct

from kgate.engine.api.meta import FrozenMap, Key
from kgate.engine.trace import WatchEvent

T = TypeVar("T")
Copy = Callable[["Copies", Any], Any]

SHARES = "fork_shares"
"""Class attribute: names of attributes whose values nobody changes although their type does not say so."""

HOLDS = "fork_holds"
"""The same of containers: they change, but nobody changes what is in them."""

DROPS = "fork_drops"
"""Names of attributes that only keep what was found out, to be faster: the copy begins with empty containers, else with None."""


def fork(root: T) -> T:
    """A copy that goes on exactly as the original would; neither sees what happens to the other.

    Raises TypeError naming what it cannot copy.
    """
    collecting = gc.isenabled()
    gc.disable()  # thousands of small objects, none of which is garbage
    try:
        return cast("T", Copies().of(root))
    finally:
        if collecting:
            gc.enable()


class Copies:
    """What has been copied so far, by identity of the original; two that shared an object share its copy."""

    __slots__ = ("made",)

    def __init__(self) -> None:
        self.made: dict[int, Any] = {}

    def of(self, value: Any) -> Any:
        copy = _PLANS.get(type(value), _UNSEEN)
        if copy is _UNSEEN:
            copy = plan(type(value))
        if copy is None:
            return value
        made = self.made.get(id(value))
        return copy(self, value) if made is None else made

    def each(self, values: Iterable[Any]) -> list[Any]:
        of = self.of
        return [of(v) for v in values]


_UNSEEN: Copy = lambda _copies, _value: None  # noqa: E731  # only ever compared
_PLANS: dict[type, Copy | None] = {}
"""How objects of a type are copied; None: they are shared. Types do not change, so all forks share what is found out about them."""


def plan(cls: type) -> Copy | None:
    """Found once for each type."""
    if cls not in _PLANS:
        _PLANS[cls] = None if constant(cls) else _plan(cls)
    return _PLANS[cls]


def _plan(cls: type) -> Copy:
    if (known := _CONTAINERS.get(cls)) is not None:
        return known
    if issubclass(cls, tuple):
        return _tuple
    if issubclass(cls, Struct):
        return _struct(cls)
    if cls.__module__ == "numpy" and hasattr(cls, "copy"):
        return _array
    return _object(cls) if _known(cls) else _refused


def _known(cls: type) -> bool:
    """Written in Python, and by whoever uses this: what a library's objects hide behind their attributes nobody can tell."""
    return bool(cls.__flags__ & _HEAPTYPE) and cls.__module__.partition(".")[0] not in sys.stdlib_module_names


_HEAPTYPE = 1 << 9
"""Py_TPFLAGS_HEAPTYPE."""


# What never changes


_CONSTANT = (int, float, complex, str, bytes, NoneType, type, Enum, range, ModuleType, BuiltinFunctionType, FrozenMap, Key, WatchEvent)
_READ_ONLY = (Mapping, tuple, frozenset, type, FrozenMap, Union, UnionType)


def constant(hint: Any) -> bool:
    """Whether nothing that this type, or annotation, admits can change. A Mapping counts: it is there to be read."""
    origin, args = get_origin(hint), [a for a in get_args(hint) if a is not ...]
    if origin is None:
        return isclass(hint) and _constant_class(hint)
    if origin is Literal:
        return True
    if origin is Annotated:
        return constant(args[0])
    return origin in _READ_ONLY and all(map(constant, args))


def _constant_class(cls: type) -> bool:
    if cls is bool or issubclass(cls, _CONSTANT) or cls.__module__.startswith("kgate.engine.api."):
        return True
    if issubclass(cls, Struct) and cls.__struct_config__.frozen:
        return all(constant(h) for h in _hints(cls).values())
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return all(constant(h) for h in _hints(cls).values())
    return cls.__module__ == "re" or cls is frozenset


def _hints(cls: type) -> Mapping[str, Any]:
    """Of the fields; those that name what is only imported for type checkers are anything."""
    try:
        return {k: v for k, v in get_type_hints(cls, include_extras=True).items() if get_origin(v) is not ClassVar}
    except NameError:
        return {"": Any}


# How the others are copied


def _settled(values: Iterable[Any]) -> bool:
    """All of them are shared."""
    return all(_PLANS.get(t, _UNSEEN) is None or plan(t) is None for t in set(map(type, values)))


def _dict(copies: Copies, value: Any) -> Any:
    new = copies.made[id(value)] = value.copy()
    if not _settled(value):
        new.clear()
        new.update(zip(copies.each(value), copies.each(value.values()), strict=True))
    elif not _settled(value.values()):
        new.update(zip(value, copies.each(value.values()), strict=True))
    return new


def _list(copies: Copies, value: Any) -> Any:
    new = copies.made[id(value)] = value.copy()
    if not _settled(value):
        new.clear()
        new.extend(copies.each(value))
    return new


def _set(copies: Copies, value: Any) -> Any:
    new = copies.made[id(value)] = value.copy()
    if not _settled(value):
        new.clear()
        new.update(copies.each(value))
    return new


def _tuple(copies: Copies, value: Any) -> Any:
    """The same one when nothing in it can change."""
    if _settled(value):
        return value
    items = copies.each(value)
    if all(a is b for a, b in zip(items, value, strict=True)):
        return value
    new = type(value)._make(items) if hasattr(value, "_make") else tuple(items)
    return copies.made.setdefault(id(value), new)


def _struct(cls: type[Any]) -> Copy:
    kept = getattr(cls, SHARES, ())
    hints = _hints(cls)
    names = [n for n in cls.__struct_fields__ if n not in kept and not constant(hints.get(n, Any))]
    frozen = cls.__struct_config__.frozen

    def copy(copies: Copies, value: Any) -> Any:
        if frozen:
            found = {n: copies.of(getattr(value, n)) for n in names}
            if all(getattr(value, n) is new for n, new in found.items()):
                return value
            return copies.made.setdefault(id(value), cls(**{n: getattr(value, n) for n in cls.__struct_fields__} | found))
        new = copies.made[id(value)] = value.__copy__()
        for name in names:
            old = getattr(value, name)
            if (other := copies.of(old)) is not old:
                setattr(new, name, other)
        return new

    return copy


def _object(cls: type[Any]) -> Copy:
    kept, held, dropped = (frozenset(getattr(cls, said, ())) for said in (SHARES, HOLDS, DROPS))
    slots = [s for c in cls.__mro__ for s in getattr(c, "__slots__", ()) if s not in ("__dict__", "__weakref__")]

    def copy(copies: Copies, value: Any) -> Any:
        new = copies.made[id(value)] = object.__new__(cls)
        of, plans = copies.of, _PLANS
        if hasattr(value, "__dict__"):
            into = new.__dict__
            for name, old in value.__dict__.items():
                if plans.get(type(old), _UNSEEN) is None or name in kept:
                    into[name] = old
                elif name in dropped:
                    into[name] = type(old)() if type(old) in _CONTAINERS else None
                else:
                    into[name] = old.copy() if name in held else of(old)
        for name in slots:
            if hasattr(value, name):
                old = getattr(value, name)
                object.__setattr__(new, name, old if name in kept else of(old))
        return new

    return copy


def _method(copies: Copies, value: Any) -> Any:
    return MethodType(value.__func__, copies.of(value.__self__))


def _function(copies: Copies, value: Any) -> Any:
    """A function that remembers something that can change remembers the copy of it."""
    held = [c.cell_contents for c in value.__closure__ or ()]
    copied = copies.each(held)
    if all(a is b for a, b in zip(held, copied, strict=True)):
        return value
    new = FunctionType(value.__code__, value.__globals__, value.__name__, value.__defaults__, tuple(map(CellType, copied)))
    new.__kwdefaults__ = value.__kwdefaults__
    return copies.made.setdefault(id(value), new)


def _partial(copies: Copies, value: Any) -> Any:
    return partial(copies.of(value.func), *copies.each(value.args), **{k: copies.of(v) for k, v in value.keywords.items()})


def _array(copies: Copies, value: Any) -> Any:
    return copies.made.setdefault(id(value), value.copy())


def _refused(_copies: Copies, value: Any) -> Any:
    raise TypeError(f"{type(value).__module__}.{type(value).__qualname__} cannot be forked")


_CONTAINERS: Mapping[type, Copy] = {
    dict: _dict,
    Counter: _dict,
    OrderedDict: _dict,
    defaultdict: _dict,
    list: _list,
    deque: _list,
    set: _set,
    tuple: _tuple,
    MethodType: _method,
    FunctionType: _function,
    partial: _partial,
}
