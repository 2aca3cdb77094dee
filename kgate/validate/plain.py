"""Certainly right, or for others to judge: a body read against the embedded schemas without compiling them.

Loading jsonschema-rs and compiling a Deployment's 121 definitions for it takes 10 ms, reading one Deployment this way a tenth of one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from kgate.validate.schemas import Schema

Define = Callable[[str], Schema]
"""The definition of that name."""

DEEPEST = 40
"""A body with more levels than this, which no kind has but in fields of any shape, is for others to judge."""

_NAMES: Mapping[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
    type(None): "null",
}
_MOST = 2**63


def fits(value: Any, schema: Schema, define: Define, deep: int = 0) -> bool:
    """Whether `value` satisfies the schema beyond doubt. False: it does not, or this is too simple to tell."""
    while (ref := schema.get("$ref")) is not None:
        schema = define(ref.rpartition("/")[2])
    name = _NAMES.get(type(value), "")
    types = schema.get("type")
    if deep > DEEPEST or not name or (types is not None and name not in types and not (name == "integer" and "number" in types)):
        return False
    if name == "object":
        return _object_fits(value, schema, define, deep + 1)
    if name == "array":
        items = schema.get("items")
        return items is None or all(fits(item, items, define, deep + 1) for item in value)
    if name == "string":
        return (pattern := schema.get("pattern")) is None or _pattern(pattern).search(value) is not None
    return name not in ("integer", "number") or _number_fits(value, schema)


def _object_fits(value: dict[str, Any], schema: Schema, define: Define, deep: int) -> bool:
    if any(name not in value for name in schema.get("required", ())):
        return False
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for key, below in value.items():
        known = properties.get(key, others)
        if known is False or (known is not True and not fits(below, known, define, deep)):
            return False
    return True


def _number_fits(value: float, schema: Schema) -> bool:
    """Neither infinite nor so large that one who counts with 64 bits might see another number."""
    return -_MOST < value < _MOST and schema.get("minimum", value) <= value <= schema.get("maximum", value)


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    """`$` is the end of the text, as everywhere but in Python, where a line end may follow it."""
    return re.compile(pattern.removesuffix("$") + r"\Z")
