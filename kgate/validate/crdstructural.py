"""What makes a schema structural: types everywhere, and nothing but values inside allOf, anyOf, oneOf and not; and its defaults.

apiextensions-apiserver pkg/apiserver/schema/{validation,complete}.go. Paths of the causes begin at the schema.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any

from kgate.manifest import Path
from kgate.validate.cause import Body, Cause, Causes, Key, dotted, forbidden, invalid, not_supported, required
from kgate.validate.schematext import MAX_DEPTH, TYPES, children, listed, node, text

_CERTAINLY_WRONG = re.compile(r"(?:[^\\]|^)(?:\\\\)*(?:\(\?(?:[=!]|<[=!]|>)|\\[1-9])").search
_BROKEN = ("missing ), unterminated subpattern", "unbalanced parenthesis", "unterminated character set")
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


def structural(schema: Body, path: Path, level: str, depth: int) -> Causes:
    if depth > MAX_DEPTH:
        return
    if text(schema, "type") == "array" and schema.get("items") is None:
        yield required((*path, "items"), "must be specified")
    if isinstance(schema.get("items"), dict):
        yield from structural(node(schema["items"]), (*path, "items"), "item", depth + 1)
    for key, child in node(schema.get("properties")).items():
        yield from structural(node(child), (*path, "properties", Key(key)), "field", depth + 1)
    additional = schema.get("additionalProperties")
    if additional is not None and level == "root":
        yield forbidden((*path, "additionalProperties"), "must not be used at the root")
    if isinstance(additional, dict):
        yield from structural(additional, (*path, "additionalProperties"), "field", depth + 1)
    yield from _typed(schema, path, level)
    yield from _values(schema, path, depth, skip=listed(schema, "anyOf") == _INT_OR_STRING)
    yield from _object_meta(schema, path, level)


def _typed(schema: Body, path: Path, level: str) -> Causes:
    kind, embedded, whatever, either = text(schema, "type"), *(
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
    if embedded and not whatever and not node(schema.get("properties")):
        detail = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
        yield required((*path, "properties"), detail)


def _object_meta(schema: Body, path: Path, level: str) -> Causes:
    """apiVersion, kind and metadata of an object are what they are everywhere."""
    properties, whole = node(schema.get("properties")), level == "root" or schema.get("x-kubernetes-embedded-resource") is True
    for name, wanted in (("kind", "string"), ("apiVersion", "string"), ("metadata", "object")):
        kind = text(node(properties.get(name)), "type")
        if whole and name in properties and kind != wanted:
            yield invalid((*path, "properties", Key(name), "type"), kind, f"must be {wanted}")
    metadata = node(properties.get("metadata"))
    if level == "root" and metadata and not _only_names(metadata):
        detail = "must not specify anything other than name and generateName, but metadata is implicitly specified"
        yield forbidden((*path, "properties", Key("metadata")), detail)


def _only_names(metadata: Body) -> bool:
    if any(value not in (None, False, "", [], {}) for key, value in metadata.items() if key not in ("type", "properties", "default")):
        return False
    return metadata.get("additionalProperties") is None and set(node(metadata.get("properties"))) <= {"name", "generateName"}


def _values(schema: Body, path: Path, depth: int, *, skip: bool) -> Causes:
    """validateValueValidation. `skip`: anyOf is the well-known way to say int-or-string."""
    for name in ("anyOf", "allOf", "oneOf"):
        if name == "anyOf" and skip:
            continue
        for i, child in enumerate(listed(schema, name)):
            known = name == "allOf" and i == 0 and listed(node(child), "anyOf") == _INT_OR_STRING
            yield from _nested(node(child), (*path, name, i), depth + 1, skip=known)
    if isinstance(schema.get("not"), dict):
        yield from _nested(node(schema["not"]), (*path, "not"), depth + 1)
    if (pattern := text(schema, "pattern")) and (fault := _pattern_fault(pattern)):
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
        yield from _nested(node(schema["items"]), (*path, "items"), depth + 1)
    for key, child in node(schema.get("properties")).items():
        yield from _nested(node(child), (*path, "properties", Key(key)), depth + 1)
    for name, detail in _NESTED:
        if schema.get(name) not in (None, False, "", []) or (name == "default" and schema.get(name) is not None):
            yield forbidden((*path, name), detail)
    if schema.get("additionalProperties") not in (None, False):
        yield forbidden((*path, "additionalProperties"), "must be undefined to be structural")
    if "metadata" in node(schema.get("properties")):
        yield forbidden((*path, "properties", Key("metadata")), "must not be specified in a nested context")


def complete(values: Body, schema: Body, at: Path, path: Path, server: Path, depth: int) -> Causes:
    """What `values` (at `at`, inside allOf and the like) speak of must be specified in `schema` (at `path`) itself."""
    if depth > MAX_DEPTH:
        return
    nested = [((name, i), child) for name in ("allOf", "anyOf", "oneOf") for i, child in enumerate(listed(values, name))]
    if isinstance(values.get("not"), dict):
        nested.append((("not",), values["not"]))  # type: ignore[arg-type]
    for steps, child in nested:
        yield from _defined(node(child), schema, (*at, *steps), path, server, depth + 1)


def _defined(values: Body, schema: Body, at: Path, path: Path, server: Path, depth: int) -> Causes:
    yield from complete(values, schema, at, path, server, depth)
    if isinstance(values.get("items"), dict):
        yield from _there(values["items"], schema.get("items"), (*at, "items"), (*path, "items"), server, depth)
    properties = node(schema.get("properties"))
    for key, child in node(values.get("properties")).items():
        steps: Path = ("properties", Key(key))
        yield from _there(node(child), properties.get(key), (*at, *steps), (*path, *steps), server, depth)


def _there(values: Body, schema: object, at: Path, path: Path, server: Path, depth: int) -> Causes:
    if not isinstance(schema, dict):
        yield required(path, f"because it is defined in {dotted((*server, *at))}")
    elif depth <= MAX_DEPTH:
        yield from _defined(values, schema, at, path, server, depth + 1)


def defaults(schema: Body, path: Path, depth: int) -> Causes:
    """The type of each default, and whether it is one of the values of an enum."""
    if depth > MAX_DEPTH:
        return
    value, kind = schema.get("default"), text(schema, "type")
    if value is not None and kind in _JSON and schema.get("x-kubernetes-int-or-string") is not True:
        yield from _default(value, kind, listed(schema, "enum"), (*path, "default"))
    for steps, child in children(schema):
        if steps[0] in ("properties", "items", "additionalProperties"):
            yield from defaults(child, (*path, *steps), depth + 1)


def _default(value: Any, kind: str, enum: list[Any], path: Path) -> Causes:
    whole = not isinstance(value, float) or value.is_integer() or kind == "number"
    if not isinstance(value, _JSON[kind]) or (isinstance(value, bool) and kind != "boolean") or not whole:
        actual = next(name for name in TYPES if isinstance(value, _JSON[name]) and (name == "boolean" or not isinstance(value, bool)))
        message = f'Invalid value: "{actual}": must be of type {kind}: "{actual}"'
        yield Cause(path=path, reason="FieldValueTypeInvalid", message=message, remediation=f"write a default of type {kind}")
    elif enum and isinstance(value, str) and value not in enum:
        yield not_supported(path, value, [e for e in enum if isinstance(e, str)])
