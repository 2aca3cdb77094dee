"""Who is driven off whose room by a change (pkg/scheduler/framework/preemption/preemption.go)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from msgspec import Struct

from kgate.engine.api.core import Event
from kgate.engine.api.meta import Key
from kgate.finding import Rule, Severity, Stage
from kgate.manifest import Manifest, Path
from kgate.rollout.facts import Rolled
from kgate.rollout.follow import owner_of
from kgate.rollout.questions.evidence import Answer, Edit, Evidence, Level, Trial
from kgate.rollout.stage import template_of
from kgate.rollout.written import mapping

PREEMPTS = Rule(
    id="KG5149",
    name="preemption",
    stage=Stage.ROLLOUT,
    severity=Severity.WARNING,
    summary="pods of a higher priority drive others off their nodes",
    why="The scheduler makes room for a pod of a higher priority by deleting lesser ones; their disruption budgets are a mere preference.",
    remediation="make room for both, or use a priority class with preemptionPolicy Never",
    references=("https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/",),
)

_PREEMPTOR = re.compile(r"Preempted by pod (\S+) on node ")
_CLASS: Path = ("spec", "template", "spec", "priorityClassName")


class Victims(Struct, frozen=True, kw_only=True):
    """Of one world: how many pods of whom were preempted by whom, and what the scheduler said."""

    counts: Mapping[tuple[Key, Key], int]
    """(preemptor, victim)."""
    said: Mapping[tuple[Key, Key], str]


def preemption(evidence: Evidence) -> Iterator[Answer]:
    """Both sides are told."""
    known: dict[str, Victims] = evidence.shared
    if PREEMPTS.name not in known:
        known[PREEMPTS.name] = victims(evidence.rolled)
    found, me = known[PREEMPTS.name], evidence.key
    mine = {victim: n for (by, victim), n in found.counts.items() if by == me}
    theirs = {by: n for (by, victim), n in found.counts.items() if victim == me and by != me}
    if mine:
        yield _preempts(evidence, mine, [s for (by, _), s in found.said.items() if by == me])
    if theirs:
        yield _preempted(theirs, [s for (_, victim), s in found.said.items() if victim == me])


def _preempts(evidence: Evidence, counts: Mapping[Key, int], said: list[str]) -> Answer:
    polite = _polite(evidence)
    return Answer(
        rule=PREEMPTS,
        level=Level.CAN_FAIL,
        statement=f"the rollout preempts {_of(counts)}: they have a lower priority, and there is no room for all",
        evidence=tuple(said[:3]),
        path=_CLASS,
        fix="make room for both"
        + (
            f", or set preemptionPolicy of PriorityClass {polite.name} to Never"
            if polite
            else ", or use a class with preemptionPolicy Never"
        ),
        verified=polite is not None and _spares(evidence, polite),
    )


def _preempted(counts: Mapping[Key, int], said: list[str]) -> Answer:
    return Answer(
        rule=PREEMPTS,
        level=Level.CAN_FAIL,
        statement=f"{sum(counts.values())} of its pods are preempted by those of {_names(counts)}, which have a higher priority",
        evidence=tuple(said[:3]),
        path=_CLASS,
        fix="make room for both, or give it a higher priority",
    )


def _of(counts: Mapping[Key, int]) -> str:
    return ", ".join(f"{n} pod{'' if n == 1 else 's'} of Deployment {key.namespace}/{key.name}" for key, n in counts.items())


def _names(counts: Mapping[Key, int]) -> str:
    return ", ".join(f"Deployment {key.namespace}/{key.name}" for key in counts)


def _polite(evidence: Evidence) -> Manifest | None:
    """The class, if the files define it."""
    name = mapping(template_of(evidence.manifest).get("spec")).get("priorityClassName")
    return next((m for m in evidence.of_kind("PriorityClass") if m.name == name), None)


def _spares(evidence: Evidence, polite: Manifest) -> bool:
    """Nobody is preempted when it only waits, and it completes all the same."""
    tried = evidence.trial(Trial(edits=[Edit(where=polite, path=("preemptionPolicy",), value="Never")]))
    if tried is None or tried.followed.completed_ms is None:
        return False
    return not any(by == evidence.key for by, _ in victims(tried.rolled).counts)


def victims(rolled: Rolled) -> Victims:
    """One pass over the trace."""
    owners: dict[str, Key] = {}
    counts: Counter[tuple[Key, Key]] = Counter()
    said: dict[tuple[Key, Key], str] = {}
    for index, event in enumerate(rolled.played.events):
        victim = owner_of(event, owners)
        told = event.after
        if index < rolled.played.begin or victim is None or not isinstance(told, Event) or told.reason != "Preempted":
            continue
        by = _PREEMPTOR.match(told.message)
        preemptor = owners.get(by[1]) if by else None
        if preemptor is not None and event.before is None:
            counts[preemptor, victim] += 1
            said.setdefault((preemptor, victim), f"{told.involved_object.name}: {told.message}")
    return Victims(counts=counts, said=said)
