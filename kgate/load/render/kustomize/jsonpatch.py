"""JSON patches (RFC 6902) on nodes, with the habits of the library that kustomize uses (evanphx/json-patch v4)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec import Struct

from kgate.load.render.kustomize.reading import Shift, documents
from kgate.load.render.nodes import STR, Node, resolved, walk
from kgate.load.render.rendering import NotRendered

_OPS = ("add", "remove", "replace", "move", "copy", "test")
MAX_OPERATIONS = 10_000


class Operation(Struct, frozen=True):
    op: str
    path: tuple[str, ...]
    value: Node | None
    source: tuple[str, ...]
    node: Node


def read(text: str, shift: Shift) -> list[Operation]:
    """Raises NotRendered when the text is no JSON patch."""
    if text.lstrip().startswith("["):
        try:
            json.loads(text)
        except (ValueError, RecursionError) as e:
            raise NotRendered("a patch that begins with [ is no JSON", place=shift(0, 0, 0)) from e
    found = next(documents(text, shift, settings=True), None)
    if found is None or not found.is_list or len(found.items) > MAX_OPERATIONS:
        raise NotRendered("a patch is neither an object nor a list of operations", place=shift(0, 0, 0))
    return [_operation(item) for item in found.items]


def _operation(item: Node) -> Operation:
    op = item.string("op")
    if op not in _OPS:
        raise NotRendered(f"operation {op[:40]!r} is not known", place=item.place)
    value = item.get("value")
    source = _steps(item, "from") if op in ("move", "copy") else ()
    return Operation(op, _steps(item, "path"), None if value is None else _as_json(value), source, item)


def _steps(item: Node, field: str) -> tuple[str, ...]:
    text = item.string(field)
    if not text.startswith("/"):
        raise NotRendered(f"{field} of an operation does not begin with /", place=item.place)
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:])


def _as_json(value: Node) -> Node:
    """As it comes back from JSON: text that reads as something else is quoted from now on."""
    made = value.copy()
    for node in walk(made):
        if node.is_scalar and (node.tag == STR or node.quoted):
            node.tag, node.quoted = STR, resolved(node.text)[0] != STR
    return made


def apply(node: Node, operations: Sequence[Operation]) -> None:
    """Raises NotRendered when an operation does not apply."""
    node.become(_as_json(node))
    for o in operations:
        _DO[o.op](node, o)


def _fail(o: Operation, why: str) -> NotRendered:
    return NotRendered(f"{o.op} {o.node.string('path')}: {why}", place=o.node.place)


def _parent(root: Node, path: tuple[str, ...], o: Operation) -> Node:
    node = root
    for step in path[:-1]:
        found = node.fields.get(step) if node.is_map else _item(node, step)
        if found is None or found.is_scalar:
            raise _fail(o, "there is no such path")
        node = found
    return node


def _item(node: Node, step: str) -> Node | None:
    at = _index(step, len(node.items))
    return None if at is None else node.items[at]


def _index(step: str, length: int) -> int | None:
    """Of an item that is there; -1 is the last."""
    try:
        at = int(step)
    except ValueError:
        return None
    at += length if at < 0 else 0
    return at if 0 <= at < length else None


def _get(root: Node, path: tuple[str, ...], o: Operation) -> Node | None:
    parent = _parent(root, path, o)
    return parent.fields.get(path[-1]) if parent.is_map else _item(parent, path[-1])


def _put(root: Node, path: tuple[str, ...], value: Node, o: Operation) -> None:
    parent = _parent(root, path, o)
    if parent.is_map:
        value.key = value.key or value.place
        parent.children[path[-1]] = value
        return
    value.key = None
    if path[-1] == "-":
        parent.children.append(value)
        return
    at = _index(path[-1], len(parent.items) + 1)
    if at is None:
        raise _fail(o, "the list has no such place")
    parent.children.insert(at, value)


def _null(o: Operation) -> Node:
    return Node(place=o.node.place, text="null", tag="null")


def _value(o: Operation) -> Node:
    return o.value.copy() if o.value is not None else _null(o)


def _add(root: Node, o: Operation) -> None:
    _put(root, o.path, _value(o), o)


def _take(root: Node, path: tuple[str, ...], o: Operation) -> Node:
    parent = _parent(root, path, o)
    if parent.is_map:
        found: Node | None = parent.children.pop(path[-1], None)
        if found is None:
            raise _fail(o, "there is no such field")
        return found
    at = _index(path[-1], len(parent.items))
    if at is None:
        raise _fail(o, "the list has no such item")
    taken: Node = parent.children.pop(at)
    return taken


def _remove(root: Node, o: Operation) -> None:
    _take(root, o.path, o)


def _replace(root: Node, o: Operation) -> None:
    parent = _parent(root, o.path, o)
    if parent.is_map:
        _put(root, o.path, _value(o), o)  # the library does not ask whether the field is there
        return
    at = _index(o.path[-1], len(parent.items))
    if at is None:
        raise _fail(o, "the list has no such item")
    value = _value(o)
    value.key = None
    parent.children[at] = value


def _move(root: Node, o: Operation) -> None:
    _put(root, o.path, _take(root, o.source, o), o)


def _copy(root: Node, o: Operation) -> None:
    found = _get(root, o.source, o)
    if found is None:
        raise _fail(o, "there is nothing to copy")
    _put(root, o.path, found.copy(), o)


def _test(root: Node, o: Operation) -> None:
    found = _get(root, o.path, o)
    wanted = None if o.value is None else o.value.plain()
    if (None if found is None else found.plain()) != wanted:
        raise _fail(o, "the value is another")


_DO = {"add": _add, "remove": _remove, "replace": _replace, "move": _move, "copy": _copy, "test": _test}
