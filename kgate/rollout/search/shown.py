"""What a search found, as a scenario file that replays it: with the choices that count, the loss, and the time until too few serve.

It is only shown when its replay comes below its floor; of the worlds in which it does the smallest that was tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key
from kgate.engine.choices import At
from kgate.engine.errors import ApiError, LivelockError
from kgate.rollout import counterexample
from kgate.rollout.counterexample import Cut
from kgate.rollout.follow import owner_of
from kgate.rollout.search.explore import TIES, Freedom
from kgate.rollout.search.serving import Floor
from kgate.rollout.search.smaller import Smaller, Worst, smaller

if TYPE_CHECKING:
    from kgate.rollout.play import Player
    from kgate.rollout.questions.evidence import Evidence

_MARGIN_S = 1
_LOSS_S = 0.25
"""What the player lets pass after each node it stops."""


def shown(evidence: Evidence, worst: Worst, floor: Floor, freedom: Freedom = TIES) -> str:
    """Empty when no replay shows the failure, or the world is too large to be read. `freedom`: in which its schedule was found."""
    for world in chain(smaller(evidence, worst, floor, freedom), _whole(evidence, worst, floor)):
        body = _body(evidence, world)
        if body is not None and _fails(body, evidence.key, world.floor.in_failure):
            return counterexample.written(_shrunk(body, world.worst.schedule, evidence.key, world.floor.in_failure))
    return ""


def _whole(evidence: Evidence, worst: Worst, floor: Floor) -> Iterator[Smaller]:
    """All nodes: with this Deployment alone, then with all; where another schedule is needed the others rest."""
    if evidence.crowd > 1:
        yield Smaller(cut=Cut(alone=True), floor=floor, worst=worst)
    yield Smaller(cut=Cut(resting=bool(worst.schedule)), floor=floor, worst=worst)


def _body(evidence: Evidence, world: Smaller) -> dict[str, Any] | None:
    worst, v = world.worst, world.worst.violation
    name = evidence.manifest.name
    loss = f"{v.what} {v.lost} is lost {worst.lost_ms / 1000:g}s after the change: " if v.lost else ""
    told = f"{loss}{v.left} available pods are left {worst.at_ms / 1000:g}s after the change; the floor is {world.floor.in_failure}"
    of = counterexample.lost_nodes(evidence, v.what, v.lost, world.cut)
    watched_s = max(0, (worst.at_ms - worst.lost_ms) / 1000 - len(of) * _LOSS_S) + _MARGIN_S
    steps: list[dict[str, Any]] = [{"sleep": worst.lost_ms / 1000}, *({"node": {"stop": node}} for node in of), {"sleep": watched_s}]
    body = counterexample.scenario(evidence, f"{name}-worst-case", told, steps, world.cut)
    return None if body is None else _with(body, worst.schedule)


def _entry(at: At, taken: str) -> dict[str, Any]:
    return {at.kind: at.number} | ({"after": int(taken) / 1000} if at.kind == "start" else {"node": taken})


def _with(body: dict[str, Any], schedule: Mapping[At, str]) -> dict[str, Any]:
    """The schedule comes right before the change."""
    steps = [step for step in body["steps"] if "schedule" not in step]
    if schedule:
        at = next(i for i, step in enumerate(steps) if "apply" in step)
        steps.insert(at, {"schedule": [_entry(place, taken) for place, taken in sorted(schedule.items())]})
    return {**body, "steps": steps}


def _shrunk(body: dict[str, Any], schedule: Mapping[At, str], deployment: Key, floor: int) -> dict[str, Any]:
    """Without every choice that it does not take."""
    told = dict(schedule)
    for at in sorted(told) if len(told) > 1 else ():
        fewer = {other: taken for other, taken in told.items() if other != at}
        if _fails(_with(body, fewer), deployment, floor):
            body, told = _with(body, fewer), fewer
    return body


def _fails(body: dict[str, Any], deployment: Key, floor: int) -> bool:
    return (least := replayed(body, deployment)) is not None and least < floor


def replayed(body: dict[str, Any], deployment: Key) -> int | None:
    """The fewest that serve at the end of an instant, from the loss on, or from the change on when nothing is lost.

    None when it cannot be played.
    """
    from kgate.rollout.play import Player
    from kgate.rollout.scenario import read_scenario

    player = Player(read_scenario(body, name=body["name"]), None)
    try:
        player.perform()
    except (ApiError, LivelockError):
        return None
    lost = {step["node"]["stop"] for step in body["steps"] if "node" in step}
    results = {s["op"]: round(1000 * s["t"]) for s in reversed(player.run.results)}
    return _least(player, deployment, lost, results.get("node", results["apply"]))


def _least(player: Player, deployment: Key, lost: set[str], since_ms: int) -> int:
    """Pods that are ready, not being deleted and not on a lost node: the fewest there were."""
    owners: dict[str, Key] = {}
    serving: set[Key] = set()
    least, now_ms = [], 0
    for event in player.run.events:
        if event.time_ms != now_ms and event.time_ms > since_ms:
            least.append(len(serving))
        now_ms = event.time_ms
        if owner_of(event, owners) != deployment or event.key.kind != "Pod":
            continue
        pod = event.after
        serves = isinstance(pod, Pod) and pod.ready and not pod.metadata.deleting and pod.spec.node_name not in lost
        (serving.add if serves else serving.discard)(event.key)
    return min([*least, len(serving)])
