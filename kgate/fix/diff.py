"""What would change, as `diff -u` shows it; no character of it acts on a terminal."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping

from kgate.finding import clean

_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_MAX_LINE = 100_000


def unified(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Lines for `patch -p1`, by file. Tabs and the returns of CRLF line ends stay; other controls are spelt out."""
    return [line for file in sorted(new) for line in _file(file, old[file], new[file])]


def _file(file: str, old: str, new: str) -> Iterator[str]:
    shown = clean(file).lstrip("/")
    before, after = _LINES.findall(old), _LINES.findall(new)
    for line in difflib.unified_diff(before, after, f"a/{shown}", f"b/{shown}"):
        whole = line.endswith("\n")
        yield _shown(line.removesuffix("\n"))
        if not whole:
            yield "\\ No newline at end of file"


def _shown(line: str) -> str:
    end = "\r" if line.endswith("\r") else ""
    return "\t".join(clean(part, limit=_MAX_LINE) for part in line.removesuffix("\r").split("\t")) + end
