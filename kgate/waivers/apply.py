"""Waivers over the findings of all stages: what they cover is marked, and what is wrong with them is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from kgate.comment import Comment
from kgate.finding import Finding, Rule, Severity, Stage, clean
from kgate.manifest import Manifest, Subject
from kgate.waivers import annotated, comments
from kgate.waivers.book import Book
from kgate.waivers.rules import EXPIRED, REFUSED, UNUSED
from kgate.waivers.settings import ObjectPattern, SettingsWaiver
from kgate.waivers.waiver import Malformed, Terms, Waiver, Written, malformed, rules_of

_Home = tuple[str, int]
"""File and document of a manifest, by which a rendered object is told from those of other apps."""
Within = Callable[[Sequence[str], str], bool]
"""Whether a file is meant by patterns as git writes them."""


class Said(Struct, frozen=True, kw_only=True):
    """Everything that says what is waived."""

    comments: Mapping[str, Sequence[Comment]] = {}
    """By file."""
    annotated: Sequence[Manifest] = ()
    """Objects that may have annotations of kgate's."""
    manifests: Sequence[Manifest] = ()
    """All objects, to know which of them a comment is about."""
    settings: Sequence[tuple[SettingsWaiver, Written]] = ()


class Marked(Struct, frozen=True, kw_only=True):
    """The findings, those that are waived marked; and what is to be said of the waivers."""

    findings: tuple[Finding, ...]
    about: tuple[Finding, ...]


def apply(
    findings: Iterable[Finding], said: Said, *, today: date, book: Book, within: Within, sure: Callable[[Rule, bool], bool]
) -> Marked:
    """`today` decides which waivers hold. `sure(rule, settings)`: nothing that the rule could find, here or (`settings`) anywhere below
    the settings file, can have been missed by this run, so that a waiver of it that covers nothing is unused.
    """
    read = _Reading(said, book)
    holding = [w for w in read.waivers if w.terms.until is None or w.terms.until >= today]
    about = [*read.about, *(_expired(w, book) for w in read.waivers if w.terms.until is not None and w.terms.until < today)]
    index = _Index(holding, within, {(clean(m.file), m.document): m for m in said.manifests if m.app})
    marked = tuple(m for f in findings for m in index.marked(f))
    return Marked(findings=marked, about=(*about, *_unused(holding, index.used, book, sure, read.known_documents)))


class _Reading:
    """Every waiver that can be understood, with the rules that it may waive; and findings about the others."""

    def __init__(self, said: Said, book: Book) -> None:
        self._book = book
        self.waivers: list[Waiver] = []
        self.about: list[Finding] = []
        files = {clean(file) for file in said.comments}
        by_document: dict[tuple[str, int], list[Manifest]] = defaultdict(list)
        for m in said.manifests:
            if (file := clean(m.file)) in files and not m.app:
                by_document[file, m.document].append(m)
        self.known_documents = frozenset(by_document)
        self._comments(said, by_document)
        for m in said.annotated:
            for at, key, value in annotated.addressed(m):
                self._take(at, partial(annotated.waiver, m, at, key, value, book))
        for entry, at in said.settings:
            self._take(at, partial(_of_settings, entry, at, book))

    def _comments(self, said: Said, by_document: Mapping[tuple[str, int], Sequence[Manifest]]) -> None:
        files = {file for file, _ in by_document}
        for file, several in said.comments.items():
            for comment in several:
                name = clean(file)
                if comment.document is None and name not in files:
                    continue  # there is nothing in the file that it could be meant for
                there = by_document.get((name, comment.document or 0), ()) if comment.document is not None else ()
                at = comments.written(file, comment, there)
                self._take(at, partial(comments.waiver, comment, at, there, self._book), silent=comment.document is not None and not there)

    def _take(self, at: Written, make: Callable[[], Waiver], *, silent: bool = False) -> None:
        """`silent`: nothing in its document was checked as it is written, so nothing is said of it either."""
        try:
            waiver = make()
        except Malformed as fault:
            if not silent:
                self.about.append(malformed(at, fault))
            return
        refused = {rule: why for rule in waiver.rules if (why := self._book.refusal(rule))}
        for rule, why in refused.items():
            self.about.append(at.found(REFUSED, f"{self._book.rule(rule).name} cannot be waived: {why}"))
        if kept := tuple(rule for rule in waiver.rules if rule not in refused):
            self.waivers.append(replace(waiver, rules=kept))


def _of_settings(entry: SettingsWaiver, at: Written, book: Book) -> Waiver:
    terms = Terms(reason=entry.reason, owner=entry.owner, until=entry.until)
    return Waiver(rules=rules_of(list(entry.rules), book), terms=terms, written=at, said=entry)


class _Index:
    """Finds the waivers of a finding without asking each."""

    def __init__(self, waivers: Sequence[Waiver], within: Within, rendered: Mapping[_Home, Manifest]) -> None:
        self.used: set[tuple[int, str]] = set()
        """Numbers of waivers, and the rules of which they covered something."""
        self._within, self._rendered = within, rendered
        self._lines: dict[tuple[str, str, int], list[int]] = defaultdict(list)
        self._nodes: dict[tuple[str, str, int, str], list[int]] = defaultdict(list)
        self._spans: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._said: dict[str, list[int]] = defaultdict(list)
        self._waivers = waivers
        for n, w in enumerate(waivers):
            for rule in w.rules:
                self._add(n, w, rule)

    def _add(self, n: int, w: Waiver, rule: str) -> None:
        if w.line:
            self._lines[rule, w.written.file, w.line].append(n)
        elif w.span:
            self._nodes[rule, w.span.file, w.span.document, w.span.pointer].append(n)
            self._spans[rule, w.span.file].append(n)
        else:
            self._said[rule].append(n)

    def marked(self, f: Finding) -> Iterator[Finding]:
        """One line of a base may be waived for one app and not for another: then it is told twice."""
        if f.stage in (Stage.LOAD, Stage.VALIDATE) and f.severity is Severity.ERROR:
            yield f
            return
        common = {*self._lines.get((f.rule, f.file, f.line), ()), *self._around(f)}
        covering = {home: common | set(self._of_home(f, home)) for home in f.homes or ((f.file, f.document),)}
        self.used.update((n, f.rule) for several in covering.values() for n in several)
        bare = [home for home, several in covering.items() if not several]
        if f.waived is not None or len(bare) == len(covering):
            yield f
            return
        text = min((self._waivers[n] for several in covering.values() for n in several), key=lambda w: w.order).text
        if not bare:
            yield replace(f, waived=text)
            return
        yield replace(self._for(f, [home for home in covering if home not in bare]), waived=text)
        yield self._for(f, bare)

    def _for(self, f: Finding, homes: Sequence[_Home]) -> Finding:
        """The finding in some of the apps that have it."""
        there = [self._rendered[home] for home in homes if home in self._rendered]
        apps = tuple(sorted({clean(m.app) for m in there}))
        return replace(f, homes=tuple(homes), apps=apps or f.apps, object=there[0].subject if there else f.object)

    def _around(self, f: Finding) -> Iterator[int]:
        """Of a rendered object: comments in the files that it comes from."""
        return (n for n in self._spans.get((f.rule, f.file), ()) if _surrounds(self._waivers[n], f)) if f.apps else iter(())

    def _of_home(self, f: Finding, home: _Home) -> Iterator[int]:
        for pointer in _prefixes(f.path) if self._nodes else ():
            for n in self._nodes.get((f.rule, *home, pointer), ()):
                span = self._waivers[n].span
                if span is not None and span.holds(f.path):
                    yield n
        yield from (n for n in self._said.get(f.rule, ()) if self._meant(self._waivers[n].said, f, home))

    def _meant(self, said: SettingsWaiver | None, f: Finding, home: _Home) -> bool:
        if said is None or (said.paths and not any(self._within(said.paths, file) for file in {f.file, home[0]})):
            return False
        subject = self._rendered[home].subject if home in self._rendered else f.object
        return not said.objects or any(_named(o, subject) for o in said.objects)


def _named(pattern: ObjectPattern, subject: Subject | None) -> bool:
    if subject is None:
        return False
    pairs = ((pattern.kind, subject.kind), (pattern.namespace, subject.namespace), (pattern.name, subject.name))
    return all(_is(wanted, text) for wanted, text in pairs)


def _is(pattern: str, text: str) -> bool:
    return not pattern or fnmatchcase(text, pattern)


def _surrounds(waiver: Waiver, f: Finding) -> bool:
    """Of a rendered object, whose nodes stand in the files that it comes from."""
    span = waiver.span
    if span is None or span.document != f.document:
        return False
    return not span.but and (not span.pointer or span.surrounds(f.line, f.column))


def _prefixes(pointer: str) -> Iterator[str]:
    yield pointer
    while pointer:
        pointer = pointer.rpartition("/")[0]
        yield pointer


def _expired(waiver: Waiver, book: Book) -> Finding:
    by = f" by {waiver.terms.owner}" if waiver.terms.owner else ""
    return waiver.written.found(EXPIRED, f"the waiver of {_names(waiver.rules, book)}{by} has expired on {waiver.terms.until}")


def _unused(
    waivers: Sequence[Waiver],
    used: set[tuple[int, str]],
    book: Book,
    sure: Callable[[Rule, bool], bool],
    documents: frozenset[tuple[str, int]],
) -> Iterator[Finding]:
    for n, w in enumerate(waivers):
        commented = w.line or (w.span is not None and w.span.first is not None)
        if commented and (w.written.file, w.written.document) not in documents:
            continue
        rules = [r for r in w.rules if (n, r) not in used and sure(book.rule(r), w.said is not None)]
        if rules:
            yield w.written.found(UNUSED, f"the waiver of {_names(rules, book)} covers nothing")


def _names(rules: Iterable[str], book: Book) -> str:
    return ", ".join(book.rule(r).name for r in rules)
