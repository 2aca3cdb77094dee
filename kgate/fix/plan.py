"""Which wishes can be granted, file by file, and what the files then look like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from kgate.edit import Edit, Fix, Impossible, Operation, Page
from kgate.fix.document import Reader, edited, same
from kgate.fix.editor import Pen, scalars_of

_HEAD = 4096
"""Characters in which a generated file says so."""
_GENERATED = re.compile(
    r"(?im)^[ \t]*#.*\b(?:do not (?:edit|modify)|(?:code |file |automatically |auto-?)generated|generated (?:by|from|with|using))\b"
    r"|^# Source: \S+/templates/"
)
_SUSPECT = re.compile(r"(?<![^\s\[{,])[&*][^\s&*]|<<|\{\{|\{%")
"""Anchors, aliases, merges, templates, and some text that only looks like them."""
_TEMPLATE = re.compile(r"\{\{|\{%")


class Wish(Struct, frozen=True, kw_only=True):
    """A fix of one document, and what it is for."""

    file: str
    """As its Source says it."""
    document: int
    fix: Fix
    rule: str
    name: str
    subject: str
    """The object that it is about."""
    message: str
    line: int
    column: int

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        return (self.file, self.line, self.column, self.rule, self.message)


class Refused(Struct, frozen=True, kw_only=True):
    """A wish that is not granted, and why."""

    wish: Wish
    reason: str


class Plan(Struct, frozen=True, kw_only=True):
    """What would be written."""

    texts: Mapping[str, str]
    """The new text of each file that changes."""
    granted: tuple[Wish, ...] = ()
    refused: tuple[Refused, ...] = ()


def plan(wishes: Iterable[Wish], texts: Mapping[str, str], reader: Reader) -> Plan:
    """`texts` are the files as they were read; a file that is not there cannot be changed."""
    by_file: dict[str, list[Wish]] = {}
    for wish in sorted(wishes, key=lambda w: w.order):
        by_file.setdefault(wish.file, []).append(wish)
    news: dict[str, str] = {}
    granted: list[Wish] = []
    refused: list[Refused] = []
    for file, wanted in by_file.items():
        try:
            text, kept, turned_down = _file(file, texts.get(file), wanted, reader)
        except Impossible as e:
            refused += [Refused(wish=w, reason=e.reason) for w in wanted]
            continue
        refused += turned_down
        granted += kept
        if kept and text != texts[file]:
            news[file] = text
    return Plan(texts=news, granted=tuple(granted), refused=tuple(refused))


def obstacle(text: str | None) -> str:
    """Why nothing of a file is changed; empty when nothing is in the way."""
    if text is None:
        return "the text comes from elsewhere, not from a file that could be changed"
    if _GENERATED.search(text[:_HEAD]):
        return "a comment says that the file is generated"
    return ""


def possible(text: str, fixes: Iterable[tuple[int, Fix]], reader: Reader) -> list[bool]:
    """Of each fix (with the number of its document) whether it can be made, as far as that is known before the new text is read again."""
    wanted = list(fixes)
    if obstacle(text):
        return [False] * len(wanted)
    if not _SUSPECT.search(text):
        return [True] * len(wanted)
    pages = {page.index: page for page in reader.pages(text)}
    pens: dict[int, Pen | None] = {}
    for index in dict.fromkeys(index for index, _ in wanted):
        pens[index] = _pen(pages[index], reader) if index in pages else None
    return [_makes(pens[index], fix) for index, fix in wanted]


def _pen(page: Page, reader: Reader) -> Pen | None:
    try:
        _refuse_template(page, reader)
        return Pen(page.text, reader.spots(page), page.body)
    except Impossible:
        return None


def _makes(pen: Pen | None, fix: Fix) -> bool:
    try:
        return pen is not None and all(pen.splices(edit) for edit in fix.edits)
    except Impossible:
        return False


def _file(file: str, text: str | None, wanted: Sequence[Wish], reader: Reader) -> tuple[str, list[Wish], list[Refused]]:
    if reason := obstacle(text):
        raise Impossible(reason)
    assert text is not None
    pages = {page.index: page for page in reader.pages(text)}
    news: dict[int, str] = {}
    bodies: dict[int, object] = {}
    kept: list[Wish] = []
    refused: list[Refused] = []
    for index in dict.fromkeys(w.document for w in wanted):
        mine = [w for w in wanted if w.document == index]
        granted, turned_down, news[index], bodies[index] = _document(pages[index], mine, reader)
        kept += granted
        refused += turned_down
    whole = _joined(text, pages.values(), news)
    _prove(whole, pages, bodies, reader)
    return whole, kept, refused


def _document(page: Page, wanted: Sequence[Wish], reader: Reader) -> tuple[list[Wish], list[Refused], str, object]:
    """All of them at once; where that fails, by halves, so that one cannot spoil the rest."""
    try:
        _refuse_template(page, reader)
        agreed, refused = _agreed(wanted)
    except Impossible as e:
        return [], [Refused(wish=w, reason=e.reason) for w in wanted], page.text, page.body
    kept = _fitting(page, [], agreed, reader, refused)
    text, body = edited(page, [e for w in kept for e in w.fix.edits], reader)
    return kept, refused, text, body


def _fitting(page: Page, kept: Sequence[Wish], more: Sequence[Wish], reader: Reader, refused: list[Refused]) -> list[Wish]:
    """`kept`, and as many of `more` as go with them; the others are told in `refused`."""
    try:
        edited(page, [e for w in (*kept, *more) for e in w.fix.edits], reader)
        return [*kept, *more]
    except Impossible as e:
        if len(more) <= 1:
            refused += [Refused(wish=w, reason=e.reason) for w in more]
            return list(kept)
    half = len(more) // 2
    return _fitting(page, _fitting(page, kept, more[:half], reader, refused), more[half:], reader, refused)


def _agreed(wanted: Sequence[Wish]) -> tuple[list[Wish], list[Refused]]:
    """The first of two that want different things of one place is served."""
    kept: list[Wish] = []
    refused: list[Refused] = []
    for wish in wanted:
        if any(_contrary(a, b) for other in kept for a in other.fix.edits for b in wish.fix.edits):
            refused.append(Refused(wish=wish, reason="another fix changes the same place"))
        else:
            kept.append(wish)
    return kept, refused


def _contrary(a: Edit, b: Edit) -> bool:
    if a == b or Operation.INSERT in (a.operation, b.operation):
        return False
    shorter = min(len(a.path), len(b.path))
    return a.path[:shorter] == b.path[:shorter]


def _refuse_template(page: Page, reader: Reader) -> None:
    """Braces inside of a value are data; in a comment, or as a line of their own, they decide whether the lines around are there."""
    if not _TEMPLATE.search(page.text):
        return
    spans = scalars_of(reader.spots(page))
    for found in _TEMPLATE.finditer(page.text):
        if not any(begin <= found.start() < end for begin, end in spans):
            raise Impossible("a template (`{{`) stands between the lines")


def _joined(text: str, pages: Iterable[Page], news: Mapping[int, str]) -> str:
    pieces, done = [], 0
    for page in sorted((p for p in pages if p.index in news), key=lambda p: p.begin):
        pieces += [text[done : page.begin], news[page.index]]
        done = page.begin + len(page.text)
    return "".join([*pieces, text[done:]])


def _prove(text: str, old: Mapping[int, Page], bodies: Mapping[int, object], reader: Reader) -> None:
    """The whole file, read again: the same documents, each as it was or as it was meant to become. Raises Impossible."""
    new = {page.index: page for page in reader.pages(text)}
    if new.keys() != old.keys():
        raise Impossible("the file would hold other documents than before")
    for index, page in new.items():
        meant = bodies[index] if index in bodies else old[index].body
        if not same(page.body, meant) or page.faults > old[index].faults:
            raise Impossible("the new text would not mean what it should")
