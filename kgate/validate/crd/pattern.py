"""Regular expressions as Go reads them (regexp/syntax), told to an engine that takes linear time as Go's does.

Go's syntax is rewritten into one in which every character stands for itself and every class is spelt out. What is not certain to mean
the same is not checked: `matcher` says None.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

MAX_PATTERN = 4000
MAX_TEXT = 200_000
"""Characters; longer ones are not checked."""
_SIZE = 1 << 21  # bytes that a compiled expression may take

_PERL = {
    "d": "0-9",
    "D": r"\x{0}-\x{2f}\x{3a}-\x{10ffff}",
    "s": r"\x{9}\x{a}\x{c}\x{d}\x{20}",
    "S": r"\x{0}-\x{8}\x{b}\x{e}-\x{1f}\x{21}-\x{10ffff}",
    "w": "0-9A-Za-z_",
    "W": r"\x{0}-\x{2f}\x{3a}-\x{40}\x{5b}-\x{5e}\x{60}\x{7b}-\x{10ffff}",
}
_CONTROLS = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x{0}-\x{7f}",
    "blank": r"\x{9}\x{20}",
    "cntrl": r"\x{0}-\x{1f}\x{7f}",
    "digit": "0-9",
    "graph": r"\x{21}-\x{7e}",
    "lower": "a-z",
    "print": r"\x{20}-\x{7e}",
    "punct": r"\x{21}-\x{2f}\x{3a}-\x{40}\x{5b}-\x{60}\x{7b}-\x{7e}",
    "space": r"\x{9}-\x{d}\x{20}",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_PROPERTY = re.compile(r"[pP](?:[CLMNPSZ]|\{(?:[CLMNPSZ][a-z]?|Latin|Greek|Cyrillic|Han|Hiragana|Katakana|Arabic|Hebrew)\})").match
_HEX = re.compile(r"x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})").match
_REPEAT = re.compile(r"\{(0|[1-9][0-9]{0,8})(?:(,)(0|[1-9][0-9]{0,8})?)?\}").match
_OPENING = re.compile(r"\(\?(?:P?<[A-Za-z_][A-Za-z0-9_]*>|([imsU]*)(?:-([imsU]+))?([:)]))").match


class _UnsureError(Exception):
    """The expression is wrong, or means something that the other engine may read otherwise."""


@lru_cache(maxsize=1024)
def matcher(pattern: str) -> Callable[[str], bool | None] | None:
    """Whether the text has a match anywhere in it; None where that cannot be told."""
    import jsonschema_rs

    if len(pattern) > MAX_PATTERN:
        return None
    try:
        options = jsonschema_rs.RegexOptions(size_limit=_SIZE)
        rule = jsonschema_rs.Draft202012Validator({"pattern": _Reader(pattern).read()}, pattern_options=options)
    except (_UnsureError, ValueError, jsonschema_rs.ValidationError):
        return None

    def matches(text: str) -> bool | None:
        if len(text) > MAX_TEXT:
            return None
        try:
            return bool(rule.is_valid(text))
        except ValueError:  # a lone surrogate has no UTF-8
            return None

    return matches


def available() -> bool:
    """Without that engine no pattern is checked: Python's own can be made to run for ever."""
    from importlib.util import find_spec

    return find_spec("jsonschema_rs") is not None


class _Reader:
    """Reads an expression once, from left to right."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.dotall = [False]  # by group that is open
        self.out: list[str] = []

    def read(self) -> str:
        repeated = False
        while self.at < len(self.pattern):
            before = len(self.out)
            quantified = self._quantifier()
            if quantified and repeated:
                raise _UnsureError  # Go: invalid nested repetition operator
            if not quantified:
                self._atom(self.pattern[self.at])
            repeated = quantified or (repeated and len(self.out) == before)
        if len(self.dotall) != 1:
            raise _UnsureError
        return "".join(self.out)

    def _quantifier(self) -> bool:
        c = self.pattern[self.at]
        if c in "*+?":
            written = c
        elif c == "{" and (found := _REPEAT(self.pattern, self.at)):
            low, comma, high = found.groups()
            if int(low) > 1000 or int(high or 0) > 1000 or (high and int(high) < int(low)):
                raise _UnsureError
            written = f"{{{low}{comma or ''}{high or ''}}}"
            self.at = found.end() - 1
        else:
            return False
        self.at += 1
        if self.pattern.startswith("?", self.at):
            self.at += 1
            written += "?"
        self.out.append(written)
        return True

    def _atom(self, c: str) -> None:
        if c == "\\":
            self._escape()
        elif c == "[":
            self._class()
        elif c == "(":
            self._open()
        else:
            self.at += 1
            self._plain(c)

    def _plain(self, c: str) -> None:
        if c == ")":
            if len(self.dotall) == 1:
                raise _UnsureError
            self.dotall.pop()
            self.out.append(")")
        elif c == ".":
            self.out.append(r"[\x{0}-\x{10ffff}]" if self.dotall[-1] else r"[^\x{a}]")
        else:
            self.out.append(c if c in "^$|" else _escaped(ord(c)))

    def _open(self) -> None:
        if not self.pattern.startswith("(?", self.at):
            self.at += 1
            self._enter("(", self.dotall[-1])
            return
        found = _OPENING(self.pattern, self.at)
        if found is None:
            raise _UnsureError
        self.at = found.end()
        on, off, end = found.groups()
        if end is None:
            self._enter("(", self.dotall[-1])
            return
        flags, cleared = (on or "").replace("s", ""), (off or "").replace("s", "")
        dotall = "s" in (on or "") or (self.dotall[-1] and "s" not in (off or ""))
        text = flags + (f"-{cleared}" if cleared else "")
        if end == ":":
            self._enter(f"(?{text}:", dotall)
        else:
            self.dotall[-1] = dotall
            self.out.append(f"(?{text})" if text else "")

    def _enter(self, text: str, dotall: bool) -> None:
        self.dotall.append(dotall)
        self.out.append(text)

    def _escape(self) -> None:
        following = self.pattern[self.at + 1 : self.at + 2]
        if following == "Q":
            end = self.pattern.find("\\E", self.at + 2)
            quoted = self.pattern[self.at + 2 : end if end >= 0 else None]
            self.out += [_escaped(ord(c)) for c in quoted]
            self.at = end + 2 if end >= 0 else len(self.pattern)
        elif following in ("b", "B", "A", "z"):
            self.at += 2
            self.out.append(rf"(?-u:\{following})" if following in "bB" else f"\\{following}")
        elif (classes := self._perl()) is not None:
            self.out.append(f"[{classes}]")
        else:
            self.out.append(_escaped(self._character()))

    def _perl(self) -> str | None:
        r"""`\d`, `\W`, `\pL` and the like at the cursor, as members of a class."""
        following = self.pattern[self.at + 1 : self.at + 2]
        if following in _PERL:
            self.at += 2
            return _PERL[following]
        if found := _PROPERTY(self.pattern, self.at + 1):
            self.at = found.end()
            return f"\\{found.group()}"
        return None

    def _character(self) -> int:
        """One character, escaped or not; the cursor is behind it then."""
        c = self.pattern[self.at]
        if c != "\\":
            self.at += 1
            return ord(c)
        following = self.pattern[self.at + 1 : self.at + 2]
        if found := _HEX(self.pattern, self.at + 1):
            self.at = found.end()
            return int(found[1] or found[2], 16)
        self.at += 2
        if following in _CONTROLS:
            return _CONTROLS[following]
        if not following or not following.isascii() or following.isalnum():
            raise _UnsureError
        return ord(following)

    def _class(self) -> None:
        self.at += 1
        parts = ["["]
        if self.pattern.startswith("^", self.at):
            self.at += 1
            parts.append("^")
        first = True
        while first or not self.pattern.startswith("]", self.at):
            if self.at >= len(self.pattern):
                raise _UnsureError
            parts.append(self._member())
            first = False
        self.at += 1
        self.out.append("".join(parts) + "]")

    def _member(self) -> str:
        if self.pattern.startswith("[:", self.at):
            end = self.pattern.find(":]", self.at)
            name = self.pattern[self.at + 2 : end] if end >= 0 else ""
            if name not in _POSIX:
                raise _UnsureError
            self.at = end + 2
            return _POSIX[name]
        if (classes := self._perl() if self.pattern[self.at] == "\\" else None) is not None:
            return classes
        low = self._character()
        if self.pattern.startswith("-", self.at) and self.pattern[self.at + 1 : self.at + 2] not in ("]", ""):
            self.at += 1
            high = self._character()
            if high < low:
                raise _UnsureError
            return f"{_escaped(low)}-{_escaped(high)}"
        return _escaped(low)


def _escaped(code: int) -> str:
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise _UnsureError
    return rf"\x{{{code:x}}}"
