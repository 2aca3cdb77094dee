"""Values as text, written as their surroundings are: block or flow, quoted or plain, indented as the rest of the document."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from kgate.edit import Impossible, Spot

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./@+-]*(?::[A-Za-z0-9_./@+-]+)*|[0-9]+(?:[KMGTP]i|[kMGTm%])")
_WORDS = frozenset({"y", "yes", "true", "on", "n", "no", "false", "off", "null", "nan", "inf"})
"""What some reader of YAML takes for something else than text, in any case."""


class Style(Struct, frozen=True, kw_only=True):
    """How a document is written."""

    step: int = 2
    """Columns from a mapping to the mapping in it."""
    dash: int = 2
    """Columns from a key to the dashes of its list: 0 or more."""
    space: str = " "
    """Between the brackets of a flow mapping and what is in it, by the document's own: empty or a space."""
    newline: str = "\n"


def style_of(text: str, root: Spot) -> Style:
    """What most of the document does."""
    steps: Counter[int] = Counter()
    dashes: Counter[int] = Counter()
    for key, value in _nested(root):
        offset = column(text, _first(text, value)) - column(text, key)
        (dashes if value.kind == "sequence" else steps)[offset] += 1
    step = _most(steps, 2, least=1)
    return Style(
        step=step,
        dash=_most(dashes, step, least=0),
        space=" " if text.count("{ ") > len(re.findall(r"\{(?=[^\s{}])", text)) else "",
        newline="\r\n" if "\r\n" in text else "\n",
    )


def _nested(spot: Spot) -> Iterator[tuple[int, Spot]]:
    """Each block collection that is the value of a key, with where the key begins."""
    pending = [spot]
    while pending:
        here = pending.pop()
        for entry in here.entries:
            pending.append(entry.value)
            if entry.name is not None and not here.style and entry.value.entries and not entry.value.style:
                yield entry.key.begin, entry.value


def _first(text: str, block: Spot) -> int:
    """Where the first key, or the first dash, of a block collection stands."""
    begin = block.entries[0].key.begin
    return text.rfind("-", 0, begin) if block.kind == "sequence" else begin


def _most(found: Counter[int], default: int, *, least: int) -> int:
    sane = {offset: n for offset, n in found.items() if least <= offset <= 8}
    return min(sane, key=lambda offset: (-sane[offset], offset)) if sane else default


def column(text: str, position: int) -> int:
    """From 0, in characters."""
    return position - line_start(text, position)


def line_start(text: str, position: int) -> int:
    return max(text.rfind("\n", 0, position), text.rfind("\r", 0, position)) + 1


def line_end(text: str, position: int) -> int:
    """Where the line break stands, or the text ends."""
    found = re.compile(r"\r\n|\n|\r|\Z").search(text, position)
    return found.start() if found else len(text)


def scalar(value: Any, *, quote: str = "", flow: bool = False) -> str:
    """`quote`: the one that was there, kept for texts. Raises Impossible for what is no single value."""
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    if not isinstance(value, str):
        raise Impossible("a list or mapping cannot be written there")
    if quote == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    risky = flow and ":" in value  # go-yaml refuses some colons of plain text inside brackets
    if quote != '"' and not risky and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=not value.isprintable())


def flow(value: Any, style: Style, *, strict: bool) -> str:
    """On one line; `strict` is JSON."""
    if strict:
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{scalar(k, flow=True)}: {flow(v, style, strict=False)}" for k, v in value.items())
        return "{" + (f"{style.space}{inner}{style.space}" if inner else "") + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(v, style, strict=False) for v in value) + "]"
    return scalar(value, flow=True)


def block(key: str, value: Any, style: Style, indent: str) -> list[str]:
    """`key: value` as lines that begin with `indent`."""
    head = f"{indent}{key}:"
    if isinstance(value, Mapping | list) and value:
        return [head, *_lines(value, style, indent + " " * (style.step if isinstance(value, Mapping) else style.dash))]
    return [f"{head} {flow(value, style, strict=False) if isinstance(value, Mapping | list) else scalar(value)}"]


def _lines(value: Any, style: Style, indent: str) -> list[str]:
    if isinstance(value, Mapping):
        return [line for k, v in value.items() for line in block(scalar(k), v, style, indent)]
    return [line for item in value for line in listed(item, style, indent)]


def listed(item: Any, style: Style, indent: str) -> list[str]:
    """`- item` as lines."""
    if isinstance(item, Mapping) and item:
        lines = _lines(item, style, indent + "  ")
        return [f"{indent}- {lines[0].lstrip()}", *lines[1:]]
    return [f"{indent}- {flow(item, style, strict=False) if isinstance(item, Mapping | list) else scalar(item)}"]
