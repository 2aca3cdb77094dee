"""What the YAML parser says, in words for the person who wrote the text, at the place where it should be mended."""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct
from yaml import YAMLError

from kgate.load import rules
from kgate.load.compose import MAX_DEPTH
from kgate.load.fault import Fault
from kgate.manifest import Location

BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""Where the YAML reader ends a line."""

_CONFLICT = re.compile(r"^(?:<{7} |={7}\r?$|>{7} )", re.M)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MAX_KEY = 1024


def place_at(text: str, position: int) -> Location:
    """The line and column of a character of `text`."""
    line, begin = 1, 0
    for found in BREAK.finditer(text, 0, position):
        line, begin = line + 1, found.end()
    return Location(line=line, column=position - begin + 1)


def place_of(mark: Any) -> Location:
    """PyYAML's marks count from 0."""
    return Location(line=mark.line + 1, column=mark.column + 1)


def too_deep(place: Location) -> Fault:
    return Fault(rule=rules.TOO_DEEP, message=f"nested deeper than {MAX_DEPTH} levels", place=place)


def unprintable(text: str) -> Fault:
    """The reader refuses a character before the scanner sees it."""
    found = _UNPRINTABLE.search(text)
    if found is None:
        return Fault(rule=rules.NOT_TEXT, message="holds a character that YAML does not admit", place=Location(line=1, column=1))
    message = f"control character U+{ord(found.group()):04X}"
    remediation = "remove the character, or write it as an escape in double quotes"
    return Fault(rule=rules.NOT_TEXT, message=message, place=place_at(text, found.start()), remediation=remediation)


def fault(text: str, e: YAMLError) -> Fault:
    """The fault that a parser's error stands for."""
    conflict = _CONFLICT.search(text)
    if conflict:
        place = place_at(text, conflict.start())
        return Fault(rule=rules.SYNTAX, message="git conflict marker", place=place, remediation="resolve the merge conflict")
    problem: str = getattr(e, "problem", None) or str(e)
    context: str = getattr(e, "context", None) or ""
    mark: Any = getattr(e, "problem_mark", None) or getattr(e, "context_mark", None)
    begin: Any = getattr(e, "context_mark", None) or mark
    if mark is None:
        return Fault(rule=rules.SYNTAX, message=problem, place=Location(line=1, column=1))
    if "nesting depth" in problem:  # libyaml's scanner has a limit of its own
        return too_deep(place_of(mark))
    said = _said(problem, context, mark, text)
    place = place_of(begin) if said.at_begin else _not_behind(text, mark)
    return Fault(rule=rules.SYNTAX, message=said.message, place=place, remediation=said.remediation)


def _not_behind(text: str, mark: Any) -> Location:
    """A parser that runs out of text points behind it; the last character is where one can mend something."""
    last = len(text.rstrip()) - 1
    return place_at(text, last) if mark.index > last >= 0 else place_of(mark)


class _Said(Struct, frozen=True, kw_only=True):
    message: str
    remediation: str | None = None
    at_begin: bool = False
    """The place is where the construct begins, not where the parser gave up."""


_UNCLOSED_LIST = _Said(message="`[` is not closed, or a comma is missing", remediation="add the `]` or the comma", at_begin=True)
_UNCLOSED_MAPPING = _Said(message="`{` is not closed, or a comma is missing", remediation="add the `}` or the comma", at_begin=True)
_KNOWN: tuple[tuple[str, _Said], ...] = (
    ("did not find expected ',' or ']'", _UNCLOSED_LIST),
    ("expected ',' or ']'", _UNCLOSED_LIST),
    ("did not find expected ',' or '}'", _UNCLOSED_MAPPING),
    ("expected ',' or '}'", _UNCLOSED_MAPPING),
    (
        "found unexpected end of stream",
        _Said(message="quoted text is never closed", remediation="add the closing quote", at_begin=True),
    ),
    (
        "could not find expected ':'",
        _Said(
            message="text without a colon where a `key: value` is expected",
            remediation="write `key: value`, or indent the line if it belongs to the text above",
            at_begin=True,
        ),
    ),
    (
        "did not find expected node content while parsing a block node",
        _Said(message="a value is expected here", remediation="write a value, or quote it if it begins with a special character"),
    ),
    (
        "did not find expected node content",
        _Said(message="a value is missing: the text breaks off inside `[` or `{`", remediation="add the value and the closing bracket"),
    ),
    (
        "did not find expected key",
        _Said(
            message="neither a key of the mapping above nor part of its last value",
            remediation="align the line with the keys of its mapping; quote a value that ends too early",
        ),
    ),
    (
        "did not find expected '-' indicator",
        _Said(
            message="neither an item of the list above nor part of its last item",
            remediation="begin the line with `- `, or indent it as the items are",
        ),
    ),
    (
        "block sequence entries are not allowed",
        _Said(message="a list begins on the line of its key", remediation="put its items on the following lines"),
    ),
    (
        "found undefined alias",
        _Said(message="alias to an anchor that is not set above", remediation="set the anchor (`&name`) before its use, or quote the `*`"),
    ),
    (
        "found unknown escape character",
        _Said(message="unknown escape in double quotes", remediation="use single quotes, or write the backslash twice"),
    ),
    (
        "did not find expected <document start>",
        _Said(message="text after the end of the document", remediation="begin each document with a `---` line"),
    ),
)


def _said(problem: str, context: str, mark: Any, text: str) -> _Said:
    if "cannot start any token" in problem:
        return _bad_start(text[mark.index : mark.index + 1])
    if "mapping values are not allowed" in problem:
        return _second_colon(mark)
    words = f"{problem} {context}".strip()
    return next((said for known, said in _KNOWN if known in words), None) or _Said(message=words)


def _bad_start(character: str) -> _Said:
    if character == "\t":
        return _Said(message="tab used for indentation", remediation="indent with spaces")
    return _Said(message=f"a value cannot begin with `{character}`", remediation="quote the value")


def _second_colon(mark: Any) -> _Said:
    if mark.column > _MAX_KEY:
        return _Said(message=f"key of more than {_MAX_KEY} characters", remediation="shorten the key")
    return _Said(
        message="a mapping begins inside a value: `: ` for the second time, or a wrong indentation",
        remediation="quote the value, or put the mapping on the following lines",
    )
