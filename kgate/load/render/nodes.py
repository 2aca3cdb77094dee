"""A YAML tree whose every node knows where it was written. Renderers change it in place, so unlike the rest of kgate it is not frozen."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct
from yaml import YAMLError
from yaml.nodes import MappingNode, ScalarNode, SequenceNode

from kgate.load import dialect
from kgate.load.compose import TooDeep, compose
from kgate.load.render.rendering import NotRendered
from kgate.load.scalars import NUMERIC, Scalar, as_json, number, plain
from kgate.load.yaml import is_merge, key_of
from kgate.manifest import Location, Path, Source

STR, INT, FLOAT, BOOL, NULL, TIME, UNSET = "str", "int", "float", "bool", "null", "timestamp", ""
MAX_NODES = 500_000
"""Of one text, its aliases written out."""

_TAG = "tag:yaml.org,2002:"
_KNOWN = frozenset((STR, INT, FLOAT, BOOL, NULL, TIME, "map", "seq", "binary", "merge"))
_WORDS: Mapping[str, tuple[str, Scalar]] = {
    **dict.fromkeys(("true", "True", "TRUE"), (BOOL, True)),
    **dict.fromkeys(("false", "False", "FALSE"), (BOOL, False)),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), (NULL, None)),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), (FLOAT, math.nan)),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), (FLOAT, math.inf)),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), (FLOAT, -math.inf)),
}


class Place(Struct, frozen=True, kw_only=True):
    """A character of a text that was read."""

    source: Source
    document: int
    line: int
    column: int

    @property
    def location(self) -> Location:
        return Location(line=self.line, column=self.column, file=self.source.file, document=self.document)


class Node:
    """A mapping (`children` is a dict), a list (a list) or a scalar (None: then `text` and `tag` tell its value).

    A `tag` that is UNSET is found out from the text when the value is asked for, as when kustomize writes its YAML and reads it again.
    """

    __slots__ = ("children", "key", "place", "quoted", "tag", "text")

    def __init__(
        self, *, place: Place, key: Place | None = None, children: Any = None, text: str = "", tag: str = UNSET, quoted: bool = False
    ) -> None:
        self.place = place
        self.key = key
        """Where the key of this value stands; None for a list's item."""
        self.children: Any = children
        self.text = text
        self.tag = tag
        self.quoted = quoted

    @property
    def is_map(self) -> bool:
        return self.children.__class__ is dict

    @property
    def is_list(self) -> bool:
        return self.children.__class__ is list

    @property
    def is_scalar(self) -> bool:
        return self.children is None

    @property
    def is_null(self) -> bool:
        return self.children is None and self.tag == NULL

    @property
    def items(self) -> list[Node]:
        """The items of a list, nothing of anything else."""
        return self.children if self.children.__class__ is list else []

    @property
    def fields(self) -> dict[str, Node]:
        """The fields of a mapping, nothing of anything else."""
        return self.children if self.children.__class__ is dict else {}

    def get(self, *path: str) -> Node | None:
        """The field at `path`, None when it is not there or on the way lies no mapping."""
        node: Node | None = self
        for step in path:
            node = node.fields.get(step) if node is not None else None
        return node

    def string(self, *path: str) -> str:
        """The text of the scalar at `path`; empty when there is none."""
        node = self.get(*path)
        return node.text if node is not None and node.children is None and node.tag != NULL else ""

    def put(self, name: str, value: Node) -> None:
        """Sets a field as kyaml does (kyaml/yaml/fns.go, FieldSetter): what is there is overwritten in its place, and keeps its quotes."""
        value.settle()
        old = self.children.get(name)
        if old is None:
            self.children[name] = value
        elif old is not value:
            value.quoted = old.quoted
            old.become(value)
            old.key = value.key

    def settle(self) -> None:
        """A text that would read as something else is quoted from here on, also when it is overwritten later."""
        if self.children is None and not self.quoted and self.tag in (STR, UNSET) and "\n" not in self.text:
            self.quoted = not isinstance(plain(self.text), str)

    def write(self, text: str, place: Place | None = None, *, tag: str = UNSET) -> None:
        """Makes the node a scalar of another text; its style stays."""
        self.children, self.text, self.tag = None, text, tag
        if place is not None:
            self.place = place

    def become(self, other: Node) -> None:
        """Takes over the value and its place; whoever shares this node sees it, too."""
        self.children, self.text, self.tag, self.quoted, self.place = other.children, other.text, other.tag, other.quoted, other.place

    def copy(self) -> Node:
        children = self.children
        if children.__class__ is dict:
            children = {k: v.copy() for k, v in children.items()}
        elif children.__class__ is list:
            children = [v.copy() for v in children]
        return Node(place=self.place, key=self.key, children=children, text=self.text, tag=self.tag, quoted=self.quoted)

    def plain(self) -> Any:
        """The value as JSON has it. Raises NotRendered for what JSON cannot hold."""
        children = self.children
        if children is None:
            return self.value()
        if children.__class__ is dict:
            return {k: v.plain() for k, v in children.items()}
        return [v.plain() for v in children]

    def value(self) -> Scalar:
        """A scalar's value. Raises NotRendered when the text is not what its tag says."""
        if self.quoted or self.tag == STR:
            return self.text
        tag, value = resolved(self.text)
        if self.tag not in (UNSET, tag) and not (self.tag == FLOAT and tag == INT):
            raise NotRendered(f"{self.text[:60]!r} is no {self.tag}", place=self.place)
        if value.__class__ is not float:
            return value
        try:
            return as_json(value)
        except ValueError as e:
            raise NotRendered(f"{self.text} has no place in JSON", place=self.place) from e

    def at(self, path: Path, *, key: bool) -> Place:
        """Where the node at `path` was written, or its nearest existing ancestor."""
        node, keyed = self, None
        for step in path:
            children: Any = node.children
            found: Node | None = None
            if children.__class__ is dict:
                found = children.get(str(step))
            elif children.__class__ is list and isinstance(step, int) and 0 <= step < len(children):
                found = children[step]
            if found is None:
                return node.place
            node, keyed = found, found.key
        return keyed if key and keyed is not None else node.place


def scalar(text: str, place: Place, *, tag: str = STR, key: Place | None = None, quoted: bool = False) -> Node:
    return Node(place=place, key=key, text=text, tag=tag, quoted=quoted)


def _plain(text: str, place: Place, key: Place | None) -> Node:
    value = plain(text)
    if value.__class__ is float:
        return Node(place=place, key=key, text=text, tag=FLOAT)
    if isinstance(value, str):
        return Node(place=place, key=key, text=text, tag=STR)
    return Node(place=place, key=key, text=json.dumps(value), tag=BOOL if value.__class__ is bool else NULL if value is None else INT)


def _settings_key(key: Any) -> str | None:
    """A key as JSON has it: `n` is "false"."""
    try:
        return key_of(key)
    except ValueError:
        return None


def mapping(place: Place, *, key: Place | None = None) -> Node:
    return Node(place=place, key=key, children={})


def resolved(text: str) -> tuple[str, Scalar]:
    """Tag and value of an unquoted scalar as go-yaml v3 reads it into a tree: `yes` is text, `0777` octal, a date a timestamp."""
    known = _WORDS.get(text)
    if known is not None:
        return known
    if text[0] not in NUMERIC:
        return STR, text
    value = number(text)
    if value.__class__ is int:
        return INT, value
    if value.__class__ is float:
        return FLOAT, value
    from kgate.load.render import dates

    return (TIME, dated) if (dated := dates.read(text)) else (STR, text)


def of_plain(value: Any, place: Place, key: Place | None = None) -> Node:
    """A tree of data, all of which stands at one place."""
    if isinstance(value, dict):
        return Node(place=place, key=key, children={str(k): of_plain(v, place, place) for k, v in value.items()})
    if isinstance(value, list):
        return Node(place=place, key=key, children=[of_plain(v, place) for v in value])
    if isinstance(value, str):
        return scalar(value, place, key=key, quoted=resolved(value)[0] != STR)
    text = "null" if value is None else json.dumps(value)
    return Node(place=place, key=key, text=text, tag=resolved(text)[0])


def bare_key(name: str, place: Place) -> str:
    """`name`, which kustomize will write without quotes. Raises NotRendered when it then is no text, as kustomize does."""
    if resolved(name)[0] != STR:
        raise NotRendered(f"{name[:60]!r} is no text when it is written without quotes, and kustomize writes it so", place=place)
    return name


class Reader:
    """Builds Nodes of one document's text. `shift` maps a 0-based line and column of the text to its place in the file.

    kustomize reads its own files as Kubernetes would (`yes` is true: `settings`), but objects as `resolved` says.
    """

    def __init__(self, shift: Any, *, settings: bool = False) -> None:
        self._shift = shift
        self._settings = settings
        self._count = 0
        self._open: set[int] = set()
        self._flow = 0
        """How many `[ ]` and `{ }` stand around."""

    def read(self, text: str) -> Node | None:
        """None when the text holds no document. Raises NotRendered for what kustomize's YAML reader would refuse."""
        try:
            composed = compose(text)
        except TooDeep as e:
            raise NotRendered("nests too deeply", place=self._at(e.mark)) from e
        except YAMLError as e:
            mark: Any = getattr(e, "problem_mark", None) or getattr(e, "context_mark", None)
            raise NotRendered("is not valid YAML", place=self._at(mark) if mark is not None else None) from e
        for fault in dialect.faults(text, composed.root) if composed.root is not None else ():
            raise NotRendered(fault.message, place=self._shift(fault.place.line - 1, fault.place.column - 1))
        # What follows a `...` is not read, as by a decoder that is asked once.
        return None if composed.root is None else self._node(composed.root, None)

    def _at(self, mark: Any) -> Place:
        place: Place = self._shift(mark.line, mark.column)
        return place

    def _node(self, node: Any, key: Place | None) -> Node:
        self._count += 1
        if self._count > MAX_NODES:
            raise NotRendered("aliases expand to far more than was written")
        place = self._at(node.start_mark)
        if node.__class__ is ScalarNode:
            return self._scalar(node, place, key)
        if id(node) in self._open:
            raise NotRendered("a value contains itself through an alias", place=place)
        self._open.add(id(node))
        self._flow += bool(node.flow_style)
        if node.__class__ is SequenceNode:
            made = Node(place=place, key=key, children=[self._node(v, None) for v in node.value])
        else:
            made = Node(place=place, key=key, children=self._fields(node))
        self._open.discard(id(node))
        self._flow -= bool(node.flow_style)
        return made

    def _scalar(self, node: Any, place: Place, key: Place | None) -> Node:
        tag, text = node.tag, node.value
        if tag.__class__ is tuple:
            quoted = not tag[0]
            if self._settings and not quoted:
                return _plain(text, place, key)
            # A value that is left blank is null; but inside of brackets kustomize writes it out as an empty text, unless it is merged away.
            written = quoted or bool(self._flow and not text)
            return Node(place=place, key=key, text=text, tag=STR if quoted else resolved(text)[0], quoted=written)
        name = tag.removeprefix(_TAG)
        if name == tag or name not in _KNOWN or name in ("binary", "merge", "map", "seq"):
            raise NotRendered(f"tag {tag} is not supported", place=place)
        return Node(place=place, key=key, text=text, tag=name, quoted=name == STR)

    def _fields(self, node: MappingNode) -> dict[str, Node]:
        made: dict[str, Node] = {}
        merged: list[Any] = []
        for key, value in node.value:
            if is_merge(key):
                merged += value.value if isinstance(value, SequenceNode) else [value]
                continue
            at = self._at(key.start_mark)
            name = self._key(key, at)
            if name in made:
                raise NotRendered(f"key {name!r} is set twice in one mapping", place=at)
            made[name] = self._node(value, at)
        for source in merged:
            self._merge(source, made)
        return made

    def _merge(self, source: Any, made: dict[str, Node]) -> None:
        """`<<`: what is written out wins, then the earlier mapping."""
        if source.__class__ is not MappingNode:
            raise NotRendered("`<<` merges something that is no mapping", place=self._at(source.start_mark))
        for name, value in self._node(source, None).fields.items():
            made.setdefault(name, value)

    def _key(self, key: Any, at: Place) -> str:
        """kustomize turns objects into JSON by way of Go maps, and refuses keys that are no text."""
        if key.__class__ is not ScalarNode:
            raise NotRendered("a mapping key is no text", place=at)
        if self._settings and (name := _settings_key(key)) is not None:
            return name
        tag: Any = key.tag
        text = key.value
        plain = tag[0] if tag.__class__ is tuple else tag != _TAG + STR
        if plain and resolved(text)[0] != STR:
            raise NotRendered(f"key {text!r} is no text: quote it", place=at)
        return str(text)


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    pending = [node]
    while pending:
        here = pending.pop()
        yield here
        children = here.children
        if children is not None:
            pending += reversed(children.values() if children.__class__ is dict else children)
