"""pkg/scheduler/framework/plugins/interpodaffinity/{plugin,filtering,scoring}.go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, cast

from msgspec import Struct, field
from msgspec.structs import replace

from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.counts import PodCounts
from kgate.engine.scheduler.framework import MAX_NODE_SCORE, Change, CycleState, Rejection
from kgate.engine.scheduler.nodeinfo import AffinityTerm, NodeInfo, PodInfo
from kgate.engine.scheduler.nodeinfo import count as _count
from kgate.engine.scheduler.table import Array, Table

HARD_POD_AFFINITY_WEIGHT = 1
"""What an existing pod's required affinity to this one is worth."""

Domains = Mapping[str, int]
"""Pods by value of a topology key; a value without any is not there."""


class Relations(Struct, kw_only=True):
    """Pods by topology key and value. Several terms may speak of one key. `changed` is what preemption imagines beside it."""

    repelled: Sequence[tuple[str, Domains]]
    """Existing pods whose required anti-affinity is against this pod."""
    attracting: Sequence[tuple[str, Domains]]
    """Existing pods that match all required affinity terms of this pod."""
    repelling: Sequence[tuple[str, Domains]]
    """Existing pods that match a required anti-affinity term of this pod."""
    changed: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """By kind of relation, key and value."""

    def there(self, kind: str, key: str, value: str) -> bool:
        base: Sequence[tuple[str, Domains]] = getattr(self, kind)
        n = sum(domains.get(value, 0) for its_key, domains in base if its_key == key)
        return n + self.changed.get((kind, key, value), 0) > 0 if self.changed else n > 0

    def nobody_attracts(self) -> bool:
        """Neither here nor anywhere else."""
        gone = {(key, value): n for (kind, key, value), n in self.changed.items() if kind == "attracting"}
        pairs = {(key, value) for key, domains in self.attracting for value in domains} | set(gone) if gone else None
        if pairs is None:
            return not any(domains for _, domains in self.attracting)
        return not any(self.there("attracting", key, value) for key, value in sorted(pairs))


class InterPodAffinity:
    """Pods want to be in, or out of, the domain of other pods; the wish of pods that already run counts as well."""

    name: ClassVar[str] = "InterPodAffinity"
    local: ClassVar[bool] = False
    _no_affinity = Rejection(plugin=name, reasons=("node(s) didn't match pod affinity rules",), unresolvable=True)
    _anti_affinity = Rejection(plugin=name, reasons=("node(s) didn't match pod anti-affinity rules",))
    _existing = Rejection(plugin=name, reasons=("node(s) didn't satisfy existing pods anti-affinity rules",))

    def prefilter(self, pod: PodInfo, state: CycleState) -> Rejection | bool:
        cluster = state.cluster
        asks = bool(pod.affinity or pod.anti_affinity)
        repelled = [(t.topology_key, domains) for t, domains in cluster.far.about(pod, _labels(pod, cluster))] if cluster.far else []
        if asks or repelled:
            attracting, repelling = self._asked(pod, state) if asks else ((), ())
            state.write(
                Relations(
                    repelled=repelled,
                    attracting=[(key, counts.by_domain(key, cluster.node)) for key, counts in attracting],
                    repelling=[(key, counts.by_domain(key, cluster.node)) for key, counts in repelling],
                )
            )
        return asks or bool(repelled)

    def _asked(self, pod: PodInfo, state: CycleState) -> tuple[Sequence[tuple[str, PodCounts]], Sequence[tuple[str, PodCounts]]]:
        """Who counts for the pod's own required terms, by topology key."""
        cluster = state.cluster
        epoch, found = state.kept.get(self.name, (-1, None))
        if epoch != cluster.counts_epoch or found is None:
            near = cluster.matching(pod.affinity) if pod.affinity else None
            attracting = [(key, near) for key in dict.fromkeys(t.topology_key for t in pod.affinity)] if near is not None else []
            found = (attracting, [(t.topology_key, cluster.matching((t,))) for t in pod.anti_affinity])
            state.kept[self.name] = (cluster.counts_epoch, found)
        return cast("tuple[Sequence[tuple[str, PodCounts]], Sequence[tuple[str, PodCounts]]]", found)

    def filter(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> Rejection | None:
        relations = state.read(Relations)
        if relations is None:
            return None
        if pod.affinity and not _near_enough(pod, node, relations, state.cluster):
            return self._no_affinity
        labels = node.labels
        if any(key in labels and relations.there("repelling", key, labels[key]) for key, _ in relations.repelling):
            return self._anti_affinity
        repelled = dict.fromkeys([key for key, _ in relations.repelled] + [key for kind, key, _ in relations.changed if kind == "repelled"])
        if any(key in labels and relations.there("repelled", key, labels[key]) for key in repelled):
            return self._existing
        return None

    def masks(self, pod: PodInfo, table: Table, state: CycleState) -> Iterable[tuple[Array, Rejection]]:
        relations = state.read(Relations)
        if relations is None:
            return
        if pod.affinity:
            keys = [t.topology_key for t in pod.affinity]
            missing = sum(table.domains(key).number == len(table.domains(key).values) for key in dict.fromkeys(keys)) > 0
            yield missing, self._no_affinity
            if not (relations.nobody_attracts() and _attracts(pod, pod, state.cluster)):
                for key, domains in relations.attracting:
                    yield table.by_domain(domains, key)[table.domains(key).number] == 0, self._no_affinity
        for key, domains in relations.repelling:
            if domains:
                yield table.by_domain(domains, key)[table.domains(key).number] > 0, self._anti_affinity
        for key, domains in relations.repelled:
            yield table.by_domain(domains, key)[table.domains(key).number] > 0, self._existing

    def account(self, pod: PodInfo, other: PodInfo, node: NodeInfo, count: int, state: CycleState) -> None:
        relations, cluster, labels = state.read(Relations), state.cluster, node.labels
        if relations is None:
            # As upstream: a plugin that had nothing to say is not told of what might have changed its mind.
            return
        against = [t for t in other.anti_affinity if t.topology_key in labels and _matches(t, pod, cluster)]
        changes = [("repelled", t.topology_key) for t in against]
        if _attracts(pod, other, cluster):
            changes += [("attracting", key) for key in dict.fromkeys(t.topology_key for t in pod.affinity) if key in labels]
        changes += [("repelling", t.topology_key) for t in pod.anti_affinity if t.topology_key in labels and _matches(t, other, cluster)]
        for kind, key in changes:
            _count(relations.changed, (kind, key, labels[key]), count)

    def scores(self, pod: PodInfo, nodes: Sequence[NodeInfo], state: CycleState) -> list[int] | None:
        """The points of each node's domains, which may be negative, stretched from the lowest to the highest."""
        points = _points(pod, state.cluster)
        if not points:
            return None
        raw = [sum(by_value.get(n.labels[key], 0) for key, by_value in points.items() if key in n.labels) for n in nodes]
        low, high = min(raw), max(raw)
        if high == low:
            return [0] * len(raw)
        return [int(float(MAX_NODE_SCORE) * (float(s - low) / float(high - low))) for s in raw]

    def scores_column(self, pod: PodInfo, table: Table, at: Array | None, state: CycleState) -> Array | None:
        points = _points(pod, state.cluster)
        if not points:
            return None
        raw = sum(table.by_domain(by_value, key)[table.domains(key).number] for key, by_value in points.items())
        raw = raw if at is None else raw[at]
        low, high = int(raw.min()), int(raw.max())
        if high == low:
            return None
        return (float(MAX_NODE_SCORE) * ((raw - low) / float(high - low))).astype(int)

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


def _near_enough(pod: PodInfo, node: NodeInfo, relations: Relations, cluster: Cache) -> bool:
    """Every term's domain has a matching pod. The first of a group that wants to be near itself may go anywhere with the labels."""
    if any(term.topology_key not in node.labels for term in pod.affinity):
        return False
    if all(relations.there("attracting", t.topology_key, node.labels[t.topology_key]) for t in pod.affinity):
        return True
    return relations.nobody_attracts() and _attracts(pod, pod, cluster)


def _points(pod: PodInfo, cluster: Cache) -> dict[str, dict[str, int]]:
    """By topology key and value: what pods there are worth to this one, and what this one is worth to them."""
    points: dict[str, dict[str, int]] = {}
    for terms, sign in ((pod.preferred_affinity, 1), (pod.preferred_anti_affinity, -1)):
        for term in terms:
            # The weight is no part of what a term matches.
            counts = cluster.matching((replace(term, weight=1),))
            _add(points, term.topology_key, counts.by_domain(term.topology_key, cluster.node), sign * term.weight)
    for wishes, worth in ((cluster.near, HARD_POD_AFFINITY_WEIGHT), (cluster.rather_near, 1), (cluster.rather_far, -1)):
        if wishes:
            for term, domains in wishes.about(pod, _labels(pod, cluster)):
                _add(points, term.topology_key, domains, worth * term.weight)
    return points


def _add(points: dict[str, dict[str, int]], key: str, domains: Domains, worth: int) -> None:
    if domains:
        by_value = points.setdefault(key, {})
        for value, n in domains.items():
            by_value[value] = by_value.get(value, 0) + n * worth


def _labels(pod: PodInfo, cluster: Cache) -> Mapping[str, str]:
    """Of the pod's namespace."""
    return cluster.namespace_labels(pod.pod.metadata.namespace)


def _attracts(pod: PodInfo, other: PodInfo, cluster: Cache) -> bool:
    """`other` matches all of the pod's required affinity terms, and there are any."""
    return bool(pod.affinity) and all(_matches(t, other, cluster) for t in pod.affinity)


def _repels(pod: PodInfo, other: PodInfo, cluster: Cache) -> bool:
    """`other` matches all of the pod's required anti-affinity terms, and there are any."""
    return bool(pod.anti_affinity) and all(_matches(t, other, cluster) for t in pod.anti_affinity)


def _matches(term: AffinityTerm, other: PodInfo, cluster: Cache) -> bool:
    return term.matches(other.pod, cluster.namespace_labels(other.pod.metadata.namespace))


def _domains_differ(pod: PodInfo, old: Mapping[str, str] | None, new: Mapping[str, str] | None) -> bool:
    """A node came into a domain the pod asks for, or out of one it avoids."""
    before, after = old or {}, new or {}
    gains = any(t.topology_key in after and before.get(t.topology_key) != after[t.topology_key] for t in pod.affinity)
    leaves = any(old is None or before.get(t.topology_key) != after.get(t.topology_key) for t in pod.anti_affinity)
    # A pod that others keep away is retried as well: their terms are not known here.
    return gains or leaves or (not pod.affinity and not pod.anti_affinity)
