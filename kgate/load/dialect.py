"""Where libyaml and go-yaml v2 read the same text differently: go-yaml is an older libyaml, and it is what Kubernetes runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode

from kgate.load import rules
from kgate.load.fault import Fault
from kgate.load.syntax import place_at, place_of

_SUSPECT = re.compile(r"\\/|\?|!\s")
_LONE_TAG = re.compile(r"(?:&\S+\s+)?!(?=\s)")
_ESCAPED_SLASH = re.compile(r"(?<!\\)(?:\\\\)*\\/")


def faults(text: str, root: Node) -> list[Fault]:
    """What go-yaml refuses in nodes that libyaml has read; and marks scalars behind a lone `!` as text, which they are for go-yaml."""
    if not _SUSPECT.search(text):
        return []
    found = []
    for node, flow in _scalars(root):
        plain = node.tag.__class__ is tuple and node.tag[0]
        begin, end = node.start_mark.index, node.end_mark.index
        if plain and flow and "?" in node.value:
            message = "`?` in an unquoted value inside `[ ]` or `{ }`: Kubernetes' YAML reader ends the value there"
            found.append(Fault(rule=rules.SYNTAX, message=message, place=place_of(node.start_mark), remediation="quote the value"))
        elif plain and _LONE_TAG.match(text, begin, end):
            node.tag = (False, True)
        elif node.style == '"' and (slash := _ESCAPED_SLASH.search(text, begin, end)):
            message = "`\\/` is no escape for Kubernetes' YAML reader"
            found.append(Fault(rule=rules.SYNTAX, message=message, place=place_at(text, slash.end() - 2), remediation="write `/`"))
    return found


def _scalars(root: Any) -> Iterator[tuple[Any, bool]]:
    """Each scalar once, and whether it stands in a flow collection (an alias there may name a scalar that stands elsewhere)."""
    seen: set[int] = set()
    pending: list[tuple[Any, bool]] = [(root, False)]
    while pending:
        node, flow = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, ScalarNode):
            yield node, flow
            continue
        children = [c for pair in node.value for c in pair] if isinstance(node, MappingNode) else node.value
        begin = node.start_mark.index
        pending += [(c, bool(node.flow_style) and c.start_mark.index >= begin) for c in reversed(children)]
