"""The whole run, top to bottom: every stage once, in the order a manifest meets them."""

from __future__ import annotations

import os
import sys
import time
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from kgate import load
from kgate.accepted import Ran, accepted, today
from kgate.config import FILE_NAME, Options
from kgate.errors import UsageError
from kgate.finding import Finding, Severity, Skipped, Stage, clean
from kgate.manifest import Location, Manifest, pointer
from kgate.manifest import Path as Steps
from kgate.outcome import Checked, ImageOutcome, Rehearsal, Report

if TYPE_CHECKING:
    from kgate.load.render.settings import RenderSettings
    from kgate.rollout.settings import RolloutSettings

Progress = Callable[[str], None]
"""Told what is being done, in a few words, before it is done."""


def silent(doing: str) -> None:
    """The Progress of a run that nobody watches."""


def gate(options: Options | None = None, *, progress: Progress = silent, texts: Mapping[str, str] | None = None) -> Report:
    """The findings of every stage that `options` asks for, and what could not be checked. Raises KgateError for a fault of the run.

    `texts`, by the names that findings give to files, are judged in place of what those files hold.
    """
    options = Options() if options is None else options
    progress("loading")
    read = loaded(options, texts=texts)
    base = _base(options)
    run = _Run(
        options=options,
        progress=progress,
        manifests=read.manifests,
        base=base,
        whole=_whole(options, read),
        crds=_crds(options),
    )
    validated = run.validated()
    judged = run.judged()
    scanned = run.scanned()
    rehearsed = run.rehearsed(validated.sound)
    return _report(options, read, (validated, judged, scanned, rehearsed), base)


def loaded(options: Options, *, texts: Mapping[str, str] | None = None) -> load.Loaded:
    """Everything below the paths of a run, apps rendered. Raises UsageError."""
    return load.manifests(
        options.paths,
        exclude=options.exclude,
        force_exclude=options.force_exclude,
        not_manifests=_own(options),
        texts=texts,
        render=_render(options),
    )


def _render(options: Options) -> RenderSettings:
    """What renderers are to know of the run."""
    from dataclasses import replace

    from kgate import validate
    from kgate.load.render.settings import RenderSettings

    version = options.kubernetes_version or validate.NEWEST
    return replace(options.render or RenderSettings(), kubernetes_version=version)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What one stage adds to the report."""

    findings: Iterable[Finding] = ()
    skipped: Iterable[Skipped] = ()
    images: Sequence[ImageOutcome] = ()
    rollouts: Sequence[Rehearsal] = ()
    sound: Sequence[Manifest] = ()
    """Of validate: the manifests that the API server would take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One pass of the manifests through the stages that are wanted."""

    options: Options
    progress: Progress
    manifests: Sequence[Manifest]
    base: load.Loaded | None
    whole: bool
    crds: Sequence[Manifest]
    """CustomResourceDefinitions that the user has named."""

    def wanted(self, stage: Stage) -> bool:
        return stage in self.options.stages

    def validated(self) -> _Outcome:
        """Runs for the rollout stage as well: the engine never sees what the API server would refuse."""
        if not (self.wanted(Stage.VALIDATE) or self.wanted(Stage.ROLLOUT)):
            return _Outcome()
        from kgate import validate

        self.progress("validating")
        judged = validate.judge(
            self.manifests, self.version, base=self.base.manifests if self.base else (), crds=self.crds, jobs=self.options.jobs
        )
        sound = without(self.manifests, judged.findings)
        skipped = [*judged.skipped, *_unreadable(self.base, self.manifests)]
        if self.wanted(Stage.VALIDATE):
            return _Outcome(findings=judged.findings, skipped=skipped, sound=sound)
        return _Outcome(skipped=skipped, sound=sound)

    def judged(self) -> _Outcome:
        if not self.wanted(Stage.POLICY):
            return _Outcome()
        from kgate import policy, validate

        self.progress("judging policies")
        found = policy.judge(
            self.manifests,
            policy.catalog_of(self.options.policy.paths),
            self.options.policy,
            whole=self.whole,
            minor=int(validate.minor(self.version).partition(".")[2]),
            definitions=self.crds,
            jobs=self.options.jobs,
        )
        admitted = self._admitted()
        return _Outcome(findings=[*found, *admitted.findings], skipped=admitted.skipped)

    def _admitted(self) -> _Outcome:
        """What the repository's own admission policies say; nothing of theirs is loaded where there are none."""
        from kgate import policy, validate

        named = policy.objects_of(self.options.policy.paths) if self.options.policy.paths else ()
        beside = _beside(named, self.manifests)
        if not any(m.kind.startswith("ValidatingAdmissionPolicy") for m in (*self.manifests, *beside)):
            return _Outcome()
        from kgate.policy import admission

        judged = admission.judge(
            self.manifests,
            self.options.policy,
            minor=int(validate.minor(self.version).partition(".")[2]),
            base=self.base.manifests if self.base else (),
            beside=(*beside, *self.crds),
        )
        return _Outcome(findings=judged.findings, skipped=judged.skipped)

    def scanned(self) -> _Outcome:
        if not self.wanted(Stage.IMAGES):
            return _Outcome()
        from kgate import images

        self.progress("scanning images")
        judged = images.judge(
            self.manifests,
            self.options.images if self.options.waive else self.options.images.unwaived(),
            progress=self._scanned_so_far,
            today=today(self.options, os.environ),
            settings_file=self.options.settings_file or FILE_NAME,
            locate=self._in_settings if self.options.settings_file else None,
            base=self.base.manifests if self.base else (),
        )
        return _Outcome(findings=judged.findings, skipped=judged.skipped, images=judged.images)

    def _in_settings(self, path: Steps) -> Location:
        """Where a path below `images:` stands in the settings file. It is read again, which only a finding about it costs."""
        assert self.options.settings_file is not None
        _, source = load.settings_file(self.options.settings_file)
        return source.locate(0, ("images", *path), key=False)

    def _scanned_so_far(self, done: int, total: int) -> None:
        self.progress(f"scanning images, {done} of {total} done")

    def rehearsed(self, sound: Sequence[Manifest]) -> _Outcome:
        """A Deployment that the API server would refuse is not rehearsed, and the report says so."""
        if not self.wanted(Stage.ROLLOUT):
            return _Outcome()
        from kgate import rollout, validate

        self.progress("rehearsing rollouts")
        causes = partial(validate.causes, version=self.version)
        settings = _on_cluster(self.options.rollout)
        played = rollout.rehearse(
            sound,
            settings,
            base=self.base.manifests if self.base else None,
            whole=self.manifests if self.whole else None,
            validate=causes,
            jobs=self.options.jobs,
            told=self._rehearsed_so_far,
        )
        skipped = [*played.skipped, *_refused(self.manifests, sound)]
        old = rollout.too_old(settings, time.time()) if played.rollouts else None
        return _Outcome(findings=[*played.findings, *([old] if old else [])], skipped=skipped, rollouts=played.rollouts)

    def _rehearsed_so_far(self, done: int, total: int) -> None:
        self.progress(f"rehearsing rollouts, {done} of {total} done")

    @property
    def version(self) -> str:
        from kgate import validate

        return self.options.kubernetes_version or validate.NEWEST


def _base(o: Options) -> load.Loaded | None:
    """The manifests as they were, where a stage asks for them."""
    if o.base is None or not {Stage.VALIDATE, Stage.POLICY, Stage.IMAGES, Stage.ROLLOUT} & set(o.stages):
        return None
    return load.base(o.base, o.paths, exclude=o.exclude, not_manifests=_own(o), render=_render(o))


def _unreadable(base: load.Loaded | None, manifests: Sequence[Manifest]) -> Iterable[Skipped]:
    """What could not be read of the base cannot be compared with what stands there now."""
    files = {clean(m.file) for m in manifests}
    for f in base.findings if base else ():
        if f.severity is Severity.ERROR and f.file in files:
            yield Skipped(file=f.file, reason=f"base version of {f.file} cannot be read: {f.message}", wanted=True)


def _crds(options: Options) -> Sequence[Manifest]:
    """What is to judge custom resources must be there and readable, where a stage asks for it. Raises KgateError."""
    paths = options.crds
    if not paths or not {Stage.VALIDATE, Stage.POLICY, Stage.ROLLOUT} & set(options.stages):
        return ()
    loaded = load.manifests(paths)
    if wrong := next((f for f in loaded.findings if f.severity is Severity.ERROR), None):
        raise UsageError(f"--crds: {wrong.file}:{wrong.line}:{wrong.column}: {wrong.message}", hint=wrong.remediation)
    found = [m for m in loaded.manifests if m.kind == "CustomResourceDefinition"]
    if not found:
        raise UsageError(f"--crds: no CustomResourceDefinition in {', '.join(map(clean, paths))}", hint="name the files that define them")
    return found


def _beside(files: Sequence[str], manifests: Sequence[Manifest]) -> Sequence[Manifest]:
    """The objects in files that `policy.paths` names and that are not checked themselves. Raises UsageError."""
    checked = {os.path.realpath(m.file) for m in manifests}
    paths = [file for file in files if os.path.realpath(file) not in checked]
    if not paths:
        return ()
    loaded = load.manifests(paths)
    if wrong := next((f for f in loaded.findings if f.severity is Severity.ERROR), None):
        raise UsageError(f"policy.paths: {wrong.file}:{wrong.line}:{wrong.column}: {wrong.message}", hint=wrong.remediation)
    return loaded.manifests


def _own(options: Options) -> tuple[str, ...]:
    """Files that kgate itself reads: they are no manifests, wherever they lie."""
    named = (options.settings_file, options.rollout.cluster, options.baseline, options.write_baseline)
    return (*filter(None, named), *_policy_files(options.policy.paths))


def _policy_files(paths: tuple[str, ...]) -> tuple[str, ...]:
    if not paths:
        return ()
    from kgate import policy

    return policy.files_of(paths)


def _on_cluster(settings: RolloutSettings) -> RolloutSettings:
    """The settings with the cluster that they name, read. Raises ConfigError."""
    from kgate import rollout

    if settings.cluster is None or settings.spec is not None:
        return settings
    body, source = load.settings_file(settings.cluster)
    return settings.on(rollout.read_cluster(body, file=source.file, source=source))


def _whole(options: Options, loaded: load.Loaded) -> bool:
    """Whether what was loaded is all there is, so that what is absent is really absent."""
    return all(Path(p).is_dir() for p in options.paths) and not any(f.severity is Severity.ERROR for f in loaded.findings)


def without(manifests: Sequence[Manifest], findings: Iterable[Finding]) -> tuple[Manifest, ...]:
    """The manifests in which no error was found. An error of a List's item concerns that item alone."""
    wrong: dict[tuple[str, int], list[str]] = {}
    for f in findings:
        if f.severity is Severity.ERROR:
            for home in f.homes or ((f.file, f.document),):
                wrong.setdefault(home, []).append(f.path)
    return tuple(m for m in manifests if not any(_inside(path, m) for path in wrong.get((clean(m.file), m.document), ())))


def _inside(path: str, manifest: Manifest) -> bool:
    root = pointer(manifest.root)
    return path == root or path.startswith(root + "/") or (bool(root) and root.startswith(path))


def _refused(manifests: Sequence[Manifest], sound: Sequence[Manifest]) -> Iterable[Skipped]:
    """Wanted: with the validate stage switched off nothing else in the report says that they fail."""
    kept = {id(m) for m in sound}
    for m in manifests:
        if m.kind == "Deployment" and id(m) not in kept:
            reason = f"{m.subject}: rollout not rehearsed, the API server would refuse the object"
            place = m.locate(())
            yield Skipped(file=place.file or m.file, reason=reason, line=place.line, wanted=True)


def _report(options: Options, loaded: load.Loaded, outcomes: Sequence[_Outcome], base: load.Loaded | None) -> Report:
    from kgate import __version__, validate

    images = [i for o in outcomes for i in o.images]
    rollouts = [r for o in outcomes for r in o.rollouts]
    return Report.of(
        version=__version__,
        kubernetes_version=options.kubernetes_version or validate.NEWEST,
        stages=tuple(s for s in Stage if s in options.stages or s is Stage.LOAD),
        fail_on=options.fail_on,
        checked=Checked(
            files=loaded.files,
            objects=len(loaded.manifests),
            images=sum(1 for i in images if i.scanned),
            rollouts=sum(1 for r in rollouts if r.verdict != "unknown"),
        ),
        findings=_guarded(options, _fixable(_accepted(options, loaded, outcomes), loaded)),
        skipped=[*loaded.skipped, *(s for o in outcomes for s in o.skipped)],
        images=images,
        rollouts=rollouts,
        may_be_empty=options.force_exclude,
        sources=loaded.sources,
        base_sources=base.sources if base else (),
    )


def _one_each(findings: Sequence[Finding]) -> Sequence[Finding]:
    """A policy and a rehearsal that found the same in one object are told once."""
    if not any(f.stage is Stage.ROLLOUT for f in findings):
        return findings
    from kgate.rollout import overlap

    return overlap.one_each(findings)


def _accepted(options: Options, loaded: load.Loaded, outcomes: Sequence[_Outcome]) -> Sequence[Finding]:
    """What somebody answers for, or knows already, is marked. A waiver of a policy does not reach what a rehearsal proves of the same."""
    missed = any(s.wanted for o in outcomes for s in o.skipped) or any(r.verdict == "unknown" for o in outcomes for r in o.rollouts)
    ran = Ran(
        whole=_whole(options, loaded),
        scanned=all(i.scanned for o in outcomes for i in o.images),
        rehearsed=options.base is None and not missed,
    )
    found = accepted(options, [*loaded.findings, *(f for o in outcomes for f in o.findings)], loaded, ran)
    return [*_one_each([f for f in found if f.waived is None]), *_one_each([f for f in found if f.waived is not None])]


def _guarded(options: Options, findings: Iterable[Finding]) -> Iterable[Finding]:
    return findings if options.guard is None else options.guard.told(findings)


def _fixable(findings: Sequence[Finding], loaded: load.Loaded) -> Iterable[Finding]:
    """With `fixable` true only where the edit could really be made: not in a generated file, and not through an anchor."""
    by_file: dict[str, list[Finding]] = {}
    for f in findings:
        if f.fix is not None:
            by_file.setdefault(f.file, []).append(f)
    if not by_file:
        return findings
    from kgate.fix import possible
    from kgate.load import spots

    texts = {clean(s.file): load.file_text(s) for s in loaded.sources}
    refused: set[int] = set()
    for file, wanted in by_file.items():
        text = texts.get(file)
        can = possible(text, [(f.document, f.fix) for f in wanted if f.fix], spots) if text is not None else [False] * len(wanted)
        refused.update(id(f) for f, answer in zip(wanted, can, strict=True) if not answer)
    return [structs.replace(f, fixable=False) if id(f) in refused else f for f in findings]


class _CallableModule(types.ModuleType):
    """`kgate.gate` names this module as soon as anybody imports it, and the library's function before: both can be called."""

    def __call__(self, options: Options | None = None, *, progress: Progress = silent) -> Report:
        return gate(options, progress=progress)


sys.modules[__name__].__class__ = _CallableModule
