"""The whole run, top to bottom: every stage once, in the order a manifest meets them."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from kgate import load
from kgate.config import Options
from kgate.finding import Finding, Severity, Skipped, Stage
from kgate.manifest import Manifest, pointer
from kgate.outcome import Checked, ImageOutcome, Rehearsal, Report

Progress = Callable[[str], None]
"""Told what is being done, in a few words, before it is done."""


def silent(doing: str) -> None:
    """The Progress of a run that nobody watches."""


def gate(options: Options | None = None, *, progress: Progress = silent) -> Report:
    """The findings of every stage that `options` asks for, and what could not be checked. Raises KgateError for a fault of the run."""
    options = Options() if options is None else options
    progress("loading")
    own = tuple(filter(None, (options.settings_file, options.rollout.cluster)))
    loaded = load.manifests(options.paths, exclude=options.exclude, force_exclude=options.force_exclude, not_manifests=own)
    run = _Run(options=options, progress=progress, manifests=loaded.manifests)
    validated = run.validated()
    judged = run.judged()
    scanned = run.scanned()
    rehearsed = run.rehearsed(validated.sound)
    return _report(options, loaded, (validated, judged, scanned, rehearsed))


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
    options: Options
    progress: Progress
    manifests: Sequence[Manifest]

    def wanted(self, stage: Stage) -> bool:
        return stage in self.options.stages

    def validated(self) -> _Outcome:
        """Runs for the rollout stage as well: the engine never sees what the API server would refuse."""
        if not (self.wanted(Stage.VALIDATE) or self.wanted(Stage.ROLLOUT)):
            return _Outcome()
        from kgate import validate

        self.progress("validating")
        judged = validate.judge(self.manifests, self.version)
        sound = without(self.manifests, judged.findings)
        if self.wanted(Stage.VALIDATE):
            return _Outcome(findings=judged.findings, skipped=judged.skipped, sound=sound)
        return _Outcome(skipped=judged.skipped, sound=sound)

    def judged(self) -> _Outcome:
        if not self.wanted(Stage.POLICY):
            return _Outcome()
        from kgate import policy

        self.progress("judging policies")
        return _Outcome(findings=policy.judge(self.manifests, policy.catalog(), self.options.policy))

    def scanned(self) -> _Outcome:
        if not self.wanted(Stage.IMAGES):
            return _Outcome()
        from kgate import images

        self.progress("scanning images")
        judged = images.judge(self.manifests, self.options.images, progress=self.progress)
        return _Outcome(findings=judged.findings, skipped=judged.skipped, images=judged.images)

    def rehearsed(self, sound: Sequence[Manifest]) -> _Outcome:
        """A Deployment that the API server would refuse is not rehearsed, and the report says so."""
        if not self.wanted(Stage.ROLLOUT):
            return _Outcome()
        from kgate import rollout, validate

        self.progress("rehearsing rollouts")
        options, causes = self.options, partial(validate.causes, version=self.version)
        base = None if options.base is None else load.base(options.base, options.paths).manifests
        played = rollout.rehearse(sound, options.rollout, base=base, validate=causes)
        skipped = [*played.skipped, *_refused(self.manifests, sound)]
        return _Outcome(findings=played.findings, skipped=skipped, rollouts=played.rollouts)

    @property
    def version(self) -> str:
        from kgate import validate

        return self.options.kubernetes_version or validate.NEWEST


def without(manifests: Sequence[Manifest], findings: Iterable[Finding]) -> tuple[Manifest, ...]:
    """The manifests in which no error was found. An error of a List's item concerns that item alone."""
    wrong: dict[tuple[str, int], list[str]] = {}
    for f in findings:
        if f.severity is Severity.ERROR:
            wrong.setdefault((f.file, f.document), []).append(f.path)
    return tuple(m for m in manifests if not any(_inside(path, m) for path in wrong.get((_cleaned(m.file), m.document), ())))


def _cleaned(file: str) -> str:
    from kgate.finding import clean

    return clean(file)


def _inside(path: str, manifest: Manifest) -> bool:
    root = pointer(manifest.root)
    return path == root or path.startswith(root + "/") or (bool(root) and root.startswith(path))


def _refused(manifests: Sequence[Manifest], sound: Sequence[Manifest]) -> Iterable[Skipped]:
    """Wanted: with the validate stage switched off nothing else in the report says that they fail."""
    kept = {id(m) for m in sound}
    for m in manifests:
        if m.kind == "Deployment" and id(m) not in kept:
            reason = f"{m.subject}: rollout not rehearsed, the API server would refuse the object"
            yield Skipped(file=m.file, reason=reason, line=m.locate(()).line, wanted=True)


def _report(options: Options, loaded: load.Loaded, outcomes: Sequence[_Outcome]) -> Report:
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
        findings=[*loaded.findings, *(f for o in outcomes for f in o.findings)],
        skipped=[*loaded.skipped, *(s for o in outcomes for s in o.skipped)],
        images=images,
        rollouts=rollouts,
        sources=loaded.sources,
    )


class _CallableModule(types.ModuleType):
    """`kgate.gate` names this module as soon as anybody imports it, and the library's function before: both can be called."""

    def __call__(self, options: Options | None = None, *, progress: Progress = silent) -> Report:
        return gate(options, progress=progress)


sys.modules[__name__].__class__ = _CallableModule
