"""Regular expressions, matched by the engine's RE2, which takes linear time as Go's does (apiserver pkg/cel/library/regex.go)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kgate.cel import engine
from kgate.cel.faults import no_overload
from kgate.cel.function import Function

_TIMES = re.compile(r"[{,]([0-9]{1,4})(?=[},])")


def _matches(text: Any, pattern: Any) -> bool:
    if text.__class__ is not str or pattern.__class__ is not str:
        raise no_overload()
    return bool(engine.native("text.matches(pattern)", text=text, pattern=pattern))


def _find(text: Any, pattern: Any) -> str:
    found = _find_all(text, pattern, 1)
    return found[0] if found else ""


def _find_all(text: Any, pattern: Any, limit: int = -1) -> list[str]:
    if text.__class__ is not str or pattern.__class__ is not str or type(limit) is not int:
        raise no_overload()
    found = engine.native("regex.extractAll(text, pattern)", text=text, pattern=_without_groups(pattern))
    return list(found) if limit < 0 else list(found)[:limit]


def _without_groups(pattern: str) -> str:
    """The same expression that captures nothing: the engine would tell the group in place of the whole."""
    out, at, inside = [], 0, False
    while at < len(pattern):
        c = pattern[at]
        if pattern.startswith(r"\Q", at) and not inside:
            end = pattern.find(r"\E", at)
            end = len(pattern) if end < 0 else end + 2
            out.append(pattern[at:end])
            at = end
            continue
        if c == "\\":
            out.append(pattern[at : at + 2])
            at += 2
            continue
        if inside:
            inside = c != "]" or pattern[at - 1] == "[" or pattern[at - 2 : at] == "[^"
        elif c == "[":
            inside = True
        elif c == "(":
            at, c = _opening(pattern, at)
        out.append(c)
        at += 1
    return "".join(out)


def _opening(pattern: str, at: int) -> tuple[int, str]:
    """Where a group's opening ends, and what stands for it."""
    for named in ("(?P<", "(?<"):
        if pattern.startswith(named, at) and (end := pattern.find(">", at)) > 0:
            return end, "(?:"
    return (at, "(") if pattern.startswith("(?", at) else (at, "(?:")


def _cost(text: Any, pattern: Any, *_: Any) -> int:
    """What is to be repeated takes as long as if it were written so often."""
    repeated = sum(min(int(n), 1000) for n in _TIMES.findall(pattern)) if "{" in pattern else 0
    return 1 + (len(text) // 10 + 1) * ((len(pattern) + repeated) // 4 + 1)


FUNCTIONS: Mapping[str, Function] = {
    "matches": Function(_matches, (2,), _cost),
    "find": Function(_find, (2,), _cost),
    "findAll": Function(_find_all, (2, 3), _cost),
}
