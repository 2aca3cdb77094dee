"""Filter all nodes, score those that are left, take the best (pkg/scheduler/schedule_one.go:schedulePod).

Unlike upstream: all nodes are looked at, also when there are more than a hundred.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key
from kgate.engine.scheduler.board import Board
from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.framework import (
    Accounting,
    CycleState,
    Filter,
    OnlyNodes,
    PreFilter,
    Rejection,
    Score,
    WideScore,
    counted,
    unavailable,
)
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo
from kgate.engine.scheduler.profile import Profile

MAX_OWNERS = 1000
"""Of how many controllers boards are kept; the one that came first goes first. Only speed depends on it."""

NO_NODES = "no nodes available to schedule pods"


class Decision(Struct, kw_only=True):
    """Where the pod goes, or why nowhere."""

    state: CycleState
    node: str = ""
    """Empty when no node takes the pod."""
    ties: tuple[str, ...] = ()
    """All nodes with the best score, in the node tree's order. `node` is one of them."""
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
        return [i for i in self._by_node.get(node, {}).values() if i.key != pod.key and i.priority >= pod.priority]

    def contested(self, pod: PodInfo) -> list[str]:
        """Nodes with any such rivals."""
        return [node for node in self._by_node if self.rivals(pod, node)]

    def lesser(self, pod: PodInfo, node: str) -> list[PodInfo]:
        return [i for i in self._by_node.get(node, {}).values() if i.priority < pod.priority]


class Placement:
    """Decides for one pod at a time. What is kept between pods is exact: dropped as soon as a node changes."""

    fork_drops: ClassVar[tuple[str, ...]] = ("_boards",)

    def __init__(self, cache: Cache, profile: Profile) -> None:
        self._cache = cache
        self._weights = profile.weights
        self._filters = profile.filters
        self._local_filters = [f for f in self._filters if f.local]
        self._scores = [p for p in profile.plugins if isinstance(p, Score)]
        self._wide_scores = [p for p in profile.plugins if isinstance(p, WideScore)]
        self._prefilters = [p for p in profile.plugins if isinstance(p, PreFilter)]
        self._wide_filters = {f.name: f for f in self._filters if not f.local}
        self._accounting = [p for p in profile.plugins if isinstance(p, Accounting)]
        self._boards: dict[tuple[str, str], list[Board]] = {}
        self.nominations = Nominations()

    def decide(self, pod: Pod) -> Decision:
        board = self._board_of(pod)
        info = replace(board.info, pod=pod)
        decision = Decision(state=CycleState(self._cache), rejections={})
        wide: list[Filter] = []
        for plugin in self._prefilters:
            answer = plugin.prefilter(info, decision.state)
            if isinstance(answer, Rejection):
                decision.everywhere = answer
                return decision
            if answer and plugin.name in self._wide_filters:
                wide.append(self._wide_filters[plugin.name])
        nominated = self._nominated(info, decision.state)
        if nominated:
            decision.node, decision.ties = nominated, (nominated,)
            return decision
        board.refresh(decision.state)
        places = self._feasible(info, board, wide, decision)
        best = self._best(info, board, places, decision.state)
        decision.ties = tuple([board.nodes[places[i]].name for i in best])
        decision.node = board.nodes[places[winner(best)]].name if best else ""
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
        return _first(self._filters, info, node, state)

    def _nominated(self, info: PodInfo, state: CycleState) -> str:
        """The node the pod made room on, if it may go there now: then no other is looked at."""
        name = info.pod.status.nominated_node_name
        node = self._cache.node(name) if name else None
        return name if node is not None and self.fits(info, node, state) is None else ""

    def _feasible(self, info: PodInfo, board: Board, wide: list[Filter], decision: Decision) -> list[int]:
        """Places of the nodes that take the pod; the others go into the decision."""
        contested = {board.place(name): None for name in self.nominations.contested(info)}
        only = decision.state.read(OnlyNodes)
        if not wide and not contested and only is None:
            decision.rejections = {board.nodes[i].name: board.rejected[i] for i in sorted(board.rejected)}
            return board.open
        decision.unseen = "node(s) didn't satisfy plugin(s) [NodeAffinity]" if only is not None else ""
        rejections, places = {}, []
        for i, node in enumerate(board.nodes):
            if only is not None and node.name not in only.names:
                continue
            if i in contested:
                rejection = self.fits(info, node, decision.state)
            else:
                rejection = board.rejected.get(i) or _first(wide, info, node, decision.state)
            if rejection is None:
                places.append(i)
            else:
                rejections[node.name] = rejection
        decision.rejections = rejections
        return places

    def _best(self, info: PodInfo, board: Board, places: list[int], state: CycleState) -> list[int]:
        """Which of the places have the highest score, as indices of that list. A node that is left alone needs no score."""
        if len(places) <= 1:
            return list(range(len(places)))
        everywhere = len(places) == len(board.nodes)
        nodes = board.nodes if everywhere else [board.nodes[i] for i in places]
        totals = board.flat if everywhere else [board.flat[i] for i in places]
        for column in board.columns:
            scores = column.scores if everywhere else [column.scores[i] for i in places]
            # Where all are equal they stay equal, and decide nothing.
            if min(scores) != max(scores):
                totals = _plus(totals, column.plugin.normalize(scores), column.weight)
        for plugin in self._wide_scores:
            wide = plugin.scores(info, nodes, state)
            if wide is not None:
                totals = _plus(totals, wide, self._weights[plugin.name])
        best = max(totals)
        return [i for i, total in enumerate(totals) if total == best]

    def _board_of(self, pod: Pod) -> Board:
        """Pods without a controller are a class each, and nothing is kept of them."""
        owner = pod.metadata.controller
        known = self._boards.setdefault((pod.metadata.namespace, owner.uid), []) if owner is not None else []
        for board in known:
            if _alike(board.info.pod, pod):
                return board
        board = Board(PodInfo.of(pod), self._cache, self._local_filters, self._scores, self._weights)
        known.append(board)
        if len(self._boards) > MAX_OWNERS:
            del self._boards[next(iter(self._boards))]
        return board


def winner(best: list[int]) -> int:
    """Which of the equally best indices of the feasible list upstream takes: the one on top of its heap (newSortedNodeScores).

    container/heap.Init lifts a child only over a parent that is strictly worse, and the left one of two equal children. So it is the
    first of the best in the order parent, left subtree, right subtree. Of three nodes, or if all are equal, that is the first of them;
    but of n1 n2 n3 n4 with n3 and n4 the best it is n4, which is below n2, on the left.
    """
    if best[0] == 0:
        return 0
    # The path from the top to index i, left 0 and right 1, is i + 1 in binary without its leading one.
    return min(best, key=lambda i: bin(i + 1)[3:])


def _first(filters: Sequence[Filter], info: PodInfo, node: NodeInfo, state: CycleState) -> Rejection | None:
    return next((r for f in filters if (r := f.filter(info, node, state)) is not None), None)


def _plus(totals: list[int], scores: list[int], weight: int) -> list[int]:
    return [total + weight * score for total, score in zip(totals, scores, strict=True)]


def _alike(a: Pod, b: Pod) -> bool:
    return (a.spec is b.spec or a.spec == b.spec) and a.metadata.labels == b.metadata.labels
