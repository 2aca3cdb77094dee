"""pkg/scheduler/framework/plugins/podtopologyspread/{plugin,common,filtering,scoring}.go."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import ClassVar, cast

from msgspec import Struct

from kgate.engine.api.core import Node, Pod, TopologySpreadConstraint
from kgate.engine.api.meta import FrozenMap, LabelSelector
from kgate.engine.api.selector import matches, matches_labels, requiring
from kgate.engine.api.tolerations import untolerated
from kgate.engine.scheduler.cache import HOSTNAME_LABEL, Cache
from kgate.engine.scheduler.counts import PodCounts
from kgate.engine.scheduler.framework import MAX_NODE_SCORE, Change, CycleState, Rejection
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo
from kgate.engine.scheduler.plugins.node_affinity import required_matches
from kgate.engine.scheduler.table import Array, Table

FEW_POINTS = 32
HARD, SOFT = "DoNotSchedule", "ScheduleAnyway"

SYSTEM_DEFAULTS = (
    TopologySpreadConstraint(topology_key=HOSTNAME_LABEL, when_unsatisfiable=SOFT, max_skew=3),
    TopologySpreadConstraint(topology_key="topology.kubernetes.io/zone", when_unsatisfiable=SOFT, max_skew=5),
)
"""For pods without constraints of their own that a Service or a ReplicaSet selects."""


class Rule(Struct, frozen=True, kw_only=True):
    """One constraint of a class of pods, with what can be known before any node is looked at."""

    constraint: TopologySpreadConstraint
    counts: PodCounts | None
    """None when its selector finds nothing: it is absent, or empty when it counts (common.go:countPodsMatchSelector)."""
    itself: int
    """1 if such a pod counts, too, once it is there."""
    everywhere: bool
    """No node can be left out: the pod names none, and taints are not looked at."""

    @property
    def key(self) -> str:
        return self.constraint.topology_key

    def by_node(self) -> Mapping[str, int]:
        return self.counts.by_node if self.counts is not None else {}

    def by_domain(self, cluster: Cache) -> Mapping[str, int]:
        """Over all nodes."""
        return self.counts.by_domain(self.key, cluster.node) if self.counts is not None else {}


class HardState:
    """Matching pods by rule and domain. Only domains of nodes that may count are here at all; they are counted when somebody asks."""

    def __init__(self, pod: Pod, rules: Sequence[Rule], cluster: Cache) -> None:
        self.rules = rules
        self._pod = pod
        self._cluster = cluster
        self._counts: list[dict[str, int]] | None = None
        self._lowest: list[int | None] = [None] * len(rules)

    @property
    def counts(self) -> list[dict[str, int]]:
        if self._counts is None:
            everywhere = all(rule.everywhere and _covers(rule.key, self._cluster) for rule in self.rules)
            nodes = [] if everywhere else [n for n in self._cluster.nodes() if _has_keys(n, self.rules)]
            self._counts = [_all_domains(r, self._cluster) if everywhere else _domains(self._pod, r, nodes) for r in self.rules]
        return self._counts

    def minimum(self, i: int) -> int:
        """0 when there are fewer domains than minDomains asks for."""
        low = self._lowest[i]
        if low is None:
            few = len(self.counts[i]) < (self.rules[i].constraint.min_domains or 1)
            low = self._lowest[i] = 0 if few else min(self.counts[i].values())
        return low

    def change(self, i: int, domain: str, by: int) -> None:
        self.counts[i][domain] = self.counts[i].get(domain, 0) + by
        self._lowest[i] = None


class PodTopologySpread:
    """Matching pods shall differ between domains by at most maxSkew: hard constraints refuse a node, soft ones and the defaults score."""

    name: ClassVar[str] = "PodTopologySpread"
    local: ClassVar[bool] = False
    _too_many = Rejection(plugin=name, reasons=("node(s) didn't match pod topology spread constraints",))
    _no_label = Rejection(
        plugin=name, reasons=("node(s) didn't match pod topology spread constraints (missing required label)",), unresolvable=True
    )

    def concerns(self, pod: PodInfo) -> bool:
        return bool(pod.pod.spec.topology_spread_constraints)

    def prefilter(self, pod: PodInfo, state: CycleState) -> Rejection | bool:
        rules = _own_rules(pod.pod, HARD, state)
        if rules:
            state.write(HardState(pod.pod, rules, state.cluster))
        return bool(rules)

    def filter(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> Rejection | None:
        hard = state.read(HardState)
        if hard is None:
            return None
        for i, rule in enumerate(hard.rules):
            domain = node.labels.get(rule.key)
            if domain is None:
                return self._no_label
            if hard.counts[i].get(domain, 0) + rule.itself - hard.minimum(i) > rule.constraint.max_skew:
                return self._too_many
        return None

    def masks(self, pod: PodInfo, table: Table, state: CycleState) -> Iterable[tuple[Array, Rejection]]:
        hard = state.read(HardState)
        if hard is None:
            return
        missing = [table.domains(r.key).number == len(table.domains(r.key).values) for r in hard.rules if not table.domains(r.key).complete]
        lacking = sum(missing) > 0 if missing else None
        for rule in hard.rules:
            domains = table.domains(rule.key)
            if not domains.complete:
                yield domains.number == len(domains.values), self._no_label
            counting = _counting(pod.pod, rule, table, lacking, state)
            found, low = _column_by_domain(rule, table, counting, state)
            too_many = found + (rule.itself - low) > rule.constraint.max_skew
            if too_many.any():
                yield too_many if domains.single else too_many.take(domains.number), self._too_many

    def account(self, pod: PodInfo, other: PodInfo, node: NodeInfo, count: int, state: CycleState) -> None:
        hard = state.read(HardState)
        if hard is None or other.pod.metadata.namespace != pod.pod.metadata.namespace or not _has_keys(node, hard.rules):
            return
        for i, rule in enumerate(hard.rules):
            if matches(rule.constraint.label_selector, other.pod.metadata.labels) and _may_count(pod.pod, rule.constraint, node):
                hard.change(i, node.labels[rule.key], count)

    def scores(self, pod: PodInfo, nodes: Sequence[NodeInfo], state: CycleState) -> list[int] | None:
        """Matching pods, weighted: the fewer the better. Nodes without all the keys of the pod's own constraints score nothing."""
        own = bool(pod.pod.spec.topology_spread_constraints)
        rules = _own_rules(pod.pod, SOFT, state) if own else _default_rules(pod.pod, state)
        if not rules:
            return None
        ignored = [not _has_keys(n, rules) for n in nodes] if own else []
        scored = nodes if not any(ignored) else [n for n, out in zip(nodes, ignored, strict=True) if not out]
        columns, weights = [], []
        for rule in rules:
            column, n_domains = _column(pod.pod, rule, scored, own, rules, state.cluster)
            columns.append(column)
            weights.append(math.log(n_domains + 2))
        # A large cluster has few different combinations of counts: each is worked out once.
        found = list(zip(*columns, strict=True))
        points = {counts: _points(counts, rules, weights) for counts in dict.fromkeys(found)}
        low, high = min(points.values(), default=0), max(points.values(), default=0)
        worth = {counts: MAX_NODE_SCORE * (high + low - p) // high if high else MAX_NODE_SCORE for counts, p in points.items()}
        if scored is nodes:
            return [worth[counts] for counts in found]
        left = iter(found)
        return [0 if out else worth[next(left)] for out in ignored]

    def scores_column(self, pod: PodInfo, table: Table, at: Array | None, state: CycleState) -> Array | None:
        own = bool(pod.pod.spec.topology_spread_constraints)
        rules = _own_rules(pod.pod, SOFT, state) if own else _default_rules(pod.pod, state)
        if not rules:
            return None
        incomplete = [table.domains(r.key) for r in rules if not table.domains(r.key).complete] if own else []
        lacking = sum(d.number == len(d.values) for d in incomplete) > 0 if incomplete else None
        if lacking is None:
            return _worth(_points_column(pod.pod, rules, table, at, lacking, state), table)
        at = table.np.arange(table.size) if at is None else at
        scores, ignored = table.np.zeros(len(at), dtype=int), lacking[at]
        if not ignored.all():
            scores[~ignored] = _worth(_points_column(pod.pod, rules, table, at[~ignored], lacking, state), table)
        return scores

    def worth_retrying(self, pod: PodInfo, change: Change, cluster: Cache) -> bool:
        constraints = constraints_of(pod.pod, HARD)
        if change.node is not None:
            return _node_matters(*change.node, constraints)
        if change.pod is None:
            return False
        old, new = (p.pod if p is not None else None for p in change.pod)
        return _pods_differ(pod.pod, old, new, constraints)


def constraints_of(pod: Pod, action: str) -> tuple[TopologySpreadConstraint, ...]:
    """The pod's constraints of that kind, with matchLabelKeys merged into their selectors."""
    return tuple(_merged(c, pod) for c in pod.spec.topology_spread_constraints if c.when_unsatisfiable == action)


def _merged(c: TopologySpreadConstraint, pod: Pod) -> TopologySpreadConstraint:
    keys = [k for k in c.match_label_keys if k in pod.metadata.labels]
    if not keys or c.label_selector is None:
        return c
    selector = c.label_selector
    for key in keys:
        selector = requiring(selector, key, pod.metadata.labels[key])
    return selecting(c, selector)


def selecting(c: TopologySpreadConstraint, selector: LabelSelector) -> TopologySpreadConstraint:
    return TopologySpreadConstraint(
        max_skew=c.max_skew,
        topology_key=c.topology_key,
        when_unsatisfiable=c.when_unsatisfiable,
        label_selector=selector,
        min_domains=c.min_domains,
        node_affinity_policy=c.node_affinity_policy,
        node_taints_policy=c.node_taints_policy,
    )


def _own_rules(pod: Pod, action: str, state: CycleState) -> tuple[Rule, ...]:
    """The pod's own constraints of that kind."""
    epoch, found = state.kept.get(("spread", action), (-1, ()))
    if epoch != state.cluster.counts_epoch:
        found = tuple(_rule(pod, c, state.cluster) for c in constraints_of(pod, action))
        state.kept[("spread", action)] = (state.cluster.counts_epoch, found)
    return cast("tuple[Rule, ...]", found)


def _default_rules(pod: Pod, state: CycleState) -> tuple[Rule, ...]:
    """The system's constraints. Which pods they are about depends on Services and ReplicaSets."""
    now = (state.cluster.counts_epoch, state.cluster.owners_epoch)
    epochs, found = state.kept.get("spread by default", (None, ()))
    if epochs != now:
        found = tuple(_rule(pod, c, state.cluster) for c in _defaults(pod, state.cluster))
        state.kept["spread by default"] = (now, found)
    return cast("tuple[Rule, ...]", found)


def _rule(pod: Pod, c: TopologySpreadConstraint, cluster: Cache) -> Rule:
    anywhere = not pod.spec.node_selector and (pod.spec.affinity is None or pod.spec.affinity.node_affinity is None)
    counted = c.label_selector is not None and not c.label_selector.empty
    return Rule(
        constraint=c,
        counts=cluster.counts(pod.metadata.namespace, c.label_selector) if counted and c.label_selector is not None else None,
        itself=1 if matches(c.label_selector, pod.metadata.labels) else 0,
        everywhere=c.node_taints_policy != "Honor" and (anywhere or c.node_affinity_policy == "Ignore"),
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
    return () if selector.empty else tuple(selecting(c, selector) for c in SYSTEM_DEFAULTS)


def _has_keys(node: NodeInfo, rules: Sequence[Rule]) -> bool:
    return all(rule.key in node.labels for rule in rules)


def _covers(key: str, cluster: Cache) -> bool:
    """Every node has the label."""
    return sum(cluster.values(key).values()) == len(cluster.nodes())


def _may_count(pod: Pod, c: TopologySpreadConstraint, node: NodeInfo) -> bool:
    """nodeAffinityPolicy (Honor unless said otherwise) and nodeTaintsPolicy (Ignore unless said otherwise)."""
    if node.node is None:
        return False
    if c.node_affinity_policy != "Ignore" and not required_matches(pod, node.node):
        return False
    return c.node_taints_policy != "Honor" or untolerated(pod.spec.tolerations, node.node.spec.taints) is None


def _all_domains(rule: Rule, cluster: Cache) -> dict[str, int]:
    counts = rule.by_domain(cluster)
    return {value: counts.get(value, 0) for value in cluster.values(rule.key)}


def _domains(pod: Pod, rule: Rule, nodes: Sequence[NodeInfo]) -> dict[str, int]:
    """Of those of the nodes that may count; they have the label, or are in no domain."""
    by_node, key = rule.by_node(), rule.key
    counts: dict[str, int] = {}
    for node in nodes if rule.everywhere else [n for n in nodes if _may_count(pod, rule.constraint, n)]:
        if key in node.labels:
            domain = node.labels[key]
            counts[domain] = counts.get(domain, 0) + by_node.get(node.name, 0)
    return counts


def _column(
    pod: Pod,
    rule: Rule,
    nodes: Sequence[NodeInfo],
    own: bool,
    rules: Sequence[Rule],
    cluster: Cache,
) -> tuple[list[int | None], int]:
    """Matching pods in each node's domain (None without the label), and how many domains there are.

    By hostname, each node is a domain and its own pods count, whatever the label says. Nodes without the label are one domain more.
    """
    domains = cluster.domains(rule.key, nodes)
    if rule.key == HOSTNAME_LABEL:
        column: list[int | None] = list(map(rule.by_node().get, cluster.names(nodes), repeat(0)))
        if None in domains:
            column = [None if d is None else n for n, d in zip(column, domains, strict=True)]
        return column, len(nodes)
    counts: Mapping[str, int]
    if rule.everywhere and (not own or all(_covers(r.key, cluster) for r in rules)):
        counts = rule.by_domain(cluster)
    else:
        counts = _domains(pod, rule, [n for n in cluster.nodes() if not own or _has_keys(n, rules)])
    by_domain = {d: None if d is None else counts.get(d, 0) for d in dict.fromkeys(domains)}
    return [by_domain[d] for d in domains], len(by_domain)


def _points(counts: tuple[int | None, ...], rules: Sequence[Rule], weights: Sequence[float]) -> int:
    """The numbers of pods, weighted by ln(domains + 2) so that many small domains do not drown few large ones; rounded half up."""
    total = 0.0
    for n, rule, weight in zip(counts, rules, weights, strict=True):
        if n is not None:
            total += float(n) * weight + float(rule.constraint.max_skew - 1)
    return math.floor(total + 0.5)


def _counting(pod: Pod, rule: Rule, table: Table, lacking: Array | None, state: CycleState) -> Array | None:
    """The nodes whose pods count, place by place; None: all of them. `lacking` are those without all the keys."""
    if rule.everywhere:
        return None if lacking is None else ~lacking
    name = ("spread counts", rule.constraint)
    shape, found = state.kept.get(name, (-1, None))
    if shape != table.shape:
        found = table.np.array([_may_count(pod, rule.constraint, n) for n in state.cluster.nodes()], dtype=bool)
        state.kept[name] = (table.shape, found)
    return found if lacking is None else found & ~lacking


def _column_by_domain(rule: Rule, table: Table, counting: Array | None, state: CycleState) -> tuple[Array, int]:
    """Matching pods by number of the domain, or by place where each node is a domain of its own; and the lowest of all that count."""
    np, domains = table.np, table.domains(rule.key)
    if counting is None and domains.single:
        found = table.column_of(rule.counts) if rule.counts is not None else np.zeros(table.size, dtype=int)
        n_domains, low = table.size, int(found.min())
    elif counting is None:
        found = table.by_domain(rule.by_domain(state.cluster), rule.key)
        n_domains, low = len(domains.values), int(found[:-1].min()) if domains.values else 0
    else:
        by_place = table.column_of(rule.counts)[counting] if rule.counts is not None else np.zeros(int(counting.sum()), dtype=int)
        numbers, size = domains.number[counting], len(domains.values) + 1
        found = np.bincount(numbers, weights=by_place, minlength=size).astype(int)
        there = np.bincount(numbers, minlength=size)[:-1] > 0
        n_domains = int(there.sum())
        low = int(found[:-1][there].min()) if n_domains else 0
        found = found[domains.number] if domains.single else found
    return found, 0 if n_domains < (rule.constraint.min_domains or 1) else low


def _points_column(pod: Pod, rules: Sequence[Rule], table: Table, at: Array | None, lacking: Array | None, state: CycleState) -> Array:
    """`_points` for each of the places, step by step so that the same bits come out."""
    np, total = table.np, cast("Array", None)
    n_places = table.size if at is None else len(at)
    for rule in rules:
        domains, extra = table.domains(rule.key), float(rule.constraint.max_skew - 1)
        number = domains.number if at is None else domains.number[at]
        if rule.key == HOSTNAME_LABEL:
            by_place = table.column_of(rule.counts) if rule.counts is not None else np.zeros(table.size, dtype=int)
            more = (by_place if at is None else by_place[at]) * math.log(n_places + 2) + extra
        else:
            n_domains = len(domains.values) + (not domains.complete) if at is None else int((np.bincount(number) > 0).sum())
            counting = _counting(pod, rule, table, lacking, state)
            if counting is None:
                counts = table.by_domain(rule.by_domain(state.cluster), rule.key)
            else:
                by_place = table.column_of(rule.counts)[counting] if rule.counts is not None else np.zeros(int(counting.sum()))
                counts = np.bincount(domains.number[counting], weights=by_place, minlength=len(domains.values) + 1)
            more = (counts * math.log(n_domains + 2) + extra).take(number)
        more = more if domains.complete else np.where(number < len(domains.values), more, 0.0)
        total = more if total is None else total + more
    # No count is below zero, so cutting off is rounding down.
    return (total + 0.5).astype(np.int64)


def _worth(points: Array, table: Table) -> Array:
    low, high = int(points.min()), int(points.max())
    if not high:
        return table.np.full(len(points), MAX_NODE_SCORE)
    if high - low < FEW_POINTS:
        # Few numbers: each is worked out once.
        return table.np.array([MAX_NODE_SCORE * (low + i) // high for i in range(high - low, -1, -1)]).take(points - low)
    return MAX_NODE_SCORE * (high + low - points) // high


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
