"""Digests for tags: what a manifest writes so that tomorrow's pull gets today's bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from msgspec import Struct

from kgate.images.inventory import ImageUse, inventory
from kgate.images.registry.answers import Answer, Present
from kgate.images.settings import ImagesSettings, Scan
from kgate.manifest import Manifest
from kgate.reference import ImageReference


class Pin(Struct, frozen=True, kw_only=True):
    """One `image:` that names no digest, and what to write in its place."""

    use: ImageUse
    image: str
    """With the digest that the registry has for its tag now; empty when it told none."""
    reason: str = ""
    """Why it told none."""


def pins(manifests: Iterable[Manifest], settings: ImagesSettings, *, progress: Callable[[int, int], None]) -> tuple[Pin, ...]:
    """Every use of an image that has no digest. Asks the registries."""
    from kgate.images.scan import ask

    loose = [i for i in inventory(manifests) if i.reference is not None and not i.reference.digest]
    if not loose:
        return ()
    asked = ask(loose, replace(settings, registry=True, scan=Scan.OFF, updates=()), progress).presences
    return tuple(_pin(use, i.reference, asked.get(i.reference)) for i in loose if i.reference for use in i.uses)


def _pin(use: ImageUse, reference: ImageReference, answer: Answer | None) -> Pin:
    if isinstance(answer, Present):
        tag = "" if reference.tag else f":{reference.effective_tag}"
        return Pin(use=use, image=f"{use.image}{tag}@{answer.digest}")
    reason = (
        "it was not asked about" if answer is None else str(answer) if isinstance(answer, Exception) else f"there is no such {answer.what}"
    )
    return Pin(use=use, image="", reason=reason)
