"""A Waiver: which rules, where, why, and until when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from msgspec import Struct

from kgate.finding import Finding, Rule, clean
from kgate.manifest import Location, Subject
from kgate.waivers.book import Book
from kgate.waivers.rules import MALFORMED
from kgate.waivers.settings import SettingsWaiver

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
EVERYTHING = ("*", "all", "any")


class Malformed(Exception):  # noqa: N818 (a condition of the text)
    """Why a waiver waives nothing, and what to write instead (the rule's own remediation when empty)."""

    def __init__(self, message: str, remediation: str = "") -> None:
        super().__init__(message)
        self.message, self.remediation = message, remediation


class Terms(Struct, frozen=True, kw_only=True):
    """What is said beside the rules."""

    reason: str
    owner: str = ""
    until: date | None = None
    """The last day on which it holds, in UTC."""


class Written(Struct, frozen=True, kw_only=True):
    """Where a waiver stands, for what is said about it."""

    file: str
    place: Location
    document: int = 0
    path: str = ""
    object: Subject | None = None

    def found(self, rule: Rule, message: str, remediation: str = "") -> Finding:
        return Finding(
            rule=rule.id, name=rule.name, stage=rule.stage, severity=rule.severity, message=message, file=self.file, line=self.place.line,
            column=self.place.column, document=self.document, path=self.path, object=self.object,
            remediation=remediation or rule.remediation, why=rule.why,
        )  # fmt: skip


class Span(Struct, frozen=True, kw_only=True):
    """A node, and everything in it."""

    file: str
    document: int
    pointer: str
    """From the document's root."""
    but: frozenset[str] = frozenset()
    """Keys right below it that are not meant; when there are any, neither is the node itself."""
    first: Location | None = None
    last: Location | None = None
    """Where it begins and ends in the text; None for an object that an annotation covers."""

    def holds(self, path: str) -> bool:
        """Whether the node at the pointer `path` of the same document is in it."""
        if not self.but:
            return path == self.pointer or path.startswith(self.pointer + "/")
        step = path[len(self.pointer) + 1 :].partition("/")[0].replace("~1", "/").replace("~0", "~")
        return path.startswith(self.pointer + "/") and step not in self.but

    def surrounds(self, line: int, column: int) -> bool:
        place = Location(line=line, column=column)
        return self.first is not None and self.last is not None and self.first <= place <= self.last


class Waiver(Struct, frozen=True, kw_only=True):
    """Holds in exactly one of: a line, a node, the settings' scope."""

    rules: tuple[str, ...]
    """Identifiers, sorted."""
    terms: Terms
    written: Written
    line: int = 0
    span: Span | None = None
    said: SettingsWaiver | None = None

    @property
    def order(self) -> tuple[int, int, str, Location]:
        """Which of several is shown: that of the line, then of the innermost node, then of the settings; in each, the first."""
        kind = 0 if self.line else 1 if self.span else 2
        return (kind, -len(self.span.pointer) if self.span else 0, self.written.file, self.written.place)

    @property
    def text(self) -> str:
        """`writes its cache (shop, until 2027-01-31, web.yaml:12)`."""
        t = self.terms
        parts = [t.owner, f"until {t.until}" if t.until else "", f"{self.written.file}:{self.written.place.line}"]
        return clean(f"{t.reason} ({', '.join(filter(None, parts))})")


def rules_of(words: list[str], book: Book) -> tuple[str, ...]:
    """Identifiers of the rules named. Raises Malformed."""
    named = [w.strip() for w in words]
    if not any(named):
        raise Malformed("it names no rule")
    found = set()
    for word in named:
        if word.lower() in EVERYTHING:
            raise Malformed(f"it must name the rules that it waives, {word!r} is none", "name each rule: kgate rules lists them")
        identifier = book.id_of(word)
        if identifier is None:
            near = book.nearest(word)
            guess = f", did you mean {near!r}?" if near else ""
            raise Malformed(f"there is no rule {word[:80]!r}{guess}", f"write {near}" if near else "kgate rules lists the rules")
        found.add(identifier)
    return tuple(sorted(found))


def terms_of(said: Mapping[str, str]) -> Terms:
    """From `reason`, `owner` and `until`. Raises Malformed."""
    if not any(c.isalnum() for c in said.get("reason", "")):  # blanks, dots and what cannot be seen are no reason
        raise Malformed("it gives no reason")
    return Terms(reason=said["reason"].strip(), owner=said.get("owner", "").strip(), until=day(said["until"]) if "until" in said else None)


def day(text: str) -> date:
    """Raises Malformed."""
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Malformed(f"{text[:40]!r} is no day", "write the last day on which it holds, for example until=2027-01-31")


def malformed(written: Written, fault: Malformed) -> Finding:
    return written.found(MALFORMED, f"this waiver waives nothing: {fault.message}", fault.remediation)
