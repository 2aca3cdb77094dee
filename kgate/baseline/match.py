"""Findings against what is known: each entry covers as many as it counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from kgate.baseline.book import Entry, place_of
from kgate.finding import Finding


class Matched(Struct, frozen=True, kw_only=True):
    """The findings, those that are known marked."""

    findings: tuple[Finding, ...]
    left: tuple[tuple[int, Entry], ...]
    """Entries that covered fewer findings than they count, with their number in the file; `count` is what is left."""


def match(
    findings: Iterable[Finding],
    entries: Sequence[Entry],
    *,
    file: str,
    home: Callable[[str], str],
    gone: Callable[[str], bool],
    may: Callable[[Finding], bool],
) -> Matched:
    """`file` is the baseline, as people call it; `may` says which findings it may know.

    Where more occur than are known, the last ones in the order of the report are new. An entry of a file that is `gone` covers its finding
    in whatever file that stands now: a renamed file has no new findings. A copy has: its original is still there.
    """
    book = _Book(entries)
    found = list(findings)
    candidates = sorted((n for n, f in enumerate(found) if may(f)), key=lambda n: (found[n].order, found[n].document))
    known = {n for n in candidates if book.take((place_of(found[n], home), found[n].identity))}
    book.forget_files(gone)
    known |= {n for n in candidates if n not in known and book.take_anywhere(found[n].identity)}
    text = f"in the baseline {file}"
    marked = tuple(replace(f, waived=text, baselined=True) if n in known else f for n, f in enumerate(found))
    return Matched(findings=marked, left=book.left())


class _Book:
    """How much of each entry is left."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self._counts = [e.count for e in entries]
        self._by_key: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._homeless: dict[str, list[int]] = {}
        for n, e in enumerate(entries):
            self._by_key[e.key].append(n)

    def take(self, key: tuple[str, str]) -> bool:
        return self._take(self._by_key.get(key, ()))

    def forget_files(self, gone: Callable[[str], bool]) -> None:
        """From here on, what is left of files that are gone may be taken by any file."""
        known: dict[str, bool] = {"": False}
        self._homeless = defaultdict(list)
        for n, e in enumerate(self._entries):
            if self._counts[n]:
                if e.file not in known:
                    known[e.file] = gone(e.file)
                if known[e.file]:
                    self._homeless[e.identity].append(n)

    def take_anywhere(self, identity: str) -> bool:
        return self._take(self._homeless.get(identity, ()))

    def _take(self, numbers: Sequence[int]) -> bool:
        n = next((n for n in numbers if self._counts[n]), None)
        if n is None:
            return False
        self._counts[n] -= 1
        return True

    def left(self) -> tuple[tuple[int, Entry], ...]:
        return tuple((n, replace(self._entries[n], count=count)) for n, count in enumerate(self._counts) if count)
