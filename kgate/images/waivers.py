"""Waivers that have outlived their day or their purpose are told of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date

from kgate.finding import Finding
from kgate.images.inventory import Image
from kgate.images.platforms import Answer
from kgate.images.rules import WAIVER_EXPIRED, WAIVER_UNUSED
from kgate.images.scanner import ScanResult
from kgate.images.settings import ImagesSettings, Waiver
from kgate.images.thresholds import expired, of_image
from kgate.manifest import Location, Path

SETTINGS_FILE = ".kgate.yaml"
Locate = Callable[[Path], Location]
"""Where a path below `images:` stands in the settings file."""


def said(waiver: Waiver) -> str:
    return f"{waiver.reason} ({waiver.owner}, until {waiver.expires})"


def about_waivers(
    answered: Sequence[tuple[Image, Answer]], settings: ImagesSettings, used: set[int], today: date, file: str, locate: Locate | None
) -> Iterator[Finding]:
    """Unused only where it is sure: an image that was not scanned may be the one that the waiver is for."""
    for index, waiver in enumerate(settings.waivers):
        place = locate(("waivers", index)) if locate else Location(line=1, column=1)
        if expired(waiver, today):
            message = f"the waiver of {waiver.id} by {waiver.owner} has expired on {waiver.expires}"
            yield Finding.in_file(file, place, rule=WAIVER_EXPIRED, message=message)
        elif index not in used and _all_scanned(waiver, answered):
            message = f"the waiver of {waiver.id} by {waiver.owner} covers nothing: no image that it may concern has the vulnerability"
            yield Finding.in_file(file, place, rule=WAIVER_UNUSED, message=message)


def _all_scanned(waiver: Waiver, answered: Sequence[tuple[Image, Answer]]) -> bool:
    concerned = [answer for image, answer in answered if of_image(waiver, image)]
    return bool(answered) and all(isinstance(answer, ScanResult) and not answer.gap for answer in concerned)
