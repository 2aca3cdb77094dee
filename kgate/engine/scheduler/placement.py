"""Filter all nodes, score those that are left, take the best (pkg/scheduler/schedule_one.go:schedulePod).

Unlike upstream: all nodes are looked at, also when there are more than a hundred.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key
from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.framework import (
    Accounting,
    CycleState,
    Filter,
    Normalize,
    OnlyNodes,
    PreFilter,
    PreScore,
    Rejection,
    Score,
    counted,
    unavailable,
)
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo
from kgate.engine.scheduler.profile import Profile

NO_NODES = "no nodes available to schedule pods"


@dataclass(slots=True, kw_only=True)
class Decision:
    """Where the pod goes, or why nowhere."""

    state: CycleState
    node: str = ""
    """Empty when no node takes the pod."""
    ties: tuple[str, ...] = ()
    """All nodes with the best score, in the node tree's order; the first of them is `node`."""
    rejections: Mapping[str, Rejection]
    """By node, only of nodes that were looked at."""
    everywhere: Rejection | None = None
    """A plugin refused before any node was looked at."""
    unseen: str = ""
    """What stands for the nodes that were not looked at."""

    @property
    def refused_by(self) -> tuple[str, ...]:
        """Plugins, each once."""
        named = [self.everywhere.plugin] if self.everywhere else [r.plugin for r in self.rejections.values()]
        return tuple(dict.fromkeys(named + (["NodeAffinity"] if self.unseen else [])))

    def reasons(self, n_nodes: int) -> str:
        """FitError's text without the part about preemption."""
        if n_nodes == 0:
            return NO_NODES
        if self.everywhere is not None:
            return unavailable(n_nodes, ", ".join(self.everywhere.reasons))
        unseen = {self.unseen: n_nodes - len(self.rejections)} if self.unseen and n_nodes > len(self.rejections) else {}
        return unavailable(n_nodes, counted(self.rejections.values(), unseen))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """A score plugin, and what it can do besides, looked up once."""

    plugin: Score
    weight: int
    prepare: PreScore | None
    normalize: Normalize | None
    column: int | None
    """Its place in a row's scores, if its score may be kept."""


@dataclass(slots=True)
class Row:
    """What the local plugins say about one node to one class of pods, valid while the node has this generation."""

    node: NodeInfo
    generation: int
    rejection: Rejection | None
    scores: tuple[int, ...] | None = None


@dataclass(slots=True, kw_only=True)
class PodClass:
    """Pods that no plugin can tell apart: same owner, namespace, labels and spec. They share one row per node."""

    info: PodInfo
    rows: dict[str, Row]
    epoch: int


class Nominations:
    """Pods that made room for themselves on a node and wait until it is free. Others count them as if they were there."""

    def __init__(self) -> None:
        self._by_node: dict[str, dict[Key, PodInfo]] = {}
        self._where: dict[Key, str] = {}

    def put(self, info: PodInfo, node: str) -> None:
        self.drop(info.key)
        if node:
            self._by_node.setdefault(node, {})[info.key] = info
            self._where[info.key] = node

    def drop(self, key: Key) -> None:
        node = self._where.pop(key, None)
        if node is not None:
            del self._by_node[node][key]

    def rivals(self, pod: PodInfo, node: str) -> list[PodInfo]:
        """Those on the node that come before the pod or beside it, by priority."""
        if not self._where:
            return []
        return [i for i in self._by_node.get(node, {}).values() if i.key != pod.key and i.priority >= pod.priority]

    def lesser(self, pod: PodInfo, node: str) -> list[PodInfo]:
        return [i for i in self._by_node.get(node, {}).values() if i.priority < pod.priority]


class Placement:
    """Decides for one pod at a time. What is kept between pods is exact: dropped as soon as a node changes."""

    def __init__(self, cache: Cache, profile: Profile) -> None:
        self._cache = cache
        self._filters = profile.filters
        self._local_filters = [f for f in self._filters if f.local]
        self._local_scores = [s for s in profile.scores if s.local]
        self._scorers = [self._scorer(s, profile.weights[s.name]) for s in profile.scores]
        self._prefilters = [p for p in profile.plugins if isinstance(p, PreFilter)]
        self._accounting = [p for p in profile.plugins if isinstance(p, Accounting)]
        self._classes: dict[tuple[str, str], list[PodClass]] = {}
        self.nominations = Nominations()

    def decide(self, pod: Pod) -> Decision:
        members = self._class_of(pod)
        info = replace(members.info, pod=pod)
        state = CycleState(self._cache)
        decision = Decision(state=state, rejections={})
        wide: list[Filter] = []
        for plugin in self._prefilters:
            answer = plugin.prefilter(info, state)
            if isinstance(answer, Rejection):
                decision.everywhere = answer
                return decision
            if answer and isinstance(plugin, Filter) and not plugin.local:
                wide.append(plugin)
        nodes = self._nodes_to_look_at(decision, state)
        feasible = self._nominated(info, state) or self._feasible(info, members, nodes, wide, decision)
        if len(feasible) == 1:
            decision.ties = (feasible[0].name,)
        elif feasible:
            decision.ties = self._best(info, members, feasible, state)
        decision.node = decision.ties[0] if decision.ties else ""
        return decision

    def fits(self, info: PodInfo, node: NodeInfo, state: CycleState) -> Rejection | None:
        """All filters on one node as it stands, nominated pods included (RunFilterPluginsWithNominatedPods)."""
        rivals = self.nominations.rivals(info, node.name)
        if rivals:
            crowded = node.copy()
            for rival in rivals:
                crowded.add(rival)
                self.account(info, rival, node, 1, state)
            rejection = self._filter(info, crowded, state)
            for rival in rivals:
                self.account(info, rival, node, -1, state)
            if rejection is not None:
                return rejection
        # Once more without them: they may never come, and a pod may need them (affinity).
        return self._filter(info, node, state)

    def account(self, info: PodInfo, other: PodInfo, node: NodeInfo, count: int, state: CycleState) -> None:
        """Imagines `other` on the node, or away from it."""
        for plugin in self._accounting:
            plugin.account(info, other, node, count, state)

    def _filter(self, info: PodInfo, node: NodeInfo, state: CycleState) -> Rejection | None:
        for plugin in self._filters:
            rejection = plugin.filter(info, node, state)
            if rejection is not None:
                return rejection
        return None

    def _nodes_to_look_at(self, decision: Decision, state: CycleState) -> Sequence[NodeInfo]:
        only = state.read(OnlyNodes)
        if only is None:
            return self._cache.nodes()
        decision.unseen = "node(s) didn't satisfy plugin(s) [NodeAffinity]"
        return [n for n in self._cache.nodes() if n.name in only.names]

    def _nominated(self, info: PodInfo, state: CycleState) -> list[NodeInfo]:
        """The node the pod made room on, if it may go there now: then no other is looked at."""
        name = info.pod.status.nominated_node_name
        node = self._cache.node(name) if name else None
        return [node] if node is not None and self.fits(info, node, state) is None else []

    def _feasible(
        self, info: PodInfo, members: PodClass, nodes: Sequence[NodeInfo], wide: list[Filter], decision: Decision
    ) -> list[NodeInfo]:
        rejections: dict[str, Rejection] = {}
        feasible = []
        for node in nodes:
            rejection = self._judge(info, members, node, wide, decision.state)
            if rejection is None:
                feasible.append(node)
            else:
                rejections[node.name] = rejection
        decision.rejections = rejections
        return feasible

    def _judge(self, info: PodInfo, members: PodClass, node: NodeInfo, wide: list[Filter], state: CycleState) -> Rejection | None:
        if self.nominations.rivals(info, node.name):
            return self.fits(info, node, state)
        rejection = self._row(info, members, node, state).rejection
        if rejection is not None:
            return rejection
        for plugin in wide:
            rejection = plugin.filter(info, node, state)
            if rejection is not None:
                return rejection
        return None

    def _row(self, info: PodInfo, members: PodClass, node: NodeInfo, state: CycleState) -> Row:
        row = members.rows.get(node.name)
        if row is None or row.node is not node or row.generation != node.generation:
            rejection = next((r for f in self._local_filters if (r := f.filter(info, node, state)) is not None), None)
            row = members.rows[node.name] = Row(node, node.generation, rejection)
        return row

    def _best(self, info: PodInfo, members: PodClass, nodes: list[NodeInfo], state: CycleState) -> tuple[str, ...]:
        totals = [0] * len(nodes)
        local = [self._local(info, members, node, state) for node in nodes]
        for scorer in self._scorers:
            if scorer.prepare is not None and not scorer.prepare.prescore(info, nodes, state):
                continue
            if scorer.column is not None:
                scores = [row[scorer.column] for row in local]
            else:
                scores = [scorer.plugin.score(info, node, state) for node in nodes]
            if scorer.normalize is not None:
                scores = scorer.normalize.normalize(scores, nodes, state)
            weight = scorer.weight
            totals = [t + weight * s for t, s in zip(totals, scores, strict=True)]
        best = max(totals)
        return tuple(node.name for node, total in zip(nodes, totals, strict=True) if total == best)

    def _scorer(self, plugin: Score, weight: int) -> Scorer:
        return Scorer(
            plugin=plugin,
            weight=weight,
            prepare=plugin if isinstance(plugin, PreScore) else None,
            normalize=plugin if isinstance(plugin, Normalize) else None,
            column=self._local_scores.index(plugin) if plugin.local else None,
        )

    def _local(self, info: PodInfo, members: PodClass, node: NodeInfo, state: CycleState) -> tuple[int, ...]:
        row = self._row(info, members, node, state)
        if row.scores is None:
            row.scores = tuple(p.score(info, node, state) for p in self._local_scores)
        return row.scores

    def _class_of(self, pod: Pod) -> PodClass:
        """Pods without a controller are a class each, and nothing is kept of them."""
        owner = pod.metadata.controller
        known = self._classes.setdefault((pod.metadata.namespace, owner.uid), []) if owner is not None else []
        for members in known:
            if _alike(members.info.pod, pod):
                if members.epoch != self._cache.epoch:
                    members.rows, members.epoch = {}, self._cache.epoch
                return members
        members = PodClass(info=PodInfo.of(pod), rows={}, epoch=self._cache.epoch)
        known.append(members)
        return members


def _alike(a: Pod, b: Pod) -> bool:
    return (a.spec is b.spec or a.spec == b.spec) and a.metadata.labels == b.metadata.labels
