"""JSON Schemas of six keywords, all that policies use so far, judged as they stand: loading a validator takes 8 ms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kgate.manifest import Path

_Judge = Callable[[Any, Any, Path], Iterator[Path]]
_TYPES: Mapping[str, tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}


def known(schema: Any) -> bool:
    """Whether `faults` understands every word of the schema."""
    return isinstance(schema, Mapping) and all(key in _JUDGES and _readable(key, value) for key, value in schema.items())


def faults(body: Any, schema: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    """Where `body` falls short of a schema that is `known`."""
    for keyword, wanted in schema.items():
        yield from _JUDGES[keyword](body, wanted, path)


def _readable(keyword: str, value: Any) -> bool:
    match keyword:
        case "properties":
            return isinstance(value, Mapping) and all(map(known, value.values()))
        case "required":
            return isinstance(value, list) and all(isinstance(name, str) for name in value)
        case "const":
            return value is None or isinstance(value, (bool, int, str))
        case "type":
            return isinstance(value, str) and value in _TYPES
        case _:
            return known(value)


def _properties(body: Any, wanted: Mapping[str, Any], path: Path) -> Iterator[Path]:
    if isinstance(body, dict):
        for name, schema in wanted.items():
            if name in body:
                yield from faults(body[name], schema, (*path, name))


def _items(body: Any, wanted: Mapping[str, Any], path: Path) -> Iterator[Path]:
    if isinstance(body, list):
        for index, item in enumerate(body):
            yield from faults(item, wanted, (*path, index))


def _required(body: Any, wanted: list[str], path: Path) -> Iterator[Path]:
    if isinstance(body, dict):
        yield from (path for name in wanted if name not in body)


def _not(body: Any, wanted: Mapping[str, Any], path: Path) -> Iterator[Path]:
    if next(faults(body, wanted, path), None) is None:
        yield path


def _const(body: Any, wanted: Any, path: Path) -> Iterator[Path]:
    """JSON tells `true` from `1`, and does not tell `1.0` from it."""
    if body != wanted or isinstance(body, bool) is not isinstance(wanted, bool):
        yield path


def _type(body: Any, wanted: str, path: Path) -> Iterator[Path]:
    if not isinstance(body, _TYPES[wanted]):
        yield path


_JUDGES: Mapping[str, _Judge] = {
    "properties": _properties,
    "items": _items,
    "required": _required,
    "not": _not,
    "const": _const,
    "type": _type,
}
