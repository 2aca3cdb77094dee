"""Strategic merge as kustomize does it (kyaml/yaml/merge2, kyaml/yaml/walk): lists new items first."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from msgspec import Struct

from kgate.load.render.nodes import Node, scalar
from kgate.load.render.rendering import NotRendered


class Schema(Struct, frozen=True):
    """A value's type by number (-1: without merged lists in it), and by which keys its items are merged, if it is a list that is."""

    type: int
    keys: tuple[str, ...] | None = None

    def field(self, name: str) -> Schema | None:
        if self.type < 0:
            return self
        found = _types()["types"][self.type].get(name)
        if found is None:
            return Schema(-1)
        return Schema(-1 if found[0] is None else found[0], None if found[1] is None else tuple(found[1]))

    def elements(self) -> Schema:
        return Schema(self.type)


@cache
def _types() -> Any:
    return json.loads(resources.files(__package__).joinpath("merge_keys.json").read_text("utf-8"))


def _schema_of(*nodes: Node | None) -> Schema | None:
    for node in nodes:
        kind, version = (node.string("kind"), node.string("apiVersion")) if node is not None else ("", "")
        if kind and version and (found := _types()["kinds"].get(f"{version}/{kind}")) is not None:
            return Schema(found)
        if kind and version:
            continue
    return None


def merge(dest: Node, patch: Node) -> Node | None:
    """`dest` with `patch` merged into it (both are used up); None when the patch deletes it. Raises NotRendered."""
    return _walk(dest, patch, None)


def _missing(node: Node | None) -> bool:
    return node is None or node.is_null


def _walk(dest: Node | None, patch: Node | None, schema: Schema | None) -> Node | None:
    schema = schema or _schema_of(dest, patch)
    first = dest if not _missing(dest) else patch if not _missing(patch) else None
    if first is None or first.is_map:
        _same_kind(dest, patch, first)
        return _map(dest, patch, schema)
    _same_kind(dest, patch, first)
    if first.is_scalar:
        return dest if patch is None else patch
    if schema is None or schema.keys is None:
        return dest if patch is None else patch
    return _associative(dest, patch, schema)


def _same_kind(dest: Node | None, patch: Node | None, first: Node | None) -> None:
    if dest is None or patch is None or first is None or dest.is_null or patch.is_null:
        return
    if dest.children.__class__ is not patch.children.__class__:
        raise NotRendered("a patch puts another type of value where one stands", place=patch.place)


def _map(dest: Node | None, patch: Node | None, schema: Schema | None) -> Node | None:
    if dest is None or dest.is_null:
        if patch is not None and patch.is_map and _directive(patch) == "delete":
            return None
        if patch is None:
            # A null that is spelt out stays, one that is left blank goes.
            return dest if dest is not None and dest.text else None
        dest = patch
    elif patch is not None and patch.is_null:
        return None
    else:
        directive = _directive(patch) if patch is not None else "merge"
        if directive == "delete":
            return None
        if directive == "replace":
            dest = patch
    assert dest is not None
    return _fields(dest, patch, schema)


def _fields(dest: Node, patch: Node | None, schema: Schema | None) -> Node:
    if dest.is_null:
        return dest
    fields = dest.children
    theirs = patch.fields if patch is not None else {}
    for name in sorted({*fields, *theirs}):
        old = fields.get(name)
        value = _walk(old, theirs.get(name), schema.field(name) if schema else None)
        if value is None or (value.is_null and not (value is old and value.text and name not in theirs)):
            fields.pop(name, None)
        else:
            dest.put(name, value)
    return dest


def _directive(patch: Node) -> str:
    """`$patch` of a mapping or of an item of its own in a list, taken out. Raises NotRendered for one that is not known."""
    if patch.is_list:
        found = next((i for i in patch.items if i.is_map and "$patch" in i.children), None)
        if found is None or len(found.children) > 1:
            return "merge"
        node = found.children["$patch"]
        patch.children = [i for i in patch.items if i.string("$patch") != node.text]  # every item of that directive, as upstream
    elif patch.is_map:
        node = patch.children.pop("$patch", None)
        if node is None:
            return "merge"
    else:
        raise NotRendered("a patch puts another type of value where one stands", place=patch.place)
    if node.text not in ("delete", "replace", "merge"):
        raise NotRendered(f"$patch: {node.text[:40]} is not known", place=node.place)
    return str(node.text)


def _associative(dest: Node | None, patch: Node | None, schema: Schema) -> Node | None:
    if _missing(dest):
        dest = patch
    elif patch is not None and patch.is_null:
        return None
    elif patch is not None:
        directive = _directive(patch)
        if directive == "delete":
            return None
        if directive == "replace":
            dest = patch
    assert dest is not None
    sources = (dest, patch)
    keys = schema.keys or ()
    if keys:
        return _by_keys(dest, sources, list(keys), schema)
    return _by_text(dest, sources)


def _by_text(dest: Node, sources: tuple[Node, Node | None]) -> Node:
    """A list of plain values: those of the patch first, each once."""
    seen: dict[str, Node] = {}
    for source in (sources[1], sources[0]):
        for item in source.items if source is not None else ():
            seen.setdefault(item.text, item)
    dest.children = list(seen.values())
    return dest


def _by_keys(dest: Node, sources: tuple[Node, Node | None], keys: list[str], schema: Schema) -> Node | None:
    values = _values((sources[1], sources[0]), keys)
    if len(keys) > 1:
        _join(values)
    added: list[Node] = []
    wanted: list[str]
    valid = keys
    for value in values:
        valid, wanted = _valid(values, value, keys)
        inner_keys, inner_values = _valid([wanted], wanted, valid)
        pair = [_find(s, inner_keys, inner_values) for s in sources]
        made = _walk(pair[0], pair[1], schema.elements())
        if made is None or made.is_null or (made.is_map and not made.children):
            dest.children = _set(dest.children, None, valid, wanted)
            continue
        for key, text in zip(valid, wanted, strict=False):
            if made.is_map and key not in made.children and text:
                made.children[key] = scalar(text, made.place, tag="")
        added = _set(added, made, valid, wanted)
    if values:
        dest.children = _append(added, dest.children, valid)
    return dest


def _values(sources: tuple[Node | None, ...], keys: list[str]) -> list[list[str]]:
    seen: list[list[str]] = []
    known: set[tuple[str, ...]] = set()
    for source in sources:
        for item in source.items if source is not None else ():
            value = [_key_text(item, k) for k in keys]
            if tuple(value) not in known:
                known.add(tuple(value))
                seen.append(value)
    return seen


def _key_text(item: Node, key: str) -> str:
    found = item.fields.get(key)
    return found.text if found is not None and found.is_scalar and not found.is_null else ""


def _join(values: list[list[str]]) -> None:
    """Items that share one key and leave the other open are one (a port without a protocol and the same with one)."""
    for i, one in enumerate(values):
        for j, other in enumerate(values):
            if (both := _match(one, other)) is not None:
                values[i] = values[j] = both
                one = values[i]


def _match(one: list[str], other: list[str]) -> list[str] | None:
    common, both = False, []
    for a, b in zip(one, other, strict=True):
        if a == b:
            common = True
        elif a and b:
            return None
        both.append(a or b)
    return both if common else None


def _valid(every: list[list[str]], value: list[str], keys: list[str]) -> tuple[list[str], list[str]]:
    """Only the keys that some item has."""
    used = {keys[i] for v in every for i, text in enumerate(v) if text}
    if not used:
        return keys, value
    return [k for k in keys if k in used], [v for i, v in enumerate(value) if v or keys[i] in used]


def _find(source: Node | None, keys: list[str], values: list[str]) -> Node | None:
    if source is None or not source.is_list:
        return None
    for item in source.items:
        if item.is_map and all(k in item.children and item.children[k].text == v for k, v in zip(keys, values, strict=False)):
            return item
    return None


def _matches(item: Node, keys: list[str], values: list[str]) -> bool:
    """Whether the item has these values; an empty one asks only for the key. (kyaml/yaml/fns.go, FieldMatcher)"""
    if not values:
        return False
    for key, value in zip(keys, values, strict=False):
        found = item.fields.get(key)
        if found is None or (value and found.text != value):
            return False
    return True


def _set(items: list[Node], element: Node | None, keys: list[str], values: list[str]) -> list[Node]:
    """fns.go, ElementSetter: every item of these values is replaced (or taken out, without an element), else the element is added."""
    out: list[Node] = []
    found = False
    mapped = bool(keys and keys[0] and values and values[0])
    for item in items:
        if item.is_null or (item.is_map and not item.children):
            continue
        if not item.is_map and mapped:
            out.append(item)
            continue
        if not _matches(item, keys, values):
            if values:
                out.append(item)
            continue
        found = True
        if element is not None:
            out.append(element)
    if element is not None and not found:
        out.append(element)
    return out


def _append(items: list[Node], more: list[Node], keys: list[str]) -> list[Node]:
    """walk/associative_sequence.go, appendListNode: what the merged items do not have comes behind them."""
    for element in more:
        values = []
        for key in keys:
            found = element.fields.get(key)
            if found is None:
                items = [*items, element]
            else:
                values.append(found.text)
        if len(keys) > 1:
            items = _set(items, None, keys, values)
        items = _set(items, element, keys, values)
    return items
