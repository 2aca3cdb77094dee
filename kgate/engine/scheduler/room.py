"""How many more pods like one fit, where they would go, and what is in the way of the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api.core import Node, Pod
from kgate.engine.scheduler.cache import KINDS, Cache
from kgate.engine.scheduler.placement import Decision, Placement
from kgate.engine.scheduler.preemption import DefaultPreemption
from kgate.engine.scheduler.profile import Profile
from kgate.engine.scheduler.scheduler import failure
from kgate.engine.store import Store


class Room(Struct, frozen=True, kw_only=True):
    """Pods that fit, one after another, as kube-scheduler would place them."""

    by_node: Mapping[str, int]
    """In the order in which the nodes got their first."""
    message: str
    """What kube-scheduler says of the one that does not fit; empty when as many fit as were asked for."""
    reasons: Mapping[str, int]
    """Number of nodes by reason, of that one; those that most nodes give first."""

    @property
    def fit(self) -> int:
        return sum(self.by_node.values())


def room_for(store: Store, pod: Pod, most: int, *, profile: Profile, more: Iterable[Node] = ()) -> Room:
    """Places up to `most` pods like this one beside everything that is in the store, and beside `more` nodes; nothing is written.

    The pod itself counts if it is bound.
    """
    cache = Cache()
    for kind in KINDS:
        for obj in (*store.list_kind(kind), *(more if kind == "Node" else ())):
            cache.observe(None, obj)
    placement = Placement(cache, profile)
    placed: Counter[str] = Counter([pod.spec.node_name] if pod.spec.node_name else [])
    decision = None
    for i in range(sum(placed.values()), most):
        each = _twin(pod, i)
        decision = placement.decide(each)
        if not decision.node:
            return _full(placed, each, decision, cache, placement, profile)
        for obj in placement.before_binding(each, decision):
            cache.observe(obj, obj)
        cache.observe(None, each.bound_to(decision.node))
        placed[decision.node] += 1
    return Room(by_node=dict(placed), message="", reasons={})


def _twin(pod: Pod, i: int) -> Pod:
    """Like the pod, but new: not yet anywhere."""
    meta = replace(pod.metadata, name=f"{pod.metadata.name}-{i + 1}", uid=f"{pod.metadata.uid}-{i + 1}")
    return replace(pod, metadata=meta, spec=replace(pod.spec, node_name=""), status=type(pod.status)())


def _full(placed: Mapping[str, int], pod: Pod, decision: Decision, cache: Cache, placement: Placement, profile: Profile) -> Room:
    asked = cache.nodes() and decision.everywhere is None
    found = DefaultPreemption(cache, placement).find(cache.infos.of(pod), decision, 0) if asked else None
    reasons: Counter[str] = Counter()
    for rejection, n in decision.tally.items():
        for reason in rejection.reasons:
            reasons[reason] += n
    if decision.everywhere is not None:
        reasons.update({reason: len(cache.nodes()) for reason in decision.everywhere.reasons})
    ordered = sorted(reasons.items(), key=lambda found: (-found[1], found[0]))
    return Room(by_node=dict(placed), message=failure(decision, found, len(cache.nodes()), profile), reasons=dict(ordered))
