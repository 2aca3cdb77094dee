"""The judgement is kgate's own, whichever scanner looked: what is an error, what a warning, and where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime

from msgspec import Struct
from msgspec.structs import replace

from kgate.finding import Finding, Rule, Severity, Skipped
from kgate.images.inventory import Image, inventory
from kgate.images.knowledge import Knowledge, knowledge
from kgate.images.outcomes import by_id, of_rollback, outcome, worst
from kgate.images.platforms import Answer, platforms_of, platforms_of_use
from kgate.images.presence import Answer as Presence
from kgate.images.presence import Missing, NotChecked, Presences, Present, offers
from kgate.images.rollback import about as about_rollback
from kgate.images.rollback import replaced
from kgate.images.rules import END_OF_LIFE, EXPLOITED, MISSING, NOT_SCANNED, OUTDATED, PLATFORM_MISSING, UNFIXED, VULNERABLE
from kgate.images.scan import Progress, ask
from kgate.images.scanner import NotScanned, ScanResult, Vulnerability
from kgate.images.settings import SEVERITIES, EndOfLife, ImagesSettings, Scan, Unscanned
from kgate.images.thresholds import Thresholds, excluded, judged_alike, waiver_of
from kgate.images.waivers import SETTINGS_FILE, Locate, about_waivers, said
from kgate.manifest import Manifest
from kgate.outcome import ImageOutcome
from kgate.reference import ImageReference

SHOWN_PACKAGES = 4
SHOWN_USERS = 4


class Judged(Struct, frozen=True, kw_only=True):
    """What the images stage adds to the report."""

    findings: tuple[Finding, ...] = ()
    images: tuple[ImageOutcome, ...] = ()
    """Every image of the manifests, scanned or not, by name."""
    skipped: tuple[Skipped, ...] = ()
    """Images that a registry was to be asked about and gave no answer. What was not scanned is in `images`, with the reason."""


def judge(
    manifests: Iterable[Manifest],
    settings: ImagesSettings,
    *,
    progress: Progress | None = None,
    today: date | None = None,
    settings_file: str = SETTINGS_FILE,
    locate: Locate | None = None,
    base: Iterable[Manifest] = (),
) -> Judged:
    """Raises nothing for what an image, a registry or a scanner does wrong: each image has its outcome.

    `today` (in UTC, unless given) decides which waivers hold. `locate` tells where in the settings file a path below `images:` stands.
    `base`: what is changed; the images that it runs and `manifests` do not are what a rollback would return to.
    Raises ConfigError for a KEV or VEX file that cannot be read.
    """
    known = knowledge(settings)
    manifests = tuple(manifests)
    images = inventory(manifests)
    former = replaced(manifests, base, images) if _asks(settings) else ()
    asked = ask([*images, *former], settings, progress)
    answered = tuple(zip([*images, *former], asked.answers, strict=True))
    judged = weigh(
        answered[: len(images)], settings, former=answered[len(images) :], presences=asked.presences, known=known, today=today or _today(),
        settings_file=settings_file, locate=locate,
    )  # fmt: skip
    newer = [f for image in images if (f := _outdated(image, asked.newer))]
    return replace(judged, findings=tuple(sorted([*judged.findings, *newer], key=lambda f: f.order)))


def _asks(settings: ImagesSettings) -> bool:
    """Whether any image is asked about: otherwise nothing could be said of those of the base."""
    return settings.pull or settings.registry or bool(settings.archives or settings.sboms)


def _today() -> date:
    return datetime.now(UTC).date()


def weigh(
    answered: Iterable[tuple[Image, Answer]],
    settings: ImagesSettings,
    *,
    former: Iterable[tuple[Image, Answer]] = (),
    presences: Presences | None = None,
    known: Knowledge | None = None,
    today: date | None = None,
    settings_file: str = SETTINGS_FILE,
    locate: Locate | None = None,
) -> Judged:
    """What the answers mean. Pure, but for the day: `ask` has asked. `former`: the images that a rollback would return to."""
    today, known, presences = today or _today(), known or Knowledge(), presences or {}
    counted = tuple((image, _counting(image, answer, settings, known)) for image, answer in answered)
    findings: list[Finding] = []
    used: set[int] = set()

    def told(image: Image, answer: Answer) -> Iterator[Finding]:
        presence = presences.get(image.reference) if image.reference else None
        yield from _presence(image, presence, settings)
        for thresholds, alike in judged_alike(image, settings, today):
            yield from _findings(alike, answer, presence, thresholds, settings, known, used)

    findings += (f for image, answer in counted for f in told(image, answer))
    returning = tuple((image, _counting(image, answer, settings, known)) for image, answer in former)
    findings += (f for image, answer in returning for f in about_rollback(image, told(image, answer)))
    findings += about_waivers(counted, settings, used, today, settings_file, locate)
    outcomes = [outcome(image, answer, presences) for image, answer in counted]
    outcomes += (of_rollback(outcome(image, answer, presences)) for image, answer in returning)
    outcomes.sort(key=lambda o: o.image)
    skipped = sorted(s for image, _ in (*counted, *returning) for s in _not_looked_up(image, presences, settings))
    return Judged(findings=tuple(sorted(findings, key=lambda f: f.order)), images=tuple(outcomes), skipped=tuple(skipped))


def _counting(image: Image, answer: Answer, settings: ImagesSettings, known: Knowledge) -> Answer:
    """Without what is excluded, and what its maker says does no harm."""
    if isinstance(answer, NotScanned):
        return answer
    digest = answer.digest or (image.reference.digest if image.reference else None) or ""
    kept = (v for v in answer.vulnerabilities if not excluded(v, settings) and not known.harmless(v, image.reference, digest))
    return replace(answer, vulnerabilities=tuple(kept))


def _presence(image: Image, presence: Presence | None, settings: ImagesSettings) -> Iterator[Finding]:
    first = image.uses[0]
    if isinstance(presence, Missing):
        message = f"image {image.text} does not exist: its registry has no such {presence.what}{_users(image)}"
        yield Finding.at(first.manifest, first.path, rule=MISSING, message=message, detail=image.text)
    elif isinstance(presence, Present):
        for platform in (p for p in platforms_of(image, settings) if not offers(presence, p)):
            use = next(u for u in image.uses if platform in platforms_of_use(u, settings))
            message = f"image {image.text} does not exist for {platform}, only for {_cut(presence.platforms, 8)}{_users(image)}"
            yield Finding.at(use.manifest, use.path, rule=PLATFORM_MISSING, message=message, detail=f"{image.text} {platform}")


def _not_looked_up(image: Image, presences: Presences, settings: ImagesSettings) -> Iterator[Skipped]:
    """Wanted, where the settings ask for registries: that one could not be reached says nothing about the image."""
    presence = presences.get(image.reference) if image.reference else None
    if isinstance(presence, NotChecked) and settings.registry:
        use = image.uses[0]
        file = use.place.file or use.manifest.file
        yield Skipped(file=file, line=use.place.line, reason=f"image {image.text} was not looked up: {presence}", wanted=True)


def _outdated(image: Image, newer: Mapping[ImageReference, str]) -> Finding | None:
    tag = newer.get(image.reference) if image.reference else None
    if tag is None:
        return None
    message = f"image {image.text} has a newer tag, {tag}{_users(image)}"
    return Finding.at(image.uses[0].manifest, image.uses[0].path, rule=OUTDATED, message=message, detail=_repository(image))


def _findings(
    image: Image,
    answer: Answer,
    presence: Presence | None,
    thresholds: Thresholds,
    settings: ImagesSettings,
    known: Knowledge,
    used: set[int],
) -> Iterator[Finding]:
    """Of the uses of an image that are judged alike. Notes in `used` which waivers cover something."""
    first = image.uses[0]
    if reason := _unanswered(answer, presence, settings):
        yield from _unscanned(image, reason, thresholds)
    if isinstance(answer, ScanResult):
        if answer.end_of_life and thresholds.end_of_life is not EndOfLife.IGNORE:
            message = f"image {image.text} is built on {answer.os}, which gets no more security updates{_users(image)}"
            severity = Severity.ERROR if thresholds.end_of_life is EndOfLife.FAIL else Severity.WARNING
            yield Finding.at(first.manifest, first.path, rule=END_OF_LIFE, message=message, severity=severity, detail=_repository(image))
        for members in by_id(answer.vulnerabilities).values():
            for waiver, covered in _by_waiver(members, thresholds, settings).items():
                if waiver is not None:
                    used.add(waiver)
                for finding in _vulnerability(image, covered, thresholds, known):
                    yield finding if waiver is None else replace(finding, waived=said(settings.waivers[waiver]))


def _unanswered(answer: Answer, presence: Presence | None, settings: ImagesSettings) -> str:
    if isinstance(presence, Missing):
        return ""  # an error of its own
    if isinstance(presence, NotChecked) and settings.registry and settings.scan is Scan.OFF:
        return f"not looked up: {presence}"
    reason = str(answer) if isinstance(answer, NotScanned) else answer.gap
    return f"not scanned: {reason}" if reason and settings.scan is not Scan.OFF else ""


def _unscanned(image: Image, reason: str, thresholds: Thresholds) -> Iterator[Finding]:
    if thresholds.on_unscanned is Unscanned.REPORT:
        return
    severity = Severity.ERROR if thresholds.on_unscanned is Unscanned.FAIL else Severity.WARNING
    message = f"image {image.text} was {reason}{_users(image)}"
    yield Finding.at(image.uses[0].manifest, image.uses[0].path, rule=NOT_SCANNED, message=message, severity=severity)


def _by_waiver(members: Sequence[Vulnerability], thresholds: Thresholds, settings: ImagesSettings) -> dict[int | None, list[Vulnerability]]:
    grouped: dict[int | None, list[Vulnerability]] = {}
    for v in members:
        grouped.setdefault(waiver_of(v, thresholds, settings), []).append(v)
    return grouped


def _vulnerability(image: Image, members: Sequence[Vulnerability], thresholds: Thresholds, known: Knowledge) -> Iterator[Finding]:
    """One finding for what can be fixed now, and one for what cannot, of one vulnerability in all packages of one image."""
    fixable = [v for v in members if v.fixed]
    unfixed = [v for v in members if not v.fixed]
    packages = ", ".join(sorted({f"{v.package} {v.fixed}" for v in fixable})[:SHOWN_PACKAGES])
    update = f"update the image to one that has {packages}"
    if members[0].id in known.exploited:
        yield _finding(image, members, Severity.ERROR, update if fixable else EXPLOITED.remediation, rule=EXPLOITED)
        return
    if fixable and (severity := _severity(worst(fixable), thresholds)):
        yield _finding(image, fixable, severity, update, rule=VULNERABLE)
    if unfixed and not thresholds.ignore_unfixed and (severity := _severity(worst(unfixed), thresholds)):
        yield _finding(image, unfixed, severity, UNFIXED.remediation, rule=UNFIXED)
    elif unfixed and thresholds.ignore_unfixed and worst(unfixed).severity == "CRITICAL":
        yield _finding(image, unfixed, Severity.WARNING, UNFIXED.remediation, rule=UNFIXED)


def _severity(gravest: Vulnerability, thresholds: Thresholds) -> Severity | None:
    """A warning for what nobody has rated: it may be anything."""
    if SEVERITIES.index(gravest.severity) <= SEVERITIES.index(thresholds.severity):
        return Severity.ERROR
    return Severity.WARNING if gravest.severity == "UNKNOWN" else None


def _finding(image: Image, members: Sequence[Vulnerability], severity: Severity, remediation: str, *, rule: Rule) -> Finding:
    gravest, first = worst(members), image.uses[0]
    rated = f"{gravest.severity} by {gravest.severity_source}" if gravest.severity_source else f"severity {gravest.severity}"
    title = f": {gravest.title[:120]}" if gravest.title else ""
    exploited = ", known to be exploited," if rule is EXPLOITED else ""
    message = f"image {image.text} has {gravest.id} ({rated}){exploited} in {_packages(members)}{title}{_users(image)}"
    detail = f"{_repository(image)} {gravest.id}"
    return Finding.at(first.manifest, first.path, rule=rule, message=message, severity=severity, remediation=remediation, detail=detail)


def _repository(image: Image) -> str:
    """What stays of an image when its tag moves on: a vulnerability that is known is so in the next version, too."""
    return image.reference.name if image.reference else image.text


def _packages(members: Sequence[Vulnerability]) -> str:
    """`libc6 2.36-9 (fixed in 2.36-9+deb12u3), libc-bin ...`."""
    texts = sorted({f"{v.package} {v.installed}{f' on {v.only}' if v.only else ''} ({_fix(v)})" for v in members})
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
