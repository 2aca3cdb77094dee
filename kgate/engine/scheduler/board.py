"""What the local plugins say about every node to one class of pods. Only nodes that changed are asked again.

Upstream asks every plugin about every node for every pod; the answers are the same. Everything here is a list with one
entry a node, in the node tree's order, so that arrays can take their place on large clusters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.framework import CycleState, Filter, Normalize, PreScore, Rejection, Score
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo


class Column(Struct, frozen=True, kw_only=True):
    """The scores of one plugin, which only all together can be brought to 0..100."""

    plugin: Normalize
    weight: int
    scores: list[int]


class Board:
    """For pods that no plugin can tell apart."""

    def __init__(self, info: PodInfo, cache: Cache, filters: Sequence[Filter], scores: Sequence[Score], weights: Mapping[str, int]) -> None:
        self.info = info
        self._cache = cache
        self._filters = filters
        speaking = [s for s in scores if not isinstance(s, PreScore) or s.prescore(info)]
        self._flat = [(s, weights[s.name]) for s in speaking if not isinstance(s, Normalize)]
        self.columns = tuple(Column(plugin=s, weight=weights[s.name], scores=[]) for s in speaking if isinstance(s, Normalize))
        self.nodes: Sequence[NodeInfo] = ()
        self.rejected: dict[int, Rejection] = {}
        """By place of the node."""
        self.flat: list[int] = []
        """The weighted sum of the scores that need no normalizing; 0 for a node that is rejected."""
        self._places: dict[str, int] = {}
        self._open: list[int] | None = None
        self._epoch = -1
        self._read = len(cache.touched)

    def refresh(self, state: CycleState) -> None:
        """Must come before anything is read."""
        cache = self._cache
        news = cache.touched[self._read :]
        self._read = len(cache.touched)
        if self.nodes is not cache.nodes() or self._epoch != cache.epoch:
            self._begin(state)
        else:
            for name in dict.fromkeys(news):
                if name in self._places:
                    self._ask(self._places[name], state)

    @property
    def open(self) -> list[int]:
        """Places of the nodes that are not rejected."""
        if self._open is None:
            self._open = [i for i in range(len(self.nodes)) if i not in self.rejected]
        return self._open

    def place(self, name: str) -> int | None:
        return self._places.get(name)

    def _begin(self, state: CycleState) -> None:
        self.nodes, self._epoch = self._cache.nodes(), self._cache.epoch
        self._places = {node.name: i for i, node in enumerate(self.nodes)}
        self.rejected, self._open = {}, None
        self.flat = [0] * len(self.nodes)
        for column in self.columns:
            column.scores[:] = self.flat
        for i in range(len(self.nodes)):
            self._ask(i, state)

    def _ask(self, i: int, state: CycleState) -> None:
        node = self.nodes[i]
        rejection = next((r for f in self._filters if (r := f.filter(self.info, node, state)) is not None), None)
        if (rejection is None) == (i in self.rejected):
            self._open = None
        if rejection is not None:
            self.rejected[i] = rejection
            self.flat[i] = 0
            return
        self.rejected.pop(i, None)
        self.flat[i] = sum([weight * plugin.score(self.info, node, state) for plugin, weight in self._flat])
        for column in self.columns:
            column.scores[i] = column.plugin.score(self.info, node, state)
