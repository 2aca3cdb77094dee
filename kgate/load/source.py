"""The text of one file: its documents, and where each node stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace
from yaml import YAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from kgate.load import json_text
from kgate.load.compose import TooDeep, compose
from kgate.load.fault import Fault, Parsed
from kgate.load.rules import TOO_LARGE
from kgate.load.syntax import BREAK, place_at
from kgate.load.yaml import is_merge, key_of, parse
from kgate.manifest import Location, Path

_SEPARATOR = re.compile(r"^---(.*)\n?", re.M)
_DIRECTIVES = re.compile(r"(?:[ \t]*(?:#.*)?\r?\n|%.*\n)+", re.M)
_OTHER_BREAK = re.compile("[\r\x85\u2028\u2029]")
MAX_DOCUMENT = 16 * 1024 * 1024
"""Characters. The API server's request limit is 3 MiB, but kubectl sends the items of a List one by one."""
MAX_TREES = 16


class Document(Struct, frozen=True, kw_only=True):
    """One document of a file: a part of its text."""

    index: int
    text: str
    line: int
    """1-based number of the line on which `text` begins."""
    column: int = 1
    begin: int = 0
    """Where `text` begins in the text of the file, in characters."""
    json: bool = False
    separator: str = ""
    """What follows `---` on its line, when it is neither space nor a comment: kubectl refuses that."""

    def here(self, place: Location) -> Location:
        """A place in `text` as a place in the file."""
        column = place.column + self.column - 1 if place.line == 1 else place.column
        return Location(line=place.line + self.line - 1, column=column)


class Trees(Struct):
    """Node trees of the documents asked about last. Nodes are five times the size of the data, so only a few are kept."""

    _kept: dict[tuple[int, int], Node | None] = field(default_factory=dict)

    def __reduce__(self) -> tuple[type[Trees], tuple[()]]:
        """Nodes stay in their process: they can be composed again anywhere, and libyaml's marks do not travel."""
        return Trees, ()

    def of(self, text: Text, document: Document) -> Node | None:
        name = (id(text), document.index)
        if name not in self._kept:
            while len(self._kept) >= MAX_TREES:
                self._kept.pop(next(iter(self._kept)))
            try:
                self._kept[name] = compose(document.text).root
            except (YAMLError, TooDeep):
                self._kept[name] = None
        return self._kept[name]


class Text(Struct, frozen=True, kw_only=True, eq=False):
    """Implements `kgate.manifest.Source`."""

    file: str
    text: str
    documents: Mapping[int, Document] = field(default_factory=dict)
    trees: Trees = field(default_factory=Trees)

    def lines(self) -> tuple[str, ...]:
        lines = BREAK.split(self.text.removeprefix("\ufeff"))
        return tuple(lines[:-1] if lines[-1] == "" else lines)

    def locate(self, document: int, path: Path, *, key: bool) -> Location:
        wanted = self.documents.get(document)
        if wanted is None:
            return Location(line=1, column=1)
        if wanted.json:
            return wanted.here(place_at(wanted.text, json_text.locate(wanted.text, 0, path, key=key)))
        root = self.trees.of(self, wanted)
        return wanted.here(Location(line=1, column=1) if root is None else _locate(root, path, key=key))


def read(text: str) -> Iterator[tuple[Document, Parsed]]:
    """The documents of a text with what they mean, as kubectl takes a file apart: at lines that begin with `---`, whatever stands there.

    Numbers count those lines, so the document behind a leading `---` is number 1. (apimachinery, pkg/util/yaml/decoder.go)
    """
    extra = 0
    for piece in _split(text):
        for n, (document, parsed) in enumerate(_parts(piece)):
            extra += n > 0
            yield (replace(document, index=piece.index + extra) if extra else document), parsed


def _split(text: str) -> Iterator[Document]:
    index, begin, line, separator = 0, 0, 1, ""
    only_newlines = not _OTHER_BREAK.search(text)
    for found in (*_SEPARATOR.finditer(text), None):
        piece = text[begin : found.start() if found else len(text)]
        if found and "%" in piece and _DIRECTIVES.fullmatch(piece):
            # Unlike upstream: kubectl cuts directives off and then refuses them; they belong to the document behind the `---`.
            index += 1
            continue
        inner = piece.removeprefix("\ufeff")
        yield Document(index=index, text=inner, line=line, begin=begin + len(piece) - len(inner), separator=separator)
        if found:
            line += text.count("\n", begin, found.end()) if only_newlines else sum(1 for _ in BREAK.finditer(text, begin, found.end()))
            index, begin, separator = index + 1, found.end(), _refused(found.group(1).strip())


def _refused(after: str) -> str:
    return "" if after.startswith("#") else after


def _parts(piece: Document) -> Iterator[tuple[Document, Parsed]]:
    """The documents of one piece: one of YAML, or a stream of JSON values, where YAML may follow."""
    text, here = piece.text, Location(line=piece.line, column=1)
    if len(text) > MAX_DOCUMENT:
        message = f"document of {len(text)} characters, more than the limit of {MAX_DOCUMENT}"
        fault = Fault(rule=TOO_LARGE, message=message, place=Location(line=1, column=1))
        yield piece, Parsed(faults=(fault,), broken=True)
        return
    position = json_text.skip_space(text, 0)
    if text[position : position + 1] != "{":
        yield piece, parse(text)
        return
    done = 0
    while position < len(text):
        try:
            data, end = json_text.decode(text, position)
        except json_text.NotStrict:
            break
        here = _advanced(here, text[done:position])
        yield (
            replace(piece, text=text[position:end], line=here.line, column=here.column, begin=piece.begin + position, json=True),
            Parsed(data=data),
        )
        here, done, position = _advanced(here, text[position:end]), end, json_text.skip_space(text, end)
    if position < len(text):
        rest = replace(piece, text=text[done:], line=here.line, column=here.column, begin=piece.begin + done)
        parsed = parse(rest.text)
        if not done or parsed.data is not None or parsed.faults:
            yield rest, parsed


def _advanced(here: Location, over: str) -> Location:
    moved = place_at(over, len(over))
    return Location(line=here.line + moved.line - 1, column=moved.column + (here.column - 1 if moved.line == 1 else 0))


def _locate(root: Node, path: Path, *, key: bool) -> Location:
    node = at_key = root
    for step in path:
        found = _child(node, step, frozenset())
        if found is None:
            break
        at_key, node = found
    mark = (at_key if key else node).start_mark
    return Location(line=mark.line + 1, column=mark.column + 1)


def _child(node: Any, step: str | int, seen: frozenset[int]) -> tuple[Node, Node] | None:
    """Key and value nodes (the item twice, in a list); own keys before merged ones, the last of equal keys."""
    if isinstance(node, SequenceNode):
        inside = isinstance(step, int) and 0 <= step < len(node.value)
        return (node.value[step], node.value[step]) if inside else None
    if not isinstance(node, MappingNode) or id(node) in seen:
        return None
    for key, value in reversed(node.value):
        if _is_key(key, str(step)) and not is_merge(key):
            return key, value
    sources = (value for key, value in node.value if is_merge(key))
    mappings = (m for source in sources for m in (source.value if isinstance(source, SequenceNode) else (source,)))
    return next((c for m in mappings if (c := _child(m, step, seen | {id(node)}))), None)


def _is_key(node: Node, wanted: str) -> bool:
    if not isinstance(node, ScalarNode):
        return False
    try:
        return key_of(node) == wanted
    except ValueError:
        return False
