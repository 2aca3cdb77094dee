"""Smaller worlds in which the same may go wrong, the smallest first: fewer replicas, fewer nodes of each kind, nobody else's pods.

Each is settled, and searched anew: what happens there has its own moments and numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine import Cluster
from kgate.engine.api.meta import Key
from kgate.engine.errors import ApiError, LivelockError
from kgate.rollout import counterexample
from kgate.rollout.counterexample import Cut
from kgate.rollout.nodes import NodeSpec
from kgate.rollout.search.alike import nameless
from kgate.rollout.search.change import over
from kgate.rollout.search.explore import Freedom, Violation, explore
from kgate.rollout.search.losses import Wanted, losses
from kgate.rollout.search.serving import Floor, Serving
from kgate.rollout.search.world import Start, next_instant

if TYPE_CHECKING:
    from kgate.rollout.questions.evidence import Evidence

_REPLICAS = (2, 3, 4, 5, 6, 8)
_EACH = (1, 2, 3, 5, 8, 13, 21, 34, 55)
_STATES = 150
MOST_TRIES = 12
"""Of a Deployment of up to _PODS pods; of larger ones fewer."""
_PODS = 50


class Worst(Struct, frozen=True, kw_only=True):
    """A violation and how it comes about."""

    violation: Violation
    lost_ms: int
    at_ms: int
    """Since the change."""
    schedule: Any
    """What was chosen, by At."""


class Smaller(Struct, frozen=True, kw_only=True):
    """A world, and what goes wrong in it."""

    cut: Cut
    floor: Floor
    worst: Worst


def smaller(evidence: Evidence, worst: Worst, floor: Floor, freedom: Freedom) -> Iterator[Smaller]:
    """Those in which it is found, of at most MOST_TRIES."""
    tries = max(2, MOST_TRIES * _PODS // max(_PODS, evidence.rehearsal.peak_pods))
    for cut in islice(_cuts(evidence, floor, worst.violation), tries):
        wanted = _resized(evidence, floor, cut.replicas)
        found = _searched(evidence, cut, worst, wanted, freedom)
        if found is not None and _alike(evidence, found.violation, worst.violation, cut):
            yield Smaller(cut=cut, floor=wanted, worst=found)


def _searched(evidence: Evidence, cut: Cut, worst: Worst, wanted: Floor, freedom: Freedom) -> Worst | None:
    """Worlds that differ in the Deployment's name alone are searched once."""
    body = counterexample.scenario(evidence, "smaller", "", [], cut)
    if body is None:
        return None
    said = (wanted.floor, wanted.in_failure, wanted.failures, freedom, bool(worst.schedule), worst.at_ms > worst.lost_ms)
    key = f"{nameless(body, evidence.manifest.name)} {said}"
    known: dict[str, Worst | None] = evidence.shared.setdefault("smaller worlds", {})
    if key not in known:
        known[key] = _in(body, evidence, worst, wanted, freedom)
    return known[key]


def _in(body: dict[str, Any], evidence: Evidence, worst: Worst, wanted: Floor, freedom: Freedom) -> Worst | None:
    start = _settled(body, evidence.key)
    if start is None or Serving.of(start.cluster, wanted.deployment).total < wanted.floor:
        return None
    try:
        return _found(start, worst, wanted, freedom)
    except (ApiError, LivelockError):
        return None


def _cuts(evidence: Evidence, floor: Floor, violation: Violation) -> Iterator[Cut]:
    """Nodes are left out as long as there is one for every part of the pods that a lost node took along."""
    nodes, all_ = evidence.rolled.cluster.nodes, evidence.rehearsal.replicas
    sizes = [names for each in _EACH if len(names := _some(nodes, each)) < len(nodes)]

    def enough(replicas: int) -> list[tuple[str, ...] | None]:
        least = -(-replicas // _share(violation, replicas, all_)) if violation.what == "node" else 1
        return [*(names for names in sizes if len(names) >= least), None]

    plain = not (evidence.rolled.cluster.used or evidence.rolled.cluster.objects or evidence.rolled.cluster.pods)
    for replicas in _fewer(evidence, floor):
        yield Cut(alone=True, bare=True, nodes=enough(replicas)[0], replicas=replicas)
    for bare in (True,) if plain else (True, False):
        for few in enough(all_):
            yield Cut(alone=True, bare=bare, nodes=few)


def _share(violation: Violation, replicas: int, of: int) -> int:
    """Of so few replicas, how many are as large a part as were lost; rounded up."""
    return max(1, -(-violation.there * replicas // of))


def _some(nodes: tuple[NodeSpec, ...], each: int) -> tuple[str, ...]:
    """The first so many of each kind in each zone, in their order."""
    counts: dict[str, int] = {}
    chosen = []
    for node in nodes:
        kind = repr(replace(node, name="", images=(), labels={k: v for k, v in node.labels.items() if v != node.name}))
        counts[kind] = counts.get(kind, 0) + 1
        if counts[kind] <= each:
            chosen.append(node.name)
    return tuple(chosen)


def _fewer(evidence: Evidence, floor: Floor) -> list[int]:
    """Where the floor follows the replicas, and leaves some of them to be missed, as it does now."""
    all_, key = evidence.rehearsal.replicas, evidence.key
    if key in evidence.rolled.autoscaled or not _relative(evidence, all_):
        return []
    fits = [r for r in _REPLICAS if r < all_]
    return [r for r in fits if 0 < _resized(evidence, floor, r).in_failure < r or floor.in_failure >= all_]


def _relative(evidence: Evidence, replicas: int) -> bool:
    asked = evidence.settings.floor(evidence.key.namespace, evidence.key.name, replicas)
    return asked is None or asked != evidence.settings.floor(evidence.key.namespace, evidence.key.name, 100 * replicas)


def _resized(evidence: Evidence, floor: Floor, replicas: int | None) -> Floor:
    if replicas is None:
        return floor
    asked = evidence.settings.floor(evidence.key.namespace, evidence.key.name, replicas)
    in_failure = min(1, replicas - 1) if asked is None else asked
    return replace(floor, floor=min(floor.floor, in_failure), in_failure=in_failure)


def _settled(body: dict[str, Any], key: Key) -> Start | None:
    """That world right before the change; None when it cannot be played."""
    from kgate.rollout.play import Player
    from kgate.rollout.scenario import read_scenario

    wait, apply, *_ = body["steps"]
    player = Player(read_scenario({**body, "steps": [wait]}, name="smaller"), None)
    try:
        cluster = player.perform()
    except (ApiError, LivelockError):
        return None
    return Start(cluster=cluster, change=lambda c: _apply(c, apply["apply"]), over=lambda c: over(c, key), deployments=(key,))


def _apply(cluster: Cluster, bodies: list[dict[str, Any]]) -> None:
    for body in bodies:
        cluster.apply(body)


def _found(start: Start, worst: Worst, floor: Floor, freedom: Freedom) -> Worst | None:
    """The same kind of failure: at once, some time after a loss, or only in another schedule."""
    if worst.schedule:
        e = explore(start, floor, _STATES, freedom)
        if e.violation is None or not e.schedule or e.violation.what != worst.violation.what:
            return None
        return Worst(violation=e.violation, lost_ms=e.at_ms, at_ms=e.at_ms, schedule=e.schedule)
    if worst.at_ms > worst.lost_ms:
        lost = losses(start, [Wanted(floor=floor, kept=None)], _STATES)[floor.deployment]
        if lost.violation is None or lost.at_ms <= lost.lost_ms or lost.violation.what != worst.violation.what:
            return None
        return Worst(violation=lost.violation, lost_ms=lost.lost_ms, at_ms=lost.at_ms, schedule={})
    return _at_once(start, floor)


def _at_once(start: Start, floor: Floor) -> Worst | None:
    """The lowest moment of the nominal schedule, if it is below the floor."""
    cluster, lowest = start.begun(), None
    while True:
        violation = floor.violated(cluster)
        if violation is not None and (lowest is None or violation.left < lowest.violation.left):
            at_ms = cluster.now_ms - start.cluster.now_ms
            lowest = Worst(violation=violation, lost_ms=at_ms, at_ms=at_ms, schedule={})
        if start.ended(cluster) or not next_instant(cluster):
            return lowest


def _alike(evidence: Evidence, found: Violation, original: Violation, cut: Cut) -> bool:
    """Not because there is so little room: no larger a part of the pods is lost, but for rounding."""
    if not original.lost:
        return True
    all_ = evidence.rehearsal.replicas
    return found.there <= _share(original, cut.replicas or all_, all_)
