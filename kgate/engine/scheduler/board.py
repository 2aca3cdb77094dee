"""What the local plugins say about every node to one class of pods. Only nodes that changed are asked again.

Upstream asks every plugin about every node for every pod; the answers are the same. `columns` does the same for large clusters; here is
what it must agree with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.framework import CycleState, Filter, Idle, Normalize, PreScore, Rejection, Score, offering, offers
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo
from kgate.engine.scheduler.selection import Question, Selection, first_rejection, tally, winner


class Column(Struct, frozen=True, kw_only=True):
    """The scores of one plugin, which only all together can be brought to 0..100."""

    plugin: Normalize
    weight: int
    scores: list[int]


class Board:
    """For pods that no plugin can tell apart."""

    def __init__(self, info: PodInfo, cache: Cache, filters: Sequence[Filter], scores: Sequence[Score], weights: Mapping[str, int]) -> None:
        self.info = info
        self.kept: dict[object, Any] = {}
        self._cache = cache
        silenced = {f.name for f in offering(filters, Idle) if not f.concerns(info)}
        self._filters = [f for f in filters if f.name not in silenced]
        silent = {s.name for s in offering(scores, PreScore) if not s.prescore(info)}
        speaking = [s for s in scores if s.name not in silent]
        self._flat = [(s, weights[s.name]) for s in speaking if not offers(s, Normalize)]
        self._columns = tuple(Column(plugin=s, weight=weights[s.name], scores=[]) for s in offering(speaking, Normalize))
        self._nodes: Sequence[NodeInfo] = ()
        self._rejected: dict[int, Rejection] = {}
        """By place of the node."""
        self._flats: list[int] = []
        """The weighted sum of the scores that need no normalizing; 0 for a node that is rejected."""
        self._places: dict[str, int] = {}
        self._open: list[int] | None = None
        self._epoch = -1
        self._read = len(cache.touched)

    def select(self, question: Question) -> Selection:
        self._refresh(question.state)
        places, rejected = self._feasible(question)
        best = self._best(question, places)
        return Selection(
            nodes=self._nodes,
            places=places,
            best=best,
            first=best.index(winner(best)) if best else -1,
            rejected=lambda: rejected,
            tally=lambda: tally(rejected),
        )

    def _refresh(self, state: CycleState) -> None:
        cache = self._cache
        news = cache.touched[self._read :]
        self._read = len(cache.touched)
        if self._nodes is not cache.nodes() or self._epoch != cache.epoch:
            self._begin(state)
        else:
            for name in dict.fromkeys(news):
                if name in self._places:
                    self._ask(self._places[name], state)

    def _begin(self, state: CycleState) -> None:
        self._nodes, self._epoch = self._cache.nodes(), self._cache.epoch
        self._places = {node.name: i for i, node in enumerate(self._nodes)}
        self._rejected, self._open = {}, None
        self._flats = [0] * len(self._nodes)
        for column in self._columns:
            column.scores[:] = self._flats
        for i in range(len(self._nodes)):
            self._ask(i, state)

    def _ask(self, i: int, state: CycleState) -> None:
        node = self._nodes[i]
        rejection = first_rejection(self._filters, self.info, node, state)
        if (rejection is None) == (i in self._rejected):
            self._open = None
        if rejection is not None:
            self._rejected[i] = rejection
            self._flats[i] = 0
            return
        self._rejected.pop(i, None)
        self._flats[i] = sum([weight * plugin.score(self.info, node, state) for plugin, weight in self._flat])
        for column in self._columns:
            column.scores[i] = column.plugin.score(self.info, node, state)

    def _feasible(self, question: Question) -> tuple[list[int], Mapping[str, Rejection]]:
        """Places of the nodes that take the pod, and why the others do not."""
        if question.plain:
            if self._open is None:
                self._open = [i for i in range(len(self._nodes)) if i not in self._rejected]
            return self._open, {self._nodes[i].name: self._rejected[i] for i in sorted(self._rejected)}
        rejected, places = {}, []
        for i, node in enumerate(self._nodes):
            if question.only is not None and node.name not in question.only:
                continue
            if i in question.answered:
                rejection = question.answered[i]
            else:
                rejection = self._rejected.get(i) or first_rejection(question.filters, question.info, node, question.state)
            if rejection is None:
                places.append(i)
            else:
                rejected[node.name] = rejection
        return places, rejected

    def _best(self, question: Question, places: list[int]) -> list[int]:
        """Which of the places have the highest score, as indices of that list."""
        if len(places) <= 1:
            return list(range(len(places)))
        everywhere = len(places) == len(self._nodes)
        nodes = self._nodes if everywhere else [self._nodes[i] for i in places]
        totals = self._flats if everywhere else [self._flats[i] for i in places]
        for column in self._columns:
            scores = column.scores if everywhere else [column.scores[i] for i in places]
            # Where all are equal they stay equal, and decide nothing.
            if min(scores) != max(scores):
                totals = _plus(totals, column.plugin.normalize(scores), column.weight)
        for plugin, weight in question.scores:
            wide = plugin.scores(question.info, nodes, question.state)
            if wide is not None:
                totals = _plus(totals, wide, weight)
        best = max(totals)
        return [i for i, total in enumerate(totals) if total == best]


def _plus(totals: list[int], scores: list[int], weight: int) -> list[int]:
    return [total + weight * score for total, score in zip(totals, scores, strict=True)]
