"""The floor in the worst case: whatever Kubernetes leaves open, and what follows when a node or zone is lost at any instant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field

from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key
from kgate.engine.behaviour import ImageBehaviour
from kgate.engine.choices import At
from kgate.rollout.facts import own_floor
from kgate.rollout.questions.evidence import Answer, Evidence, Level
from kgate.rollout.questions.floor import BELOW_FLOOR
from kgate.rollout.questions.wording import pods, when
from kgate.rollout.search import STARTS, Covered, Explored, Floor, Losses, Serving, Wanted, losses, most_together, question, staged
from kgate.rollout.search.change import changing, whole
from kgate.rollout.search.shown import shown
from kgate.rollout.search.smaller import Worst
from kgate.rollout.stage import key_of
from kgate.rollout.startup import containers, span
from kgate.rollout.written import mapping

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
    certain = _certain(evidence, floor, lost)
    if certain is not None:
        yield certain
        return
    covered = _covered(evidence, floor)
    if covered.decisive.violation is not None:
        yield _in_another_schedule(evidence, floor, covered)
    else:
        yield _answer(evidence, floor, lost, covered)


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


def _losses(evidence: Evidence) -> dict[Key, Losses]:
    """Of all Deployments of this world that somebody wants a floor for."""
    name = f"{_SHARED}: losses"
    if name not in evidence.shared:
        wanted = [Wanted(floor=f, kept=_kept(evidence, f.deployment)) for f in _floors(evidence)]
        evidence.shared[name] = losses(whole(evidence), wanted, evidence.settings.budget)
    found: dict[Key, Losses] = evidence.shared[name]
    return {evidence.key: Losses(left=True), **found}


def _certain(evidence: Evidence, floor: Floor, lost: Losses) -> Answer | None:
    """What holds in every schedule by what the strategy keeps and hard constraints allow; nothing needs to be played for it."""
    kept, last = _kept(evidence, evidence.key), evidence.followed.last
    if kept is None or last is None or kept < floor.floor or lost.left:
        return None
    why = [f"the strategy keeps {kept} available"]
    settled = None if evidence.rolled.cluster.growth else evidence.rolled.played.cluster
    for what, asked in (("node", floor.failures.node), ("zone", floor.failures.zone)):
        bound = most_together(evidence.rolled.played.start, last, what, settled) if asked else None
        if asked and (bound is None or kept - bound.most < floor.in_failure):
            return None
        why += [f"no {what} holds more than {bound.most} of them ({bound.by})"] if bound is not None else []
    return Answer(
        rule=BELOW_FLOOR,
        level=Level.PASSES,
        statement=f"the floor of {floor.floor} holds in every schedule, and after each of {lost.cases} losses at {lost.instants} instants: "
        f"{' and '.join(why)}",
        bounds=f"by arithmetic{_resting(evidence)}; {lost.played} losses played on; one loss",
    )


class _Purse(Struct):
    """What is left of the budget; how many different questions share it; and what was found about those that were asked."""

    budget: int
    questions: dict[Key, int]
    known: dict[int, Covered] = field(default_factory=dict)

    @property
    def share(self) -> int:
        open_ = {question for question in self.questions.values() if question not in self.known}
        return self.budget // max(1, len(open_))


def _covered(evidence: Evidence, floor: Floor) -> Covered:
    """Its own rollout, while the others rest: each question has its share of the budget, and what others leave of theirs."""
    purse = _purse(evidence)
    same = purse.questions.get(evidence.key, -1)
    known = purse.known.get(same)
    if known is not None and known.decisive.violation is None:
        return known
    found = staged(changing(evidence, (evidence.key,)), floor, purse.share, varies=_varies(evidence))
    purse.budget = max(0, purse.budget - found.spent)
    purse.known[same] = found
    return found


def _purse(evidence: Evidence) -> _Purse:
    name = f"{_SHARED}: schedules"
    if name not in evidence.shared:
        head, base = ({key_of(m): m.body for m in manifests} for manifests in (evidence.head, evidence.base))
        asked = {f.deployment: _question(evidence, f, base.get(f.deployment), head.get(f.deployment)) for f in _floors(evidence)}
        evidence.shared[name] = _Purse(evidence.settings.budget, asked)
    found: _Purse = evidence.shared[name]
    return found


def _question(evidence: Evidence, floor: Floor, *bodies: Mapping[str, Any] | None) -> int:
    starts = [repr(_manners(evidence, body)) for body in bodies]
    said = (floor.floor, floor.in_failure, starts, floor.deployment in evidence.rolled.autoscaled)
    after = evidence.rolled.followed[floor.deployment].last
    assert after is not None  # or nobody would know its floor
    return question(changing(evidence, (floor.deployment,)), after, bodies, *said)


def _manners(evidence: Evidence, body: Mapping[str, Any] | None) -> ImageBehaviour:
    template = {} if body is None else mapping(mapping(body.get("spec")).get("template"))
    return evidence.rolled.played.behaviour.of_pod([str(c.get("image") or "") for c in containers(template)])


def _varies(evidence: Evidence) -> bool:
    return _manners(evidence, evidence.manifest.body).startup_least_ms is not None


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
    worst = Worst(violation=v, lost_ms=lost.lost_ms, at_ms=lost.at_ms, schedule={})
    return Answer(
        rule=BELOW_FLOOR,
        level=Level.CAN_FAIL,
        statement=f"without {v.what} {v.lost}, lost {when(lost.lost_ms)}, {pods(v.left)} of {evidence.rehearsal.replicas} available "
        f"{span(lost.at_ms - lost.lost_ms)} later; the floor is {floor.in_failure}",
        path=("spec",),
        key=True,
        fix="lower maxUnavailable, or spread the pods over more nodes and zones",
        counter_example=shown(evidence, worst, floor),
    )


def _in_another_schedule(evidence: Evidence, floor: Floor, covered: Covered) -> Answer:
    explored = covered.decisive
    v = explored.violation
    assert v is not None
    loss = f" without {v.what} {v.lost}" if v.lost else ""
    worst = Worst(violation=v, lost_ms=explored.at_ms, at_ms=explored.at_ms, schedule=explored.schedule)
    return Answer(
        rule=BELOW_FLOOR,
        level=Level.CAN_FAIL,
        statement=f"when {_otherwise(explored)}, {pods(v.left)} of {evidence.rehearsal.replicas} available{loss} "
        f"{when(explored.at_ms)}; the floor is {floor.floor}",
        evidence=tuple(filter(None, [", ".join(_said(at, taken) for at, taken in sorted(explored.schedule.items()))])),
        path=("spec",),
        key=True,
        fix=_way_out(explored),
        counter_example=shown(evidence, worst, floor, covered.freedom),
    )


_DIFFERENTLY = {
    "tie": "the scheduler breaks ties differently",
    "deletion": "other pods of the same rank are deleted first",
    "start": "pods of a wave become ready at other times",
}


def _otherwise(explored: Explored) -> str:
    kinds = {at.kind for at in explored.schedule}
    return " and ".join(said for kind, said in _DIFFERENTLY.items() if kind in kinds) or "only this Deployment changes"


def _way_out(explored: Explored) -> str:
    if any(at.kind == "start" for at in explored.schedule):
        return "run more replicas, so that those that are ready first are not all in one place"
    return "require the spread (topologySpreadConstraints with whenUnsatisfiable: DoNotSchedule), and raise maxSurge"


def _said(at: At, taken: str) -> str:
    if at.kind == "start":
        return f"start {at.number} after {span(int(taken))}"
    return f"{at.kind} {at.number} {'for' if at.kind == 'tie' else 'on'} node {taken}"


def _answer(evidence: Evidence, floor: Floor, lost: Losses, covered: Covered) -> Answer:
    """Nothing was found. With anything left to look at, nobody knows."""
    explored = covered.decisive
    budget = f"a budget of {evidence.settings.budget}"
    looked = f"{explored.states} states, {explored.merged} of them seen before under other names{_resting(evidence)}"
    losses_ = f"each of {lost.cases} losses at {lost.instants} instants"
    if explored.left or lost.left:
        after = "nobody knows what follows a loss" if lost.left else f"it holds after {losses_} in the nominal schedule"
        return Answer(
            rule=BELOW_FLOOR,
            level=Level.UNKNOWN,
            statement=f"whether the floor of {floor.floor} holds in every schedule is not known: {budget} is used up; "
            f"{_so_far(explored)}{after}",
            bounds=f"{looked}; {lost.played} losses played on",
        )
    return Answer(
        rule=BELOW_FLOOR,
        level=Level.PASSES,
        statement=f"the floor of {floor.floor} holds however ties are broken and whichever equal pods go first, and after {losses_}",
        bounds=f"{looked}; {_orders(evidence, covered)}; {lost.played} losses played on, the others by what the strategy keeps; "
        f"{budget}; one loss",
    )


def _so_far(explored: Explored) -> str:
    """What is certain all the same."""
    if not explored.left or explored.deviations < 0:
        return ""
    n = explored.deviations
    if n == 0:
        return "it holds in the nominal one; "
    return f"it holds in all that make at most {n} choice{'s' if n > 1 else ''} otherwise than the nominal one; "


def _orders(evidence: Evidence, covered: Covered) -> str:
    if covered.freedom is STARTS:
        return "pods ready as early, as late and halfway between what the settings allow"
    if covered.orders is None:
        return "pods of a wave ready in order"
    if covered.orders.left:
        n = max(0, covered.orders.deviations)
        return f"pods of a wave ready in order, and in {covered.orders.states} states of others (all with at most {n} choices otherwise)"
    return f"pods of a wave ready in any order, up to a second apart: {covered.orders.states} states"


def _resting(evidence: Evidence) -> str:
    return "" if evidence.crowd == 1 else ", while the other Deployments rest"
