"""pkg/scheduler/framework/plugins/podtopologyspread/{plugin,common,filtering,scoring}.go."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import ClassVar

from msgspec import Struct

from kgate.engine.api.core import Node, Pod, TopologySpreadConstraint
from kgate.engine.api.meta import FrozenMap, LabelSelector
from kgate.engine.api.selector import matches, matches_labels, requiring
from kgate.engine.api.tolerations import untolerated
from kgate.engine.scheduler.cache import HOSTNAME_LABEL, Cache
from kgate.engine.scheduler.framework import MAX_NODE_SCORE, Change, CycleState, Rejection
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo
from kgate.engine.scheduler.plugins.node_affinity import required_matches

HARD, SOFT = "DoNotSchedule", "ScheduleAnyway"

SYSTEM_DEFAULTS = (
    TopologySpreadConstraint(topology_key=HOSTNAME_LABEL, when_unsatisfiable=SOFT, max_skew=3),
    TopologySpreadConstraint(topology_key="topology.kubernetes.io/zone", when_unsatisfiable=SOFT, max_skew=5),
)
"""For pods without constraints of their own that a Service or a ReplicaSet selects."""


class HardState(Struct, kw_only=True):
    """Matching pods by constraint and domain. Only domains of nodes that may count are here at all."""

    constraints: tuple[TopologySpreadConstraint, ...]
    counts: list[dict[str, int]]
    lowest: list[int | None]
    """The smallest count, None when it must be worked out (again)."""

    def minimum(self, i: int) -> int:
        """0 when there are fewer domains than minDomains asks for."""
        low = self.lowest[i]
        if low is None:
            few = len(self.counts[i]) < (self.constraints[i].min_domains or 1)
            low = self.lowest[i] = 0 if few else min(self.counts[i].values())
        return low


class PodTopologySpread:
    """Matching pods shall differ between domains by at most maxSkew: hard constraints refuse a node, soft ones and the defaults score."""

    name: ClassVar[str] = "PodTopologySpread"
    local: ClassVar[bool] = False
    _too_many = Rejection(plugin=name, reasons=("node(s) didn't match pod topology spread constraints",))
    _no_label = Rejection(
        plugin=name, reasons=("node(s) didn't match pod topology spread constraints (missing required label)",), unresolvable=True
    )

    def prefilter(self, pod: PodInfo, state: CycleState) -> Rejection | bool:
        constraints = _own(pod.pod, HARD)
        if not constraints:
            return False
        nodes = [n for n in state.cluster.nodes() if _has_keys(n, constraints)]
        counts = [_by_domain(pod.pod, c, nodes, state.cluster) for c in constraints]
        state.write(HardState(constraints=constraints, counts=counts, lowest=[None] * len(constraints)))
        return True

    def filter(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> Rejection | None:
        hard = state.read(HardState)
        if hard is None:
            return None
        for i, constraint in enumerate(hard.constraints):
            domain = node.labels.get(constraint.topology_key)
            if domain is None:
                return self._no_label
            itself = 1 if matches(constraint.label_selector, pod.pod.metadata.labels) else 0
            if hard.counts[i].get(domain, 0) + itself - hard.minimum(i) > constraint.max_skew:
                return self._too_many
        return None

    def account(self, pod: PodInfo, other: PodInfo, node: NodeInfo, count: int, state: CycleState) -> None:
        hard = state.read(HardState)
        if hard is None or other.pod.metadata.namespace != pod.pod.metadata.namespace or not _has_keys(node, hard.constraints):
            return
        for i, constraint in enumerate(hard.constraints):
            if matches(constraint.label_selector, other.pod.metadata.labels) and _may_count(pod.pod, constraint, node):
                domain = node.labels[constraint.topology_key]
                hard.counts[i][domain] = hard.counts[i].get(domain, 0) + count
                hard.lowest[i] = None

    def scores(self, pod: PodInfo, nodes: Sequence[NodeInfo], state: CycleState) -> list[int] | None:
        """Matching pods, weighted: the fewer the better. Nodes without all the keys of the pod's own constraints score nothing."""
        own = bool(pod.pod.spec.topology_spread_constraints)
        constraints = _own(pod.pod, SOFT) if own else _defaults(pod.pod, state.cluster)
        if not constraints:
            return None
        ignored = [own and not _has_keys(n, constraints) for n in nodes] if own else []
        scored = nodes if not any(ignored) else [n for n, out in zip(nodes, ignored, strict=True) if not out]
        columns, weights = [], []
        for constraint in constraints:
            column, n_domains = _column(pod.pod, constraint, scored, own, constraints, state.cluster)
            columns.append(column)
            weights.append(math.log(n_domains + 2))
        # A large cluster has few different combinations of counts: each is worked out once.
        found = list(zip(*columns, strict=True))
        points = {counts: _points(counts, constraints, weights) for counts in dict.fromkeys(found)}
        low, high = min(points.values(), default=0), max(points.values(), default=0)
        worth = {counts: MAX_NODE_SCORE * (high + low - p) // high if high else MAX_NODE_SCORE for counts, p in points.items()}
        if scored is nodes:
            return [worth[counts] for counts in found]
        left = iter(found)
        return [0 if out else worth[next(left)] for out in ignored]

    def worth_retrying(self, pod: PodInfo, change: Change, cluster: Cache) -> bool:
        constraints = _own(pod.pod, HARD)
        if change.node is not None:
            return _node_matters(*change.node, constraints)
        if change.pod is None:
            return False
        old, new = (p.pod if p is not None else None for p in change.pod)
        return _pods_differ(pod.pod, old, new, constraints)


def _own(pod: Pod, action: str) -> tuple[TopologySpreadConstraint, ...]:
    """The pod's constraints of that kind, with matchLabelKeys merged into their selectors."""
    return tuple(_merged(c, pod) for c in pod.spec.topology_spread_constraints if c.when_unsatisfiable == action)


def _merged(c: TopologySpreadConstraint, pod: Pod) -> TopologySpreadConstraint:
    keys = [k for k in c.match_label_keys if k in pod.metadata.labels]
    if not keys or c.label_selector is None:
        return c
    selector = c.label_selector
    for key in keys:
        selector = requiring(selector, key, pod.metadata.labels[key])
    return _selecting(c, selector)


def _selecting(c: TopologySpreadConstraint, selector: LabelSelector) -> TopologySpreadConstraint:
    return TopologySpreadConstraint(
        max_skew=c.max_skew,
        topology_key=c.topology_key,
        when_unsatisfiable=c.when_unsatisfiable,
        label_selector=selector,
        min_domains=c.min_domains,
        node_affinity_policy=c.node_affinity_policy,
        node_taints_policy=c.node_taints_policy,
    )


def _defaults(pod: Pod, cluster: Cache) -> tuple[TopologySpreadConstraint, ...]:
    """The system's constraints over what selects the pod: its Services together with its ReplicaSet (helper/spread.go:DefaultSelector).

    Unlike upstream: ReplicationControllers and StatefulSets are not looked up.
    """
    labels: dict[str, str] = {}
    for service in cluster.services(pod.metadata.namespace):
        if service.spec.selector and matches_labels(service.spec.selector, pod.metadata.labels):
            labels |= service.spec.selector
    selector = LabelSelector(match_labels=FrozenMap(labels))
    owner = pod.metadata.controller
    if owner is not None and owner.kind == "ReplicaSet" and owner.api_version == "apps/v1":
        rs = cluster.replica_set(pod.metadata.namespace, owner.name)
        if rs is not None:
            both = FrozenMap({**labels, **rs.spec.selector.match_labels})
            selector = LabelSelector(match_labels=both, match_expressions=rs.spec.selector.match_expressions)
    return () if selector.empty else tuple(_selecting(c, selector) for c in SYSTEM_DEFAULTS)


def _has_keys(node: NodeInfo, constraints: Sequence[TopologySpreadConstraint]) -> bool:
    return all(c.topology_key in node.labels for c in constraints)


def _may_count(pod: Pod, c: TopologySpreadConstraint, node: NodeInfo) -> bool:
    """nodeAffinityPolicy (Honor unless said otherwise) and nodeTaintsPolicy (Ignore unless said otherwise)."""
    if node.node is None:
        return False
    if c.node_affinity_policy != "Ignore" and not required_matches(pod, node.node):
        return False
    return c.node_taints_policy != "Honor" or untolerated(pod.spec.tolerations, node.node.spec.taints) is None


def _all_count(pod: Pod, c: TopologySpreadConstraint) -> bool:
    """No node can be left out: the pod names none, and taints are not looked at."""
    anywhere = not pod.spec.node_selector and (pod.spec.affinity is None or pod.spec.affinity.node_affinity is None)
    return c.node_taints_policy != "Honor" and (anywhere or c.node_affinity_policy == "Ignore")


def _by_domain(pod: Pod, c: TopologySpreadConstraint, nodes: Sequence[NodeInfo], cluster: Cache) -> dict[str, int]:
    by_node, key = _by_node(pod, c, cluster), c.topology_key
    counts: dict[str, int] = {}
    for node in nodes if _all_count(pod, c) else [n for n in nodes if _may_count(pod, c, n)]:
        domain = node.labels.get(key, "")
        counts[domain] = counts.get(domain, 0) + by_node.get(node.name, 0)
    return counts


def _column(
    pod: Pod,
    c: TopologySpreadConstraint,
    nodes: Sequence[NodeInfo],
    own: bool,
    constraints: Sequence[TopologySpreadConstraint],
    cluster: Cache,
) -> tuple[list[int | None], int]:
    """Matching pods in each node's domain (None without the label), and how many domains there are.

    By hostname, each node is a domain and its own pods count, whatever the label says. Nodes without the label are one domain more.
    """
    domains = cluster.domains(c.topology_key, nodes)
    if c.topology_key == HOSTNAME_LABEL:
        column: list[int | None] = list(map(_by_node(pod, c, cluster).get, cluster.names(nodes), repeat(0)))
        if None in domains:
            column = [None if d is None else n for n, d in zip(column, domains, strict=True)]
        return column, len(nodes)
    counts: Mapping[str, int]
    if own or not _all_count(pod, c):
        everywhere = [n for n in cluster.nodes() if not own or _has_keys(n, constraints)]
        counts = _by_domain(pod, c, everywhere, cluster)
    else:
        counts = _counts(pod, c, cluster)
    by_domain = {d: None if d is None else counts.get(d, 0) for d in dict.fromkeys(domains)}
    return [by_domain[d] for d in domains], len(by_domain)


def _points(counts: tuple[int | None, ...], constraints: Sequence[TopologySpreadConstraint], weights: Sequence[float]) -> int:
    """The numbers of pods, weighted by ln(domains + 2) so that many small domains do not drown few large ones; rounded half up."""
    total = 0.0
    for n, constraint, weight in zip(counts, constraints, weights, strict=True):
        if n is not None:
            total += float(n) * weight + float(constraint.max_skew - 1)
    return math.floor(total + 0.5)


def _counts(pod: Pod, c: TopologySpreadConstraint, cluster: Cache) -> Mapping[str, int]:
    """By domain, over all nodes."""
    if c.label_selector is None or c.label_selector.empty:
        return {}
    return cluster.counts(pod.metadata.namespace, c.label_selector).by_domain(c.topology_key, cluster.nodes())


def _by_node(pod: Pod, c: TopologySpreadConstraint, cluster: Cache) -> Mapping[str, int]:
    """An absent selector finds nothing, and so does an empty one when it counts (common.go:countPodsMatchSelector)."""
    if c.label_selector is None or c.label_selector.empty:
        return {}
    return cluster.counts(pod.metadata.namespace, c.label_selector).by_node


def _node_matters(old: Node | None, new: Node | None, constraints: Sequence[TopologySpreadConstraint]) -> bool:
    """Whether a node entered, left or changed a domain, or changed its taints in one."""
    keys = [c.topology_key for c in constraints]
    before = None if old is None or any(k not in old.metadata.labels for k in keys) else [old.metadata.labels[k] for k in keys]
    after = None if new is None or any(k not in new.metadata.labels for k in keys) else [new.metadata.labels[k] for k in keys]
    return before != after or (old is not None and new is not None and after is not None and old.spec.taints != new.spec.taints)


def _pods_differ(pod: Pod, old: Pod | None, new: Pod | None, constraints: Sequence[TopologySpreadConstraint]) -> bool:
    """Whether a pod of the namespace came, went or changed its labels so that a constraint counts it differently."""
    if any(p is not None and p.metadata.namespace != pod.metadata.namespace for p in (old, new)):
        return False
    return any(
        (old is not None and matches(c.label_selector, old.metadata.labels))
        != (new is not None and matches(c.label_selector, new.metadata.labels))
        for c in constraints
    )
