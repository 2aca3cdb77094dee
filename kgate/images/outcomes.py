"""What the report says of each image: its digest, whether it was scanned, and how many vulnerabilities it has."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from kgate.images.inventory import Image
from kgate.images.platforms import Answer
from kgate.images.presence import Presences, Present
from kgate.images.scanner import NotScanned, Vulnerability
from kgate.images.settings import SEVERITIES
from kgate.outcome import ImageOutcome


def outcome(image: Image, answer: Answer, presences: Presences) -> ImageOutcome:
    presence = presences.get(image.reference) if image.reference else None
    now = presence.digest if isinstance(presence, Present) else None
    written = (image.reference.digest if image.reference else None) or now
    if isinstance(answer, NotScanned):
        return ImageOutcome(image=image.text, digest=written, reason=str(answer), used_by=image.used_by)
    return ImageOutcome(
        image=image.text,
        digest=answer.digest or written,
        scanned=not answer.gap,
        reason=answer.gap or None,
        scanner=answer.scanner,
        # zeros from an image that was not read through would look like a clean one
        vulnerabilities={} if answer.gap and not answer.vulnerabilities else _counts(answer.vulnerabilities),
        used_by=image.used_by,
    )


def of_rollback(found: ImageOutcome) -> ImageOutcome:
    return replace(found, used_by=tuple(f"rollback of {user}" for user in found.used_by))


def _counts(vulnerabilities: Sequence[Vulnerability]) -> dict[str, int]:
    """Distinct vulnerabilities by their worst severity: one that is in libc6 and in libc-bin counts once."""
    counts = dict.fromkeys(SEVERITIES, 0)
    for members in by_id(vulnerabilities).values():
        counts[worst(members).severity] += 1
    return counts


def by_id(vulnerabilities: Sequence[Vulnerability]) -> dict[str, list[Vulnerability]]:
    grouped: dict[str, list[Vulnerability]] = {}
    for v in vulnerabilities:
        grouped.setdefault(v.id, []).append(v)
    return grouped


def worst(members: Sequence[Vulnerability]) -> Vulnerability:
    return min(members, key=lambda v: (SEVERITIES.index(v.severity), v))
