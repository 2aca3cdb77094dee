"""Text to YAML nodes, each with its mark. libyaml's composer recurses in C, so the depth is counted before it descends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from yaml import error, events
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

try:
    from yaml import cyaml
except ImportError:  # PyYAML built without libyaml: the pure parser reads the same language, about ten times slower
    cyaml = None  # type: ignore[assignment]

CParser: Any = cyaml and cyaml.CParser  # type: ignore[attr-defined]

MAX_DEPTH = 300
# Unlike upstream: go-yaml stops at 10,000 levels. No Kubernetes object nests beyond a few dozen, and everything that walks the data later
# (schemas, policies, JSON) recurses in Python, whose stack holds 1,000 frames.


class TooDeep(Exception):  # noqa: N818 (a condition of the text)
    """The text nests deeper than MAX_DEPTH; `mark` is where the last admitted collection begins."""

    def __init__(self, mark: error.Mark) -> None:
        super().__init__()
        self.mark = mark


class Composed(Struct, frozen=True, kw_only=True):
    """A document as the composer left it."""

    root: Node | None
    """None when the text holds no document."""
    rest: error.Mark | None
    """Where a second document begins (behind `...`)."""


def compose(text: str) -> Composed:
    """The first document of `text`. A scalar's tag is `(plain, quoted)` unless it is written out, a collection's a bool.

    Raises yaml.YAMLError with marks, or TooDeep.
    """
    if CParser is None:
        return _by_events(_PureEvents(text))
    try:
        return _in_c(_GuardedComposer(text))
    except error.MarkedYAMLError as e:
        if not (e.context or "").startswith("found duplicate anchor"):
            raise
    return _by_events(CParser(text))  # an anchor may be given again in Kubernetes; PyYAML's own composers refuse it


if CParser is not None:

    class _GuardedComposer(CParser):  # type: ignore[misc]
        """The C composer calls these three hooks for each node; nothing is resolved here."""

        def __init__(self, text: str) -> None:
            super().__init__(text)
            self.depth = 0

        def resolve(self, _kind: type, _value: str | None, implicit: object) -> object:
            return implicit

        def descend_resolver(self, parent: Any, _index: object) -> None:
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise TooDeep(parent.start_mark)

        def ascend_resolver(self) -> None:
            self.depth -= 1


def _in_c(parser: Any) -> Composed:
    root = parser.get_node() if parser.check_node() else None
    rest = parser.peek_event().start_mark if root is not None and parser.check_node() else None
    return Composed(root=root, rest=rest)


def pure_events(text: str) -> Any:
    """The parser without libyaml: the same events, ten times slower."""
    return _PureEvents(text)


class _PureEvents(Reader, Scanner, Parser):
    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)


def _by_events(parser: Any) -> Composed:
    """Composes iteratively from the event stream, so that depth costs no stack."""
    parser.get_event()  # the stream's start
    if isinstance(parser.peek_event(), events.StreamEndEvent):
        return Composed(root=None, rest=None)
    parser.get_event()  # the document's start
    root = _compose_document(iter(parser.get_event, None))
    following = parser.peek_event()
    return Composed(root=root, rest=None if isinstance(following, events.StreamEndEvent) else following.start_mark)


class _Open(Struct):
    """A collection whose end has not been read."""

    node: Any
    key: Node | None = None

    def add(self, child: Node) -> None:
        if isinstance(self.node, SequenceNode):
            self.node.value.append(child)
        elif self.key is None:
            self.key = child
        else:
            self.node.value.append((self.key, child))
            self.key = None


def _compose_document(stream: Iterator[Any]) -> Node:
    anchors: dict[str, Node] = {}
    stack = [_Open(node=SequenceNode("", []))]
    for event in stream:
        if isinstance(event, events.DocumentEndEvent):
            break
        if isinstance(event, (events.SequenceEndEvent, events.MappingEndEvent)):
            stack.pop()
            continue
        if isinstance(event, events.AliasEvent):
            if event.anchor not in anchors:
                raise error.MarkedYAMLError(problem="found undefined alias", problem_mark=_mark(event))
            stack[-1].add(anchors[event.anchor])
            continue
        node = _node(event)
        if event.anchor is not None:
            anchors[event.anchor] = node
        stack[-1].add(node)
        if len(stack) > MAX_DEPTH:
            raise TooDeep(stack[-1].node.start_mark)
        if not isinstance(node, ScalarNode):
            stack.append(_Open(node=node))
    root: Node = stack[0].node.value[0]
    return root


def _mark(event: Any, name: str = "start_mark") -> Any:
    return getattr(event, name)


def _node(event: Any) -> Node:
    tag = event.implicit if event.tag in (None, "!") else event.tag
    if isinstance(event, events.ScalarEvent):
        return ScalarNode(tag, event.value, _mark(event), _mark(event, "end_mark"), style=event.style or "")
    kind = SequenceNode if isinstance(event, events.SequenceStartEvent) else MappingNode
    return kind(tag, [], event.start_mark, None, flow_style=event.flow_style)
