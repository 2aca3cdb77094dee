"""The schema of a custom resource, read from its CustomResourceDefinition (pkg/apiserver/schema/convert.go).

A schema comes from a pull request: its depth and size are bounded, and nothing in it is taken for what it is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from kgate.validate.schematext import beyond

_REFUSED = ("$ref", "$schema", "id", "additionalItems", "definitions", "dependencies", "patternProperties")
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "format": str,
    "pattern": str,
    "maximum": (int, float),
    "minimum": (int, float),
    "multipleOf": (int, float),
    "exclusiveMaximum": bool,
    "exclusiveMinimum": bool,
    **dict.fromkeys(("maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties"), int),
    "enum": list,
}
_HUGE = 1e300
_STRINGS = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_OLD_SELF = re.compile(r"\boldSelf\b")


class UnreadableError(Exception):
    """The schema cannot be used; the text says why."""


class Rule(Struct, frozen=True, kw_only=True):
    """One of x-kubernetes-validations."""

    text: str
    message: str = ""
    message_expression: str = ""
    reason: str = ""
    field_path: str = ""
    optional_old: bool = False
    """optionalOldSelf"""


class Structural(Struct, frozen=True, kw_only=True):
    """One node of a schema. What the definition does not say is the zero value."""

    types: tuple[str, ...] = ()
    """Empty: any. Two for int-or-string."""
    nullable: bool = False
    default: Any = None
    properties: Mapping[str, Structural] = {}
    items: Structural | None = None
    additional: Structural | bool | None = None
    preserves: bool = False
    """x-kubernetes-preserve-unknown-fields"""
    embedded: bool = False
    """x-kubernetes-embedded-resource"""
    list_type: str = ""
    list_keys: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    values: Mapping[str, Any] = {}
    """The keywords about values: `pattern`, `maximum`, `enum`..., each of its type."""
    all_of: tuple[Structural, ...] = ()
    any_of: tuple[Structural, ...] = ()
    one_of: tuple[Structural, ...] = ()
    negated: Structural | None = None
    declared: bool = False
    """CEL has a type for it."""
    rules: tuple[Rule, ...] = ()
    """The CEL rules at this very node that a create evaluates."""
    ruled: bool = False
    """A CEL rule that a create evaluates stands here, or in what this node is composed of."""
    ruled_below: bool = False
    """It stands here or anywhere below."""
    transitions: tuple[Rule, ...] = ()
    """The CEL rules at this very node that only an update evaluates, where there is an old value."""
    changes_below: bool = False
    """Such a rule stands here or anywhere below."""

    def child(self, name: str) -> Structural | None:
        """The schema of a field; None when nothing is said of it."""
        found = self.properties.get(name)
        if found is None and isinstance(self.additional, Structural):
            return self.additional
        return found


def structural(raw: Any) -> Structural:
    """`openAPIV3Schema`. Raises UnreadableError."""
    if not isinstance(raw, Mapping):
        raise UnreadableError("it has no schema")
    if fault := beyond(raw):
        raise UnreadableError(fault)
    return _node(raw)


def _node(raw: Any) -> Structural:
    if raw is not None and not isinstance(raw, Mapping):
        raise UnreadableError("a schema in it is no object")
    raw = raw or {}
    for name in _REFUSED:
        if raw.get(name):
            raise UnreadableError(f"its schema uses {name}, which the API server refuses")
    properties = {name: _node(v) for name, v in _typed(raw, "properties", Mapping, {}).items()}
    items, additional = _items(raw.get("items")), _additional(raw.get("additionalProperties"))
    composed = {name: tuple(map(_node, _typed(raw, name, list, []))) for name in ("allOf", "anyOf", "oneOf")}
    negated = _node(raw["not"]) if raw.get("not") is not None else None
    parts = [s for group in composed.values() for s in group] + ([negated] if negated else [])
    written = [(_rule(rule), _on_create(rule)) for rule in _typed(raw, "x-kubernetes-validations", list, []) if _readable(rule)]
    rules, transitions = (tuple(rule for rule, create in written if create is wanted) for wanted in (True, False))
    ruled = bool(rules) or any(p.ruled_below for p in parts)
    below = [*properties.values(), *(s for s in (items, additional) if isinstance(s, Structural))]
    return Structural(
        types=_types(raw),
        nullable=_typed(raw, "nullable", bool, False),
        default=raw.get("default"),
        properties=properties,
        items=items,
        additional=additional,
        preserves=_typed(raw, "x-kubernetes-preserve-unknown-fields", bool, False),
        embedded=_typed(raw, "x-kubernetes-embedded-resource", bool, False),
        list_type=_typed(raw, "x-kubernetes-list-type", str, ""),
        list_keys=_names(raw, "x-kubernetes-list-map-keys"),
        required=_names(raw, "required"),
        values=dict(_values(raw)),
        all_of=composed["allOf"],
        any_of=composed["anyOf"],
        one_of=composed["oneOf"],
        negated=negated,
        declared=_declared(_types(raw), items, additional),
        rules=rules,
        ruled=ruled,
        ruled_below=ruled or any(s.ruled_below for s in below),
        transitions=transitions,
        changes_below=bool(transitions) or any(s.changes_below for s in (*parts, *below)),
    )


def _declared(types: tuple[str, ...], items: Structural | None, additional: Structural | bool | None) -> bool:
    """Whether SchemaDeclType (apiserver pkg/cel/common/schemas.go) makes a type of it."""
    if types == ("array",):
        return items is not None and items.declared
    if types == ("object",) and isinstance(additional, Structural):
        return additional.declared
    return bool(types)


def _types(raw: Mapping[str, Any]) -> tuple[str, ...]:
    if _typed(raw, "x-kubernetes-int-or-string", bool, False):
        return ("integer", "string")
    written = _typed(raw, "type", str, "")
    return (written,) if written else ()


def _items(raw: Any) -> Structural | None:
    if isinstance(raw, list):
        raise UnreadableError("its schema uses a list of items, which the API server refuses")
    return None if raw is None else _node(raw)


def _additional(raw: Any) -> Structural | bool | None:
    return raw if raw is None or isinstance(raw, bool) else _node(raw)


def _names(raw: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = _typed(raw, name, list, [])
    if not all(isinstance(n, str) for n in found):
        raise UnreadableError(f"{name} in its schema is no list of names")
    return tuple(found)


def _values(raw: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, wanted in _TYPES.items():
        if (value := raw.get(name)) is not None:
            beyond = isinstance(value, (int, float)) and not abs(value) < _HUGE
            if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool) or beyond:
                raise UnreadableError(f"{name} in its schema has a value of another type")
            yield name, value


def _typed(raw: Mapping[str, Any], name: str, wanted: Any, default: Any) -> Any:
    value = raw.get(name)
    if value is None:
        return default
    if not isinstance(value, wanted):
        raise UnreadableError(f"{name} in its schema has a value of another type")
    return value


def _readable(rule: Any) -> bool:
    if not isinstance(rule, Mapping) or not isinstance(rule.get("rule"), str):
        raise UnreadableError("a CEL rule in its schema is no rule")
    return True


def _on_create(rule: Mapping[str, Any]) -> bool:
    """Rules about the old value wait for an update, unless they say that they take its absence."""
    return rule.get("optionalOldSelf") is True or not _OLD_SELF.search(_STRINGS.sub("", rule["rule"]))


def _rule(raw: Mapping[str, Any]) -> Rule:
    return Rule(
        text=raw["rule"],
        message=_typed(raw, "message", str, ""),
        message_expression=_typed(raw, "messageExpression", str, ""),
        reason=_typed(raw, "reason", str, ""),
        field_path=_typed(raw, "fieldPath", str, ""),
        optional_old=_typed(raw, "optionalOldSelf", bool, False),
    )
