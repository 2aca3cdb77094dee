"""The comments of a text that speak to kgate, and the nodes that they stand before. Text inside of scalars is no comment."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator

from kgate.comment import PREFIX, Comment, Node
from kgate.edit import Entry, Impossible, Page, Spot
from kgate.load.source import Document, Text, read
from kgate.load.spots import spots
from kgate.load.syntax import BREAK
from kgate.manifest import Location, Path, Source

_ADDRESSED = re.compile(rf"#[ \t]*{PREFIX}")
_HASH = re.compile("#")
_SPACE = " \t\ufeff"
_UNSEEN = ("\x85", "\u2028", "\u2029")
"""Ends of lines to YAML and to nobody's eyes: what follows one looks as if it stood behind what is before it, and then means that alone."""


def comments(source: Source) -> tuple[Comment, ...]:
    """In the order of the text. None for text that is no file's: what was rendered has its comments in the files it comes from."""
    if not isinstance(source, Text) or PREFIX not in source.text:
        return ()
    documents = source.documents.values() or [d for d, parsed in read(source.text) if parsed.data is not None or parsed.faults]
    inside = [c for d in documents if not d.json and PREFIX in d.text for c in _Commented(d).found()]
    return tuple(sorted([*inside, *_between(source, documents)], key=lambda c: c.place))


def mentions(source: Source, word: str) -> bool:
    """Whether the text of `source` holds `word` at all."""
    return word in source.text if isinstance(source, Text) else any(word in line for line in source.lines())


class _Commented:
    """A document with its nodes taken apart. Every step is linear in the text: it may be hostile."""

    def __init__(self, document: Document) -> None:
        self._document, self._text = document, document.text
        page = Page(index=document.index, begin=0, text=document.text, json=False, body=None, faults=0)
        try:
            self._root: Spot | None = spots(page)
        except Impossible:
            self._root = None  # the text is broken, and the report says so
        self._scalars = sorted(_spans(self._root)) if self._root else []
        self._lines = list(_lines(document.text)) if self._root else []

    def found(self) -> Iterator[Comment]:
        """From the last one up: what stands behind a comment is known by then."""
        following: int | None = None
        for number, (begin, end) in reversed(list(enumerate(self._lines, 1))):
            first = next((n for n in range(begin, end) if self._text[n] not in _SPACE), None)
            at = self._comment_in(begin, end) if self._text.find(PREFIX, begin, end) >= 0 else None
            addressed = _ADDRESSED.match(self._text, at) if at is not None else None
            if at is not None and addressed:
                alone = at == first and self._text[begin - 1 : begin] not in _UNSEEN
                yield self._comment(Location(line=number, column=at - begin + 1), addressed.end(), end, alone, following)
            if first is not None and self._text[first] != "#":
                following = first

    def _comment_in(self, begin: int, end: int) -> int | None:
        """Where a comment begins on the line from `begin` to `end`."""
        for found in _HASH.finditer(self._text, begin, end):
            here = found.start()
            if (here == begin or self._text[here - 1] in _SPACE) and not self._in_scalar(here):
                return here
        return None

    def _in_scalar(self, position: int) -> bool:
        n = bisect_right(self._scalars, (position, len(self._text)))
        return n > 0 and position < self._scalars[n - 1][1]

    def _comment(self, place: Location, behind: int, end: int, alone: bool, following: int | None) -> Comment:
        return Comment(
            place=self._document.here(place),
            text=self._text[behind:end].strip(),
            document=self._document.index,
            alone=alone,
            before=self._node(place, following) if alone and following is not None else None,
        )

    def _node(self, place: Location, following: int) -> Node | None:
        found = _before(self._root, following, self._text) if self._root else None
        if self._root is None or found is None or place.column > self._place(following).column:
            return None
        path, but, spot = found
        if self._root.kind == "mapping" and path == (self._root.entries[0].name,):
            path, spot = (), self._root
        return Node(path=path, but=but, end=self._document.here(self._place(spot.end)))

    def _place(self, position: int) -> Location:
        line = bisect_right(self._lines, position, key=lambda line: line[0])
        return Location(line=line, column=position - self._lines[line - 1][0] + 1)


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Beginning and end of every line."""
    begin = 0
    for found in BREAK.finditer(text):
        yield begin, found.start()
        begin = found.end()
    yield begin, len(text)


_Found = tuple[Path, frozenset[str], Spot]


def _before(spot: Spot, position: int, text: str) -> _Found | None:
    """The outermost key or item that begins at `position`, where a line begins: its path, what of it is not meant, its value."""
    n = bisect_right(spot.entries, position, key=lambda e: e.key.begin) - 1
    found = _at(spot, n, position, text) if n >= 0 else None
    if found is None and n + 1 < len(spot.entries) and text[position] in "-?" and position >= spot.begin:
        return _named(spot, n + 1)  # its dash, or the mark of a key that is no scalar
    return found


def _at(spot: Spot, n: int, position: int, text: str) -> _Found | None:
    entry = spot.entries[n]
    in_block = spot.kind == "sequence" and not spot.style
    if position == entry.key.begin and not in_block:
        return _named(spot, n)
    value = entry.value
    block = bool(value.entries) and not value.style
    if position == value.begin and not block:
        return _named(spot, n)
    if value.kind == "alias" or not value.begin <= position < value.end:
        return None
    found = _before(value, position, text)
    step = _step(spot, entry, n)
    return None if found is None or step is None else ((step, *found[0]), found[1], found[2])


def _step(spot: Spot, entry: Entry, n: int) -> str | int | None:
    return n if spot.kind == "sequence" else entry.name


def _named(spot: Spot, n: int) -> _Found | None:
    entry = spot.entries[n]
    if entry.merge:
        return (), frozenset(e.name for e in spot.entries if e.name is not None and not e.merge), entry.value
    step = _step(spot, entry, n)
    return None if step is None else ((step,), frozenset(), entry.value)


def _spans(spot: Spot) -> Iterator[tuple[int, int]]:
    if spot.kind == "scalar" and spot.end > spot.begin:
        yield spot.begin, spot.end
    for entry in spot.entries:
        if entry.key is not entry.value:
            yield from _spans(entry.key)
        yield from _spans(entry.value)


def _between(source: Text, documents: Collection[Document]) -> Iterator[Comment]:
    """Comments beside a `---`, before the first one and in documents that hold nothing: they stand at no object."""
    held = {n for d in documents for n in range(d.line, d.line + len(BREAK.split(d.text.rstrip("\r\n"))))}
    for n, line in enumerate(source.lines(), 1):
        if PREFIX not in line or n in held:
            continue
        found = _ADDRESSED.search(line)
        if found and line[: found.start()].strip(_SPACE) in ("", "---"):
            yield Comment(place=Location(line=n, column=found.start() + 1), text=line[found.end() :].strip(), document=None, alone=True)
