"""One edit of a document as a change of its text: nothing but the characters that have to change does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from kgate.edit import APPEND, Edit, Entry, Impossible, Operation, Spot, pruned_path
from kgate.fix import words
from kgate.fix.words import Style, column, line_end, line_start
from kgate.manifest import Path

_BLOCK_SCALAR = ("|", ">")
_DASH = re.compile(r"-[ \t]*\Z")
_REST = re.compile(r"[ \t]*(?:#[^\r\n]*)?")
"""What may follow on the line of something that is taken out with its line."""


class Splice(Struct, frozen=True, kw_only=True, order=True):
    """Characters `begin` to `end` become `text`."""

    begin: int
    end: int
    text: str


def spliced(text: str, changes: Sequence[Splice]) -> str:
    """Raises Impossible when two changes concern the same characters."""
    pieces, done = [], 0
    for change in sorted(changes):
        if change.begin < done:
            raise Impossible("two changes meet in one place")
        pieces += [text[done : change.begin], change.text]
        done = change.end
    return "".join([*pieces, text[done:]])


def shared_anchors(root: Spot) -> frozenset[str]:
    """Anchors that an alias names."""
    found, pending = set(), [root]
    while pending:
        spot = pending.pop()
        if spot.kind == "alias":
            found.add(spot.anchor)
        pending += [s for e in spot.entries for s in ((e.key, e.value) if e.key is not e.value else (e.value,))]
    return frozenset(found)


def scalars_of(root: Spot) -> list[tuple[int, int]]:
    """Where the document's keys and single values stand."""
    found, pending = [], [root]
    while pending:
        spot = pending.pop()
        if spot.kind == "scalar":
            found.append((spot.begin, spot.end))
        pending += [s for e in spot.entries for s in ((e.key, e.value) if e.key is not e.value else (e.value,))]
    return found


class _Target(Struct, frozen=True, kw_only=True):
    """Where a path ends: the deepest node that is there, and the steps that are not."""

    trail: tuple[Spot, ...]
    """The nodes from the root to the deepest."""
    entries: tuple[Entry, ...]
    """How each of them but the root hangs in the one before."""
    missing: Path

    @classmethod
    def of(cls, root: Spot, path: Path) -> _Target:
        trail, entries = [root], list[Entry]()
        for depth, step in enumerate(path):
            entry = _child(trail[-1], step)
            if entry is None:
                return cls(trail=tuple(trail), entries=tuple(entries), missing=path[depth:])
            trail.append(entry.value)
            entries.append(entry)
        return cls(trail=tuple(trail), entries=tuple(entries), missing=())


def _child(spot: Spot, step: str | int) -> Entry | None:
    if spot.kind == "alias":
        raise Impossible(f"an alias (`*{spot.anchor}`) stands in the way: what it names is written elsewhere")
    if spot.kind == "sequence":
        return spot.entries[step] if isinstance(step, int) and 0 <= step < len(spot.entries) else None
    return next((e for e in spot.entries if e.name == step and not e.merge), None)


class Pen:
    """Writes into one text, as that text is written."""

    def __init__(self, text: str, root: Spot, body: Any) -> None:
        """`root`: the nodes of the text; `body`: what it means."""
        self._text, self._root, self._body = text, root, body
        self._style: Style = words.style_of(text, root)
        self._shared = shared_anchors(root)
        self._strict = bool(root.style and root.entries and root.entries[0].key.style == '"')
        """All of the text is JSON, or looks like it."""

    def splices(self, edit: Edit) -> tuple[Splice, ...]:
        """What `edit` changes, in order. Raises Impossible with the reason."""
        path = pruned_path(self._body, edit) if edit.operation is Operation.REMOVE else edit.path
        found = _Target.of(self._root, path)
        for spot in found.trail:
            self._refuse_shared(spot)
        match edit.operation:
            case Operation.SET:
                return self._set(found, edit.value)
            case Operation.REMOVE:
                return self._remove(found)
            case Operation.INSERT:
                return self._insert(found, edit.value)
        return self._rename(found, edit.value)

    def _refuse_shared(self, spot: Spot) -> None:
        if spot.kind == "alias":
            raise Impossible(f"an alias (`*{spot.anchor}`) stands there: what it names is written elsewhere")
        if spot.anchor in self._shared and spot.anchor:
            raise Impossible(f"the anchor `&{spot.anchor}` shares this part of the document with another place")

    # --- set

    def _set(self, found: _Target, value: Any) -> tuple[Splice, ...]:
        here = found.trail[-1]
        if not found.missing:
            return self._overwritten(found, value)
        if here.kind == "sequence":
            raise Impossible("the list has no such item")
        nested = _nested(found.missing[1:], value)
        bare = here.kind == "mapping" and not here.entries and found.entries and not found.trail[-2].style and found.entries[-1].name
        if here.kind == "scalar" or bare:  # null or `{}`: the mapping that is meant is still to be written
            return self._overwritten(found, {found.missing[0]: nested})
        return self._added(here, str(found.missing[0]), nested, root=len(found.trail) == 1)

    def _overwritten(self, found: _Target, value: Any) -> tuple[Splice, ...]:
        here = found.trail[-1]
        self._refuse_dressed(here)
        if not found.entries:
            raise Impossible("a whole document is not replaced")
        parent, entry = found.trail[-2], found.entries[-1]
        on_line = not here.entries and here.style not in _BLOCK_SCALAR
        if here.style == "{" and not here.entries and self._text[here.begin + 1 : here.end - 1].strip():
            raise Impossible("there is a comment inside of the empty brackets")
        if parent.style or (here.style == "{" and not on_line):
            return (Splice(begin=here.begin, end=here.end, text=self._in_flow(value, here)),)
        if entry.name is None:
            if here.kind != "scalar" or isinstance(value, Mapping | list):
                raise Impossible("an item of a list that is no single value is not replaced")
            return (Splice(begin=here.begin, end=here.end, text=words.scalar(value, quote=here.style)),)
        return self._after_colon(entry, here, value)

    def _in_flow(self, value: Any, here: Spot) -> str:
        if self._strict or isinstance(value, Mapping | list):
            return words.flow(value, self._style, strict=self._strict)
        return words.scalar(value, quote=here.style, flow=True)

    def _after_colon(self, entry: Entry, here: Spot, value: Any) -> tuple[Splice, ...]:
        """The value of a key of a block mapping."""
        colon = self._colon(entry)
        end = self._end(here)
        plain = not (isinstance(value, Mapping | list) and value)
        on_line = not here.entries and here.style not in _BLOCK_SCALAR
        if plain and on_line:
            if here.begin == here.end:
                return (Splice(begin=colon, end=colon, text=" " + self._plain(value, "")),)
            return (Splice(begin=here.begin, end=here.end, text=self._plain(value, here.style)),)
        key = self._text[entry.key.begin : entry.key.end]
        head, *lines = words.block(key, value, self._style, " " * column(self._text, entry.key.begin))
        first = head.lstrip()[len(key) + 1 :]
        if on_line:
            if "\n" in self._text[colon : here.end]:
                raise Impossible("the value stands on a line of its own")
            begin = colon if here.begin == here.end else max(colon, here.begin - 1)
            below = line_end(self._text, here.end)
            return (Splice(begin=begin, end=max(begin, here.end), text=first), self._lines_at(below, lines))
        if here.style in _BLOCK_SCALAR:
            return (Splice(begin=colon, end=end, text=self._style.newline.join([first, *lines])),)
        body = line_end(self._text, colon)  # a comment behind the key stays
        changes = [Splice(begin=body, end=line_end(self._text, end), text="".join(self._style.newline + line for line in lines))]
        return (Splice(begin=colon, end=colon, text=first), *changes) if first else tuple(changes)

    def _plain(self, value: Any, quote: str) -> str:
        return words.flow(value, self._style, strict=False) if isinstance(value, Mapping | list) else words.scalar(value, quote=quote)

    def _colon(self, entry: Entry) -> int:
        """Just behind the colon of a key."""
        found = re.compile(r"[ \t]*:").match(self._text, entry.key.end)
        if found is None:
            raise Impossible("the key is written in an uncommon way")
        return found.end()

    def _added(self, mapping: Spot, key: str, value: Any, *, root: bool) -> tuple[Splice, ...]:
        self._refuse_merged(mapping)
        if mapping.style:
            return self._added_in_flow(mapping, key, value)
        if not mapping.entries:
            raise Impossible("the mapping is empty")
        first = mapping.entries[0].key.begin
        lines = words.block(words.scalar(key), value, self._style, " " * column(self._text, first))
        last = self._end(mapping.entries[-1].value)
        return (self._lines_at(line_end(self._text, max(last, mapping.entries[-1].key.end)), lines),)

    def _lines_at(self, position: int, lines: Sequence[str]) -> Splice:
        """Whole lines behind the one that ends at `position`."""
        return Splice(begin=position, end=position, text="".join(self._style.newline + line for line in lines))

    def _added_in_flow(self, mapping: Spot, key: str, value: Any) -> tuple[Splice, ...]:
        strict = self._strict or (bool(mapping.entries) and mapping.entries[0].key.style == '"')
        name = words.flow(key, self._style, strict=True) if strict else words.scalar(key, flow=True)
        told = f"{name}: {self._flowing(value, mapping, strict=strict)}"
        return self._joined(mapping, told)

    def _flowing(self, value: Any, around: Spot, *, strict: bool) -> str:
        """JSON that stands on many lines goes on many lines."""
        if not (strict and isinstance(value, Mapping | list) and value and around.entries):
            return words.flow(value, self._style, strict=strict)
        prefix = self._prefix(around.entries[-1].key.begin)
        if prefix is None:
            return words.flow(value, self._style, strict=True)
        import json

        outer = self._prefix(around.end - 1) or ""
        step = prefix.removeprefix(outer) or "  "
        return json.dumps(value, indent=step, ensure_ascii=False).replace("\n", self._style.newline + prefix)

    def _joined(self, around: Spot, told: str) -> tuple[Splice, ...]:
        """One more entry of a flow collection, behind the last."""
        if not around.entries:
            space = self._style.space if around.kind == "mapping" else ""
            inside = self._text[around.begin + 1 : around.end - 1]
            if inside.strip():
                raise Impossible("there is a comment inside of the empty brackets")
            return (Splice(begin=around.begin + 1, end=around.end - 1, text=f"{space}{told}{space}"),)
        last = around.entries[-1].value.end
        prefix = self._prefix(around.entries[-1].key.begin)
        if "," in self._text[last : around.end - 1].partition("#")[0]:
            raise Impossible("a comma stands behind the last entry")
        if prefix is None:
            return (Splice(begin=last, end=last, text=f", {told}"),)
        below = line_end(self._text, last)
        if below > around.end - 1:  # the bracket closes on the line of the last entry
            return (Splice(begin=last, end=last, text=f",{self._style.newline}{prefix}{told}"),)
        comma, line = Splice(begin=last, end=last, text=","), Splice(begin=below, end=below, text=f"{self._style.newline}{prefix}{told}")
        return (comma, line) if below > last else (Splice(begin=last, end=last, text=comma.text + line.text),)

    def _prefix(self, position: int) -> str | None:
        """The white space before it on its line; None when something else stands there."""
        before = self._text[line_start(self._text, position) : position]
        return before if not before.strip(" \t") else None

    # --- remove

    def _remove(self, found: _Target) -> tuple[Splice, ...]:
        if found.missing or not found.entries:
            raise Impossible("what should go is not there, or comes from a merge (`<<`)")
        parent, entry = found.trail[-2], found.entries[-1]
        self._refuse_anchors_in(entry)
        if parent.style:
            return self._removed_in_flow(parent, entry)
        if len(parent.entries) == 1:
            return self._emptied(found)
        return self._removed_lines(parent, entry)

    def _emptied(self, found: _Target) -> tuple[Splice, ...]:
        """The last entry goes: `{}` or `[]` stays, since nothing at all would be null."""
        parent = found.trail[-2]
        if len(found.trail) < 3:
            raise Impossible("the document would be empty")
        self._refuse_dressed(parent)
        brackets = "[]" if parent.kind == "sequence" else "{}"
        if found.entries[-2].name is None:
            return (Splice(begin=parent.begin, end=self._end(parent), text=brackets),)
        colon = self._colon(found.entries[-2])
        rest = line_end(self._text, colon)
        return (
            Splice(begin=colon, end=colon, text=" " + brackets),
            Splice(begin=rest, end=line_end(self._text, self._end(parent)), text=""),
        )

    def _removed_in_flow(self, parent: Spot, entry: Entry) -> tuple[Splice, ...]:
        at = parent.entries.index(entry)
        if len(parent.entries) == 1:
            return (Splice(begin=parent.begin + 1, end=parent.end - 1, text=""),)
        if at + 1 < len(parent.entries):
            begin, end = entry.key.begin, parent.entries[at + 1].key.begin
        else:
            begin, end = parent.entries[at - 1].value.end, entry.value.end
        if "#" in re.sub(r"\"[^\"]*\"|'[^']*'", "", self._text[begin:end].replace(self._text[entry.key.begin : entry.value.end], "")):
            raise Impossible("a comment stands between the entries")
        return (Splice(begin=begin, end=end, text=""),)

    def _removed_lines(self, parent: Spot, entry: Entry) -> tuple[Splice, ...]:
        begin = entry.key.begin
        if parent.kind == "sequence":
            begin = self._dash(entry)
        last = self._end(entry.value)
        below = line_end(self._text, max(last, entry.key.end))
        if self._prefix(begin) is None:
            return self._removed_first(parent, entry, begin)
        behind = max(last, entry.key.end)
        if entry.value.begin != entry.value.end and not _REST.fullmatch(self._text, behind, below):
            raise Impossible("something else stands on the same line")
        return (self._without_lines(line_start(self._text, begin), below),)

    def _without_lines(self, begin: int, below: int) -> Splice:
        end = below + len(re.compile(r"\r\n|\n|\r|").match(self._text, below)[0])  # type: ignore[index]
        if end == below and begin:  # the last line, which no line break ends: then none ends the new last one
            begin -= 2 if self._text[begin - 2 : begin] == "\r\n" else 1
        return Splice(begin=begin, end=end, text="")

    def _removed_first(self, parent: Spot, entry: Entry, begin: int) -> tuple[Splice, ...]:
        """A key on the line of its item's dash: the next key takes its place."""
        if parent.kind == "sequence" or parent.entries[0] is not entry:
            raise Impossible("something else stands on the same line")
        following = parent.entries[1].key.begin
        between = self._text[max(self._end(entry.value), entry.key.end) : following].removeprefix(":")
        if between.strip():
            raise Impossible("a comment stands between the keys")
        return (Splice(begin=begin, end=following, text=""),)

    def _dash(self, entry: Entry) -> int:
        found = _DASH.search(self._text, line_start(self._text, entry.key.begin), entry.key.begin)
        if found is None:
            raise Impossible("the item of the list stands on another line than its dash")
        return found.start()

    # --- insert, rename

    def _insert(self, found: _Target, value: Any) -> tuple[Splice, ...]:
        around = found.trail[-1] if found.missing else found.trail[-2]
        at = found.missing[0] if len(found.missing) == 1 else len(around.entries)
        if around.kind != "sequence" or len(found.missing) > 1:
            raise Impossible("there is no list to put it into")
        if found.missing and at not in (APPEND, len(around.entries)):
            raise Impossible(f"the list has no place {at}")
        if around.style:
            return self._inserted_in_flow(around, found, value)
        indent = " " * column(self._text, self._dash(around.entries[0]))
        if self._prefix(self._dash(around.entries[0])) is None:
            raise Impossible("the list begins on the line of another one")
        lines = words.listed(value, self._style, indent)
        if found.missing:
            return (self._lines_at(line_end(self._text, self._end(around.entries[-1].value)), lines),)
        begin = line_start(self._text, self._dash(found.entries[-1]))
        return (Splice(begin=begin, end=begin, text="".join(line + self._style.newline for line in lines)),)

    def _inserted_in_flow(self, around: Spot, found: _Target, value: Any) -> tuple[Splice, ...]:
        if found.missing:
            return self._joined(around, self._flowing(value, around, strict=self._strict))
        begin = found.entries[-1].key.begin
        return (Splice(begin=begin, end=begin, text=words.flow(value, self._style, strict=self._strict) + ", "),)

    def _rename(self, found: _Target, name: str) -> tuple[Splice, ...]:
        if found.missing or not found.entries or found.entries[-1].name is None:
            raise Impossible("the key is not there, or comes from a merge (`<<`)")
        key = found.entries[-1].key
        self._refuse_dressed(key)
        flow = bool(found.trail[-2].style)
        written = words.flow(name, self._style, strict=True) if self._strict else words.scalar(name, quote=key.style, flow=flow)
        return (Splice(begin=key.begin, end=key.end, text=written),)

    # --- what makes an edit unsafe

    def _refuse_dressed(self, spot: Spot) -> None:
        if spot.anchor or spot.tagged:
            raise Impossible("an anchor stands there" if spot.anchor else "a tag stands there")

    def _refuse_merged(self, mapping: Spot) -> None:
        aliases = [e.value for e in mapping.entries if e.merge]
        if aliases:
            raise Impossible("the mapping takes keys from elsewhere by a merge (`<<`)")

    def _refuse_anchors_in(self, entry: Entry) -> None:
        pending = [entry.key, entry.value]
        while pending:
            spot = pending.pop()
            if spot.anchor in self._shared and spot.kind != "alias" and spot.anchor:
                raise Impossible(f"the anchor `&{spot.anchor}` that is used elsewhere stands in it")
            pending += [s for e in spot.entries for s in (e.key, e.value)]

    def _end(self, spot: Spot) -> int:
        """Behind the last character of a node; line breaks at the end of a block scalar stay outside."""
        last = spot
        while last.entries and not last.style:
            entry = last.entries[-1]
            last = entry.value if entry.value.end > entry.key.end or entry.name is None else entry.key
        if last.style in _BLOCK_SCALAR:
            return last.begin + len(self._text[last.begin : last.end].rstrip())
        return last.end


def _nested(path: Path, value: Any) -> Any:
    """`value` below the mappings that `path` still asks for."""
    for step in reversed(path):
        if not isinstance(step, str):
            raise Impossible("there is no such list")
        value = {step: value}
    return value
