"""Judges the expectations of a scenario over what was played, in one pass over the trace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from kgate.engine.trace import WatchEvent
from kgate.rollout.expect.gauges import GaugeJudge, SpreadJudge, meter
from kgate.rollout.expect.happenings import BudgetJudge, CompleteJudge, ConditionJudge, EventsJudge, step_outcome
from kgate.rollout.expect.outcome import Outcome
from kgate.rollout.expect.terms import (
    BudgetKept,
    Completes,
    ConditionMet,
    Events,
    Expectation,
    Refused,
    Spread,
    StepDone,
    TimedOut,
    Window,
)
from kgate.rollout.expect.world import World
from kgate.rollout.steps import Scenario, Step


class Run(Struct, frozen=True, kw_only=True):
    """A scenario that was played."""

    events: Sequence[WatchEvent]
    results: Sequence[Mapping[str, Any]]
    """Of each step."""
    marks: Sequence[int]
    """The last resourceVersion before each step."""
    end_ms: int


class _Judge(Protocol):
    def see(self, event: WatchEvent) -> None:
        """Of every event."""

    def look(self, at_ms: int) -> None:
        """While the window is open, at its beginning and after every event."""

    def close(self, at_ms: int) -> Outcome:
        """Once, at the end of the window."""


class _Span(Struct, frozen=True, kw_only=True):
    """A window on the trace: writes after `after`, up to and with `last`."""

    after: int
    last: int
    from_ms: int
    to_ms: int


class _Open:
    """A judge at its window."""

    def __init__(self, judge: _Judge, span: _Span) -> None:
        self._judge = judge
        self._span = span
        self._begun = False
        self.outcome: Outcome | None = None

    def before(self, version: int, at_ms: int) -> None:
        """A write with that resourceVersion is about to be seen."""
        if not self._begun and version > self._span.after:
            self._begun = True
            if not isinstance(self._judge, EventsJudge | BudgetJudge):  # what happened before is no state that lasts
                self._judge.look(self._span.from_ms)
        if self.outcome is None and version > self._span.last:
            self.outcome = self._judge.close(self._span.to_ms)
        elif self._begun and isinstance(self._judge, GaugeJudge):
            self._judge.wait(at_ms)

    def see(self, event: WatchEvent) -> None:
        self._judge.see(event)
        if self._begun and self.outcome is None:
            self._judge.look(event.time_ms)

    def ended(self) -> Outcome:
        """After the last write."""
        self.before(self._span.last + 1, self._span.to_ms)
        assert self.outcome is not None
        return self.outcome


def judge(scenario: Scenario, run: Run) -> Iterator[tuple[Expectation, Outcome]]:
    """Every expectation in the order of the file, then the steps that did not end well though nobody expects that."""
    names = {step.name: i for i, step in enumerate(scenario.steps) if step.name}
    outcomes = _followed(scenario, run, names)
    for i, expectation in enumerate(scenario.expect):
        yield expectation, outcomes[i]
    excused = {names[e.term.step] for e in scenario.expect if isinstance(e.term, Refused | TimedOut)}
    for i, step in enumerate(scenario.steps):
        outcome = step_outcome(StepDone(index=i, op=step.op), run.results[i])
        if i not in excused and not outcome.passed:
            yield Expectation(term=StepDone(index=i, op=step.op), path=step.path), outcome


def _followed(scenario: Scenario, run: Run, names: Mapping[str, int]) -> dict[int, Outcome]:
    world = World()
    watches: dict[int, _Open] = {}
    answered: dict[int, Outcome] = {}
    for i, expectation in enumerate(scenario.expect):
        if isinstance(expectation.term, Refused | TimedOut):
            answered[i] = step_outcome(expectation.term, run.results[names[expectation.term.step]])
            continue
        span = _span(expectation.window, scenario.steps, run, names)
        watches[i] = _Open(_judge(expectation, world, span), span)
    for event in run.events:
        for watch in watches.values():
            watch.before(event.resource_version, event.time_ms)
        world.see(event)
        for watch in watches.values():
            watch.see(event)
    return answered | {i: watch.ended() for i, watch in watches.items()}


def _span(window: Window, steps: Sequence[Step], run: Run, names: Mapping[str, int]) -> _Span:
    whole = _Span(after=0, last=run.events[-1].resource_version if run.events else 0, from_ms=0, to_ms=run.end_ms)
    if not window.step:
        return whole
    begin = names[window.step]
    after, from_ms = run.marks[begin], round(run.results[begin]["t"] * 1000)
    following = next((i for i in range(begin + 1, len(steps)) if steps[i].name), None) if window.only else None
    if following is None:
        return _Span(after=after, last=whole.last, from_ms=from_ms, to_ms=whole.to_ms)
    return _Span(after=after, last=run.marks[following], from_ms=from_ms, to_ms=round(run.results[following]["t"] * 1000))


def _judge(expectation: Expectation, world: World, span: _Span) -> _Judge:
    term, window = expectation.term, expectation.window
    match term:
        case Refused() | TimedOut() | StepDone():
            raise ValueError("a step's answer is no matter of the trace")
        case Spread():
            return SpreadJudge(term, window, world)
        case Completes():
            return CompleteJudge(term, span.from_ms)
        case BudgetKept():
            return BudgetJudge(term)
        case Events():
            return EventsJudge(term)
        case ConditionMet():
            return ConditionJudge(term, window)
        case _:
            return GaugeJudge(term, window, term.limits, meter(term, world))
