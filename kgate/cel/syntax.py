"""Checked expressions as the compiler serialises them (cel/expr/checked.proto, syntax.proto), read into nodes."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kgate.cel.values import Uint


@dataclass(frozen=True, slots=True)
class Constant:
    id: int
    value: Any


@dataclass(frozen=True, slots=True)
class Ident:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    id: int
    operand: Node
    field: str
    test: bool
    """`has()`."""


@dataclass(frozen=True, slots=True)
class Call:
    id: int
    function: str
    target: Node | None
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ListNode:
    id: int
    items: tuple[Node, ...]
    optional: frozenset[int]


@dataclass(frozen=True, slots=True)
class Entry:
    key: Node
    value: Node
    optional: bool


@dataclass(frozen=True, slots=True)
class MapNode:
    id: int
    message: str
    """A message's type; empty for a map."""
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """What a macro stands for: over `range` with the accumulator `accu`."""

    id: int
    var: str
    var2: str
    range: Node
    accu: str
    start: Node
    condition: Node
    step: Node
    result: Node


Node = Constant | Ident | Select | Call | ListNode | MapNode | Fold


@dataclass(frozen=True, slots=True)
class Checked:
    root: Node
    positions: Mapping[int, int]
    """Offset in characters of each node's operator or name, by its identifier."""


def read(serialised: bytes) -> Checked:
    wrapper = _fields(serialised)
    body = _fields(wrapper[2][0])
    checked = str(wrapper[1][0], "utf-8").endswith("CheckedExpr")
    root, info = (4, 5) if checked else (2, 3)
    told = _fields(body[info][0]) if info in body else {}
    pairs = [_fields(entry) for entry in told.get(4, ())]
    return Checked(root=_node(body[root][0]), positions={_one(p, 1): _one(p, 2) for p in pairs})


def children(node: Node) -> Iterator[Node]:
    match node:
        case Select():
            yield node.operand
        case Call():
            if node.target is not None:
                yield node.target
            yield from node.args
        case ListNode():
            yield from node.items
        case MapNode():
            for entry in node.entries:
                yield entry.key
                yield entry.value
        case Fold():
            yield from (node.range, node.start, node.condition, node.step, node.result)


def walk(node: Node) -> Iterator[Node]:
    """It and all below it."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(children(found))


def _node(raw: bytes) -> Node:
    found = _fields(raw)
    at = _one(found, 2)
    for number, make in _KINDS.items():
        if number in found:
            return make(at, _fields(found[number][0]))  # type: ignore[no-any-return]
    return Constant(at, None)


def _text(found: Mapping[int, list[Any]], number: int) -> str:
    return str(found[number][0], "utf-8") if number in found else ""


def _one(found: Mapping[int, list[Any]], number: int) -> int:
    return int(found[number][0]) if number in found else 0


def _constant(at: int, found: Mapping[int, list[Any]]) -> Constant:
    if not found or 1 in found:
        return Constant(at, None)
    number, (value, *_) = next(iter(found.items()))
    match number:
        case 2:
            return Constant(at, bool(value))
        case 3:
            return Constant(at, value - 2**64 if value >= 2**63 else value)
        case 4:
            return Constant(at, Uint(value))
        case 5:
            return Constant(at, struct.unpack("<d", value)[0])
        case 6:
            return Constant(at, str(value, "utf-8", "surrogatepass"))
        case _:
            return Constant(at, bytes(value))


def _call(at: int, found: Mapping[int, list[Any]]) -> Call:
    target = _node(found[1][0]) if 1 in found else None
    return Call(at, _text(found, 2), target, tuple(_node(a) for a in found.get(3, ())))


def _list(at: int, found: Mapping[int, list[Any]]) -> ListNode:
    optional = {i for packed in found.get(2, ()) for i in (_varints(packed) if isinstance(packed, bytes) else [packed])}
    return ListNode(at, tuple(_node(i) for i in found.get(1, ())), frozenset(optional))


def _map(at: int, found: Mapping[int, list[Any]]) -> MapNode:
    return MapNode(at, _text(found, 1), tuple(_entry(_fields(e)) for e in found.get(2, ())))


def _entry(found: Mapping[int, list[Any]]) -> Entry:
    key: Node = Constant(0, _text(found, 2)) if 2 in found else _node(found[3][0])
    return Entry(key, _node(found[4][0]), bool(_one(found, 5)))


def _fold(at: int, found: Mapping[int, list[Any]]) -> Fold:
    return Fold(
        id=at,
        var=_text(found, 1),
        var2=_text(found, 8),
        range=_node(found[2][0]),
        accu=_text(found, 3),
        start=_node(found[4][0]),
        condition=_node(found[5][0]),
        step=_node(found[6][0]),
        result=_node(found[7][0]),
    )


_KINDS: Mapping[int, Any] = {
    3: _constant,
    4: lambda at, found: Ident(at, _text(found, 1)),
    5: lambda at, found: Select(at, _node(found[1][0]), _text(found, 2), bool(_one(found, 3))),
    6: _call,
    7: _list,
    8: _map,
    9: _fold,
}


def _fields(raw: bytes) -> dict[int, list[Any]]:
    """The fields of a message: integers, 8 bytes of a double, or bytes."""
    found: dict[int, list[Any]] = {}
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at)
        value: Any
        match tag & 7:
            case 0:
                value, at = _varint(raw, at)
            case 1:
                value, at = raw[at : at + 8], at + 8
            case _:
                length, at = _varint(raw, at)
                value, at = raw[at : at + length], at + length
        found.setdefault(tag >> 3, []).append(value)
    return found


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _varints(raw: bytes) -> Iterator[int]:
    at = 0
    while at < len(raw):
        value, at = _varint(raw, at)
        yield value
