"""Schedules, state by state: those with the fewest tie-breaks that kube-scheduler would not make come first.

A state is the cluster at the end of an instant. One that has been seen under other names of nodes and pods is not followed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from typing import Protocol

from msgspec import Struct, field

from kgate.engine import Cluster
from kgate.engine.api.meta import Key
from kgate.engine.canonical import Symmetry, canonical
from kgate.engine.choices import Choice, Choices
from kgate.engine.errors import LivelockError
from kgate.rollout.search.world import WRITES, Start, next_instant


class Violation(Struct, frozen=True, kw_only=True):
    """What a state must not be."""

    left: int
    """Pods that serve."""
    what: str = ""
    """`node` or `zone`, when it takes a loss at this instant."""
    lost: str = ""
    there: int = 0


class Property(Protocol):
    """What is to hold in every state, and at the end of every schedule."""

    def violated(self, cluster: Cluster) -> Violation | None: ...
    def at_the_end(self, cluster: Cluster) -> Violation | None: ...


class Explored(Struct, frozen=True, kw_only=True):
    """What came of it. Without a violation and with nothing left, the property holds in all schedules."""

    violation: Violation | None = None
    at_ms: int = 0
    """Of the violation, since the change."""
    schedule: Mapping[int, str] = field(default_factory=dict)
    """Node by number of the tie, where it is not the one that kube-scheduler takes; empty: the nominal schedule."""
    states: int = 0
    merged: int = 0
    """States that had been seen under other names."""
    left: bool = False
    """The budget was used up before everything had been looked at."""

    @property
    def holds(self) -> bool:
        return self.violation is None and not self.left


class _Branch(Struct, frozen=True, kw_only=True):
    """A state, and what is chosen in its next instant."""

    before: Cluster
    told: Mapping[int, str]
    free: int
    """Choices from this number on are open."""
    first: bool = False
    """The next instant is the change itself."""


class _Search(Struct, kw_only=True):
    start: Start
    wanted: dict[Key, Property]
    """Without those that are known to be violated."""
    budget: int
    weight: int
    seen: set[int] = field(default_factory=set)
    open: list[tuple[int, int, _Branch]] = field(default_factory=list)
    serial: int = 0
    spent: int = 0
    states: int = 0
    merged: int = 0
    lost: bool = False
    """The engine cannot tell what comes of some schedule."""
    found: dict[Key, Explored] = field(default_factory=dict)

    def run(self) -> dict[Key, Explored]:
        cluster = self.start.cluster.fork()
        cluster.choose_with(Choices(alike=Symmetry(cluster)))
        self._push(_Branch(before=cluster, told={}, free=0, first=True))
        while self.open and self.wanted and self.spent < self.budget:
            self._follow(heappop(self.open)[2])
        for key in self.wanted:
            self.found[key] = self._explored(left=bool(self.open) or self.lost)
        return self.found

    def _follow(self, branch: _Branch) -> None:
        self.states += 1
        cluster = branch.before.fork()
        choices = cluster.choices
        assert choices is not None
        assert isinstance(choices.alike, Symmetry)
        choices.told = dict(branch.told)
        noted = len(choices.made)
        try:
            goes_on = self._instant(cluster, first=branch.first)
        except LivelockError:
            self.lost, self.budget = True, 0
            return
        self.spent += self.weight + (len(cluster.trace) - len(branch.before.trace)) // WRITES
        self._branch_off(branch, choices.made[noted:])
        state = canonical(cluster, choices.alike)
        if state in self.seen:
            self.merged += 1
            return
        self.seen.add(state)
        self._judge(cluster, branch, choices.met, goes_on=goes_on)

    def _instant(self, cluster: Cluster, *, first: bool) -> bool:
        if first:
            self.start.change(cluster)
            return True
        return next_instant(cluster)

    def _branch_off(self, branch: _Branch, made: Sequence[Choice]) -> None:
        """The same instant again, with each other option of each choice that was open."""
        for choice in made:
            if choice.at >= branch.free:
                for option in choice.options[1:]:
                    told = {**branch.told, choice.at: option}
                    self._push(_Branch(before=branch.before, told=told, free=choice.at + 1, first=branch.first))

    def _judge(self, cluster: Cluster, branch: _Branch, met: int, *, goes_on: bool) -> None:
        ended = not goes_on or self.start.ended(cluster)
        at_ms = cluster.now_ms - self.start.cluster.now_ms
        for key, wanted in list(self.wanted.items()):
            violation = wanted.violated(cluster) or (wanted.at_the_end(cluster) if ended else None)
            if violation is not None:
                del self.wanted[key]
                self.found[key] = self._explored(violation=violation, at_ms=at_ms, schedule=branch.told)
        if not ended:
            self._push(_Branch(before=cluster, told=branch.told, free=met))

    def _push(self, branch: _Branch) -> None:
        """Fewest deviations first, and of those the latest."""
        self.serial += 1
        heappush(self.open, (len(branch.told), -self.serial, branch))

    def _explored(self, *, left: bool = False, **found: object) -> Explored:
        return Explored(states=self.states, merged=self.merged, left=left, **found)  # type: ignore[arg-type]


def explore(start: Start, wanted: Mapping[Key, Property], budget: int) -> dict[Key, Explored]:
    """All schedules of the change, until everything that is wanted is violated in one, or the budget is used up.

    `wanted` is asked all at once, whatever its keys. `budget`: states of a small cluster.
    """
    return _Search(start=start, wanted=dict(wanted), budget=budget, weight=start.weight).run()
