"""The schema inside a CustomResourceDefinition: what the API server demands of it before it takes the definition.

From staging/src/k8s.io/apiextensions-apiserver: pkg/apis/apiextensions/validation/validation.go and
pkg/apiserver/schema/{convert,validation,complete}.go. Paths of the causes begin at the schema. CEL rules are not compiled, their cost
is not estimated, and of defaults only the type is judged.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kgate.manifest import Path
from kgate.validate.cause import Body, Cause, Causes, Key, dotted, forbidden, invalid, not_supported, required

MAX_DEPTH = 150
"""Levels of nested schemas that are looked at; the deepest of real definitions have some sixty."""

MAX_NODES = 300_000
"""Mappings, lists and values of one schema, aliases written out. The largest real definitions have some fifty thousand."""

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_NOTHING: Body = {}
_META = ("metadata", "kind", "apiVersion")
_UNSUPPORTED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")
_REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_CERTAINLY_WRONG = re.compile(r"(?:[^\\]|^)(?:\\\\)*(?:\(\?(?:[=!]|<[=!]|>)|\\[1-9])").search
_BROKEN = ("missing ), unterminated subpattern", "unbalanced parenthesis", "unterminated character set")
_LINE_END = re.compile(r"[\n\r]").search
_NESTED = (
    ("type", "must be empty to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    ("x-kubernetes-preserve-unknown-fields", "must be false to be structural"),
    ("x-kubernetes-embedded-resource", "must be false to be structural"),
    ("x-kubernetes-int-or-string", "must be false to be structural"),
    ("x-kubernetes-list-map-keys", "must be empty to be structural"),
    ("x-kubernetes-list-type", "must be undefined to be structural"),
    ("x-kubernetes-map-type", "must be undefined to be structural"),
    ("x-kubernetes-validations", "must be empty to be structural"),
)
_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_JSON: Mapping[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int, float),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}


def causes(schema: Body, server: Path) -> Causes:
    """`server`: where the server says that the schema stands.

    A schema made to grow without end through aliases is not judged; whoever uses the definition says so.
    """
    if _boundless(schema):
        return
    fault = next(_unreadable(schema, 0), "")
    standard = tuple(_standard(schema, (), _Place(root=True)))
    if not fault:
        found = (*_structural(schema, (), "root", 0), *_complete(schema, schema, (), (), server, 0))
        yield from found or _defaults(schema, (), 0)
    yield from standard
    if fault and not standard:
        yield invalid((), "", fault)


def _boundless(schema: Body) -> bool:
    """Counts without a stack of its own: what is shared is counted each time, as it would be walked."""
    todo: list[Any] = [schema]
    seen = 0
    while todo and seen <= MAX_NODES:
        value = todo.pop()
        seen += 1
        todo.extend(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
    return seen > MAX_NODES


def _node(value: object) -> Body:
    """A schema where there is one; below `items` and `additionalProperties` nothing has vouched for the types."""
    return value if isinstance(value, dict) else _NOTHING


def _text(schema: Body, name: str) -> str:
    value = schema.get(name)
    return value if isinstance(value, str) else ""


def _list(schema: Body, name: str) -> list[Any]:
    value = schema.get(name)
    return value if isinstance(value, list) else []


_KEYED = frozenset({"properties", "patternProperties", "definitions", "dependencies"})
_SINGLE = frozenset({"items", "additionalProperties", "not", "additionalItems"})
_LISTED = frozenset({"allOf", "anyOf", "oneOf", "items"})


def _children(schema: Body) -> Iterator[tuple[Path, Body]]:
    """Every schema right below, with the steps to it."""
    for name, value in schema.items():
        if isinstance(value, dict):
            if name in _KEYED:
                for key, child in value.items():
                    yield (name, Key(key)), _node(child)
            elif name in _SINGLE:
                yield (name,), value
        elif isinstance(value, list) and name in _LISTED:
            for i, child in enumerate(value):
                yield (name, i), _node(child)


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
    if _list(schema, "items"):
        yield "OpenAPIV3Schema 'items' must be a schema, but is an array"
    for _, child in _children(schema):
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
    for steps, child in _children(schema):
        inner = below
        if steps[0] == "additionalProperties" and place.inside_meta:
            inner = replace(below, no_defaults="inside additionalProperties applying to object metadata")
        elif steps[0] == "properties" and steps[1] in _META and (place.root or schema.get("x-kubernetes-embedded-resource") is True):
            reason = f"in top-level {steps[1]}" if place.root else place.no_defaults
            inner = replace(below, inside_meta=True, no_defaults=reason)
        if steps[0] not in ("patternProperties", "additionalItems"):
            yield from _standard(child, (*path, *steps), inner)


def _keywords(schema: Body, path: Path, place: _Place) -> Causes:
    kind = _text(schema, "type")
    if kind and kind not in _TYPES:
        yield not_supported((*path, "type"), kind, _TYPES)
    if kind == "null":
        yield forbidden((*path, "type"), "type cannot be set to null, use nullable as an alternative")
    if schema.get("default") is not None and place.no_defaults:
        yield forbidden((*path, "default"), f"must not be set {place.no_defaults}")
    for name in _UNSUPPORTED:
        if schema.get(name) or (name == "additionalItems" and schema.get(name) is not None):
            yield forbidden((*path, name), f"{name} is not supported")
    if _list(schema, "items"):
        yield forbidden((*path, "items"), "items must be a schema object and not an array")
    if place.inside_meta and schema.get("x-kubernetes-embedded-resource") is True:
        yield forbidden((*path, "x-kubernetes-embedded-resource"), "must not be used inside of resource meta")
    if schema.get("uniqueItems") is True:
        detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield forbidden((*path, "uniqueItems"), detail)
    additional = schema.get("additionalProperties")
    if _node(schema.get("properties")) and (additional is False or isinstance(additional, dict)):
        yield forbidden((*path, "additionalProperties"), "additionalProperties and properties are mutual exclusive")
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        yield invalid((*path, "x-kubernetes-preserve-unknown-fields"), False, "must be true or undefined")


def _list_rules(schema: Body, path: Path) -> Causes:
    kind, items = _text(schema, "type"), _node(schema.get("items"))
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
        yield from _map_items(schema, [k for k in _list(schema, "x-kubernetes-list-map-keys") if isinstance(k, str)], path)
    if list_type in ("set", "map") and items.get("nullable") is True:
        yield forbidden((*path, "items", "nullable"), f"cannot be nullable when x-kubernetes-list-type is {list_type}")


def _of_type(kind: str, wanted: str, name: str, path: Path) -> Causes:
    if not kind:
        yield required((*path, "type"), f"must be {wanted} if {name} is specified")
    elif kind != wanted:
        yield invalid((*path, "type"), kind, f"must be {wanted} if {name} is specified")


def _set_items(items: Body, path: Path) -> Causes:
    detail = "must be atomic as item of a list with x-kubernetes-list-type=set"
    kind, list_type, map_type = _text(items, "type"), items.get("x-kubernetes-list-type"), items.get("x-kubernetes-map-type")
    if kind == "array" and list_type not in (None, "atomic"):
        yield invalid((*path, "x-kubernetes-list-type"), list_type, detail)
    if kind == "object" and map_type != "atomic":
        yield invalid((*path, "x-kubernetes-map-type"), list_type, detail)


def _map_items(schema: Body, keys: list[str], path: Path) -> Causes:
    items, at = _node(schema.get("items")), (*path, "items")
    if not keys:
        yield required((*path, "x-kubernetes-list-map-keys"), "must not be empty if x-kubernetes-list-type is map")
    if schema.get("items") is None:
        yield required(at, "must have a schema if x-kubernetes-list-type is map")
        return
    if _text(items, "type") != "object":
        yield invalid((*at, "type"), _text(items, "type"), "must be object if parent array's x-kubernetes-list-type is map")
        return
    for i, key in enumerate(keys):
        properties = _node(items.get("properties"))
        found, where = _node(properties.get(key)), (*at, "properties", Key(key))
        if key not in properties:
            yield invalid((*path, "x-kubernetes-list-map-keys"), keys, "entries must all be names of item properties")
        elif _text(found, "type") in ("array", "object"):
            detail = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            yield invalid((*where, "type"), _text(items, "type"), detail)
        if key in keys[:i]:
            yield invalid((*path, "x-kubernetes-list-map-keys"), keys, "must not contain duplicate entries")
        yield from _map_key(key, key in properties, found, _list(items, "required"), where)


def _map_key(key: str, there: bool, found: Body, needed: list[Any], path: Path) -> Causes:
    intro = "this property is in x-kubernetes-list-map-keys, so it"
    if there and key not in needed and found.get("default") is None:
        yield required((*path, "default"), f"{intro} must have a default or be a required property")
    if found.get("nullable") is True:
        yield forbidden((*path, "nullable"), f"{intro} cannot be nullable")


def _rules(schema: Body, path: Path) -> Causes:
    """x-kubernetes-validations, but for the CEL in them."""
    for i, found in enumerate(_list(schema, "x-kubernetes-validations")):
        rule, at = _node(found), (*path, "x-kubernetes-validations", i)
        expression, message, reason = _text(rule, "rule").strip(), _text(rule, "message"), rule.get("reason")
        if not expression:
            yield required((*at, "rule"), "rule is not specified")
        elif message and not message.strip():
            yield invalid((*at, "message"), message, "must be non-empty if specified")
        elif _LINE_END(message.strip()):
            yield invalid((*at, "message"), message, "must not contain line breaks")
        elif _LINE_END(expression) and not message:
            yield required((*at, "message"), "message must be specified if rule contains line breaks")
        if (other := _text(rule, "messageExpression")) and not other.strip():
            yield required((*at, "messageExpression"), "messageExpression must be non-empty if specified")
        if reason is not None and reason not in _REASONS:
            yield not_supported((*at, "reason"), reason, _REASONS)
        if (field := _text(rule, "fieldPath")) and not field.strip():
            yield invalid((*at, "fieldPath"), field, "must be non-empty if specified")
        if _LINE_END(field):
            yield invalid((*at, "fieldPath"), field, "must not contain line breaks")


# What makes a schema structural: types everywhere, and nothing but values inside allOf, anyOf, oneOf and not.


def _structural(schema: Body, path: Path, level: str, depth: int) -> Causes:
    if depth > MAX_DEPTH:
        return
    if _text(schema, "type") == "array" and schema.get("items") is None:
        yield required((*path, "items"), "must be specified")
    if isinstance(schema.get("items"), dict):
        yield from _structural(_node(schema["items"]), (*path, "items"), "item", depth + 1)
    for key, child in _node(schema.get("properties")).items():
        yield from _structural(_node(child), (*path, "properties", Key(key)), "field", depth + 1)
    additional = schema.get("additionalProperties")
    if additional is not None and level == "root":
        yield forbidden((*path, "additionalProperties"), "must not be used at the root")
    if isinstance(additional, dict):
        yield from _structural(additional, (*path, "additionalProperties"), "field", depth + 1)
    yield from _typed(schema, path, level)
    yield from _values(schema, path, depth, skip=_list(schema, "anyOf") == _INT_OR_STRING)
    yield from _object_meta(schema, path, level)


def _typed(schema: Body, path: Path, level: str) -> Causes:
    kind, embedded, whatever, either = _text(schema, "type"), *(
        schema.get(f"x-kubernetes-{name}") is True for name in ("embedded-resource", "preserve-unknown-fields", "int-or-string")
    )  # fmt: skip
    if either and whatever:
        yield invalid((*path, "x-kubernetes-preserve-unknown-fields"), True, "must be false if x-kubernetes-int-or-string is true")
    if either and embedded:
        yield invalid((*path, "x-kubernetes-embedded-resource"), True, "must be false if x-kubernetes-int-or-string is true")
    if embedded and kind != "object":
        detail = "must be object if x-kubernetes-embedded-resource is true"
        yield required((*path, "type"), detail) if not kind else invalid((*path, "type"), kind, detail)
    elif not kind and not either and not whatever:
        what = {"root": "at the root", "item": "for specified array items", "field": "for specified object fields"}[level]
        yield required((*path, "type"), f"must not be empty {what}")
    if embedded and schema.get("additionalProperties") is not None:
        yield forbidden((*path, "additionalProperties"), "must not be used if x-kubernetes-embedded-resource is set")
    if level == "root" and kind not in ("", "object"):
        yield invalid((*path, "type"), kind, "must be object at the root")
    if embedded and not whatever and not _node(schema.get("properties")):
        detail = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
        yield required((*path, "properties"), detail)


def _object_meta(schema: Body, path: Path, level: str) -> Causes:
    """apiVersion, kind and metadata of an object are what they are everywhere."""
    properties, whole = _node(schema.get("properties")), level == "root" or schema.get("x-kubernetes-embedded-resource") is True
    for name, wanted in (("kind", "string"), ("apiVersion", "string"), ("metadata", "object")):
        kind = _text(_node(properties.get(name)), "type")
        if whole and name in properties and kind != wanted:
            yield invalid((*path, "properties", Key(name), "type"), kind, f"must be {wanted}")
    metadata = _node(properties.get("metadata"))
    if level == "root" and metadata and not _only_names(metadata):
        detail = "must not specify anything other than name and generateName, but metadata is implicitly specified"
        yield forbidden((*path, "properties", Key("metadata")), detail)


def _only_names(metadata: Body) -> bool:
    if any(value not in (None, False, "", [], {}) for key, value in metadata.items() if key not in ("type", "properties", "default")):
        return False
    return metadata.get("additionalProperties") is None and set(_node(metadata.get("properties"))) <= {"name", "generateName"}


def _values(schema: Body, path: Path, depth: int, *, skip: bool) -> Causes:
    """validateValueValidation. `skip`: anyOf is the well-known way to say int-or-string."""
    for name in ("anyOf", "allOf", "oneOf"):
        if name == "anyOf" and skip:
            continue
        for i, child in enumerate(_list(schema, name)):
            known = name == "allOf" and i == 0 and _list(_node(child), "anyOf") == _INT_OR_STRING
            yield from _nested(_node(child), (*path, name, i), depth + 1, skip=known)
    if isinstance(schema.get("not"), dict):
        yield from _nested(_node(schema["not"]), (*path, "not"), depth + 1)
    if (pattern := _text(schema, "pattern")) and (fault := _pattern_fault(pattern)):
        yield invalid((*path, "pattern"), pattern, f"must be a valid regular expression, but isn't: {fault}")


def _pattern_fault(pattern: str) -> str:
    """Only what Go refuses for certain: it looks neither ahead nor back."""
    if len(pattern) > 4000:
        return ""
    if _CERTAINLY_WRONG(pattern):
        return "error parsing regexp: invalid or unsupported Perl syntax"
    try:
        with warnings.catch_warnings():  # of what later Pythons may read otherwise; this is Go's to read
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        reason = getattr(error, "msg", "")
        return f"error parsing regexp: {reason}" if reason in _BROKEN and "\\Q" not in pattern and "[[" not in pattern else ""
    return ""


def _nested(schema: Body, path: Path, depth: int, *, skip: bool = False) -> Causes:
    if depth > MAX_DEPTH:
        return
    yield from _values(schema, path, depth, skip=skip)
    if isinstance(schema.get("items"), dict):
        yield from _nested(_node(schema["items"]), (*path, "items"), depth + 1)
    for key, child in _node(schema.get("properties")).items():
        yield from _nested(_node(child), (*path, "properties", Key(key)), depth + 1)
    for name, detail in _NESTED:
        if schema.get(name) not in (None, False, "", []) or (name == "default" and schema.get(name) is not None):
            yield forbidden((*path, name), detail)
    if schema.get("additionalProperties") not in (None, False):
        yield forbidden((*path, "additionalProperties"), "must be undefined to be structural")
    if "metadata" in _node(schema.get("properties")):
        yield forbidden((*path, "properties", Key("metadata")), "must not be specified in a nested context")


def _complete(values: Body, schema: Body, at: Path, path: Path, server: Path, depth: int) -> Causes:
    """What `values` (at `at`, inside allOf and the like) speak of must be specified in `schema` (at `path`) itself."""
    if depth > MAX_DEPTH:
        return
    nested = [((name, i), child) for name in ("allOf", "anyOf", "oneOf") for i, child in enumerate(_list(values, name))]
    if isinstance(values.get("not"), dict):
        nested.append((("not",), values["not"]))  # type: ignore[arg-type]
    for steps, child in nested:
        yield from _defined(_node(child), schema, (*at, *steps), path, server, depth + 1)


def _defined(values: Body, schema: Body, at: Path, path: Path, server: Path, depth: int) -> Causes:
    yield from _complete(values, schema, at, path, server, depth)
    if isinstance(values.get("items"), dict):
        yield from _there(values["items"], schema.get("items"), (*at, "items"), (*path, "items"), server, depth)
    properties = _node(schema.get("properties"))
    for key, child in _node(values.get("properties")).items():
        steps: Path = ("properties", Key(key))
        yield from _there(_node(child), properties.get(key), (*at, *steps), (*path, *steps), server, depth)


def _there(values: Body, schema: object, at: Path, path: Path, server: Path, depth: int) -> Causes:
    if not isinstance(schema, dict):
        yield required(path, f"because it is defined in {dotted((*server, *at))}")
    elif depth <= MAX_DEPTH:
        yield from _defined(values, schema, at, path, server, depth + 1)


def _defaults(schema: Body, path: Path, depth: int) -> Causes:
    """The type of each default, and whether it is one of the values of an enum."""
    if depth > MAX_DEPTH:
        return
    value, kind = schema.get("default"), _text(schema, "type")
    if value is not None and kind in _JSON and schema.get("x-kubernetes-int-or-string") is not True:
        yield from _default(value, kind, _list(schema, "enum"), (*path, "default"))
    for steps, child in _children(schema):
        if steps[0] in ("properties", "items", "additionalProperties"):
            yield from _defaults(child, (*path, *steps), depth + 1)


def _default(value: Any, kind: str, enum: list[Any], path: Path) -> Causes:
    whole = not isinstance(value, float) or value.is_integer() or kind == "number"
    if not isinstance(value, _JSON[kind]) or (isinstance(value, bool) and kind != "boolean") or not whole:
        actual = next(name for name in _TYPES if isinstance(value, _JSON[name]) and (name == "boolean" or not isinstance(value, bool)))
        message = f'Invalid value: "{actual}": must be of type {kind}: "{actual}"'
        yield Cause(path=path, reason="FieldValueTypeInvalid", message=message, remediation=f"write a default of type {kind}")
    elif enum and isinstance(value, str) and value not in enum:
        yield not_supported(path, value, [e for e in enum if isinstance(e, str)])
