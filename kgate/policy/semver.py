"""Versions and ranges of versions, as node-semver writes ranges, because that is what users know (`^1.2`, `>=1.20 <2`, `1.x || 2.x`)."""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct

_VERSION = re.compile(r"v?(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?", re.ASCII)
_PARTIAL = re.compile(
    r"(\^|~|>=|<=|>|<|=)?\s*v?(\d{1,9}|[xX*])(?:\.(\d{1,9}|[xX*]))?(?:\.(\d{1,9}|[xX*]))?(?:-([0-9A-Za-z.-]+))?", re.ASCII
)

_Key = tuple[int, int, int, tuple[tuple[int, int, str], ...]]
_RELEASE = ((2, 0, ""),)
"""Sorts after every pre-release identifier, and no identifier at all is a release."""


class Version(Struct, frozen=True, kw_only=True):
    numbers: tuple[int, int, int]
    pre: str = ""
    first: bool = False
    """Stands before every version of these numbers, pre-releases included: the open end of a span."""

    @classmethod
    def parse(cls, text: str) -> Version | None:
        """`v1.2.3-rc.1+build`; None for anything that is no full version."""
        found = _VERSION.fullmatch(text)
        if found is None:
            return None
        return cls(numbers=(int(found[1]), int(found[2]), int(found[3])), pre=found[4] or "")

    @property
    def key(self) -> _Key:
        """The precedence of semver.org item 11: numbers before words, fewer identifiers before more."""
        if self.first:
            return (*self.numbers, ())
        identifiers = tuple((0, int(i), "") if i.isdigit() else (1, 0, i) for i in self.pre.split(".")) if self.pre else _RELEASE
        return (*self.numbers, identifiers)


class _Span(Struct, frozen=True, kw_only=True):
    """From `low` (included) to `high` (excluded); None has no end on that side."""

    low: Version | None
    high: Version | None

    def holds(self, version: Version) -> bool:
        return (self.low is None or self.low.key <= version.key) and (self.high is None or version.key < self.high.key)

    def names(self, version: Version) -> bool:
        """Whether an end of the span is a pre-release of the same numbers: only then are pre-releases meant."""
        return any(end is not None and end.pre and end.numbers == version.numbers for end in (self.low, self.high))


class Range(Struct, frozen=True, kw_only=True):
    """Alternatives, each a list of spans that must all hold."""

    alternatives: tuple[tuple[_Span, ...], ...]

    @staticmethod
    @lru_cache(maxsize=256)
    def parse(text: str) -> Range:
        """Raises ValueError with the part that is no comparison."""
        return Range(alternatives=tuple(tuple(_spans(part)) for part in text.split("||")))

    def holds(self, version: Version) -> bool:
        return any(
            all(span.holds(version) for span in spans) and (not version.pre or any(span.names(version) for span in spans))
            for spans in self.alternatives
        )


def _spans(text: str) -> list[_Span]:
    words = re.sub(r"(\^|~|>=|<=|>|<|=)\s+", r"\1", text.strip()).split()
    if not words:
        raise ValueError("a part of it is empty")
    return [_span(word) for word in words]


def _span(word: str) -> _Span:
    found = _PARTIAL.fullmatch(word)
    if found is None:
        raise ValueError(f'"{word}" is no comparison')
    operator, pre = found[1] or "", found[5] or ""
    given = [int(part) for part in _until_wild(found[2], found[3], found[4])]
    low = _padded(given, pre)
    match operator:
        case ">=":
            return _Span(low=low, high=None)
        case "<":
            return _Span(low=None, high=low if pre else _before(given))
        case ">":
            return _Span(low=_after(given, low), high=None)
        case "<=":
            return _Span(low=None, high=_after(given, low))
        case "^":
            return _Span(low=low, high=_next(given, next((i for i, n in enumerate(given) if n), len(given) - 1)))
        case "~":
            return _Span(low=low, high=_next(given, min(1, len(given) - 1)))
        case _:
            return _Span(low=low, high=_after(given, low))


def _until_wild(*parts: str | None) -> list[str]:
    """What stands before the first `x` or missing part."""
    kept: list[str] = []
    for part in parts:
        if part is None or part in "xX*":
            break
        kept.append(part)
    return kept


def _padded(given: list[int], pre: str = "") -> Version:
    major, minor, patch = (*given, 0, 0, 0)[:3]
    return Version(numbers=(major, minor, patch), pre=pre)


def _before(given: list[int]) -> Version:
    """The first pre-release: `<2` leaves 2.0.0-rc.1 out."""
    return Version(numbers=_padded(given).numbers, first=True)


def _next(given: list[int], place: int) -> Version | None:
    """The first version whose number at `place` is one higher; None when nothing is given, which holds for all."""
    if place < 0:
        return None
    return _before([*given[:place], given[place] + 1])


def _after(given: list[int], low: Version) -> Version | None:
    """The first version after everything that `given` covers."""
    if len(given) < 3:
        return _next(given, len(given) - 1)
    if low.pre:
        return Version(numbers=low.numbers, pre=low.pre + ".0")
    return _before([given[0], given[1], given[2] + 1])
