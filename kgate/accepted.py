"""What is found and accepted: waivers and the baseline, over the findings of all stages."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from kgate import load
from kgate.config import Options
from kgate.errors import ConfigError, SettingError, UsageError
from kgate.finding import Finding, Rule, Severity, Stage, clean, in_order
from kgate.manifest import Source

if TYPE_CHECKING:
    from kgate.baseline.book import Entry
    from kgate.policy import Policy
    from kgate.waivers.apply import Said
    from kgate.waivers.book import Book
    from kgate.waivers.settings import SettingsWaiver
    from kgate.waivers.waiver import Written

_WORD = "kgate"
"""What a text must hold to say anything to kgate: most hold it nowhere and cost nothing more."""


class Ran(Struct, frozen=True, kw_only=True):
    """How far the run can be trusted to have found everything: what was missed is not unused."""

    whole: bool
    """What was loaded is all there is below the paths."""
    scanned: bool
    """Every image was."""
    rehearsed: bool
    """Every Deployment was, and not only what differs from a base."""


def accepted(options: Options, findings: Sequence[Finding], loaded: load.Loaded, ran: Ran) -> Sequence[Finding]:
    """The findings, those that somebody answers for marked, and what is to be said of waivers and baseline. Raises KgateError."""
    marked, about = _waived(options, findings, loaded, ran) if options.waive else (findings, ())
    if not (options.write_baseline or options.baseline):
        return [*marked, *about]
    found = in_order([*marked, *about])  # what is told once counts once
    return _all_known(options, found) if options.write_baseline else _matched(options, found, loaded, ran)


def today(options: Options, environ: Mapping[str, str]) -> date:
    """The day on which waivers hold: the options' own, or that of SOURCE_DATE_EPOCH, or today; in UTC. Raises UsageError."""
    if options.today is not None:
        return options.today
    if epoch := environ.get("SOURCE_DATE_EPOCH"):
        try:
            return datetime.fromtimestamp(int(epoch), UTC).date()
        except (ValueError, OverflowError, OSError):
            raise UsageError(
                f"SOURCE_DATE_EPOCH={clean(epoch, limit=40)} is no time", hint="seconds since 1970-01-01, as `date +%s` prints them"
            ) from None
    return datetime.now(UTC).date()


def _waived(options: Options, findings: Sequence[Finding], loaded: load.Loaded, ran: Ran) -> tuple[Sequence[Finding], Sequence[Finding]]:
    said = _said(options, loaded)
    if said is None:
        return findings, ()
    from kgate.waivers.apply import apply

    book = _book(options, findings)
    marked = apply(findings, said, today=today(options, os.environ), book=book, within=_within, sure=_Sure(options, ran).of)
    return marked.findings, marked.about


def _said(options: Options, loaded: load.Loaded) -> Said | None:
    """Everything that waives something; None, at next to no cost, when nothing does."""
    speaking = [s for s in loaded.sources if _speaks(s)]
    rendered = [m for m in loaded.manifests if m.app]
    if not (speaking or rendered or options.waivers):
        return None
    from kgate.load.comments import comments, mentions
    from kgate.waivers.annotated import DOMAIN
    from kgate.waivers.apply import Said

    files = {id(s) for s in speaking if mentions(s, DOMAIN)}
    annotated = [m for m in loaded.manifests if id(m.source) in files or m.app]
    return Said(
        comments={s.file: found for s in speaking if (found := comments(s))},
        annotated=annotated,
        manifests=loaded.manifests,
        settings=_written(options, options.waivers) if options.waivers else (),
    )


def _speaks(source: Source) -> bool:
    from kgate.load.comments import mentions

    return mentions(source, _WORD)


def _written(options: Options, said: Sequence[SettingsWaiver]) -> Sequence[tuple[SettingsWaiver, Written]]:
    """Each with its place in the settings file, which is read again for that."""
    from kgate.manifest import Location
    from kgate.waivers.waiver import Written

    if options.settings_file is None:
        return [(w, Written(file="waivers", place=Location(line=1, column=1))) for w in said]
    _, source = load.settings_file(options.settings_file)
    file = options.guard.named(options.settings_file) if options.guard else source.file
    return [(w, Written(file=clean(file), place=source.locate(0, ("waivers", i), key=False))) for i, w in enumerate(said)]


def _book(options: Options, findings: Iterable[Finding]) -> Book:
    """The rules of every room, policies of the user's own among them, and whatever else this run has found."""
    from kgate import catalogue
    from kgate.waivers.book import Book

    rules = {r.id: r for r in (*catalogue.rules(), *(p.rule for p in _policies(options)))}
    for f in findings:
        if f.rule not in rules:
            rules[f.rule] = Rule(
                id=f.rule, name=f.name, stage=f.stage, severity=Severity.WARNING, summary=f.name, why=f.why, remediation=f.remediation
            )
    return Book(rules.values(), locked(options))


def locked(options: Options) -> frozenset[str]:
    """Identifiers of the rules that nobody may waive, those of policies that say so and those the settings lock. Raises KgateError."""
    policies = _policies(options)
    own = {word: p.rule.id for p in policies for word in (p.rule.id, p.rule.name)}
    return frozenset(p.rule.id for p in policies if p.locked) | {
        own.get(n) or _known(options, i, n) for i, n in enumerate(options.policy.locked)
    }


def _policies(options: Options) -> Sequence[Policy]:
    from kgate import policy

    return policy.catalog_of(options.policy.paths).policies


def _known(options: Options, index: int, name: str) -> str:
    from kgate import catalogue
    from kgate.config import nearest

    rules = catalogue.rules()
    if (found := next((r.id for r in rules if name in (r.id, r.name)), None)) is not None:
        return found
    message, hint = f"policy.locked: there is no rule {clean(name, limit=80)!r}", nearest(name, [r.name for r in rules])
    if options.settings_file is None:
        raise UsageError(message, hint=hint)
    _, source = load.settings_file(options.settings_file)
    at = source.locate(0, ("policy", "locked", index), key=False)
    raise ConfigError.at(clean(source.file), at.line, at.column, message, hint=hint)


def _within(patterns: Sequence[str], file: str) -> bool:
    from kgate.load.patterns import Patterns

    return Patterns.of(patterns).match(file, folder=False)


class _Sure:
    """Whether a rule can have missed nothing."""

    def __init__(self, options: Options, ran: Ran) -> None:
        self._options, self._ran = options, ran

    def of(self, rule: Rule, everywhere: bool) -> bool:
        """`everywhere`: below the settings file, not only in the files that were checked."""
        if rule.stage not in self._options.stages or (everywhere and not self._everything):
            return False
        if rule.stage is Stage.IMAGES:
            return self._ran.whole and self._ran.scanned
        if rule.stage is Stage.ROLLOUT:
            return self._ran.whole and self._ran.rehearsed
        return self._ran.whole or rule.stage is not Stage.POLICY or _alone(rule)

    @property
    def _everything(self) -> bool:
        home = os.path.realpath(FilePath(self._options.settings_file or ".").parent)
        return self._ran.whole and any(FilePath(home).is_relative_to(os.path.realpath(p)) for p in self._options.paths)


def _alone(rule: Rule) -> bool:
    """A policy that looks at one object alone: what else there is makes no difference."""
    from kgate import policy

    found = policy.catalog().find(rule.id)
    if found is None:
        return False
    return (
        found.require is not None
        or found.pack in ("images", "labels", "resources")
        or (found.pack == "security" and found.subject != "repository")
    )


def _may(options: Options) -> Callable[[Finding], bool]:
    """What was not scanned has not passed, and no baseline makes it pass."""
    from kgate.baseline.rules import baselinable
    from kgate.images.rules import NOT_SCANNED

    never = locked(options) | {NOT_SCANNED.id}
    return lambda f: baselinable(f, never)


def home_of(baseline: str, root: str | None = None) -> Callable[[str], str]:
    """How a file of the run is called in a baseline: from the folder `root`, that of the baseline unless given."""
    folder = os.path.abspath(root if root is not None else FilePath(baseline).parent)  # noqa: PTH100

    def named(file: str) -> str:
        return file if file.startswith("<") else os.path.relpath(file, folder).replace(os.sep, "/")

    return named


def _all_known(options: Options, findings: Sequence[Finding]) -> Sequence[Finding]:
    """As the run after this one will see them."""
    assert options.write_baseline is not None
    may = _may(options)
    text = f"in the baseline {clean(options.write_baseline)}"
    return [replace(f, waived=text, baselined=True) if may(f) else f for f in findings]


def _matched(options: Options, findings: Sequence[Finding], loaded: load.Loaded, ran: Ran) -> Sequence[Finding]:
    from kgate.baseline.match import match

    assert options.baseline is not None
    entries, source = _read(options.baseline)
    file = options.guard.named(options.baseline) if options.guard else source.file
    home = home_of(options.baseline, options.baseline_root)
    root = options.baseline_root if options.baseline_root is not None else str(FilePath(options.baseline).parent)

    def gone(name: str) -> bool:
        return not name.startswith("<") and not FilePath(root, name).exists()

    matched = match(findings, entries, file=clean(file), home=home, gone=gone, may=_may(options))
    broken = {f.file for f in loaded.findings if f.severity is Severity.ERROR}
    checked = {home(s.file) for s in loaded.sources if clean(s.file) not in broken}
    sure = _Sure(options, ran)
    stale = [(n, e) for n, e in matched.left if _is_stale(e, sure, lambda name: name in checked or gone(name))]
    return [*matched.findings, *_told(stale, len(entries), clean(file), source)]


def _read(file: str) -> tuple[Sequence[Entry], Source]:
    from kgate.baseline.book import read

    if not FilePath(file).exists():
        raise UsageError(f"{clean(file)}: there is no such baseline", hint=f"kgate check --write-baseline {clean(file)} writes it")
    body, source = load.settings_file(file)
    try:
        return read(body), source
    except SettingError as fault:
        at = source.locate(0, fault.path, key=False)
        raise ConfigError.at(clean(source.file), at.line, at.column, fault.message, hint=fault.hint) from fault


def _is_stale(entry: Entry, sure: _Sure, seen: Callable[[str], bool]) -> bool:
    from kgate import catalogue

    if entry.file and not seen(entry.file):
        return False
    rule = next((r for r in catalogue.rules() if r.id == entry.rule), None)
    return rule is None or sure.of(rule, not entry.file)


_NAMED = 3


def _told(stale: Sequence[tuple[int, Entry]], number: int, file: str, source: Source) -> Iterable[Finding]:
    """One finding, at the first of them: they are mended together."""
    from kgate.baseline.rules import STALE

    if not stale:
        return
    named = [f"{e.name} of {e.object or 'an image'}" + (f" in {e.file}" if e.file else "") for _, e in stale[:_NAMED]]
    more = f" and {len(stale) - _NAMED} more" if len(stale) > _NAMED else ""
    message = f"{len(stale)} of {number} entries no longer occur as often as the baseline says: {', '.join(named)}{more}"
    yield Finding.in_file(file, source.locate(0, ("entries", stale[0][0]), key=False), rule=STALE, message=message)
