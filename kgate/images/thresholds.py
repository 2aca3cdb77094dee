"""Which thresholds and waivers hold for which use of an image: the same image may be judged differently in two namespaces."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fnmatch import fnmatchcase

import msgspec
from msgspec import Struct

from kgate.images.inventory import Image, ImageUse
from kgate.images.scanner import Vulnerability
from kgate.images.settings import EndOfLife, ImagesSettings, Scan, Unscanned, Waiver


class Thresholds(Struct, frozen=True, kw_only=True):
    severity: str
    ignore_unfixed: bool
    on_unscanned: Unscanned
    end_of_life: EndOfLife
    waivers: tuple[int, ...] = ()
    """Of the settings, by index: those whose scope has the use and the image, and whose day has not passed."""


def judged_alike(image: Image, settings: ImagesSettings, today: date) -> Sequence[tuple[Thresholds, Image]]:
    """The image once for all its uses that are judged alike, in the order of first uses."""
    grouped: dict[Thresholds, list[ImageUse]] = {}
    for use in image.uses:
        grouped.setdefault(_thresholds(image, use, settings, today), []).append(use)
    return [(thresholds, msgspec.structs.replace(image, uses=tuple(uses))) for thresholds, uses in grouped.items()]


def _thresholds(image: Image, use: ImageUse, settings: ImagesSettings, today: date) -> Thresholds:
    required = settings.scan is Scan.REQUIRED
    found = {
        "severity": settings.severity,
        "ignore_unfixed": settings.ignore_unfixed,
        "on_unscanned": Unscanned.FAIL if required else settings.on_unscanned,
        "end_of_life": settings.end_of_life,
    }
    for override in settings.overrides:
        if _used_in(use, override.namespaces, override.paths):
            found |= {name: told for name in found if (told := getattr(override, name)) is not None}
    held = (i for i, w in enumerate(settings.waivers) if not expired(w, today) and of_image(w, image))
    waivers = tuple(i for i in held if _used_in(use, settings.waivers[i].namespaces, settings.waivers[i].paths))
    return Thresholds(**found, waivers=waivers)  # type: ignore[arg-type]


def expired(waiver: Waiver, today: date) -> bool:
    return date.fromisoformat(waiver.expires) < today


def of_image(waiver: Waiver, image: Image) -> bool:
    return image.reference is not None and fits(image.reference.name, waiver.images)


def waiver_of(vulnerability: Vulnerability, thresholds: Thresholds, settings: ImagesSettings) -> int | None:
    """The first one that covers it."""
    for i in thresholds.waivers:
        if settings.waivers[i].id == vulnerability.id and fits(vulnerability.package, settings.waivers[i].packages):
            return i
    return None


def excluded(vulnerability: Vulnerability, settings: ImagesSettings) -> bool:
    """Of a package, or in a file of the image, that does not count."""
    if settings.exclude_packages and fits(vulnerability.package, settings.exclude_packages):
        return True
    return bool(settings.exclude_paths and vulnerability.path) and fits(vulnerability.path.lstrip("/"), settings.exclude_paths)


def fits(text: str, patterns: Sequence[str]) -> bool:
    """No patterns: everything fits. `*` goes across slashes."""
    return not patterns or any(fnmatchcase(text, pattern) for pattern in patterns)


def _used_in(use: ImageUse, namespaces: Sequence[str], paths: Sequence[str]) -> bool:
    """An object that names no namespace is meant for `default`."""
    files = use.manifest.files(use.path)
    return fits(use.manifest.namespace or "default", namespaces) and any(fits(file.removeprefix("./"), paths) for file in files)
