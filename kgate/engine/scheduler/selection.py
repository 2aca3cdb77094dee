"""What is asked about one pod on all nodes at once, and what is answered: by plain boards and by columns in the same terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from kgate.engine.scheduler.framework import CycleState, Filter, Rejection, WideScore
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo


class Question(Struct, kw_only=True):
    """Which nodes take the pod, and which of them are best."""

    info: PodInfo
    state: CycleState
    filters: Sequence[Filter]
    """Those that are not local and have something to say about this pod."""
    scores: Sequence[tuple[WideScore, int]]
    """With their weights."""
    answered: Mapping[int, Rejection | None]
    """Places of nodes that have been asked already, by other rules than all others."""
    only: frozenset[str] | None
    """Names of the only nodes that are looked at; None: all are."""

    @property
    def plain(self) -> bool:
        """Local plugins alone decide who takes the pod."""
        return not self.filters and not self.answered and self.only is None


class Selection(Struct, kw_only=True):
    """The answer. What is a function must be called before anything changes."""

    nodes: Sequence[NodeInfo]
    places: Sequence[int]
    """Of the nodes that take the pod, in the node tree's order."""
    best: Sequence[int]
    """Indices into `places`, of those with the highest score. A node that is left alone needs no score."""
    first: int
    """The one of `best` that kube-scheduler takes; -1 without any."""
    rejected: Callable[[], Mapping[str, Rejection]]
    """By name of the node, in the node tree's order; of the nodes that were looked at."""
    tally: Callable[[], Mapping[Rejection, int]]
    """How often each rejection was given."""

    @property
    def node(self) -> str:
        return self.nodes[self.places[self.best[self.first]]].name if self.first >= 0 else ""

    @property
    def ties(self) -> tuple[str, ...]:
        return tuple([self.nodes[self.places[i]].name for i in self.best])


class Boards(Protocol):
    """Keeps what it found out about one class of pods from one question to the next."""

    info: PodInfo
    kept: dict[object, Any]
    """For plugins: see CycleState."""

    def select(self, question: Question) -> Selection: ...


def winner(best: Sequence[int]) -> int:
    """Which of the equally best indices of the feasible list upstream takes: the one on top of its heap (newSortedNodeScores).

    container/heap.Init lifts a child only over a parent that is strictly worse, and the left one of two equal children. So it is the
    first of the best in the order parent, left subtree, right subtree. Of three nodes, or if all are equal, that is the first of them;
    but of n1 n2 n3 n4 with n3 and n4 the best it is n4, which is below n2, on the left.
    """
    return 0 if best[0] == 0 else min(best, key=path)


def path(i: int) -> str:
    """From the top of the heap to index i, left 0 and right 1: i + 1 in binary without its leading one."""
    return bin(i + 1)[3:]


def first_rejection(filters: Sequence[Filter], info: PodInfo, node: NodeInfo, state: CycleState) -> Rejection | None:
    for plugin in filters:
        rejection = plugin.filter(info, node, state)
        if rejection is not None:
            return rejection
    return None


def tally(rejections: Mapping[str, Rejection]) -> Mapping[Rejection, int]:
    return Counter(rejections.values())
