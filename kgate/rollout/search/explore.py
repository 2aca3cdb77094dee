"""Schedules, state by state: those with the fewest choices that the nominal one does not make come first.

A state is the cluster at the end of an instant. One that has been seen under other names of nodes and pods is not followed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from typing import Protocol

from msgspec import Struct, field

from kgate.engine import Cluster
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Millis
from kgate.engine.canonical import Symmetry, canonical
from kgate.engine.choices import At, Choice, Choices, Kind
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


class Freedom(Struct, frozen=True, kw_only=True):
    """What may go otherwise than in the nominal schedule."""

    kinds: frozenset[Kind]
    jitter_ms: Millis = 0
    """So much later than usual any pod may be ready."""


TIES = Freedom(kinds=frozenset({"tie", "deletion"}))
"""Which of equally good nodes gets a pod, which of equally dispensable pods goes."""
STARTS = Freedom(kinds=frozenset({"tie", "deletion", "start"}))
"""Also when pods are ready whose behaviour leaves that open."""
ORDERS = Freedom(kinds=frozenset({"tie", "deletion", "start"}), jitter_ms=1000)
"""Also which pods of a wave are ready first: any may take a second longer."""


class Explored(Struct, frozen=True, kw_only=True):
    """What came of it. Without a violation and with nothing left, the property holds in all schedules."""

    violation: Violation | None = None
    at_ms: int = 0
    """Of the violation, since the change."""
    schedule: Mapping[At, str] = field(default_factory=dict)
    """What was chosen, where it is not what the nominal schedule takes; empty: the nominal schedule."""
    states: int = 0
    merged: int = 0
    """States that had been seen under other names."""
    spent: int = 0
    """Of the budget."""
    left: bool = False
    """The budget was used up before everything had been looked at."""
    deviations: int = 0
    """With anything left: it holds in all schedules that make at most so many choices otherwise; -1: in none for certain."""
    until_ms: int = 0
    """The latest moment that was looked at, since the change."""

    @property
    def holds(self) -> bool:
        return self.violation is None and not self.left


class _Branch(Struct, frozen=True, kw_only=True):
    """A state, and what is chosen in its next instant."""

    before: Cluster
    told: Mapping[At, str]
    free: int
    """Choices from this serial on are open."""
    first: bool = False
    """The next instant is the change itself."""


class _SeenError(Exception):
    """What is about to be chosen has been looked at, under other names."""


class _Search(Struct, kw_only=True):
    start: Start
    wanted: Property
    budget: int
    freedom: Freedom
    weight: int
    seen: set[int] = field(default_factory=set)
    open: list[tuple[int, int, _Branch]] = field(default_factory=list)
    serial: int = 0
    spent: int = 0
    states: int = 0
    merged: int = 0
    until_ms: int = 0
    lost: bool = False
    """The engine cannot tell what comes of some schedule."""
    found: Explored | None = None
    running: Cluster | None = None
    free: int = 0

    def run(self) -> Explored:
        cluster = self.start.cluster.fork()
        alike = Symmetry(cluster, self.start.subject)
        choices = Choices(alike=alike, kinds=self.freedom.kinds, jitter_ms=self.freedom.jitter_ms)
        choices.watch = self._watch
        cluster.choose_with(choices)
        self._push(_Branch(before=cluster, told={}, free=0, first=True))
        while self.open and self.found is None and not self.lost and self.spent < self.budget:
            self._follow(heappop(self.open)[2])
        if self.found is not None:
            return self.found
        least = min((deviations for deviations, _, _ in self.open), default=0)
        return self._explored(left=bool(self.open) or self.lost, deviations=-1 if self.lost else least - 1)

    def _follow(self, branch: _Branch) -> None:
        self.states += 1
        cluster = branch.before.fork()
        choices = cluster.choices
        assert choices is not None
        choices.told = dict(branch.told)
        noted = len(choices.made)
        self.running, self.free = cluster, branch.free
        new, goes_on = True, True
        try:
            goes_on = self._instant(cluster, first=branch.first)
        except _SeenError:
            new = False
        except LivelockError:
            self.lost = True
            return
        self.spent += self.weight + (len(cluster.trace) - len(branch.before.trace)) // WRITES
        self._branch_off(branch, choices.made[noted:])
        if new and self._is_new(cluster, None):
            self._judge(cluster, branch, choices.met, goes_on=goes_on)
        else:
            self.merged += 1

    def _watch(self, serial: int, about: Pod) -> None:
        """In the middle of an instant. What the branch was told lies behind."""
        assert self.running is not None
        if serial >= self.free and not self._is_new(self.running, about):
            raise _SeenError

    def _is_new(self, cluster: Cluster, about: Pod | None) -> bool:
        """Whether this state has not been seen; now it has."""
        assert cluster.choices is not None
        alike = cluster.choices.alike
        assert isinstance(alike, Symmetry)
        alike.forget_starts()
        state = canonical(cluster, alike, about)
        if state in self.seen:
            return False
        self.seen.add(state)
        return True

    def _instant(self, cluster: Cluster, *, first: bool) -> bool:
        if first:
            self.start.change(cluster)
            return True
        return next_instant(cluster)

    def _branch_off(self, branch: _Branch, made: Sequence[Choice]) -> None:
        """The same instant again, with each other option of each choice that was open."""
        for choice in made:
            if choice.serial >= branch.free:
                for option in choice.options[1:]:
                    told = {**branch.told, choice.at: option}
                    self._push(_Branch(before=branch.before, told=told, free=choice.serial + 1, first=branch.first))

    def _judge(self, cluster: Cluster, branch: _Branch, met: int, *, goes_on: bool) -> None:
        ended = not goes_on or self.start.ended(cluster)
        at_ms = cluster.now_ms - self.start.cluster.now_ms
        self.until_ms = max(self.until_ms, at_ms)
        violation = self.wanted.violated(cluster) or (self.wanted.at_the_end(cluster) if ended else None)
        if violation is not None:
            self.found = self._explored(violation=violation, at_ms=at_ms, schedule=branch.told)
        elif not ended:
            self._push(_Branch(before=cluster, told=branch.told, free=met))

    def _push(self, branch: _Branch) -> None:
        """Fewest deviations first, and of those the latest."""
        self.serial += 1
        heappush(self.open, (len(branch.told), -self.serial, branch))

    def _explored(self, **found: object) -> Explored:
        counted = {"states": self.states, "merged": self.merged, "spent": self.spent, "until_ms": self.until_ms}
        return Explored(**counted, **found)  # type: ignore[arg-type]


def explore(start: Start, wanted: Property, budget: int, freedom: Freedom = TIES) -> Explored:
    """All schedules of the change, until the property is violated in one, or the budget is used up. `budget`: states of a small cluster."""
    return _Search(start=start, wanted=wanted, budget=budget, freedom=freedom, weight=start.weight).run()
