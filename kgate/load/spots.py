"""Which characters of a document each of its nodes is: for those who change the text, where `source` answers those who point at it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from yaml import YAMLError, events
from yaml.nodes import ScalarNode

from kgate.edit import Entry, Impossible, Page, Spot
from kgate.load import json_text
from kgate.load.compose import CParser, pure_events
from kgate.load.source import read
from kgate.load.yaml import is_merge, key_of


def pages(text: str) -> tuple[Page, ...]:
    """The documents of a file's text, in order."""
    return tuple(
        Page(index=d.index, begin=d.begin, text=d.text, json=d.json, body=parsed.data, faults=len(parsed.faults))
        for d, parsed in read(text)
    )


def page(text: str) -> Page:
    """The one document of `text`. Raises Impossible when there are several."""
    found = [p for p in pages(text) if p.body is not None or p.faults]
    if len(found) != 1:
        raise Impossible("the text is no single document any more")
    return found[0]


def spots(page: Page) -> Spot:
    """The nodes of a document, whose positions count from the beginning of its text. Raises Impossible for text that is no document."""
    if page.json:
        return _json(page.text, json_text.skip_space(page.text, 0))[0]
    try:
        return _Composer(page.text).document()
    except (YAMLError, ValueError, StopIteration) as e:
        raise Impossible("the text cannot be taken apart") from e


class _Composer:
    """From the parser's events, which tell aliases and anchors that a composed tree has forgotten."""

    def __init__(self, text: str) -> None:
        self._parser: Any = pure_events(text) if CParser is None else CParser(text)

    def document(self) -> Spot:
        for event in iter(self._parser.get_event, None):
            if isinstance(event, events.DocumentStartEvent):
                return self._node(self._parser.get_event())
        raise ValueError("no document")

    def _node(self, event: Any) -> Spot:
        begin, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, events.AliasEvent):
            return Spot(kind="alias", begin=begin, end=end, anchor=event.anchor or "")
        tagged = event.tag is not None
        if isinstance(event, events.ScalarEvent):
            return Spot(kind="scalar", begin=begin, end=end, style=event.style or "", anchor=event.anchor or "", tagged=tagged)
        sequence = isinstance(event, events.SequenceStartEvent)
        entries, closed = self._items() if sequence else self._pairs()
        end = closed if event.flow_style else max([end, *(e.value.end for e in entries)])
        return Spot(
            kind="sequence" if sequence else "mapping",
            begin=begin,
            end=end,
            style="{" if event.flow_style else "",
            entries=tuple(entries),
            anchor=event.anchor or "",
            tagged=tagged,
        )

    def _items(self) -> tuple[list[Entry], int]:
        found: list[Entry] = []
        event: Any
        while not isinstance(event := self._parser.get_event(), events.SequenceEndEvent):
            item = self._node(event)
            found.append(Entry(name=None, key=item, value=item))
        return found, _end(event)

    def _pairs(self) -> tuple[list[Entry], int]:
        found: list[Entry] = []
        event: Any
        while not isinstance(event := self._parser.get_event(), events.MappingEndEvent):
            key = self._node(event)
            name, merge = None, False
            if isinstance(event, events.ScalarEvent):
                tag: Any = event.implicit if event.tag in (None, "!") else event.tag
                node = ScalarNode(tag, event.value, None, None)
                name, merge = key_of(node), is_merge(node)
            found.append(Entry(name=name, key=key, value=self._node(self._parser.get_event()), merge=merge))
        return found, _end(event)


def _end(event: Any) -> int:
    end: int = event.end_mark.index
    return end


def _json(text: str, begin: int) -> tuple[Spot, int]:
    """The value that begins there, and where it ends."""
    opener = text[begin : begin + 1]
    if opener not in ("{", "["):
        end = json_text.end_of(text, begin)
        return Spot(kind="scalar", begin=begin, end=end, style='"' if opener == '"' else ""), end
    entries: list[Entry] = []
    position = json_text.skip_space(text, begin + 1)
    while text[position : position + 1] not in ("}", "]", ""):
        entry, position = _json_entry(text, position, named=opener == "{")
        entries.append(entry)
        position = json_text.skip_space(text, position)
        if text[position : position + 1] == ",":
            position = json_text.skip_space(text, position + 1)
    kind = "mapping" if opener == "{" else "sequence"
    return Spot(kind=kind, begin=begin, end=position + 1, style="{", entries=tuple(entries)), position + 1


def _json_entry(text: str, begin: int, *, named: bool) -> tuple[Entry, int]:
    if not named:
        item, end = _json(text, begin)
        return Entry(name=None, key=item, value=item), end
    closed = json_text.end_of(text, begin)
    key = Spot(kind="scalar", begin=begin, end=closed, style='"')
    colon = json_text.skip_space(text, closed)
    value, end = _json(text, json_text.skip_space(text, colon + 1))
    return Entry(name=json.loads(text[begin:closed]), key=key, value=value), end


__all__: Sequence[str] = ["page", "pages", "spots"]
