"""Scanners that do not tell what their data covers: an image in which they find nothing may be one of which they know nothing."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

VOUCH = "list the release under images.covered if it is"


def silence(scanner: str, release: str, *, found: bool, covered: Sequence[str]) -> str:
    """Why nothing found in the packages of `release` (`debian 12.5`) is no answer; empty when it is one."""
    if found or vouched(release, covered):
        return ""
    return f"{scanner} does not tell whether its data covers {release or 'the image'}, and found nothing in it; {VOUCH}"


def vouched(release: str, covered: Sequence[str]) -> bool:
    """`debian 12` covers `debian 12.5` as well."""
    return any(fnmatchcase(release, pattern) or fnmatchcase(release, f"{pattern}.*") for pattern in covered)
