"""The lines of the manifest that a finding is about, and a caret exactly under the node."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kgate.report.style import Style, width

_BEFORE = 2
"""Lines shown above the faulty one."""
_WINDOW = 120
"""Longer lines are shown in part, around the column. Counted in characters."""
_LEAD = 40
"""Characters shown before the column of a line that is shown in part."""
_TAB = 8

# A token at the column, as YAML delimits it: quoted text, else a plain scalar, which ends before ": ", " #", or a flow indicator.
_TOKEN = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|(?:(?!:(?:\s|$)|\s+(?:#|$)|,(?:\s|$)|[\]}]).)+""")


def excerpt(lines: Sequence[str], line: int, column: int, style: Style) -> list[str]:
    """`line` and `column` are 1-based. Empty when the text has no such line: nothing is shown rather than a guess."""
    if not 1 <= line <= len(lines):
        return []
    faulty = lines[line - 1]
    first = column - 1 - _LEAD if len(faulty) > _WINDOW and column > _WINDOW - _LEAD else 0
    gutter = len(str(line))
    above = range(max(1, line - _BEFORE), line) if not first else range(0)
    out = [_row("", gutter, "", style)]
    out += [_row(str(n), gutter, _part(lines[n - 1], 0, style), style) for n in above]
    out.append(_row(str(line), gutter, _part(faulty, first, style), style))
    out.append(_row("", gutter, _caret(faulty, first, column - 1, style), style))
    return out


def _row(number: str, gutter: int, text: str, style: Style) -> str:
    return f"{style.paint('blue', f'{number:>{gutter}} |')} {text}"


def _part(line: str, first: int, style: Style) -> str:
    """What is shown of `line` from character `first` on."""
    last = first + _WINDOW
    return ("..." if first else "") + _shown(line[first:last], style) + ("..." if len(line) > last else "")


def _caret(line: str, first: int, at: int, style: Style) -> str:
    """As many carets as the token at `at` is wide, under its first cell."""
    at = min(at, len(line))
    before = ("..." if first else "") + _shown(line[first:at], style)
    token = _TOKEN.match(line, at, first + _WINDOW)
    wide = width(_shown(token.group(), style)) if token else 1
    return " " * width(before) + style.paint("red", "^" * max(1, wide))


def _shown(text: str, style: Style) -> str:
    return style.shown(text.expandtabs(_TAB) if "\t" in text else text)
