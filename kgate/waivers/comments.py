"""`# kgate: ignore[rule] reason="..." until=2027-01-31`, on the line of a finding, before a node, or at the top of an object."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from kgate.comment import Comment
from kgate.finding import clean
from kgate.manifest import Manifest, Path, Subject, pointer
from kgate.waivers.book import Book
from kgate.waivers.waiver import Malformed, Span, Terms, Waiver, Written, rules_of, terms_of

_FORM = re.compile(r"ignore\s*\[([^\[\]]*)\]\s*(.*)", re.S)
_TERM = re.compile(r"""([A-Za-z][\w-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"']+))(?:\s+|$)""", re.S)
_KEYS = ("reason", "owner", "until")


def written(file: str, comment: Comment, manifests: Sequence[Manifest]) -> Written:
    """`manifests` are those of the comment's document."""
    return Written(
        file=clean(file),
        place=comment.place,
        document=comment.document or 0,
        path=pointer(comment.before.path) if comment.before else "",
        object=_subject(comment, manifests),
    )


def waiver(comment: Comment, at: Written, manifests: Sequence[Manifest], book: Book) -> Waiver:
    """Raises Malformed."""
    rules, terms = _said(comment.text, book)
    if not comment.alone:
        return Waiver(rules=rules, terms=terms, written=at, line=comment.place.line)
    if comment.document is None:
        raise Malformed("it stands between documents", "put it below the `---`, before the first key of the object")
    if comment.before is None:
        raise Malformed("it stands before nothing", "put it before a key or an item, not deeper than that, or on the line of the finding")
    span = Span(
        file=at.file,
        document=comment.document,
        pointer=clean(pointer(_whole(comment.before.path, manifests))),
        but=comment.before.but,
        first=comment.place,
        last=comment.before.end,
    )
    return Waiver(rules=rules, terms=terms, written=at, span=span)


def _whole(path: Path, manifests: Sequence[Manifest]) -> Path:
    """Before the first key of an object it covers the object."""
    tops = {(*m.root, next(iter(m.body), "")): m.root for m in manifests}
    return tops.get(path, path)


def _subject(comment: Comment, manifests: Sequence[Manifest]) -> Subject | None:
    if len(manifests) == 1:
        return manifests[0].subject
    path = comment.before.path if comment.before else ()
    return next((m.subject for m in manifests if m.root and path[: len(m.root)] == m.root), None)


def _said(text: str, book: Book) -> tuple[tuple[str, ...], Terms]:
    found = _FORM.match(text)
    if found is None:
        if text.startswith("ignore"):
            raise Malformed("it names no rule")
        raise Malformed(f"{text.split(' ')[0][:40]!r} is nothing that kgate does")
    return rules_of(found[1].split(","), book), terms_of(_terms(found[2]))


def _terms(text: str) -> Mapping[str, str]:
    said: dict[str, str] = {}
    position = 0
    while position < len(text):
        found = _TERM.match(text, position)
        if found is None:
            raise Malformed(f"{text[position : position + 40]!r} is not understood")
        key = found[1]
        if key not in _KEYS:
            raise Malformed(f"there is no {key[:40]!r} in a waiver", f"known: {', '.join(_KEYS)}")
        if key in said:
            raise Malformed(f"{key} is given twice")
        said[key] = re.sub(r"\\(.)", r"\1", found[2], flags=re.S) if found[2] is not None else found[3]
        position = found.end()
    return said
