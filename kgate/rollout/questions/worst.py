"""The floor in the worst case: other tie-breaks than kube-scheduler's, and what follows when a node or zone is lost at any instant."""

from __future__ import annotations

from collections.abc import Iterator

from kgate.engine import Cluster
from kgate.engine.api.apps import Deployment
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key
from kgate.engine.errors import ApiError
from kgate.rollout.facts import own_floor
from kgate.rollout.follow import EXCEEDED, complete
from kgate.rollout.questions.evidence import Answer, Evidence, Level
from kgate.rollout.questions.floor import BELOW_FLOOR
from kgate.rollout.questions.wording import pods, when
from kgate.rollout.search import Explored, Floor, Losses, Serving, Start, Wanted, explore, losses
from kgate.rollout.search.shown import Worst, shown
from kgate.rollout.stage import SUPPORT
from kgate.rollout.startup import span

_SHARED = "worst case"


def worst_case(evidence: Evidence) -> Iterator[Answer]:
    """Only where somebody asks for a floor, which holds in the rehearsal itself; on a cluster that somebody described."""
    floor = _floor(evidence, evidence.key)
    if evidence.settings.budget == 0 or floor is None or not _asks(evidence, floor):
        return
    lost = _losses(evidence)[evidence.key]
    if lost.violation is not None:
        if lost.at_ms > lost.lost_ms:  # otherwise it was told already
            yield _after_a_loss(evidence, floor, lost)
        return
    explored = _explored(evidence)[evidence.key]
    if explored.violation is not None:
        yield _in_another_schedule(evidence, floor, explored)
    else:
        yield _answer(evidence, lost, explored)


def _asks(evidence: Evidence, floor: Floor) -> bool:
    r, census = evidence.rehearsal, evidence.rolled.census[evidence.key]
    if evidence.assumed_cluster or evidence.before is None or r.completed_ms is None or census.lowest is None:
        return False
    lows = [census.lowest]
    lows += [low for low, on in ((census.without_node, floor.failures.node), (census.without_zone, floor.failures.zone)) if low and on]
    return all(low.available >= floor.floor for low in lows)


def _floor(evidence: Evidence, key: Key) -> Floor | None:
    last = evidence.rolled.followed[key].last
    asked = None if last is None else evidence.settings.floor(key.namespace, key.name, last.spec.replicas)
    return None if asked is None else Floor(deployment=key, floor=asked, failures=evidence.settings.failures, in_failure=asked)


def _start(evidence: Evidence) -> Start:
    """The whole change, everything of head in its order."""
    ordered = sorted((m for m in evidence.head if m.kind in SUPPORT or m.kind == "Deployment"), key=lambda m: m.kind == "Deployment")
    bodies = [m.body for m in ordered]
    keys = tuple(evidence.rolled.followed)

    def change(cluster: Cluster) -> None:
        for body in bodies:
            try:
                cluster.apply(body)
            except ApiError:
                continue  # as in the rehearsal, which tells of it

    return Start(cluster=evidence.rolled.played.start, change=change, over=lambda c: all(_over(c, k) for k in keys), deployments=keys)


def _over(cluster: Cluster, key: Key) -> bool:
    d = cluster.store.get(Deployment, key.namespace, key.name)
    return d is None or complete(d) or any(c.reason == EXCEEDED for c in d.status.conditions)


def _losses(evidence: Evidence) -> dict[Key, Losses]:
    """Of all Deployments of this world that somebody wants a floor for."""
    name = f"{_SHARED}: losses"
    if name not in evidence.shared:
        wanted = [Wanted(floor=f, kept=_kept(evidence, f.deployment)) for f in _floors(evidence)]
        evidence.shared[name] = losses(_start(evidence), wanted, evidence.settings.budget)
    found: dict[Key, Losses] = evidence.shared[name]
    return {evidence.key: Losses(left=True), **found}


def _explored(evidence: Evidence) -> dict[Key, Explored]:
    """The same, and which no loss brings down in the nominal schedule: in one search, for they share the budget."""
    name = f"{_SHARED}: schedules"
    if name not in evidence.shared:
        lost = _losses(evidence)
        open_ = {f.deployment: f for f in _floors(evidence) if lost[f.deployment].violation is None}
        evidence.shared[name] = explore(_start(evidence), open_, evidence.settings.budget)
    found: dict[Key, Explored] = evidence.shared[name]
    return {evidence.key: Explored(left=True), **found}


def _floors(evidence: Evidence) -> list[Floor]:
    """That held when the change came."""
    start = evidence.rolled.played.start
    floors = [f for key in evidence.rolled.followed if (f := _floor(evidence, key)) is not None]
    return [f for f in floors if Serving.of(start, f.deployment).total >= f.floor]


def _kept(evidence: Evidence, key: Key) -> int | None:
    """What the strategy keeps available in any case; None where something else may take pods away, too."""
    last, census = evidence.rolled.followed[key].last, evidence.rolled.census[key]
    if last is None or last.spec.strategy.type != "RollingUpdate" or key in evidence.rolled.autoscaled or _disturbed(evidence):
        return None
    own = own_floor(last)
    return own if census.lowest is not None and census.lowest.available >= own else None


def _disturbed(evidence: Evidence) -> bool:
    """Pods of this world stop being ready by themselves, or some may displace others."""
    known: bool | None = evidence.shared.get(f"{_SHARED}: disturbed")
    if known is None:
        pods = [p for p in evidence.rolled.played.cluster.store.list(Pod) if p.metadata.controller is not None]
        known = len({p.spec.priority or 0 for p in pods}) > 1 or any(map(_fails_by_itself, evidence.rolled.played.events))
        evidence.shared[f"{_SHARED}: disturbed"] = known
    return known


def _fails_by_itself(event: object) -> bool:
    before, after = getattr(event, "before", None), getattr(event, "after", None)
    return isinstance(before, Pod) and isinstance(after, Pod) and before.ready and not after.ready and not after.metadata.deleting


def _after_a_loss(evidence: Evidence, floor: Floor, lost: Losses) -> Answer:
    v = lost.violation
    assert v is not None
    worst = Worst(violation=v, floor=floor.in_failure, lost_ms=lost.lost_ms, at_ms=lost.at_ms, schedule={})
    return Answer(
        rule=BELOW_FLOOR,
        level=Level.CAN_FAIL,
        statement=f"without {v.what} {v.lost}, lost {when(lost.lost_ms)}, {pods(v.left)} of {evidence.rehearsal.replicas} available "
        f"{span(lost.at_ms - lost.lost_ms)} later; the floor is {floor.in_failure}",
        path=("spec",),
        key=True,
        fix="lower maxUnavailable, or spread the pods over more nodes and zones",
        counter_example=shown(evidence, worst),
    )


def _in_another_schedule(evidence: Evidence, floor: Floor, explored: Explored) -> Answer:
    v = explored.violation
    assert v is not None
    worst = Worst(violation=v, floor=floor.floor, lost_ms=explored.at_ms, at_ms=explored.at_ms, schedule=explored.schedule)
    ties = ", ".join(f"tie {tie} for node {node}" for tie, node in sorted(explored.schedule.items()))
    loss = f" without {v.what} {v.lost}" if v.lost else ""
    return Answer(
        rule=BELOW_FLOOR,
        level=Level.CAN_FAIL,
        statement=f"when the scheduler breaks ties differently, {pods(v.left)} of {evidence.rehearsal.replicas} available{loss} "
        f"{when(explored.at_ms)}; the floor is {floor.floor}",
        evidence=(ties,) if ties else (),
        path=("spec",),
        key=True,
        fix="require the spread (topologySpreadConstraints with whenUnsatisfiable: DoNotSchedule), and raise maxSurge",
        counter_example=shown(evidence, worst),
    )


def _answer(evidence: Evidence, lost: Losses, explored: Explored) -> Answer:
    """Nothing was found. With anything left to look at, nobody knows."""
    budget = f"a budget of {evidence.settings.budget}"
    looked = f"{explored.states} states of other schedules, {explored.merged} of them seen before under other names"
    losses_ = f"each of {lost.cases} losses at {lost.instants} instants"
    if explored.left or lost.left:
        so_far = "nobody knows what follows a loss" if lost.left else f"it holds after {losses_} as kube-scheduler breaks ties"
        return Answer(
            rule=BELOW_FLOOR,
            level=Level.UNKNOWN,
            statement=f"whether the floor of {_asked(evidence)} holds however ties are broken is not known: {budget} is used up; {so_far}",
            bounds=f"{looked}; {lost.played} losses played on",
        )
    return Answer(
        rule=BELOW_FLOOR,
        level=Level.PASSES,
        statement=f"the floor of {_asked(evidence)} holds however ties are broken, and after {losses_}",
        bounds=f"{looked}; {lost.played} losses played on, the others by what the strategy keeps; {budget}; one loss; pods ready in order",
    )


def _asked(evidence: Evidence) -> int:
    floor = _floor(evidence, evidence.key)
    return 0 if floor is None else floor.floor
