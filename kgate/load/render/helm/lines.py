"""Which line of a template wrote a line of its output: only where that is certain.

A rendered line comes from a template's line when the text around its actions is the same, indentation included, when the line above it in
the tree of indentations (its parent) comes from the parent of that line, and when no action could have printed it there: what `toYaml`,
`include` and the like print stands below the line that they indent to, and nothing below that one is traced.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

_ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_CONTROL = re.compile(r"(?:if|else|end|range|with|define|break|continue)\b|/\*|\$\w*\s*(?:,\s*\$\w+\s*)?:?=|$")
_INDENT = re.compile(r"\bn?indent\s+(\d{1,3})")
_KEYED = re.compile(r"\s*(?:- +)*[^\s{:#][^{]*:(?:\s.*)?$")


class _Line(Struct, frozen=True, kw_only=True):
    """A line of a template that writes something of its own."""

    number: int
    """0-based."""
    head: str
    """What stands before its first action."""
    tail: str
    """What stands behind its last one."""
    literal: bool
    parent: int | None

    def writes(self, text: str) -> bool:
        if self.literal:
            return text == self.head
        return len(text) >= len(self.head) + len(self.tail) and text.startswith(self.head) and text.endswith(self.tail)


class Template(Struct, frozen=True, kw_only=True):
    """A template, ready to be compared with its output."""

    lines: Sequence[_Line]
    by_head: dict[str, list[_Line]]
    """Literal lines by their text; others by their indentation and first word."""
    printed: frozenset[int | None]
    """Lines below which an action may have printed anything; None: at the top."""

    @classmethod
    def of(cls, text: str) -> Template:
        lines, printed = _read(text)
        index: dict[str, list[_Line]] = {}
        for line in lines:
            index.setdefault(_word(line.head), []).append(line)
        return cls(lines=lines, by_head=index, printed=printed)

    def trace(self, output: Sequence[str]) -> dict[int, int]:
        """From a line of one rendered document to a line of the template, both 0-based. What is not certain is not there."""
        traced: dict[int, int] = {}
        stack: list[tuple[int, int, bool]] = []
        for number, text in enumerate(output):
            bare = text.strip()
            if not bare or bare.startswith("#"):
                continue
            parent = _parent(stack, text, number)
            if parent is not None and parent not in traced:
                continue
            above = None if parent is None else traced[parent]
            if above in self.printed:
                continue
            found = [t for t in self.by_head.get(_word(text), ()) if t.parent == above and t.writes(text.rstrip())]
            if len(found) == 1:
                traced[number] = found[0].number
        return traced


def _word(text: str) -> str:
    """Indentation and the first key."""
    return text.partition(":")[0]


def _parent(stack: list[tuple[int, int, bool]], text: str, number: int) -> int | None:
    """The line that `text` is below; the stack holds (indentation, line, is an item) of the lines above it, and gets this one."""
    indent, item = len(text) - len(text.lstrip(" ")), text.lstrip(" ").startswith("- ")
    while stack and not (stack[-1][0] < indent or (stack[-1][0] == indent and item and not stack[-1][2])):
        stack.pop()
    parent = stack[-1][1] if stack else None
    stack.append((indent, number, item))
    return parent


def _read(text: str) -> tuple[list[_Line], frozenset[int | None]]:
    lines: list[_Line] = []
    printed: set[int | None] = set()
    stack: list[tuple[int, int, bool]] = []
    for number, (line, inside) in enumerate(_outside(text)):
        actions = list(_ACTION.finditer(line))
        head = line[: actions[0].start()] if actions else line.rstrip()
        if inside or line.strip().startswith("#"):
            continue
        if line.startswith("---"):
            stack.clear()
            continue
        writes = bool(head.strip()) and (not actions or _KEYED.match(head) is not None)
        if writes:
            parent = _parent(stack, line, number)
            tail = line[actions[-1].end() :].rstrip() if actions else ""
            lines.append(_Line(number=number, head=head, tail=tail, literal=not actions, parent=parent))
        elif head.strip():
            _parent(stack, line, number)  # `{{ .name }}: x` or `- {{ . }}`: it writes something that is not told apart
        for action in actions:
            if not _CONTROL.match(action[1]):
                printed |= _below(stack, action[1], own_line=not head.strip())
    return lines, frozenset(printed)


def _below(stack: list[tuple[int, int, bool]], action: str, *, own_line: bool) -> set[int | None]:
    """The lines below which the action may print."""
    indent = _INDENT.search(action)
    if indent is not None:
        wide = int(indent[1])
        above = [n for i, n, item in stack if i < wide]
        # A list may stand as deep as its key.
        same = [n for i, n, item in stack if i == wide and not item]
        return {above[-1] if above else None, *same}
    return {None, *(n for _, n, _ in stack)} if own_line else set()


def _outside(text: str) -> list[tuple[str, bool]]:
    """Each line, and whether it is part of an action of several lines."""
    out, open_ = [], False
    for line in text.replace("\r\n", "\n").split("\n"):
        begins, ends = line.rfind("{{"), line.rfind("}}")
        was = open_
        if begins > ends:
            open_ = True
        elif ends > begins or (ends >= 0 and begins < 0):
            open_ = False
        out.append((line, was or open_))
    return out
