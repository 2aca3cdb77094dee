"""The schema inside a CustomResourceDefinition: what the API server demands of it before it takes the definition.

From staging/src/k8s.io/apiextensions-apiserver: pkg/apis/apiextensions/validation/validation.go and
pkg/apiserver/schema/{convert,validation,complete}.go. Paths of the causes begin at the schema. CEL rules are not compiled, their cost
is not estimated, and of defaults only the type is judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from kgate.manifest import Path
from kgate.validate import crdstructural
from kgate.validate.cause import Body, Causes, Key, forbidden, invalid, not_supported, required
from kgate.validate.schematext import MAX_DEPTH, TYPES, beyond, children, listed, node, text

_META = ("metadata", "kind", "apiVersion")
_UNSUPPORTED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")
_REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_LINE_END = re.compile(r"[\n\r]").search


def causes(schema: Body, server: Path) -> Causes:
    """`server`: where the server says that the schema stands.

    A schema made to grow without end through aliases is not judged; whoever uses the definition says so.
    """
    if beyond(schema):
        return
    fault = next(_unreadable(schema, 0), "")
    standard = tuple(_standard(schema, (), _Place(root=True)))
    if not fault:
        found = (*crdstructural.structural(schema, (), "root", 0), *crdstructural.complete(schema, schema, (), (), server, 0))
        yield from found or crdstructural.defaults(schema, (), 0)
    yield from standard
    if fault and not standard:
        yield invalid((), "", fault)


def _unreadable(schema: Body, depth: int) -> Iterator[str]:
    """NewStructural: what makes a schema no structural one at all."""
    if depth > MAX_DEPTH:
        return
    for name in ("id", "$schema", "$ref", "patternProperties", "dependencies", "definitions"):
        if schema.get(name):
            yield f"OpenAPIV3Schema '{name.removeprefix('$') if name == '$schema' else name}' is not supported"
    if schema.get("additionalItems") is not None:
        yield "OpenAPIV3Schema 'additionalItems' is not supported"
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        yield "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined"
    if listed(schema, "items"):
        yield "OpenAPIV3Schema 'items' must be a schema, but is an array"
    for _, child in children(schema):
        yield from _unreadable(child, depth + 1)


# What every schema must keep to, wherever it stands.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    root: bool = False
    inside_meta: bool = False
    no_defaults: str = ""
    """Why a default may not stand here."""
    depth: int = 0


def _standard(schema: Body, path: Path, place: _Place) -> Causes:
    if place.depth > MAX_DEPTH:
        return
    yield from _keywords(schema, path, place)
    yield from _list_rules(schema, path)
    yield from _rules(schema, path)
    below = replace(place, root=False, depth=place.depth + 1)
    for steps, child in children(schema):
        inner = below
        if steps[0] == "additionalProperties" and place.inside_meta:
            inner = replace(below, no_defaults="inside additionalProperties applying to object metadata")
        elif steps[0] == "properties" and steps[1] in _META and (place.root or schema.get("x-kubernetes-embedded-resource") is True):
            reason = f"in top-level {steps[1]}" if place.root else place.no_defaults
            inner = replace(below, inside_meta=True, no_defaults=reason)
        if steps[0] not in ("patternProperties", "additionalItems"):
            yield from _standard(child, (*path, *steps), inner)


def _keywords(schema: Body, path: Path, place: _Place) -> Causes:
    kind = text(schema, "type")
    if kind and kind not in TYPES:
        yield not_supported((*path, "type"), kind, TYPES)
    if kind == "null":
        yield forbidden((*path, "type"), "type cannot be set to null, use nullable as an alternative")
    if schema.get("default") is not None and place.no_defaults:
        yield forbidden((*path, "default"), f"must not be set {place.no_defaults}")
    for name in _UNSUPPORTED:
        if schema.get(name) or (name == "additionalItems" and schema.get(name) is not None):
            yield forbidden((*path, name), f"{name} is not supported")
    if listed(schema, "items"):
        yield forbidden((*path, "items"), "items must be a schema object and not an array")
    if place.inside_meta and schema.get("x-kubernetes-embedded-resource") is True:
        yield forbidden((*path, "x-kubernetes-embedded-resource"), "must not be used inside of resource meta")
    if schema.get("uniqueItems") is True:
        detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield forbidden((*path, "uniqueItems"), detail)
    additional = schema.get("additionalProperties")
    if node(schema.get("properties")) and (additional is False or isinstance(additional, dict)):
        yield forbidden((*path, "additionalProperties"), "additionalProperties and properties are mutual exclusive")
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        yield invalid((*path, "x-kubernetes-preserve-unknown-fields"), False, "must be true or undefined")


def _list_rules(schema: Body, path: Path) -> Causes:
    kind, items = text(schema, "type"), node(schema.get("items"))
    map_type, list_type, keys = (schema.get(f"x-kubernetes-{name}") for name in ("map-type", "list-type", "list-map-keys"))
    if map_type is not None:
        yield from _of_type(kind, "object", "x-kubernetes-map-type", path)
        if map_type not in ("atomic", "granular"):
            yield not_supported((*path, "x-kubernetes-map-type"), map_type, ["atomic", "granular"])
    at = (*path, "x-kubernetes-list-type")
    if list_type is not None:
        yield from _of_type(kind, "array", "x-kubernetes-list-type", path)
        if kind == "array" and list_type == "set":
            yield from _set_items(items, (*path, "items"))
        if list_type not in ("atomic", "set", "map"):
            yield not_supported(at, list_type, ["atomic", "set", "map"])
    if keys and list_type is None:
        yield required(at, "must be map if x-kubernetes-list-map-keys is non-empty")
    elif keys and list_type != "map":
        yield invalid(at, list_type, "must be map if x-kubernetes-list-map-keys is non-empty")
    if list_type == "map":
        yield from _map_items(schema, [k for k in listed(schema, "x-kubernetes-list-map-keys") if isinstance(k, str)], path)
    if list_type in ("set", "map") and items.get("nullable") is True:
        yield forbidden((*path, "items", "nullable"), f"cannot be nullable when x-kubernetes-list-type is {list_type}")


def _of_type(kind: str, wanted: str, name: str, path: Path) -> Causes:
    if not kind:
        yield required((*path, "type"), f"must be {wanted} if {name} is specified")
    elif kind != wanted:
        yield invalid((*path, "type"), kind, f"must be {wanted} if {name} is specified")


def _set_items(items: Body, path: Path) -> Causes:
    detail = "must be atomic as item of a list with x-kubernetes-list-type=set"
    kind, list_type, map_type = text(items, "type"), items.get("x-kubernetes-list-type"), items.get("x-kubernetes-map-type")
    if kind == "array" and list_type not in (None, "atomic"):
        yield invalid((*path, "x-kubernetes-list-type"), list_type, detail)
    if kind == "object" and map_type != "atomic":
        yield invalid((*path, "x-kubernetes-map-type"), list_type, detail)


def _map_items(schema: Body, keys: list[str], path: Path) -> Causes:
    items, at = node(schema.get("items")), (*path, "items")
    if not keys:
        yield required((*path, "x-kubernetes-list-map-keys"), "must not be empty if x-kubernetes-list-type is map")
    if schema.get("items") is None:
        yield required(at, "must have a schema if x-kubernetes-list-type is map")
        return
    if text(items, "type") != "object":
        yield invalid((*at, "type"), text(items, "type"), "must be object if parent array's x-kubernetes-list-type is map")
        return
    for i, key in enumerate(keys):
        properties = node(items.get("properties"))
        found, where = node(properties.get(key)), (*at, "properties", Key(key))
        if key not in properties:
            yield invalid((*path, "x-kubernetes-list-map-keys"), keys, "entries must all be names of item properties")
        elif text(found, "type") in ("array", "object"):
            detail = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            yield invalid((*where, "type"), text(items, "type"), detail)
        if key in keys[:i]:
            yield invalid((*path, "x-kubernetes-list-map-keys"), keys, "must not contain duplicate entries")
        yield from _map_key(key, key in properties, found, listed(items, "required"), where)


def _map_key(key: str, there: bool, found: Body, needed: list[Any], path: Path) -> Causes:
    intro = "this property is in x-kubernetes-list-map-keys, so it"
    if there and key not in needed and found.get("default") is None:
        yield required((*path, "default"), f"{intro} must have a default or be a required property")
    if found.get("nullable") is True:
        yield forbidden((*path, "nullable"), f"{intro} cannot be nullable")


def _rules(schema: Body, path: Path) -> Causes:
    """x-kubernetes-validations, but for the CEL in them."""
    for i, found in enumerate(listed(schema, "x-kubernetes-validations")):
        rule, at = node(found), (*path, "x-kubernetes-validations", i)
        expression, message, reason = text(rule, "rule").strip(), text(rule, "message"), rule.get("reason")
        if not expression:
            yield required((*at, "rule"), "rule is not specified")
        elif message and not message.strip():
            yield invalid((*at, "message"), message, "must be non-empty if specified")
        elif _LINE_END(message.strip()):
            yield invalid((*at, "message"), message, "must not contain line breaks")
        elif _LINE_END(expression) and not message:
            yield required((*at, "message"), "message must be specified if rule contains line breaks")
        if (other := text(rule, "messageExpression")) and not other.strip():
            yield required((*at, "messageExpression"), "messageExpression must be non-empty if specified")
        if reason is not None and reason not in _REASONS:
            yield not_supported((*at, "reason"), reason, _REASONS)
        if (field := text(rule, "fieldPath")) and not field.strip():
            yield invalid((*at, "fieldPath"), field, "must be non-empty if specified")
        if _LINE_END(field):
            yield invalid((*at, "fieldPath"), field, "must not contain line breaks")
