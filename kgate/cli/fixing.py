"""`kgate fix`: findings to edits, edits to texts, and the proof that the texts are better, before any file is touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING

from kgate import load
from kgate.edit import Edit, Fix, Impossible
from kgate.errors import UsageError
from kgate.finding import Finding, Stage, clean
from kgate.fix import Plan, Refused, Wish, plan, unified, write
from kgate.gate import Progress, gate
from kgate.load import spots

if TYPE_CHECKING:
    from kgate.config import Options
    from kgate.outcome import Report
    from kgate.report import Style

ROUNDS = 10
"""One fix may make room for another, but not for ever."""
PIN = "KG2006"
"""The rule that a digest satisfies."""
_Key = tuple[str, str, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which fixes to make."""

    unsafe: bool = False
    rules: frozenset[str] = frozenset()
    """Identifiers; empty for every rule."""
    pins: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """What was found out and what would be written."""

    old: Mapping[str, str]
    new: Mapping[str, str]
    """By file, for those that change."""
    granted: tuple[Wish, ...] = ()
    refused: tuple[Refused, ...] = ()
    left: int = 0
    """Findings after it."""
    unsafe: int = 0
    """How many of those `--unsafe` would fix."""

    @property
    def exit_code(self) -> int:
        """What was asked for and could not be done makes the run incomplete."""
        return 3 if self.refused else 0


def mend(options: Options, wanted: Wanted, *, progress: Progress) -> Mended:
    """Plans until nothing is left to plan. Every step is judged again: a fix that leaves its finding, or brings another, is dropped."""
    if "-" in options.paths:
        raise UsageError("standard input cannot be changed", hint="name the file")
    if wanted.pins and options.images.offline:
        raise UsageError("--pin-digests asks registries, and --offline forbids it", hint="leave one of the two out")
    loaded = load.manifests(options.paths, exclude=options.exclude, force_exclude=options.force_exclude)
    texts = {s.file: text for s in loaded.sources if (text := load.file_text(s)) is not None}
    files = {clean(file): file for file in texts}
    options = _asking(options, wanted)
    report = gate(options, progress=progress)
    work = _Work(options=options, progress=progress, old=texts)
    if wanted.pins:
        progress("asking registries")
        report = work.take(_pinned(work, loaded, options), report)
    for _ in range(ROUNDS):
        wishes = [w for f in _chosen(report.findings, wanted) if not work.given_up(w := _wish(f, files))]
        if not wishes:
            break
        report = work.take(wishes, report)
    return _mended(work, report, wanted)


def _mended(work: _Work, report: Report, wanted: Wanted) -> Mended:
    rest = [f for f in report.findings if f.waived is None]
    risky = [f for f in rest if f.fixable and f.fix is not None and f.fix.unsafe and not wanted.unsafe and _named(f, wanted)]
    return Mended(
        old=work.old,
        new={file: text for file, text in work.new.items() if text != work.old[file]},
        granted=tuple(work.granted),
        refused=tuple(work.refused),
        left=len(rest),
        unsafe=len(risky),
    )


def written(mended: Mended, roots: Sequence[str]) -> Mended:
    """The files, changed; one that cannot be is told among what was refused."""
    failed: dict[str, str] = {}
    for file, text in sorted(mended.new.items()):
        try:
            write(file, mended.old[file], text, (".", *roots))
        except Impossible as e:
            failed[file] = e.reason
    lost = tuple(Refused(wish=w, reason=failed[w.file]) for w in mended.granted if w.file in failed)
    return replace(
        mended,
        new={file: text for file, text in mended.new.items() if file not in failed},
        granted=tuple(w for w in mended.granted if w.file not in failed),
        refused=(*mended.refused, *lost),
    )


def difference(mended: Mended, style: Style) -> str:
    """The patch alone, so that it can be piped."""
    from kgate.report.style import inert

    return inert("".join(_painted(line, style) + "\n" for line in unified(mended.old, mended.new)))


def _painted(line: str, style: Style) -> str:
    colours = {"+": "green", "-": "red", "@": "cyan"}
    told = line if not style.ascii or line.isascii() else line.encode("ascii", "backslashreplace").decode()
    return style.paint(colours[line[0]], told) if line[:1] in colours else told


def told(mended: Mended, style: Style, *, would: bool = False) -> str:
    """What was done, by file, then what was not and why, then the sum."""
    lines: list[str] = []
    for file in sorted({w.file for w in mended.granted}):
        lines.append(style.paint("bold", style.shown(file)))
        lines += [f"  {w.line}:{w.column} {w.rule} {w.name}: {style.shown(w.message)}" for w in mended.granted if w.file == file]
    for r in sorted(mended.refused, key=lambda r: r.wish.order):
        place = f"{style.shown(r.wish.file)}:{r.wish.line}:{r.wish.column}"
        lines.append(f"{place}: {style.paint('yellow', 'not fixed')} {r.wish.rule} {r.wish.name}: {style.shown(r.reason)}")
    return style.finished([] if style.quiet > 1 else [*([] if style.quiet else lines), summed(mended, would=would)])


def summed(mended: Mended, *, would: bool = False) -> str:
    from kgate.report.style import counted

    verb = "would be fixed" if would else "fixed"
    parts = [f"{counted(len(mended.granted), 'finding')} {verb} in {counted(len(mended.new), 'file')}"]
    if mended.refused:
        parts.append(f"{len(mended.refused)} could not be fixed")
    parts.append(f"{mended.left} left" + (f", {mended.unsafe} of them with a fix that only --unsafe makes" if mended.unsafe else ""))
    return "; ".join(parts)


@dataclass(slots=True, kw_only=True)
class _Work:
    """Texts in the making, and what became of each wish."""

    options: Options
    progress: Progress
    old: Mapping[str, str]
    new: dict[str, str] = field(default_factory=dict)
    granted: list[Wish] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    def given_up(self, wish: Wish) -> bool:
        """Whether the same was refused before, wherever it stands by now."""
        return any(_told_of(r.wish) == _told_of(wish) and r.wish.fix == wish.fix for r in self.refused)

    def take(self, wishes: Iterable[Wish], before: Report) -> Report:
        """Makes what can be made of `wishes` and is better then; the report of the new texts.

        All at once. Objects that would be worse then are tried again, rule by rule, the safe ones first.
        """
        planned = plan(wishes, self._texts, spots)
        self.refused += planned.refused
        after, guilty = self._tried(planned, before)
        if not guilty:
            return self._accept(planned, after)
        worse = {_object_of(w) for w, _ in guilty}
        report = self._made([w for w in planned.granted if _object_of(w) not in worse], before)
        left = [w for w in planned.granted if _object_of(w) in worse]
        for _, group in groupby(sorted(left, key=_by_rule), key=_by_rule):
            report = self._made(list(group), report)
        return report

    def _made(self, wishes: Sequence[Wish], before: Report) -> Report:
        """Those of `wishes` that do no harm together."""
        while wishes:
            planned = plan(wishes, self._texts, spots)
            self.refused += planned.refused
            after, guilty = self._tried(planned, before)
            if not guilty:
                return self._accept(planned, after)
            self.refused += [Refused(wish=w, reason=reason) for w, reason in guilty]
            culprits = [w for w, _ in guilty]
            wishes = [w for w in planned.granted if w not in culprits]
        return before

    def _tried(self, planned: Plan, before: Report) -> tuple[Report, Sequence[tuple[Wish, str]]]:
        if not planned.granted:
            return before, ()
        self.progress(f"judging changed texts of {len(planned.texts)} files")
        after = gate(self.options, texts={**self.new, **planned.texts})
        return after, _guilty(before, after, planned.granted)

    def _accept(self, planned: Plan, after: Report) -> Report:
        self.new.update(planned.texts)
        self.granted += planned.granted
        return after

    @property
    def _texts(self) -> Mapping[str, str]:
        return {**self.old, **self.new}


def _guilty(before: Report, after: Report, granted: Sequence[Wish]) -> list[tuple[Wish, str]]:
    """The wishes whose finding would stay, and those of an object about which something new would be found."""
    had, has = _counted(before.findings), _counted(after.findings)
    asked = Counter(_key_of(w) for w in granted if w.rule != PIN)
    found = [(w, "the finding would stay") for w in granted if w.rule != PIN and has[_key_of(w)] > had[_key_of(w)] - asked[_key_of(w)]]
    for rule, file, document, subject in sorted(key for key in has if has[key] > had[key]):
        reason = f"{rule} would then be found in {subject or file}"
        mine = [w for w in granted if (clean(w.file), w.document, w.subject) == (file, document, subject)]
        found += [(w, reason) for w in mine or [w for w in granted if clean(w.file) == file] or granted]
    return list({id(w): (w, reason) for w, reason in reversed(found)}.values())


def _object_of(wish: Wish) -> tuple[str, int, str]:
    return (wish.file, wish.document, wish.subject)


def _by_rule(wish: Wish) -> tuple[bool, str]:
    return (bool(wish.fix.unsafe), wish.rule)


def _counted(findings: Iterable[Finding]) -> Counter[_Key]:
    """By rule and object: lines and paths move when a text is changed. One whose waiver goes with a line counts as new."""
    return Counter((f.rule, f.file, f.document, str(f.object or "")) for f in findings if f.waived is None)


def _key_of(wish: Wish) -> _Key:
    return (wish.rule, clean(wish.file), wish.document, wish.subject)


def _told_of(wish: Wish) -> tuple[str, ...]:
    return (wish.rule, wish.file, wish.subject, wish.message)


def _asking(options: Options, wanted: Wanted) -> Options:
    """Only what fixes come from; rules that are asked for by name are on. What a baseline knows had better go as well."""
    from kgate.policy import catalog_of
    from kgate.policy.trial import on_alone

    off = tuple(p.name for p in catalog_of(options.policy.paths).policies if p.rule.id in wanted.rules and not p.rule.enabled)
    policy = on_alone(off, options.policy) if off else options.policy
    stages = [Stage.LOAD, Stage.VALIDATE, Stage.POLICY]
    if any(rule.startswith("KG5") for rule in wanted.rules):
        stages.append(Stage.ROLLOUT)  # its fixes are unsafe, and playing takes longer than judging
    return replace(options, stages=tuple(stages), policy=policy, baseline=None, write_baseline=None)


def _named(f: Finding, wanted: Wanted) -> bool:
    return not wanted.rules or f.rule in wanted.rules


def _chosen(findings: Iterable[Finding], wanted: Wanted) -> Iterable[Finding]:
    for f in findings:
        if f.fix is not None and f.waived is None and _named(f, wanted) and (wanted.unsafe or not f.fix.unsafe):
            yield f


def _wish(f: Finding, files: Mapping[str, str]) -> Wish:
    assert f.fix is not None
    return Wish(
        file=files.get(f.file, f.file),
        document=f.document,
        fix=f.fix,
        rule=f.rule,
        name=f.name,
        subject=str(f.object or ""),
        message=f.message,
        line=f.line,
        column=f.column,
    )


def _pinned(work: _Work, loaded: load.Loaded, options: Options) -> Iterator[Wish]:
    """A wish for each image whose registry told a digest; the others are refused."""
    from kgate.images.pins import pins
    from kgate.policy import catalog

    name = next(p.name for p in catalog().policies if p.rule.id == PIN)
    for pin in pins((m for m in loaded.manifests if not m.app), options.images, progress=lambda done, total: None):
        use = pin.use
        wish = Wish(
            file=use.manifest.file,
            document=use.manifest.document,
            fix=Fix(edits=(Edit(path=use.manifest.root + use.path, value=pin.image),)),
            rule=PIN,
            name=name,
            subject=str(use.manifest.subject),
            message=f"{use.image} is pinned as {pin.image}" if pin.image else f"{use.image} is not pinned",
            line=use.place.line,
            column=use.place.column,
        )
        if pin.image:
            yield wish
        else:
            work.refused.append(Refused(wish=wish, reason=pin.reason))
