"""Texts, counted in code points (cel-go common/stdlib, ext/strings.go)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kgate.cel import formatting, lists
from kgate.cel.faults import EvaluationError, no_overload
from kgate.cel.function import Function, bounded, walked

_UPPER = {c: c - 32 for c in range(ord("a"), ord("z") + 1)}
_LOWER = {c: c + 32 for c in range(ord("A"), ord("Z") + 1)}
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
_QUOTED = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\\": "\\\\", '"': '\\"'}


def _at(value: Any) -> int:
    if type(value) is not int:
        raise no_overload()
    return value


def _text(value: Any) -> str:
    if value.__class__ is not str:
        raise no_overload()
    return str(value)


def _char_at(text: str, at: int) -> str:
    if not 0 <= _at(at) <= len(_text(text)):
        raise EvaluationError(f"index out of range: {at}")
    return text[at : at + 1]


def _index_of(text: Any, wanted: Any, start: int = 0) -> int:
    if text.__class__ is list:
        return lists.index_of(text, wanted)
    if _at(start) < 0 or (start > len(_text(text)) and wanted):
        raise EvaluationError(f"index out of range: {start}")
    return start if not _text(wanted) else str(text).find(wanted, start)


def _last_index_of(text: Any, wanted: Any, *end: int) -> int:
    if text.__class__ is list:
        return lists.last_index_of(text, wanted)
    if end and not 0 <= _at(end[0]) <= len(_text(text)):
        raise EvaluationError(f"index out of range: {end[0]}")
    if not _text(wanted):
        return end[0] if end else len(_text(text))
    return str(text).rfind(wanted, 0, *((end[0] + len(wanted),) if end else ()))


def _joined(items: list[Any], between: str = "") -> str:
    if items.__class__ is not list:
        raise no_overload()
    bounded(len(items) * len(_text(between)) + sum(len(_text(item)) for item in items))
    return between.join(items)


def _replaced(text: str, old: str, new: str, limit: int = -1) -> str:
    _text(text), _text(old), _text(new)
    times = text.count(old) if _at(limit) < 0 else min(limit, text.count(old))
    bounded(len(text) + times * len(new))
    return text.replace(old, new, limit if limit >= 0 else -1)


def _split(text: str, between: str, limit: int = -1) -> list[str]:
    if _at(limit) == 0:
        return []
    if not _text(between):
        parts = list(_text(text))
        return parts if limit < 0 or len(parts) <= limit else [*parts[: limit - 1], "".join(parts[limit - 1 :])]
    return _text(text).split(between, limit - 1 if limit > 0 else -1)


def _substring(text: str, start: int, *end: int) -> str:
    size = len(_text(text))
    stop = end[0] if end else size
    if not 0 <= _at(start) <= size:
        raise EvaluationError(f"index out of range: {start}")
    if not 0 <= _at(stop) <= size:
        raise EvaluationError(f"index out of range: {stop}")
    if start > stop:
        raise EvaluationError(f"invalid substring range. start: {start}, end: {stop}")
    return text[start:stop]


def _reversed(value: Any) -> Any:
    """A text, or a list."""
    if value.__class__ not in (str, list):
        raise no_overload()
    return value[::-1]


def _quoted(text: str) -> str:
    return '"' + "".join(_QUOTED.get(c, c) for c in _text(text).replace("\ud800", "\ufffd")) + '"'


FUNCTIONS: Mapping[str, Function] = {
    "contains": Function(lambda a, b: _text(b) in _text(a), (2,), walked),
    "startsWith": Function(lambda a, b: _text(a).startswith(_text(b)), (2,), walked),
    "endsWith": Function(lambda a, b: _text(a).endswith(_text(b)), (2,), walked),
    "charAt": Function(_char_at, (2,)),
    "indexOf": Function(_index_of, (2, 3), walked),
    "lastIndexOf": Function(_last_index_of, (2, 3), walked),
    "join": Function(_joined, (1, 2), walked),
    "lowerAscii": Function(lambda text: _text(text).translate(_LOWER), (1,), walked),
    "upperAscii": Function(lambda text: _text(text).translate(_UPPER), (1,), walked),
    "replace": Function(_replaced, (3, 4), walked),
    "split": Function(_split, (2, 3), walked),
    "substring": Function(_substring, (2, 3), walked),
    "trim": Function(lambda text: _text(text).strip(_SPACE), (1,), walked),
    "reverse": Function(_reversed, (1,), walked),
    "format": Function(formatting.formatted, (2,), walked),
    "strings.quote": Function(_quoted, (1,), walked),
}
