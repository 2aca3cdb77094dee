"""Where the pods of a rollout may come to stand: nodes that differ in nothing that a score or filter of one node sees, counted.

What is known of them holds at every moment of the rollout: old pods only go, new ones only come, and all else rests.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from kgate.engine.api.core import Pod
from kgate.engine.scheduler.cache import HOSTNAME_LABEL, Cache
from kgate.engine.scheduler.framework import CycleState, Filter, Score, WideScore, offering
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo
from kgate.engine.scheduler.profile import WEIGHTS, Profile
from kgate.engine.scheduler.selection import first_rejection

ZONE_LABEL = "topology.kubernetes.io/zone"
LOCAL = ("NodeResourcesFit", "NodeResourcesBalancedAllocation", "ImageLocality")
"""Scores that one node alone decides, whatever the others are."""
RELATIVE = ("TaintToleration", "NodeAffinity")
"""Scores that all nodes together bring to 0..100: they decide nothing where all are equal."""
WIDE = ("PodTopologySpread", "InterPodAffinity")
_PLAIN_VOLUMES = frozenset({"name", "emptyDir", "configMap", "secret", "projected", "downwardAPI"})


class Unbounded(Exception):  # noqa: N818 - nothing is wrong: there is only no bound
    """Something here has a say of which nothing is known in advance."""


class Stand(Struct, kw_only=True, eq=False):
    """Nodes that are alike, and one of them to be asked. `old`: of the pods that go, so many are on each."""

    zone: str
    old: int
    node: NodeInfo
    """Without those pods."""
    goes: PodInfo | None
    """One of those pods; they are alike."""
    count: int = 0
    scores: dict[tuple[int, int], int] = field(default_factory=dict)
    room: dict[int, bool] = field(default_factory=dict)

    def with_(self, pod: PodInfo, new: int, old: int) -> NodeInfo:
        found = self.node.copy()
        for i in range(old):
            assert self.goes is not None
            found.add(_twin(self.goes, f"old-{i}"))
        for i in range(new):
            found.add(_twin(pod, f"new-{i}"))
        return found


class Stands(Struct, kw_only=True):
    """All nodes that may ever take the pod, and what the plugins that look at one node say."""

    pod: PodInfo
    every: list[Stand]
    elsewhere: int
    """The most old pods on a node that takes no new one."""
    filters: Sequence[Filter]
    plugins: Sequence[tuple[Score, int]]
    state: CycleState

    def score(self, stand: Stand, new: int, old: int) -> int:
        """Weighted, of a node with so many of them."""
        known = stand.scores.get((new, old))
        if known is None:
            node = stand.with_(self.pod, new, old)
            known = sum(weight * plugin.score(self.pod, node, self.state) for plugin, weight in self.plugins)
            stand.scores[new, old] = known
        return known

    def most(self, stand: Stand, new: int) -> int:
        return max(self.score(stand, new, old) for old in range(stand.old + 1))

    def least(self, stand: Stand, new: int) -> int:
        return min(self.score(stand, new, old) for old in range(stand.old + 1))

    def takes(self, stand: Stand, new: int) -> bool:
        """For sure: beside all old pods and so many new ones."""
        known = stand.room.get(new)
        if known is None:
            node = stand.with_(self.pod, new, stand.old)
            known = stand.room[new] = first_rejection(self.filters, self.pod, node, self.state) is None
        return known

    def zones(self) -> list[str]:
        return list(dict.fromkeys(stand.zone for stand in self.every))

    def in_zone(self, zone: str) -> list[Stand]:
        return [stand for stand in self.every if stand.zone == zone]


def stands(cache: Cache, profile: Profile, pod: Pod, old_uid: str) -> Stands:
    """`pod` is a new one, which is nowhere yet; pods controlled by `old_uid` go. Raises Unbounded."""
    info = PodInfo.of(pod)
    _check(cache, profile, info)
    state = CycleState(cache)
    plugins = [(p, profile.weights[p.name]) for p in offering(profile.plugins, Score) if p.name in LOCAL]
    speaking = [(p, w) for p, w in plugins if not hasattr(p, "prescore") or p.prescore(info)]
    filters = [f for f in profile.filters if f.local]
    found = Stands(pod=info, every=[], elsewhere=0, filters=filters, plugins=speaking, state=state)
    known: dict[object, Stand] = {}
    for node in cache.nodes():
        stand = _stand(node, old_uid)
        if first_rejection(filters, info, stand.node, state) is not None:
            found.elsewhere = max(found.elsewhere, stand.old)
            continue
        known.setdefault(_looks(stand, speaking, info, state), stand).count += 1
    found.every = list(known.values())
    _check_equal(found, profile)
    return found


def _stand(node: NodeInfo, old_uid: str) -> Stand:
    mine = [i for i in node.pods.values() if (owner := i.pod.metadata.controller) is not None and owner.uid == old_uid]
    if len({(frozenset(i.requests.items()), i.non_zero_cpu, i.non_zero_memory, i.host_ports) for i in mine}) > 1:
        raise Unbounded
    if mine:
        node = node.copy()
        for i in mine:
            node.remove(i.key)
    return Stand(zone=node.labels.get(ZONE_LABEL, ""), old=len(mine), node=node, goes=mine[0] if mine else None)


def _looks(stand: Stand, plugins: Sequence[tuple[Score, int]], info: PodInfo, state: CycleState) -> object:
    """All that filters and scores of one node see of it, besides whether it takes the pod at all."""
    node = stand.node
    used = (frozenset(node.requested.items()), node.non_zero_cpu, node.non_zero_memory, len(node.pods), frozenset(node.ports))
    images = next((p.score(info, node, state) for p, _ in plugins if p.name == "ImageLocality"), 0)
    return (stand.zone, stand.old, frozenset(node.allocatable.items()), used, images)


def _check(cache: Cache, profile: Profile, info: PodInfo) -> None:
    """Who has a say here is known."""
    named = [p.name for p in (*offering(profile.plugins, Score), *offering(profile.plugins, WideScore))]
    if (
        profile.weights != WEIGHTS
        or not {*LOCAL, *RELATIVE, *WIDE}.issuperset(named)
        or any(p.name == "Bandwidth" for p in profile.plugins)
    ):
        raise Unbounded
    spec = info.pod.spec
    hard = any(c.when_unsatisfiable != "ScheduleAnyway" for c in spec.topology_spread_constraints)
    claims = any(v.persistent_volume_claim is not None or not _PLAIN_VOLUMES.issuperset(v.rest) for v in spec.volumes)
    if hard or claims or info.has_affinity or spec.scheduler_name not in ("", profile.scheduler_name):
        raise Unbounded
    labels = cache.namespace_labels(info.pod.metadata.namespace)
    if any(True for terms in (cache.near, cache.far, cache.rather_near, cache.rather_far) for _ in terms.about(info, labels)):
        raise Unbounded


def _check_equal(found: Stands, profile: Profile) -> None:
    """Nodes that differ in a score that is brought to 0..100 have no known distance."""
    relative = [p for p in offering(profile.plugins, Score) if p.name in RELATIVE]
    for plugin in relative:
        if len({plugin.score(found.pod, s.node, found.state) for s in found.every}) > 1:
            raise Unbounded
    if any(HOSTNAME_LABEL not in s.node.labels for s in found.every) or len({s.zone == "" for s in found.every}) > 1:
        raise Unbounded


def _twin(info: PodInfo, name: str) -> PodInfo:
    """Another one like it."""
    pod = info.pod
    return replace(info, pod=replace(pod, metadata=replace(pod.metadata, name=f"{pod.metadata.name}-{name}")))
