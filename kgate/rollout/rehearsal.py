"""`kgate check`'s rollout stage: every Deployment is rolled out on the engine, and judged by what came of it.

On a cluster that somebody described, all Deployments share it. On the assumed one each is alone: what else runs there nobody knows.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from kgate.engine.api.meta import Key
from kgate.engine.errors import LivelockError
from kgate.errors import ConfigError
from kgate.finding import Finding, Severity, Skipped
from kgate.manifest import Manifest
from kgate.outcome import Rehearsal
from kgate.rollout import Validate
from kgate.rollout.cluster import ASSUMED, ClusterSpec
from kgate.rollout.deleted import deleted
from kgate.rollout.facts import Rolled, described
from kgate.rollout.fields import did_you_mean
from kgate.rollout.gathered import Gathered, gather
from kgate.rollout.limits import MOST_PODS, MOST_PODS_TOGETHER, replicas, unknown
from kgate.rollout.modelled import WORKLOADS
from kgate.rollout.pods import PodManners
from kgate.rollout.questions import RULES as ASKED
from kgate.rollout.questions import Answer, Edit, Evidence, Level, Trial, ask, ask_of_the_set, edited
from kgate.rollout.questions.causes import one_each
from kgate.rollout.rules import RULES
from kgate.rollout.settings import Behaviour, RolloutSettings
from kgate.rollout.stage import Played, key_of, play, template_of
from kgate.rollout.startup import startups
from kgate.rollout.verdict import NOTHING, Judged, judge
from kgate.rollout.volumes import Claim, known_claims, nowhere, with_stand_ins
from kgate.workers import Told, done

LEAST_WORLDS = 6
"""A worker that would have fewer to play costs more than it saves: each takes some 15 ms, and so does a fork."""
MOST_WRITES_AGAIN = 100_000
"""All that is played once more to answer the questions about one world, some ten seconds; then fixes stay unverified."""


class Rehearsed(Struct, frozen=True, kw_only=True):
    """What the rollout stage adds to the report."""

    findings: tuple[Finding, ...] = ()
    rollouts: tuple[Rehearsal, ...] = ()
    skipped: tuple[Skipped, ...] = ()


class _Set(Struct, frozen=True, kw_only=True):
    """The objects of head and base, and where they are rehearsed."""

    head: Gathered
    base: Gathered
    settings: RolloutSettings
    cluster: ClusterSpec
    validate: Validate | None
    absent: int
    """Workloads of head that are on no stage."""
    answers: tuple[Answer, ...]
    """To what is asked of the set as a whole."""
    claims: frozenset[Claim]
    """That somebody tells of: head, base or the cluster file."""

    def before(self, manifest: Manifest) -> Manifest | None:
        """The version in base: same group, kind, namespace and name."""
        return self.base.like(manifest)

    def rolled(self, played: Played, deployments: Sequence[Manifest]) -> Rolled:
        keys = [key_of(m) for m in deployments]
        head = self.head
        return Rolled.of(played, self.cluster, self.settings, keys, autoscaled=head.autoscaled, vertical=head.vertical, absent=self.absent)


def rehearse(
    manifests: Sequence[Manifest],
    settings: RolloutSettings,
    *,
    base: Sequence[Manifest] | None = None,
    whole: Sequence[Manifest] | None = None,
    validate: Validate | None = None,
    jobs: int = 1,
    told: Told | None = None,
) -> Rehearsed:
    """In the order of `manifests`; then what is deleted. Raises ConfigError when the settings name a cluster that was not read.

    Worlds that share nothing are played by up to `jobs` processes (0: as many as the machine has processors).
    """
    if not settings.enabled:
        return Rehearsed()
    if settings.cluster is not None and settings.spec is None:
        raise ConfigError(f"{settings.cluster}: the cluster file was not read", hint="RolloutSettings.on takes what is in it")
    _known(settings)
    head, before = gather(manifests), gather(base or ())
    known = _Set(
        head=head,
        base=before,
        settings=settings,
        cluster=settings.spec or ASSUMED,
        validate=validate,
        absent=sum(m.kind in WORKLOADS for m in manifests),
        answers=tuple(ask_of_the_set(head, before, settings)),
        claims=known_claims((settings.spec or ASSUMED).objects, (*head.claims, *before.claims)),
    )
    judged = list(_judged(known, manifests, jobs, told))
    if whole is not None and base is not None:
        judged += deleted(whole, head, before, settings, known.cluster, known.claims, validate)
    of_the_set = (f for a in known.answers if a.where is not None and (f := a.finding(a.where, settings)) is not None)
    return Rehearsed(
        findings=(*(f for j in judged for f in j.findings), *of_the_set),
        rollouts=tuple(j.rehearsal for j in judged),
        skipped=tuple(_others(manifests)),
    )


def _known(settings: RolloutSettings) -> None:
    """A misspelt name would switch nothing off."""
    names = {rule.name for rule in (*RULES, *ASKED)}
    if wrong := next((name for name in settings.verdicts if name not in names), None):
        raise ConfigError(f"rollout.verdicts: there is no {wrong!r}", hint=did_you_mean(wrong, names))


def _judged(whole: _Set, manifests: Sequence[Manifest], jobs: int, told: Told | None) -> Iterator[Judged]:
    playable: list[Manifest] = []
    unplayed = 0
    for manifest in manifests:
        if manifest.kind != "Deployment" or manifest.group != "apps":
            continue
        before = whole.before(manifest)
        if why := _why_not(whole, manifest, before):
            unplayed += 1
            yield _unknown(whole, manifest, why)
            continue
        playable.append(manifest)
        if before is not None and before.body == manifest.body:
            yield _unchanged(manifest, before)
    whole = replace(whole, absent=whole.absent + unplayed)
    worlds = [world for world in _worlds(whole, playable) if _changed(whole, world)]
    for played in done(lambda n: list(_play(whole, worlds[n])), len(worlds), jobs=jobs, least=LEAST_WORLDS, told=told):
        yield from played


def _why_not(whole: _Set, manifest: Manifest, before: Manifest | None) -> str:
    if why := unknown(manifest) or nowhere(manifest, whole.claims, whole.cluster):
        return why
    if replicas(manifest) > MOST_PODS:
        return f"more than {MOST_PODS} pods are not rehearsed"
    why = "" if before is None or before.body == manifest.body else unknown(before) or nowhere(before, whole.claims, whole.cluster)
    return f"its version in base cannot be rehearsed: {why}" if why else ""


def _unknown(whole: _Set, manifest: Manifest, why: str) -> Judged:
    proofs = tuple(a.proof() for a in whole.answers if a.where is manifest)
    return Judged(rehearsal=replace(described(manifest, whole.before(manifest)), verdict="unknown", reason=why, proofs=proofs))


def _unchanged(manifest: Manifest, before: Manifest) -> Judged:
    rehearsal = described(manifest, before)
    same = replace(rehearsal, verdict="pass", reason=NOTHING, lowest_available=rehearsal.replicas)
    return Judged(rehearsal=same)


def _worlds(whole: _Set, deployments: Sequence[Manifest]) -> list[list[Manifest]]:
    """Which Deployments share a cluster: on the assumed one none; else all, but never two of one name."""
    if whole.cluster.assumed:
        return [[m] for m in deployments]
    worlds: list[list[Manifest]] = []
    seen: Counter[Key] = Counter()
    for manifest in deployments:
        key = key_of(manifest)
        if seen[key] == len(worlds):
            worlds.append([])
        worlds[seen[key]].append(manifest)
        seen[key] += 1
    return worlds


def _changed(whole: _Set, world: Sequence[Manifest]) -> list[Manifest]:
    return [m for m in world if (b := whole.before(m)) is None or b.body != m.body]


def _play(whole: _Set, world: Sequence[Manifest]) -> Iterator[Judged]:
    changed = _changed(whole, world)
    if sum(map(replicas, world)) > MOST_PODS_TOGETHER:
        yield from (_unknown(whole, m, f"more than {MOST_PODS_TOGETHER} pods on one cluster are not rehearsed") for m in changed)
        return
    head, base = _cast(whole, world)
    whole = replace(whole, cluster=with_stand_ins(whole.cluster, [*base, *head]))
    try:
        played = play(head, base, whole.cluster, whole.settings.behaviour, whole.validate)
    except LivelockError as fault:
        yield from (_unknown(whole, m, str(fault)) for m in changed)
        return
    rolled, again = whole.rolled(played, changed), _Again(whole=whole)
    for manifest in changed:
        judged = judge(manifest, whole.before(manifest), rolled, fits_alone=partial(_fits_alone, whole, manifest))
        yield _asked(judged, again.evidence(world, manifest, rolled, judged.rehearsal)) if judged.rehearsal.steps else judged


def _asked(judged: Judged, evidence: Evidence) -> Judged:
    """With the answers to all questions; one that is an error fails a rollout that would have passed."""
    answers = list(ask(evidence))
    asked = [(a, f) for a in answers if (f := a.finding(evidence.manifest, evidence.settings)) is not None]
    main, found = one_each(judged, asked)
    errors = {a.level for a, f in found if f.severity is Severity.ERROR}
    rehearsal = replace(judged.rehearsal, proofs=tuple(a.proof() for a in answers))
    if rehearsal.verdict == "pass" and errors:
        rehearsal = replace(rehearsal, verdict="fail" if Level.FAILS in errors else "can-fail")
    return Judged(rehearsal=rehearsal, findings=(*main, *(f for _, f in found)))


class _Again(Struct, kw_only=True):
    """Plays a world once more, edited or elsewhere, as long as it has not played too much."""

    whole: _Set
    writes: int = MOST_WRITES_AGAIN
    shared: dict[str, Any] = field(default_factory=dict)
    stages: dict[tuple[int, ...], tuple[Sequence[Manifest], list[Manifest], list[Manifest]]] = field(default_factory=dict)
    """Head and base of each world, with the world itself, so that no other object comes to its id."""

    def cast(self, world: Sequence[Manifest]) -> tuple[list[Manifest], list[Manifest]]:
        name = tuple(map(id, world))
        if name not in self.stages:
            self.stages[name] = (world, *_cast(self.whole, world))
        return self.stages[name][1:]

    def evidence(self, world: Sequence[Manifest], manifest: Manifest, rolled: Rolled, rehearsal: Rehearsal) -> Evidence:
        whole = self.whole
        head, base = self.cast(world)
        return Evidence(
            manifest=manifest,
            before=whole.before(manifest),
            rehearsal=rehearsal,
            rolled=rolled,
            started=startups(template_of(manifest), whole.settings.behaviour),
            settings=whole.settings,
            supports=whole.head.supports([manifest]),
            head=head,
            base=base,
            replay=lambda edits: self._played(world, manifest, Trial(edits=edits), rolled.cluster),
            elsewhere=lambda cluster: self._played(world, manifest, Trial(), cluster),
            neighbours=whole.head.neighbours.get(key_of(manifest).namespace, ()),
            shared=self.shared,
            trial=lambda trial: self._played([manifest] if trial.alone else world, manifest, trial, rolled.cluster),
        )

    def _played(self, world: Sequence[Manifest], manifest: Manifest, trial: Trial, cluster: ClusterSpec) -> Evidence | None:
        """The same world with this Deployment, or what bears on it, edited, on that cluster."""
        if self.writes <= 0:
            return None
        whole = replace(self.whole, cluster=cluster)
        before = whole.before(manifest)
        head, base = self.cast(world)
        if trial.reapplied:
            before, base = manifest, list(head)
        changed = {id(m): _tried(m, manifest, trial.edits) for m in head}
        gone = {key_of(m) for m in head if changed[id(m)] is None}
        behaviour = _with_images(whole.settings.behaviour, trial.images)
        try:
            played = play(
                [c for m in head if (c := changed[id(m)]) is not None],
                [m for m in base if key_of(m) not in gone],
                cluster,
                behaviour,
                whole.validate,
                between=trial.between,
            )
        except LivelockError:
            return None
        self.writes -= len(played.events)
        other = changed[id(manifest)] or manifest
        rolled = whole.rolled(played, [other])
        judged = judge(other, before, rolled, fits_alone=lambda: False)
        stage = [other if m is manifest else m for m in world]
        return self.evidence(stage, other, rolled, judged.rehearsal) if judged.rehearsal.steps else None


def _tried(manifest: Manifest, deployment: Manifest, edits: Sequence[Edit]) -> Manifest | None:
    """As the edits that are meant for it make it; None when one of them takes it away."""
    mine = [e for e in edits if (e.where or deployment) is manifest]
    if any(not e.path and e.value is None for e in mine):
        return None
    return dataclasses.replace(manifest, body=edited(manifest.body, mine)) if mine else manifest


def _with_images(behaviour: Behaviour, images: Mapping[str, PodManners]) -> Behaviour:
    return replace(behaviour, images={**behaviour.images, **images}) if images else behaviour


def _cast(whole: _Set, world: Sequence[Manifest]) -> tuple[list[Manifest], list[Manifest]]:
    """Who is on the stage, in head and base: the world's Deployments, and what bears on their placement.

    A Deployment that is no longer in head is still running on a cluster that was described.
    """
    gone = [] if whole.cluster.assumed else [m[0] for name, m in whole.base.deployments.items() if name not in whole.head.deployments]
    before = [
        m for m in (*map(whole.before, world), *gone) if m is not None and not unknown(m) and not nowhere(m, whole.claims, whole.cluster)
    ]
    head = [*whole.head.supports(world), *world]
    return head, [*whole.base.supports(before), *before]


def _fits_alone(whole: _Set, manifest: Manifest) -> bool:
    """Whether the same Deployment completes from nothing: then it is the old pods that are in the way."""
    head, _ = _cast(whole, [manifest])
    try:
        played = play(head, (), whole.cluster, whole.settings.behaviour, whole.validate)
    except LivelockError:
        return False
    return judge(manifest, None, whole.rolled(played, [manifest]), fits_alone=lambda: False).rehearsal.completed_ms is not None


_ROLLED = ("StatefulSet", "DaemonSet")


def _others(manifests: Sequence[Manifest]) -> Iterator[Skipped]:
    """Other kinds that roll are counted, once for each file."""
    counts: dict[tuple[str, str], int] = {}
    for manifest in manifests:
        if manifest.kind in _ROLLED:
            counts[(manifest.file, manifest.kind)] = counts.get((manifest.file, manifest.kind), 0) + 1
    for (file, kind), n in counts.items():
        yield Skipped(file=file, reason=f"rollout of {n} {kind}{'s' if n > 1 else ''} not rehearsed: only Deployments are")
