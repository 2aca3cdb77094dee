"""The same as `board`, with NumPy: one column a class of pods, and one pass over it a pod. It must never answer differently.

A plugin that can speak for many nodes at once has one of the methods below; every other one is asked node by node. Whether it has is
looked up by the method's name: asking a Protocol takes too long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, cast

from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.framework import CycleState, Filter, Normalize, Plugin, Rejection, Score, WideScore
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo
from kgate.engine.scheduler.selection import Question, Selection, first_rejection, path
from kgate.engine.scheduler.table import Array, Table

FEW = 10
"""So many nodes are asked one by one sooner than by columns."""


class ByGroup(Plugin, Protocol):
    """Looks at nothing but the Node itself: its taints, whether it is cordoned, its images, and some of its labels."""

    def labels_read(self, pod: PodInfo) -> tuple[str, ...] | None:
        """Which labels; None when it looks at more."""


class PatternFilter(Plugin, Protocol):
    def pattern(self, pod: PodInfo, table: Table, at: Array) -> Array:
        """For each place 0 when its `filter` lets the pod in, else a number that is the same where the rejection is the same."""


class ColumnScore(Plugin, Protocol):
    def score_column(self, pod: PodInfo, table: Table, at: Array) -> Array:
        """Its `score` for each place."""


class MaskFilter(Plugin, Protocol):
    def masks(self, pod: PodInfo, table: Table, state: CycleState) -> Iterable[tuple[Array, Rejection]]:
        """What its `filter` would reject, place by place; where several are true the first one counts."""


class ColumnsScore(Plugin, Protocol):
    def scores_column(self, pod: PodInfo, table: Table, at: Array | None, state: CycleState) -> Array | None:
        """Its `scores` for the nodes at those places (None: at all); None when it has no opinion."""


class ColumnBoard:
    """For pods that no plugin can tell apart."""

    def __init__(
        self,
        info: PodInfo,
        cache: Cache,
        table: Table,
        filters: Sequence[Filter],
        scores: Sequence[Score],
        weights: Mapping[str, int],
    ) -> None:
        self.info = info
        self.kept: dict[object, Any] = {}
        self._cache = cache
        self._table = table
        self._filters = [f for f in filters if getattr(f, "concerns", _always)(info)]
        speaking = [s for s in scores if getattr(s, "prescore", _always)(info)]
        self._flat = [(s, weights[s.name]) for s in speaking if not hasattr(s, "normalize")]
        self._normal = [(cast(Normalize, s), weights[s.name]) for s in speaking if hasattr(s, "normalize")]
        self._shape = -1
        self._read = 0
        self._codes: Array = None
        """By place: 0, or the index of the rejection in `_rejections`."""
        self._rejections: list[Rejection] = []
        self._code_of: dict[Rejection, int] = {}
        self._flats: Array = None
        self._steady: Array = None
        """The part of `_flats` that does not depend on the pods of a node."""
        self._raw: list[tuple[Normalize, int, Array]] = []
        """The scores that are to be normalized, with their weight; only where they are not all equal."""
        self._totals: Array = None
        """What `_flats` and the normalized columns come to when no other filter speaks; None when that must be worked out (again)."""
        self._open: Array = None
        self._n_open = 0

    def select(self, question: Question) -> Selection:
        self._refresh(question.state)
        np, codes = self._table.np, self._codes
        if question.plain:
            places = None if self._n_open == len(codes) else self._open_places()
        else:
            codes, places = self._asked_further(question)
        n = len(codes) if places is None else len(places)
        best, first = self._best(question, places, n)
        return Selection(
            nodes=self._nodes,
            places=range(len(codes)) if places is None else places,
            best=best,
            first=first,
            rejected=lambda: {self._nodes[i].name: self._rejections[codes[i]] for i in np.flatnonzero(codes > 0).tolist()},
            tally=lambda: {self._rejections[i]: n for i, n in enumerate(np.bincount(codes[codes > 0]).tolist()) if n},
        )

    # What the local plugins say

    def _refresh(self, state: CycleState) -> None:
        table = self._table
        if self._shape != table.shape:
            self._begin(state)
            self._read = len(table.log)
            return
        news = len(table.log) - self._read
        if news == 1:
            self._ask(table.log[-1], state)
        elif news:
            places = list(dict.fromkeys(table.log[self._read :]))
            if len(places) <= FEW:
                for place in places:
                    self._ask(place, state)
            else:
                self._ask_together(table.np.array(places), state)
        self._read = len(table.log)

    def _begin(self, state: CycleState) -> None:
        np, table = self._table.np, self._table
        self._shape, self._nodes = table.shape, self._cache.nodes()
        self._rejections, self._code_of = [_NOTHING], {}
        at = np.arange(table.size)
        self._codes = np.zeros(table.size, dtype=np.int64)
        self._steady_filters = [f for f in self._filters if self._groups_of(f) is not None]
        self._live_filters = [f for f in self._filters if f not in self._steady_filters]
        for plugin in self._steady_filters:
            # In the order of the profile: the steady ones come first there, and the first rejection is the one that counts.
            self._reject(plugin, at, state)
        self._steady_codes = self._codes.copy()
        self._steady = np.zeros(table.size, dtype=np.int64)
        for score, weight in self._flat:
            if self._groups_of(score) is not None:
                self._steady += weight * self._by_group(score, lambda node, s=score: s.score(self.info, node, state))
        self._live_scores = [(s, w) for s, w in self._flat if self._groups_of(s) is None]
        raw = [(s, weight, self._by_group(s, lambda node, s=s: s.score(self.info, node, state))) for s, weight in self._normal]
        self._raw = [(s, weight, scores) for s, weight, scores in raw if (scores != scores[:1]).any()]
        self._flats = self._steady.copy()
        self._ask_together(at, state)

    def _groups_of(self, plugin: object) -> tuple[str, ...] | None:
        read = getattr(plugin, "labels_read", None)
        return read(self.info) if read is not None else None

    def _by_group(self, plugin: Score, ask: Any) -> Array:
        """The answer for one node of each group is the answer for all of it."""
        np, keys = self._table.np, self._groups_of(plugin)
        if keys is None:
            return np.array([ask(node) for node in self._nodes], dtype=np.int64)
        groups = self._table.groups(keys)
        return np.array([ask(self._nodes[place]) for place in groups.first], dtype=np.int64)[groups.number]

    def _ask_together(self, at: Array, state: CycleState) -> None:
        """What depends on the pods of the nodes, for many of them."""
        self._codes[at] = self._steady_codes[at]
        for plugin in self._live_filters:
            self._reject(plugin, at, state)
        flats = self._steady[at]
        for score, weight in self._live_scores:
            column = getattr(score, "score_column", None)
            if column is not None:
                flats += weight * column(self.info, self._table, at)
            else:
                flats += weight * self._table.np.array([score.score(self.info, self._nodes[i], state) for i in at.tolist()])
        self._flats[at] = flats
        self._open = self._totals = None
        self._n_open = int((self._codes == 0).sum())

    def _reject(self, plugin: Filter, at: Array, state: CycleState) -> None:
        np, table = self._table.np, self._table
        pattern = getattr(plugin, "pattern", None)
        if pattern is not None:
            kinds = pattern(self.info, table, at)
            if not kinds.any():
                return
        else:
            keys = self._groups_of(plugin)
            kinds = table.groups(keys).number[at] + 1 if keys is not None else np.arange(1, len(at) + 1)
        kinds = np.where(self._codes[at] == 0, kinds, 0)
        if not kinds.any():
            return
        found, first = np.unique(kinds, return_index=True)
        codes = [
            self._code(plugin.filter(self.info, self._nodes[at[i]], state)) if kind else 0
            for kind, i in zip(found.tolist(), first.tolist(), strict=True)
        ]
        new = np.array(codes, dtype=np.int64)[np.searchsorted(found, kinds)]
        self._codes[at] += new

    def _code(self, rejection: Rejection | None) -> int:
        if rejection is None:
            return 0
        code = self._code_of.get(rejection)
        if code is None:
            code = self._code_of[rejection] = len(self._rejections)
            self._rejections.append(rejection)
        return code

    def _ask(self, place: int, state: CycleState) -> None:
        """What depends on the pods of the node, for one."""
        node, before = self._nodes[place], int(self._codes[place])
        code = int(self._steady_codes[place])
        if not code and self._live_filters:
            code = self._code(first_rejection(self._live_filters, self.info, node, state))
        flat = int(self._steady[place])
        for plugin, weight in self._live_scores:
            flat += weight * plugin.score(self.info, node, state)
        self._codes[place] = code
        if (code == 0) != (before == 0):
            self._open = self._totals = None
            self._n_open += 1 if code == 0 else -1
        elif self._totals is not None:
            self._totals[place] += flat - int(self._flats[place])
        self._flats[place] = flat

    def _open_places(self) -> Array:
        if self._open is None:
            self._open = self._table.np.flatnonzero(self._codes == 0)
        return self._open

    # What the others say

    def _asked_further(self, question: Question) -> tuple[Array, Array | None]:
        """The codes of this pod alone, and the places that are left; codes below 0 were not looked at."""
        np, table = self._table.np, self._table
        codes = self._codes.copy()
        left = codes == 0
        for plugin in question.filters if len(codes) else ():
            masks = getattr(plugin, "masks", None)
            if masks is not None:
                for mask, rejection in masks(question.info, table, question.state):
                    np.putmask(codes, left & mask, self._code(rejection))
                    left &= ~mask
            else:
                for i in np.flatnonzero(left).tolist():
                    codes[i] = self._code(plugin.filter(question.info, self._nodes[i], question.state))
                left = codes == 0
        for place, answer in question.answered.items():
            codes[place] = self._code(answer)
            left[place] = answer is None
        if question.only is not None:
            codes[[i for i, node in enumerate(self._nodes) if node.name not in question.only]] = -1
            left = codes == 0
        places = left.nonzero()[0]
        return codes, None if len(places) == len(codes) else places

    def _best(self, question: Question, places: Array | None, n: int) -> tuple[Sequence[int], int]:
        if n <= 1:
            return range(n), n - 1
        np, totals = self._table.np, self._local_totals(places, keep=question.plain)
        for plugin, weight in question.scores:
            wide = self._wide(plugin, question, places)
            if wide is not None:
                totals = totals + weight * wide
        best = np.flatnonzero(totals == totals.max())
        if len(best) == 1 or best[0] == 0:
            return best, 0
        return best, int(self._ranks()[best].argmin())

    def _local_totals(self, places: Array | None, *, keep: bool) -> Array:
        """As long as the open nodes stay the same, so do the normalized scores, which depend on the Nodes alone."""
        if keep and self._totals is not None:
            return self._totals if places is None else self._totals[places]
        totals = self._flats if places is None else self._flats[places]
        for plugin, weight, raw in self._raw:
            scores = raw if places is None else raw[places]
            if scores.min() != scores.max():
                totals = totals + weight * self._table.np.array(plugin.normalize(scores.tolist()))
        if keep:
            self._totals = self._table.np.zeros(len(self._codes), dtype=self._table.np.int64)
            self._totals[slice(None) if places is None else places] = totals
        return totals

    def _wide(self, plugin: WideScore, question: Question, places: Array | None) -> Array | None:
        column = getattr(plugin, "scores_column", None)
        if column is not None:
            return column(question.info, self._table, places, question.state)
        nodes: Sequence[NodeInfo] = self._nodes if places is None else [self._nodes[i] for i in places.tolist()]
        scores = plugin.scores(question.info, nodes, question.state)
        return None if scores is None else self._table.np.array(scores)

    def _ranks(self) -> Array:
        """The order in which `winner` prefers indices."""
        return self._table.kept("ranks", lambda: _ranks(self._table))


def _ranks(table: Table) -> Array:
    ordered = sorted(range(table.size), key=path)
    ranks = table.np.empty(table.size, dtype=table.np.int64)
    ranks[ordered] = table.np.arange(table.size)
    return ranks


def _always(pod: PodInfo) -> bool:
    return True


_NOTHING = Rejection(plugin="", reasons=())
