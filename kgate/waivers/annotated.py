"""`kgate.dev/ignore.<rule>: reason; until=2027-01-31`, on an object or its pod template: covers the object."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kgate.finding import clean
from kgate.manifest import Manifest, Path, pointer
from kgate.waivers.book import Book
from kgate.waivers.waiver import Malformed, Span, Terms, Waiver, Written, rules_of, terms_of

DOMAIN = "kgate.dev/"
_FORM = re.compile(re.escape(DOMAIN) + r"ignore\.(.+)", re.S)
_TERM = re.compile(r"\s*;\s*(owner|until)\s*=\s*([^;]*?)\s*$")
_TEMPLATES: tuple[Path, ...] = ((), ("spec", "template"), ("spec", "jobTemplate"), ("spec", "jobTemplate", "spec", "template"))


def addressed(manifest: Manifest) -> Iterator[tuple[Written, str, Any]]:
    """Each annotation that speaks to kgate, where it stands, and its value."""
    for above in _TEMPLATES:
        path = (*above, "metadata", "annotations")
        for key, value in _mapping(manifest.body, path).items():
            if isinstance(key, str) and key.startswith(DOMAIN):
                yield _written(manifest, (*path, key)), key, value


def waiver(manifest: Manifest, at: Written, key: str, value: Any, book: Book) -> Waiver:
    """Raises Malformed."""
    form = _FORM.fullmatch(key)
    if form is None:
        raise Malformed(f"there is no annotation {key[:80]!r}", f"write {DOMAIN}ignore.RULE, with the reason as its value")
    if not isinstance(value, str):
        raise Malformed("its reason is no text", "quote the reason")
    span = Span(file=clean(manifest.file), document=manifest.document, pointer=clean(pointer(manifest.root)))
    return Waiver(rules=rules_of([form[1]], book), terms=_terms(value), written=at, span=span)


def _terms(value: str) -> Terms:
    said: dict[str, str] = {}
    while found := _TERM.search(value):
        if found[1] in said:
            raise Malformed(f"{found[1]} is given twice")
        said[found[1]], value = found[2], value[: found.start()]
    return terms_of({**said, "reason": value})


def _written(manifest: Manifest, path: Path) -> Written:
    place = manifest.locate(path, key=True)
    return Written(
        file=clean(place.file or manifest.file),
        place=place,
        document=place.document if place.file else manifest.document,
        path=pointer(manifest.root + path),
        object=manifest.subject,
    )


def _mapping(body: Any, path: Path) -> Mapping[Any, Any]:
    for step in path:
        body = body.get(step) if isinstance(body, Mapping) else None
    return body if isinstance(body, Mapping) else {}
