"""A schema as a CustomResourceDefinition writes it: how large it may be, and how it is read where nothing has vouched for its types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kgate.manifest import Path
from kgate.validate.cause import Body, Key

MAX_DEPTH = 150
"""Levels of the schema's own text; the deepest schemas of real definitions have some sixty."""

MAX_NODES = 300_000
"""Mappings, lists and values, aliases written out. The largest real definitions have some fifty thousand."""

TYPES = ("array", "boolean", "integer", "number", "object", "string")
_NOTHING: Body = {}


def beyond(raw: Any) -> str:
    """Why the schema is not looked at; empty when it is. Aliases count each time they are used: shared nodes are walked as often."""
    seen = 0
    todo: list[tuple[Any, int]] = [(raw, 1)]
    while todo:
        value, depth = todo.pop()
        seen += 1
        if depth > MAX_DEPTH:
            return f"its schema is nested deeper than {MAX_DEPTH} levels"
        if seen > MAX_NODES:
            return f"its schema has more than {MAX_NODES} nodes"
        if isinstance(value, Mapping):
            todo.extend((v, depth + 1) for v in value.values())
        elif isinstance(value, list):
            todo.extend((v, depth + 1) for v in value)
    return ""


def node(value: object) -> Body:
    """A schema where there is one; below `items` and `additionalProperties` nothing has vouched for the types."""
    return value if isinstance(value, dict) else _NOTHING


def text(schema: Body, name: str) -> str:
    value = schema.get(name)
    return value if isinstance(value, str) else ""


def listed(schema: Body, name: str) -> list[Any]:
    value = schema.get(name)
    return value if isinstance(value, list) else []


_KEYED = frozenset({"properties", "patternProperties", "definitions", "dependencies"})
_SINGLE = frozenset({"items", "additionalProperties", "not", "additionalItems"})
_LISTED = frozenset({"allOf", "anyOf", "oneOf", "items"})


def children(schema: Body) -> Iterator[tuple[Path, Body]]:
    """Every schema right below, with the steps to it."""
    for name, value in schema.items():
        if isinstance(value, dict):
            if name in _KEYED:
                for key, child in value.items():
                    yield (name, Key(key)), node(child)
            elif name in _SINGLE:
                yield (name,), value
        elif isinstance(value, list) and name in _LISTED:
            for i, child in enumerate(value):
                yield (name, i), node(child)
