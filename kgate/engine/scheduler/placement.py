"""Filter all nodes, score those that are left, take the best (pkg/scheduler/schedule_one.go:schedulePod).

Unlike upstream: all nodes are looked at, also when there are more than a hundred.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, TypeAlias, cast

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key, Resource
from kgate.engine.scheduler.board import Board
from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.framework import (
    Accounting,
    CycleState,
    Filter,
    Idle,
    OnlyNodes,
    PreBind,
    PreFilter,
    Rejection,
    Score,
    WideScore,
    counted,
    offering,
    offers,
    unavailable,
)
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo
from kgate.engine.scheduler.profile import Profile
from kgate.engine.scheduler.selection import Boards, Question, Selection, first_rejection
from kgate.engine.scheduler.table import Table, holds, worthwhile

MAX_OWNERS = 1000
"""Of how many controllers boards are kept; the one that came first goes first. Only speed depends on it."""

Choose: TypeAlias = Callable[[Pod, Sequence[str]], str]
"""Which of the nodes that share the best score gets the pod. The one that kube-scheduler takes comes first, then the node tree's order."""

NO_NODES = "no nodes available to schedule pods"


class Decision(Struct, kw_only=True):
    """Where the pod goes, or why nowhere. To be read before anything changes."""

    state: CycleState
    node: str = ""
    """Empty when no node takes the pod."""
    selection: Selection | None = None
    everywhere: Rejection | None = None
    """A plugin refused before any node was looked at."""
    unseen: str = ""
    """What stands for the nodes that were not looked at."""

    @property
    def ties(self) -> tuple[str, ...]:
        """All nodes with the best score, in the node tree's order. `node` is one of them."""
        if self.selection is not None:
            return self.selection.ties
        return (self.node,) if self.node else ()

    @property
    def rejections(self) -> Mapping[str, Rejection]:
        """By node, only of nodes that were looked at."""
        return self.selection.rejected() if self.selection is not None else {}

    @property
    def tally(self) -> Mapping[Rejection, int]:
        """How many nodes gave each rejection."""
        return self.selection.tally() if self.selection is not None else {}

    @property
    def refused_by(self) -> tuple[str, ...]:
        """Plugins, each once."""
        named = [self.everywhere.plugin] if self.everywhere else [r.plugin for r in self.tally]
        return tuple(dict.fromkeys(named + (["NodeAffinity"] if self.unseen else [])))

    def reasons(self, n_nodes: int) -> str:
        """FitError's text without the part about preemption."""
        if n_nodes == 0:
            return NO_NODES
        if self.everywhere is not None:
            return unavailable(n_nodes, ", ".join(self.everywhere.reasons))
        found = self.tally
        looked_at = sum(found.values())
        unseen = {self.unseen: n_nodes - looked_at} if self.unseen and n_nodes > looked_at else {}
        return unavailable(n_nodes, counted(found, unseen))


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

    def __bool__(self) -> bool:
        return bool(self._where)

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

    fork_drops: ClassVar[tuple[str, ...]] = ("_boards", "_last", "_table")

    def __init__(self, cache: Cache, profile: Profile, choose: Choose | None = None, *, columns: bool = True) -> None:
        """Without `choose` ties end as in kube-scheduler. `columns`: large clusters may be looked at with NumPy, if it is there."""
        self._cache = cache
        self._choose = choose
        self._columns = columns
        self._weights = profile.weights
        self._filters = profile.filters
        self._local_filters = [f for f in self._filters if f.local]
        self._scores = offering(profile.plugins, Score)
        self._wide_scores = [(p, self._weights[p.name]) for p in offering(profile.plugins, WideScore)]
        self._prefilters = [(p, p if offers(p, Idle) else None) for p in offering(profile.plugins, PreFilter)]
        self._wide_filters = {f.name: f for f in self._filters if not f.local}
        self._prebinds = offering(profile.plugins, PreBind)
        self._accounting = offering(profile.plugins, Accounting)
        self._boards: dict[object, list[Boards]] = {}
        self._last: Boards | None = None
        """The board that was asked last; most pods come after one of their kind."""
        self._table: Table | None = None
        self.nominations = Nominations()

    def choose_with(self, choose: Choose | None) -> None:
        """From now on; None: as kube-scheduler does."""
        self._choose = choose

    def decide(self, pod: Pod) -> Decision:
        board = self._board_of(pod)
        info = replace(board.info, pod=pod)
        decision = Decision(state=CycleState(self._cache, board.kept))
        wide: list[Filter] = []
        for plugin in self._prefilters_of(board):
            answer = plugin.prefilter(info, decision.state)
            if isinstance(answer, Rejection):
                decision.everywhere = answer
                return decision
            if answer and plugin.name in self._wide_filters:
                wide.append(self._wide_filters[plugin.name])
        decision.node = self._nominated(info, decision.state)
        if not decision.node:
            self._select(board, info, wide, decision)
        return decision

    def _prefilters_of(self, board: Boards) -> list[PreFilter]:
        """Those that pods of this class concern."""
        if "prefilters" not in board.kept:
            board.kept["prefilters"] = [p for p, idle in self._prefilters if idle is None or idle.concerns(board.info)]
        return cast("list[PreFilter]", board.kept["prefilters"])

    def _select(self, board: Boards, info: PodInfo, wide: list[Filter], decision: Decision) -> None:
        only = decision.state.read(OnlyNodes)
        decision.unseen = "node(s) didn't satisfy plugin(s) [NodeAffinity]" if only is not None else ""
        question = Question(
            info=info,
            state=decision.state,
            filters=wide,
            scores=self._wide_scores,
            answered=self._contested(info, decision.state) if self.nominations else {},
            only=only.names if only is not None else None,
        )
        decision.selection = board.select(question)
        decision.node = decision.selection.node
        if self._choose is not None and decision.node:
            decision.node = self._choose(info.pod, (decision.node, *(n for n in decision.ties if n != decision.node)))

    def before_binding(self, pod: Pod, decision: Decision) -> list[Resource]:
        """What plugins must have written before the pod is bound."""
        node = self._cache.node(decision.node)
        if node is None or not pod.spec.volumes:
            return []
        info = PodInfo.of(pod)
        return [obj for plugin in self._prebinds for obj in plugin.prebind(info, node, decision.state)]

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
        return first_rejection(self._filters, info, node, state)

    def _nominated(self, info: PodInfo, state: CycleState) -> str:
        """The node the pod made room on, if it may go there now: then no other is looked at."""
        name = info.pod.status.nominated_node_name
        node = self._cache.node(name) if name else None
        return name if node is not None and self.fits(info, node, state) is None else ""

    def _contested(self, info: PodInfo, state: CycleState) -> dict[int, Rejection | None]:
        """What nodes say that others have been promised, by place."""
        self._cache.nodes()
        nodes = [node for name in self.nominations.contested(info) if (node := self._cache.node(name)) is not None]
        return {node.place: self.fits(info, node, state) for node in nodes}

    def _board_of(self, pod: Pod) -> Boards:
        """Pods of one controller that are alike share a board, and so do pods without one that are."""
        table, last = self._current_table(), self._last
        if last is not None and _alike(last.info.pod, pod):
            return last
        owner = pod.metadata.controller
        of = (pod.metadata.namespace, owner.uid) if owner is not None else (pod.metadata.namespace, pod.spec, pod.metadata.labels)
        known = self._boards.setdefault(of, [])
        for board in known:
            if _alike(board.info.pod, pod):
                self._last = board
                return board
        info = self._cache.infos.of(pod)
        board = self._new_board(info, table)
        known.append(board)
        self._last = board
        if len(self._boards) > MAX_OWNERS:
            del self._boards[next(iter(self._boards))]
        return board

    def _new_board(self, info: PodInfo, table: Table | None) -> Boards:
        if table is None or not holds(info):
            return Board(info, self._cache, self._local_filters, self._scores, self._weights)
        from kgate.engine.scheduler.columns import ColumnBoard

        return ColumnBoard(info, self._cache, table, self._local_filters, self._scores, self._weights)

    def _current_table(self) -> Table | None:
        """None when plain boards are to be used. What was kept goes when that changes."""
        table = self._table
        if table is None and self._columns and worthwhile(self._cache):
            table = self._table = Table(self._cache)
            self._forget_boards()
        if table is not None:
            table.refresh()
            if not table.exact:
                self._table, self._columns = None, False
                self._forget_boards()
        return self._table

    def _forget_boards(self) -> None:
        self._boards.clear()
        self._last = None


def _alike(a: Pod, b: Pod) -> bool:
    one, other = a.metadata, b.metadata
    same_words = one.labels == other.labels and one.annotations == other.annotations and one.namespace == other.namespace
    return same_words and (a.spec is b.spec or a.spec == b.spec) and one.owner_references == other.owner_references
