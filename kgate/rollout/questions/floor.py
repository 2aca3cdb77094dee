"""How many pods serve at the worst moment of a rollout, also when any one node or zone is lost at any moment of it.

The moments are all instants of the trace at which something changes; what a loss leaves is counted right after it, when the dead pods
still count as available for the API (pkg/controller/nodelifecycle: they do until the node monitor's grace period is over).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kgate.finding import Rule, Severity, Stage
from kgate.manifest import Path
from kgate.rollout.census import Census, Low
from kgate.rollout.floors import Failures
from kgate.rollout.nodes import HOSTNAME, ZONE
from kgate.rollout.questions.evidence import Answer, Edit, Evidence, Level
from kgate.rollout.questions.wording import pods, when
from kgate.rollout.search.change import keeps
from kgate.rollout.search.explore import Violation
from kgate.rollout.search.serving import Floor
from kgate.rollout.search.shown import shown
from kgate.rollout.search.smaller import Worst
from kgate.rollout.written import items, mapping, node

BELOW_FLOOR = Rule(
    id="KG5114",
    name="below-floor",
    stage=Stage.ROLLOUT,
    severity=Severity.WARNING,
    summary="too few pods are available at some moment of the rollout",
    why="While pods are replaced fewer of them serve; a node or zone that is lost just then takes more of them along.",
    remediation="lower maxUnavailable, spread the pods over more nodes and zones, or run more replicas",
    references=(
        "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#max-unavailable",
        "https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/",
    ),
)

_STRATEGY: Path = ("spec", "strategy")
_UNAVAILABLE: Path = (*_STRATEGY, "rollingUpdate", "maxUnavailable")
_SPREAD: Path = ("spec", "template", "spec", "topologySpreadConstraints")
_NODE, _ZONE = "node", "zone"


def below_floor(evidence: Evidence) -> Iterator[Answer]:
    """Only where pods served before, and as many as the floor asks for."""
    census = evidence.rolled.census[evidence.key]
    if evidence.before is None or census.lowest is None or len(evidence.rehearsal.steps) < 2:
        return
    failing = [a for a in (_plainly(evidence, census), *_lost(evidence, census)) if a is not None]
    if failing:
        yield from failing
    elif _asked(evidence) is not None or evidence.rehearsal.completed_ms is not None:
        yield from _passes(evidence, census)


def _asked(evidence: Evidence) -> int | None:
    return evidence.settings.floor(evidence.key.namespace, evidence.key.name, evidence.rehearsal.replicas)


def _floor(evidence: Evidence) -> int:
    asked = _asked(evidence)
    return evidence.rehearsal.floor if asked is None else asked


def _floor_in_failure(evidence: Evidence) -> int:
    """Where nobody says how many are to serve then, one is enough, and of a single replica nobody expects it."""
    asked = _asked(evidence)
    return min(1, evidence.rehearsal.replicas - 1) if asked is None else asked


def _plainly(evidence: Evidence, census: Census) -> Answer | None:
    low, floor = _lowest(evidence, census), _floor(evidence)
    if low.available >= floor:
        return None
    fix = _slower(evidence, floor)
    return Answer(
        rule=BELOW_FLOOR,
        level=Level.FAILS if evidence.rehearsal.strategy == "Recreate" else Level.CAN_FAIL,
        statement=f"{_of(low.available, evidence)} available {when(low.at_ms)}; the floor is {floor}",
        path=_cause(evidence),
        key=True,
        fix=f"set spec.strategy.rollingUpdate.maxUnavailable to {evidence.rehearsal.replicas - floor}, and maxSurge to 1 or more"
        if fix
        else f"run at least {floor} replicas",
        verified=bool(fix) and keeps(evidence, fix, _wanted(evidence, floor)),
    )


def _lowest(evidence: Evidence, census: Census) -> Low:
    """Within an instant old pods may go before new ones are there; a rehearsal counts every write."""
    assert census.lowest is not None
    return census.lowest


def _slower(evidence: Evidence, floor: int) -> list[Edit]:
    """A strategy that keeps to the floor; none when there are not so many replicas."""
    spare = evidence.rehearsal.replicas - floor
    surge = max(1, evidence.rehearsal.surge)
    return [Edit(path=_STRATEGY, value=_rolling(spare, surge))] if spare >= 0 else []


def _rolling(unavailable: int, surge: int) -> dict[str, object]:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": unavailable, "maxSurge": surge}}


def _lost(evidence: Evidence, census: Census) -> Iterator[Answer | None]:
    """On the assumed cluster nobody can say which pods share a node."""
    if evidence.assumed_cluster:
        return
    failures = evidence.settings.failures
    if failures.node and census.without_node is not None:
        yield _loses(evidence, _NODE, census.without_node)
    if failures.zone and census.without_zone is not None:
        yield _loses(evidence, _ZONE, census.without_zone)


def _loses(evidence: Evidence, what: str, low: Low) -> Answer | None:
    floor = _floor_in_failure(evidence)
    if low.available >= floor:
        return None
    fix, edits = _way_out(evidence, what, low, floor)
    return Answer(
        rule=BELOW_FLOOR,
        level=Level.CAN_FAIL,
        statement=f"without {what} {low.lost}, lost {when(low.at_ms)}, {_of(low.available, evidence)} available: "
        f"{low.there} of {low.available + low.there} are there; the floor is {floor}",
        path=_cause(evidence),
        key=True,
        fix=fix,
        verified=bool(edits),
        counter_example=_shown(evidence, what, low, floor),
    )


def _shown(evidence: Evidence, what: str, low: Low, floor: int) -> str:
    violation = Violation(left=low.available, what=what, lost=low.lost, there=low.there)
    worst = Worst(violation=violation, lost_ms=low.at_ms, at_ms=low.at_ms, schedule={})
    return shown(evidence, worst, _wanted(evidence, floor, what))


def _way_out(evidence: Evidence, what: str, low: Low, floor: int) -> tuple[str, Sequence[Edit]]:
    """What to write instead, and the edits of it if they were played and suffice."""

    for text, edits in _ways(evidence, what, low, floor):
        if keeps(evidence, edits, _wanted(evidence, floor, what)):
            return text, edits
    return f"spread the pods over more {what}s, or run more replicas", ()


def _wanted(evidence: Evidence, floor: int, what: str = "") -> Floor:
    failures = Failures(node=int(what == _NODE), zone=int(what == _ZONE))
    return Floor(deployment=evidence.key, floor=0 if what else floor, failures=failures, in_failure=floor)


def _ways(evidence: Evidence, what: str, low: Low, floor: int) -> Iterator[tuple[str, list[Edit]]]:
    """The smallest change first."""
    r = evidence.rehearsal
    spread = Edit(path=_SPREAD, value=[*_constraints(evidence), _constraint(evidence, ZONE if what == _ZONE else HOSTNAME)])
    spreading = f"spread the pods over {what}s (topologySpreadConstraints with matchLabelKeys: [pod-template-hash])"
    yield spreading, [spread]
    if r.unavailable or r.strategy == "Recreate":
        surge = max(1, r.surge)
        whole = Edit(path=_STRATEGY, value=_rolling(0, surge))
        yield f"{spreading}, and set maxUnavailable to 0 and maxSurge to {surge}", [spread, whole]
    more = r.replicas + floor - low.available
    yield f"{spreading}, and run {more} replicas", [spread, Edit(path=("spec", "replicas"), value=more)]


def _constraints(evidence: Evidence) -> list[object]:
    return list(items(node(evidence.manifest.body, _SPREAD)))


def _constraint(evidence: Evidence, key: str) -> dict[str, object]:
    selector = mapping(node(evidence.manifest.body, ("spec", "selector")))
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": dict(selector),
        "matchLabelKeys": ["pod-template-hash"],
    }


def _passes(evidence: Evidence, census: Census) -> Iterator[Answer]:
    low = _lowest(evidence, census)
    said = [f"at least {_of(low.available, evidence)} available at every moment"]
    failures = evidence.settings.failures
    losses = [(_NODE, census.without_node if failures.node else None), (_ZONE, census.without_zone if failures.zone else None)]
    for what, lost in losses if not evidence.assumed_cluster else ():
        if lost is not None:
            said.append(f"{lost.available} without any one {what} (worst: {lost.lost} lost {when(lost.at_ms)})")
    yield Answer(rule=BELOW_FLOOR, level=Level.PASSES, statement="; ".join(said))


def _of(n: int, evidence: Evidence) -> str:
    replicas = evidence.rehearsal.replicas
    return f"{pods(n)} of {replicas} {'is' if n == 1 else 'are'}"


def _cause(evidence: Evidence) -> Path:
    """The nearest place that is written."""
    return next((p for p in (_UNAVAILABLE, _STRATEGY, ("spec", "replicas")) if node(evidence.manifest.body, p) is not None), ("spec",))
