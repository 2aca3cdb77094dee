"""pkg/scheduler/framework/plugins/interpodaffinity/{plugin,filtering,scoring}.go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from msgspec import Struct, field

from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.framework import MAX_NODE_SCORE, Change, CycleState, Rejection
from kgate.engine.scheduler.nodeinfo import AffinityTerm, NodeInfo, PodInfo

HARD_POD_AFFINITY_WEIGHT = 1
"""What an existing pod's required affinity to this one is worth."""

Domain = tuple[str, str]
"""Topology key and value."""


class Relations(Struct, kw_only=True):
    """Number of pods by domain; a domain without any is not here."""

    repelled: dict[Domain, int] = field(default_factory=dict)
    """Existing pods whose required anti-affinity is against this pod."""
    attracting: dict[Domain, int] = field(default_factory=dict)
    """Existing pods that match all required affinity terms of this pod."""
    repelling: dict[Domain, int] = field(default_factory=dict)
    """Existing pods that match a required anti-affinity term of this pod."""


class InterPodAffinity:
    """Pods want to be in, or out of, the domain of other pods; the wish of pods that already run counts as well."""

    name: ClassVar[str] = "InterPodAffinity"
    local: ClassVar[bool] = False
    _no_affinity = Rejection(plugin=name, reasons=("node(s) didn't match pod affinity rules",), unresolvable=True)
    _anti_affinity = Rejection(plugin=name, reasons=("node(s) didn't match pod anti-affinity rules",))
    _existing = Rejection(plugin=name, reasons=("node(s) didn't satisfy existing pods anti-affinity rules",))

    def prefilter(self, pod: PodInfo, state: CycleState) -> Rejection | bool:
        relations = Relations()
        asks = bool(pod.affinity or pod.anti_affinity)
        for node in state.cluster.nodes() if asks else state.cluster.nodes_with_anti_affinity():
            for other in (node.pods if asks else node.pods_with_anti_affinity).values():
                _relate(relations, pod, other, node, 1, state.cluster)
        state.write(relations)
        return asks or bool(relations.repelled)

    def filter(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> Rejection | None:
        relations = state.read(Relations)
        if relations is None:
            return None
        if not _near_enough(pod, node, relations, state.cluster):
            return self._no_affinity
        if any(relations.repelling.get(_domain(t, node)) for t in pod.anti_affinity if t.topology_key in node.labels):
            return self._anti_affinity
        if relations.repelled and any(pair in relations.repelled for pair in node.labels.items()):
            return self._existing
        return None

    def account(self, pod: PodInfo, other: PodInfo, node: NodeInfo, count: int, state: CycleState) -> None:
        relations = state.read(Relations)
        if relations is not None:
            _relate(relations, pod, other, node, count, state.cluster)

    def scores(self, pod: PodInfo, nodes: Sequence[NodeInfo], state: CycleState) -> list[int] | None:
        """The points of each node's domains, which may be negative, stretched from the lowest to the highest."""
        points: dict[str, dict[str, int]] = {}
        asks = bool(pod.preferred_affinity or pod.preferred_anti_affinity)
        for node in state.cluster.nodes() if asks else state.cluster.nodes_with_affinity():
            for other in (node.pods if asks else node.pods_with_affinity).values():
                _prefer(points, pod, other, node, state.cluster)
        if not points:
            return None
        raw = [sum(by_value.get(n.labels[key], 0) for key, by_value in points.items() if key in n.labels) for n in nodes]
        low, high = min(raw), max(raw)
        if high == low:
            return [0] * len(raw)
        return [int(float(MAX_NODE_SCORE) * (float(s - low) / float(high - low))) for s in raw]

    def worth_retrying(self, pod: PodInfo, change: Change, cluster: Cache) -> bool:
        if change.node is not None:
            return change.new is not None and _domains_differ(pod, *(n.metadata.labels if n else None for n in change.node))
        if change.pod is None:
            return False
        old, new = change.pod
        if old is not None and new is not None:
            appears = not _attracts(pod, old, cluster) and _attracts(pod, new, cluster)
            return appears or (_repels(pod, old, cluster) and not _repels(pod, new, cluster))
        if new is not None:
            return _attracts(pod, new, cluster)
        return old is not None and (_repels(pod, old, cluster) or _repels(old, pod, cluster))


def _relate(relations: Relations, pod: PodInfo, other: PodInfo, node: NodeInfo, count: int, cluster: Cache) -> None:
    for term in other.anti_affinity:
        if _matches(term, pod, cluster):
            _add(relations.repelled, term, node, count)
    if _attracts(pod, other, cluster):
        for term in pod.affinity:
            _add(relations.attracting, term, node, count)
    for term in pod.anti_affinity:
        if _matches(term, other, cluster):
            _add(relations.repelling, term, node, count)


def _near_enough(pod: PodInfo, node: NodeInfo, relations: Relations, cluster: Cache) -> bool:
    """Every term's domain has a matching pod. The first of a group that wants to be near itself may go anywhere with the labels."""
    if any(term.topology_key not in node.labels for term in pod.affinity):
        return False
    if all(relations.attracting.get(_domain(term, node)) for term in pod.affinity):
        return True
    return not relations.attracting and _attracts(pod, pod, cluster)


def _prefer(points: dict[str, dict[str, int]], pod: PodInfo, other: PodInfo, node: NodeInfo, cluster: Cache) -> None:
    """What `other`, on its node, adds to the domains of that node in the eyes of `pod`, and the other way round."""
    for terms, them, worth in (
        (pod.preferred_affinity, other, 1),
        (pod.preferred_anti_affinity, other, -1),
        (other.affinity, pod, HARD_POD_AFFINITY_WEIGHT),
        (other.preferred_affinity, pod, 1),
        (other.preferred_anti_affinity, pod, -1),
    ):
        for term in terms:
            if term.topology_key in node.labels and _matches(term, them, cluster):
                by_value = points.setdefault(term.topology_key, {})
                value = node.labels[term.topology_key]
                by_value[value] = by_value.get(value, 0) + term.weight * worth


def _attracts(pod: PodInfo, other: PodInfo, cluster: Cache) -> bool:
    """`other` matches all of the pod's required affinity terms, and there are any."""
    return bool(pod.affinity) and all(_matches(t, other, cluster) for t in pod.affinity)


def _repels(pod: PodInfo, other: PodInfo, cluster: Cache) -> bool:
    """`other` matches all of the pod's required anti-affinity terms, and there are any."""
    return bool(pod.anti_affinity) and all(_matches(t, other, cluster) for t in pod.anti_affinity)


def _matches(term: AffinityTerm, other: PodInfo, cluster: Cache) -> bool:
    return term.matches(other.pod, cluster.namespace_labels(other.pod.metadata.namespace))


def _domain(term: AffinityTerm, node: NodeInfo) -> Domain:
    return (term.topology_key, node.labels[term.topology_key])


def _add(counts: dict[Domain, int], term: AffinityTerm, node: NodeInfo, count: int) -> None:
    if term.topology_key in node.labels:
        domain = _domain(term, node)
        total = counts.get(domain, 0) + count
        if total:
            counts[domain] = total
        else:
            counts.pop(domain, None)


def _domains_differ(pod: PodInfo, old: Mapping[str, str] | None, new: Mapping[str, str] | None) -> bool:
    """A node came into a domain the pod asks for, or out of one it avoids."""
    before, after = old or {}, new or {}
    gains = any(t.topology_key in after and before.get(t.topology_key) != after[t.topology_key] for t in pod.affinity)
    leaves = any(old is None or before.get(t.topology_key) != after.get(t.topology_key) for t in pod.anti_affinity)
    # A pod that others keep away is retried as well: their terms are not known here.
    return gains or leaves or (not pod.affinity and not pod.anti_affinity)
