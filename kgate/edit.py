"""What to change in a document so that a finding goes away, as data; and what a document looks like to somebody who changes its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from msgspec import Struct

from kgate.manifest import Path

APPEND = "-"
"""The last step of an INSERT behind the last item, as in RFC 6902."""


class Operation(StrEnum):
    SET = "set"
    """Write `value` at `path`; mappings on the way are made where there are none."""
    REMOVE = "remove"
    """Take the key, or the item of a list, out."""
    INSERT = "insert"
    """Put `value` into the list before the item at `path`, or behind the last one (`APPEND`)."""
    RENAME = "rename"
    """Call the key at `path` `value`; what it holds stays."""


class Edit(Struct, frozen=True, kw_only=True):
    """One change. `path` begins at the document's root."""

    path: Path
    operation: Operation = Operation.SET
    value: Any = None
    prune: int = 0
    """Of REMOVE: so many levels above go as well where nothing else is left in them."""

    def below(self, root: Path) -> Edit:
        """The same edit, with a path that began at `root`."""
        return Edit(path=root + self.path, operation=self.operation, value=self.value, prune=self.prune)


class Fix(Struct, frozen=True, kw_only=True):
    """The edits of one document that make a finding go away: all of them, or none."""

    edits: tuple[Edit, ...]
    unsafe: str = ""
    """What it may change for those who run the object; empty for a safe one."""

    def below(self, root: Path) -> Fix:
        return Fix(edits=tuple(e.below(root) for e in self.edits), unsafe=self.unsafe) if root else self


class Impossible(Exception):  # noqa: N818 (an answer: why an edit is not made)
    """Why an edit cannot be made, or not without harm: half a sentence."""

    @property
    def reason(self) -> str:
        return str(self.args[0])


def made(body: Any, edit: Edit) -> Any:
    """A copy of `body` with the edit made. Raises Impossible where the path leads nowhere."""
    if edit.operation is Operation.REMOVE:
        return _removed(body, pruned_path(body, edit))
    return _changed(body, edit.path, edit)


def pruned_path(body: Any, edit: Edit) -> Path:
    """What a REMOVE really takes out: a parent, when nothing else is in it and the edit may prune."""
    path, levels = edit.path, edit.prune
    while levels and len(path) > 1 and _size(value_at(body, path[:-1])) == 1:
        path, levels = path[:-1], levels - 1
    return path


def value_at(body: Any, path: Path) -> Any:
    """Raises Impossible when there is nothing."""
    for step in path:
        in_list = isinstance(body, list) and isinstance(step, int) and 0 <= step < len(body)
        if not (in_list or (isinstance(body, Mapping) and step in body)):
            raise Impossible(f"there is no {step} any more")
        body = body[step]
    return body


def _size(value: Any) -> int:
    return len(value) if isinstance(value, Mapping | list) else 0


def _removed(body: Any, path: Path) -> Any:
    parent = value_at(body, path[:-1])
    value_at(parent, path[-1:])
    if isinstance(parent, list):
        return _replaced(body, path[:-1], [item for i, item in enumerate(parent) if i != path[-1]])
    return _replaced(body, path[:-1], {k: v for k, v in parent.items() if k != path[-1]})


def _changed(body: Any, path: Path, edit: Edit) -> Any:
    if not path:
        raise Impossible("a whole document is not replaced")
    step, rest = path[0], path[1:]
    if isinstance(body, list):
        return _in_list(body, path, edit)
    if body is not None and not isinstance(body, Mapping):
        raise Impossible(f"there is no place for {step}: a single value stands there")
    if not isinstance(step, str):
        raise Impossible(f"there is no place for item {step}: no list stands there")
    fields = dict(body or {})
    if rest:
        if edit.operation is not Operation.SET and step not in fields:
            raise Impossible(f"there is no {step} any more")
        return fields | {step: _changed(fields.get(step), rest, edit)}
    if edit.operation is Operation.SET:
        return fields | {step: edit.value}
    if edit.operation is Operation.RENAME and step in fields and edit.value not in fields:
        return {(edit.value if k == step else k): v for k, v in fields.items()}
    raise Impossible(f"there is no {step} any more, or {edit.value} is there already")


def _in_list(body: Sequence[Any], path: Path, edit: Edit) -> Any:
    step, rest, items = path[0], path[1:], list(body)
    if not rest and edit.operation is Operation.INSERT:
        at = len(items) if step == APPEND else step
        if not isinstance(at, int) or not 0 <= at <= len(items):
            raise Impossible(f"the list has no place {step}")
        return [*items[:at], edit.value, *items[at:]]
    if not isinstance(step, int) or not 0 <= step < len(items):
        raise Impossible(f"the list has no item {step}")
    items[step] = _changed(items[step], rest, edit) if rest else edit.value
    if not rest and edit.operation is not Operation.SET:
        raise Impossible("an item of a list has no name")
    return items


def _replaced(body: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    step = path[0]
    if isinstance(body, list):
        return [_replaced(item, path[1:], value) if i == step else item for i, item in enumerate(body)]
    return {k: _replaced(v, path[1:], value) if k == step else v for k, v in body.items()}


class Spot(Struct, frozen=True, kw_only=True):
    """A node of a document, and which characters of the document's text it is."""

    kind: str
    """`scalar`, `mapping`, `sequence` or `alias`."""
    begin: int
    end: int
    """Behind its last character; of a block collection, behind its last node's."""
    style: str = ""
    """Of a scalar: empty when plain, else its quote, or `|` or `>`; of a collection: `{` when it stands in brackets."""
    entries: tuple[Entry, ...] = ()
    anchor: str = ""
    """Its own anchor, or the one that an alias names."""
    tagged: bool = False


class Entry(Struct, frozen=True, kw_only=True):
    """A key with its value, or an item of a list (then `name` is None and `key` is the item)."""

    name: str | None
    """As JSON writes the key."""
    key: Spot
    value: Spot
    merge: bool = False
    """`<<`."""


class Page(Struct, frozen=True, kw_only=True):
    """One document of a file, as its text says it."""

    index: int
    begin: int
    """Where `text` begins in the text of the file, in characters."""
    text: str
    json: bool
    body: Any
    faults: int
    """How many things are wrong with the text itself."""
