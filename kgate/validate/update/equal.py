"""When two objects are the same to the server (apimachinery pkg/api/equality: Semantic.DeepEqual), and where they differ."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from kgate.manifest import Path
from kgate.validate import quantity, schemas
from kgate.validate.cause import Key
from kgate.validate.schemas import Schema
from kgate.validate.update.defaults import pointer
from kgate.validate.update.merge import child_of, definition

_FROM_THE_SERVER = {"creationTimestamp", "managedFields", "resourceVersion", "selfLink", "uid", "generation"}


def canonical(value: Any, root: Schema, schema: Schema) -> Any:
    """`value` without what says nothing: null, empty lists and maps, zero values of what is no pointer; quantities as numbers."""
    found = schemas.resolved(root, schema)
    if found.get("format") == "quantity":
        return None if value is None else ("quantity", quantity.nano(value))
    if found.get("format") == "byte":
        return decoded(value)
    if isinstance(value, list):
        return [_item(item, root, found.get("items", {})) for item in value]
    if isinstance(value, Mapping):
        return dict(_fields(value, root, schema))
    return value


def _item(value: Any, root: Schema, schema: Schema) -> Any:
    """A null item is the zero value of its type."""
    types = schemas.resolved(root, schema).get("type", ())
    return canonical(({} if "object" in types else "") if value is None else value, root, schema)


def decoded(value: Any) -> bytes:
    """The bytes of a base64 text, however it is wrapped, or of a list of numbers; null is none."""
    if isinstance(value, list):
        return bytes(number or 0 for number in value)
    try:
        return base64.b64decode(value or "", validate=False)
    except (binascii.Error, ValueError):  # what is no base64 the schema has refused
        return str(value).encode("utf-8", "replace")


def _fields(value: Mapping[str, Any], root: Schema, schema: Schema) -> Iterator[tuple[str, Any]]:
    named, free = definition(schema), not schemas.resolved(root, schema).get("properties")
    for name, item in value.items():
        if named == "ObjectMeta" and name in _FROM_THE_SERVER:
            continue
        plain = canonical(item, root, child_of(root, schema, name))
        if free:
            yield Key(name), "" if plain is None else plain
        elif not _says_nothing(plain, name, named):
            yield name, plain


def _says_nothing(plain: Any, name: str, of: str) -> bool:
    if plain is None or plain == [] or plain == ("quantity", 0):
        return True
    return not plain and not pointer(name, of)


def differences(new: Any, old: Any, path: Path = ()) -> Iterator[Path]:
    """The deepest nodes in which two canonical values differ, in the order of `new`, then what only `old` has."""
    if isinstance(new, dict) and isinstance(old, dict):
        for name in (*new, *(n for n in old if n not in new)):
            yield from differences(new.get(name), old.get(name), (*path, name))
    elif isinstance(new, list) and isinstance(old, list):
        for i in range(min(len(new), len(old))):
            yield from differences(new[i], old[i], (*path, i))
        if len(new) != len(old):
            yield (*path, len(old)) if len(new) > len(old) else path
    elif new != old or isinstance(new, bool) != isinstance(old, bool):
        yield path
