"""What a search found, as a scenario file that replays it: with the ties that count, the loss, and the time until too few serve.

It is only shown when its replay comes below the same floor; then ties are taken out as long as it still does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key
from kgate.engine.choices import At
from kgate.engine.errors import ApiError, LivelockError
from kgate.rollout import counterexample
from kgate.rollout.census import Low
from kgate.rollout.follow import owner_of
from kgate.rollout.search.explore import Violation

if TYPE_CHECKING:
    from kgate.rollout.questions.evidence import Evidence

_MARGIN_S = 1
_LOSS_S = 0.25
"""What the player lets pass after each node it stops."""


class Worst(Struct, frozen=True, kw_only=True):
    """A violation and how it comes about."""

    violation: Violation
    floor: int
    """What is not kept."""
    lost_ms: int
    at_ms: int
    """Since the change."""
    schedule: Mapping[At, str]


def shown(evidence: Evidence, worst: Worst) -> str:
    """Empty when no replay shows the failure, or the world is too large to be read."""
    for alone in (True, False) if evidence.crowd > 1 else (False,):
        body = _body(evidence, worst, alone=alone)
        if body is not None and _fails(body, evidence.key, worst.floor):
            return counterexample.written(_shrunk(body, worst.schedule, evidence.key, worst.floor))
    return ""


def _body(evidence: Evidence, worst: Worst, *, alone: bool) -> dict[str, Any] | None:
    v = worst.violation
    low = Low(available=v.left, at_ms=worst.lost_ms, lost=v.lost, there=v.there)
    body = counterexample.scenario(evidence, v.what or "node", low, alone=alone, watched_s=60)
    if body is None:
        return None
    name = evidence.manifest.name
    body["name"] = f"{name}-worst-case"
    loss = f"{v.what} {v.lost} is lost {worst.lost_ms / 1000:g}s after the change: " if v.lost else ""
    body["description"] = f"{loss}{v.left} available pods are left {worst.at_ms / 1000:g}s after the change"
    stops = sum("node" in step for step in body["steps"])
    body["steps"][-1] = {"sleep": max(0, (worst.at_ms - worst.lost_ms) / 1000 - stops * _LOSS_S) + _MARGIN_S}
    return _with(body, worst.schedule)


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
    for at in sorted(told):
        fewer = {other: taken for other, taken in told.items() if other != at}
        if _fails(_with(body, fewer), deployment, floor):
            body, told = _with(body, fewer), fewer
    return body


def _fails(body: dict[str, Any], deployment: Key, floor: int) -> bool:
    """Whether fewer serve at the end of some instant, from the loss on, or from the change on when nothing is lost."""
    from kgate.rollout.play import Player
    from kgate.rollout.scenario import read_scenario

    player = Player(read_scenario(body, name=body["name"]), None)
    try:
        recording = player.play()
    except (ApiError, LivelockError):
        return False
    lost = {step["node"]["stop"] for step in body["steps"] if "node" in step}
    results = {s["op"]: round(1000 * s["t"]) for s in reversed(recording["stepResults"])}
    return _least(player, deployment, lost, results.get("node", results["apply"])) < floor


def _least(player: Any, deployment: Key, lost: set[str], since_ms: int) -> int:
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
