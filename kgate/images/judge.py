"""The judgement is kgate's own, whichever scanner looked: what is an error, what a warning, and where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from kgate.finding import Finding, Severity, Skipped
from kgate.images.inventory import Image, inventory
from kgate.images.rules import END_OF_LIFE, NOT_SCANNED, UNFIXED, VULNERABLE
from kgate.images.scan import Answer, Progress, ask
from kgate.images.scanner import NotScanned, ScanResult, Vulnerability
from kgate.images.settings import SEVERITIES, ImagesSettings, Scan
from kgate.manifest import Manifest
from kgate.outcome import ImageOutcome

SHOWN_PACKAGES = 4
SHOWN_USERS = 4


class Judged(Struct, frozen=True, kw_only=True):
    """What the images stage adds to the report."""

    findings: tuple[Finding, ...] = ()
    images: tuple[ImageOutcome, ...] = ()
    """Every image of the manifests, scanned or not, by name."""
    skipped: tuple[Skipped, ...] = ()
    """Empty: what was not scanned is in `images`, with the reason, and an error where a scan is required."""


def judge(manifests: Iterable[Manifest], settings: ImagesSettings, *, progress: Progress | None = None) -> Judged:
    """Raises nothing for what an image, a registry or a scanner does wrong: each image has its outcome."""
    images = inventory(manifests)
    asked = ask(images, settings, progress)
    return weigh(tuple(zip(images, asked.answers, strict=True)), settings)


def weigh(answered: Iterable[tuple[Image, Answer]], settings: ImagesSettings) -> Judged:
    """What the answers mean. Pure: `scan` has asked."""
    answered = tuple(answered)
    findings = [f for image, answer in answered for f in _findings(image, answer, settings)]
    outcomes = sorted((_outcome(image, answer) for image, answer in answered), key=lambda o: o.image)
    return Judged(findings=tuple(sorted(findings, key=lambda f: f.order)), images=tuple(outcomes))


def _outcome(image: Image, answer: Answer) -> ImageOutcome:
    written = image.reference.digest if image.reference else None
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


def _counts(vulnerabilities: Sequence[Vulnerability]) -> dict[str, int]:
    """Distinct vulnerabilities by their worst severity: one that is in libc6 and in libc-bin counts once."""
    counts = dict.fromkeys(SEVERITIES, 0)
    for members in _by_id(vulnerabilities).values():
        counts[_worst(members).severity] += 1
    return counts


def _by_id(vulnerabilities: Sequence[Vulnerability]) -> dict[str, list[Vulnerability]]:
    grouped: dict[str, list[Vulnerability]] = {}
    for v in vulnerabilities:
        grouped.setdefault(v.id, []).append(v)
    return grouped


def _worst(members: Sequence[Vulnerability]) -> Vulnerability:
    return min(members, key=lambda v: (SEVERITIES.index(v.severity), v))


def _findings(image: Image, answer: Answer, settings: ImagesSettings) -> Iterator[Finding]:
    first = image.uses[0]
    reason = str(answer) if isinstance(answer, NotScanned) else answer.gap
    if reason and settings.scan is Scan.REQUIRED:
        message = f"image {image.text} was not scanned: {reason}{_users(image)}"
        yield Finding.at(first.manifest, first.path, rule=NOT_SCANNED, message=message)
    if isinstance(answer, ScanResult):
        if answer.end_of_life:
            message = f"image {image.text} is built on {answer.os}, which gets no more security updates{_users(image)}"
            yield Finding.at(first.manifest, first.path, rule=END_OF_LIFE, message=message)
        for members in _by_id(answer.vulnerabilities).values():
            yield from _vulnerability(image, members, settings)


def _vulnerability(image: Image, members: Sequence[Vulnerability], settings: ImagesSettings) -> Iterator[Finding]:
    """One finding for what can be fixed now, and one for what cannot, of one vulnerability in all packages of one image."""
    fixable = [v for v in members if v.fixed]
    unfixed = [v for v in members if not v.fixed]
    if fixable and (severity := _severity(_worst(fixable), settings)):
        packages = ", ".join(sorted({f"{v.package} {v.fixed}" for v in fixable})[:SHOWN_PACKAGES])
        yield _finding(image, fixable, severity, f"update the image to one that has {packages}")
    if unfixed and not settings.ignore_unfixed and (severity := _severity(_worst(unfixed), settings)):
        yield _finding(image, unfixed, severity, UNFIXED.remediation)
    elif unfixed and settings.ignore_unfixed and _worst(unfixed).severity == "CRITICAL":
        yield _finding(image, unfixed, Severity.WARNING, UNFIXED.remediation)


def _severity(worst: Vulnerability, settings: ImagesSettings) -> Severity | None:
    """A warning for what nobody has rated: it may be anything."""
    if SEVERITIES.index(worst.severity) <= SEVERITIES.index(settings.severity):
        return Severity.ERROR
    return Severity.WARNING if worst.severity == "UNKNOWN" else None


def _finding(image: Image, members: Sequence[Vulnerability], severity: Severity, remediation: str) -> Finding:
    worst, first = _worst(members), image.uses[0]
    rated = f"{worst.severity} by {worst.severity_source}" if worst.severity_source else f"severity {worst.severity}"
    title = f": {worst.title[:120]}" if worst.title else ""
    message = f"image {image.text} has {worst.id} ({rated}) in {_packages(members)}{title}{_users(image)}"
    rule = VULNERABLE if worst.fixed else UNFIXED
    return Finding.at(first.manifest, first.path, rule=rule, message=message, severity=severity, remediation=remediation)


def _packages(members: Sequence[Vulnerability]) -> str:
    """`libc6 2.36-9 (fixed in 2.36-9+deb12u3), libc-bin ...`."""
    texts = sorted({f"{v.package} {v.installed} ({_fix(v)})" for v in members})
    return _cut(texts, SHOWN_PACKAGES)


def _fix(v: Vulnerability) -> str:
    return f"fixed in {v.fixed}" if v.fixed else f"no fix: {v.status.replace('_', ' ')}" if v.status else "no fix"


def _users(image: Image) -> str:
    """Who else runs it: the finding itself names the object where it stands."""
    others = [user for user in image.used_by if user != str(image.uses[0].manifest.subject)]
    return f"; also used by {_cut(others, SHOWN_USERS)}" if others else ""


def _cut(texts: Sequence[str], limit: int) -> str:
    more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more
