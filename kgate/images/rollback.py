"""What a rollback would return to: images that the base of a change runs and the change replaces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kgate.finding import Finding, Severity
from kgate.images.inventory import Image, ImageUse, grouped, uses_of
from kgate.images.rules import ROLLBACK
from kgate.manifest import Manifest, Path

SHOWN_REASONS = 3


def replaced(head: Iterable[Manifest], base: Iterable[Manifest], images: Sequence[Image]) -> tuple[Image, ...]:
    """The images of `base` in whose places another stands in `head`, at these places; none that `head` still runs (`images`)."""
    before = {manifest.subject: {_place(use): use.image for use in uses_of(manifest)} for manifest in base}
    former = (
        ImageUse(manifest=use.manifest, path=use.path, image=old, place=use.place)
        for manifest in head
        if manifest.subject in before
        for use in uses_of(manifest)
        if (old := _was(use, before[manifest.subject])) is not None
    )
    running = {image.reference for image in images if image.reference}
    return tuple(image for image in grouped(former) if image.reference is not None and image.reference not in running)


def _place(use: ImageUse) -> Path:
    """A container is known by its name, wherever in the list it stands."""
    node: Any = use.manifest.body
    for step in use.path[:-1]:
        node = node[step]
    name = node.get("name") if isinstance(node, Mapping) else None
    return (*use.path[:-2], name if isinstance(name, str) else use.path[-2])


def _was(use: ImageUse, before: Mapping[Path, str]) -> str | None:
    old = before.get(_place(use))
    return old if old != use.image else None


def about(image: Image, findings: Iterable[Finding]) -> Iterator[Finding]:
    """One warning about all that would be an error of the image if the change had it."""
    errors = [f for f in findings if f.severity is Severity.ERROR and f.waived is None]
    if not errors:
        return
    reasons = [_short(f, image) for f in errors]
    more = f"; and {len(reasons) - SHOWN_REASONS} more" if len(reasons) > SHOWN_REASONS else ""
    first = image.uses[0]
    message = f"a rollback would return to image {image.text}: {'; '.join(reasons[:SHOWN_REASONS])}{more}"
    detail = image.reference.name if image.reference else image.text
    yield Finding.at(first.manifest, first.path, rule=ROLLBACK, message=message, detail=detail)


def _short(finding: Finding, image: Image) -> str:
    """`has CVE-2023-4911 (CRITICAL by nvd) in libc6 ...` without who uses it."""
    return finding.message.removeprefix(f"image {image.text} ").partition("; also used by ")[0]
