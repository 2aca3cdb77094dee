"""Judges of what happens or does not happen: completion, budgets, events, conditions, and how steps end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kgate.engine.api.apps import Deployment
from kgate.engine.api.core import Event
from kgate.engine.api.policy import PodDisruptionBudget
from kgate.engine.trace import WatchEvent
from kgate.rollout.expect.outcome import Outcome, at, passed
from kgate.rollout.expect.terms import BudgetKept, Completes, ConditionMet, Events, Refused, StepDone, TimedOut, Window
from kgate.rollout.follow import complete


class CompleteJudge:
    """The last moment of the window at which the Deployment became complete counts."""

    def __init__(self, term: Completes, from_ms: int) -> None:
        self._term = term
        self._from_ms = from_ms
        self._deployment: Deployment | None = None
        self._since_ms: int | None = None

    def see(self, event: WatchEvent) -> None:
        if event.key.kind == "Deployment" and event.key.name == self._term.deployment:
            self._deployment = event.after if isinstance(event.after, Deployment) else None

    def look(self, at_ms: int) -> None:
        if self._deployment is None or not complete(self._deployment):
            self._since_ms = None
        elif self._since_ms is None:
            self._since_ms = at_ms

    def close(self, at_ms: int) -> Outcome:
        d = self._deployment
        if d is None:
            return Outcome(passed=False, seen=f"there is no Deployment/{self._term.deployment} at {at(at_ms)}")
        self.look(at_ms)
        if self._since_ms is None:
            sizes = f"{d.status.updated_replicas} updated and {d.status.available_replicas} available of {d.spec.replicas}"
            return Outcome(passed=False, seen=f"not complete at {at(at_ms)}: {sizes}")
        took_ms = self._since_ms - self._from_ms
        seen = f"complete since {at(self._since_ms)}, after {at(took_ms)}"
        return Outcome(passed=took_ms <= self._term.within_ms, seen=seen, first_ms=self._from_ms + self._term.within_ms)


class BudgetJudge:
    """A violation is a healthy pod less, and fewer than are asked for; a budget that merely asks for more is none."""

    def __init__(self, term: BudgetKept) -> None:
        self._term = term
        self._known = False
        self._lost: tuple[int, int] | None = None
        self._first: tuple[str, int] | None = None

    def see(self, event: WatchEvent) -> None:
        if event.key.kind != "PodDisruptionBudget" or event.key.name != self._term.name:
            return
        self._known, self._lost = True, None
        old, new = event.before, event.after
        if isinstance(old, PodDisruptionBudget) and isinstance(new, PodDisruptionBudget):
            have, wanted = new.status.current_healthy, new.status.desired_healthy
            if have < wanted and have < old.status.current_healthy:
                self._lost = (have, wanted)

    def look(self, at_ms: int) -> None:
        if self._lost is not None and self._first is None:
            self._first = (f"{self._lost[0]} healthy pods where it asks for {self._lost[1]}, at {at(at_ms)}", at_ms)
        self._lost = None

    def close(self, at_ms: int) -> Outcome:
        if not self._known:
            return Outcome(passed=False, seen=f"there was no PodDisruptionBudget/{self._term.name}")
        if self._first is not None:
            return Outcome(passed=False, seen=self._first[0], first_ms=self._first[1])
        return passed("kept")


class EventsJudge:
    """Counts what is said within the window, repetitions included."""

    def __init__(self, term: Events) -> None:
        self._term = term
        self._news = 0
        self._count = 0
        self._first_ms: int | None = None
        self._too_many_ms: int | None = None
        self._example = ""

    def see(self, event: WatchEvent) -> None:
        said, before = event.after, event.before
        self._news = 0
        if isinstance(said, Event) and self._fits(said):
            self._news = said.count - (before.count if isinstance(before, Event) else 0)
            self._message = said.message

    def _fits(self, event: Event) -> bool:
        wanted = self._term
        return wanted.reason in ("", event.reason) and wanted.type in ("", event.type) and wanted.contains in event.message

    def look(self, at_ms: int) -> None:
        if self._news <= 0:
            return
        self._count, self._news = self._count + self._news, 0
        if self._first_ms is None:
            self._first_ms, self._example = at_ms, self._message
        if self._too_many_ms is None and self._term.limits.max is not None and self._count > self._term.limits.max:
            self._too_many_ms = at_ms

    def close(self, at_ms: int) -> Outcome:
        if self._first_ms is None:
            return Outcome(passed=self._term.limits.hold(0), seen="none")
        seen = f"{self._count}, first at {at(self._first_ms)}: {self._example}"
        return Outcome(passed=self._term.limits.hold(self._count), seen=seen, first_ms=self._too_many_ms)


class ConditionJudge:
    def __init__(self, term: ConditionMet, window: Window) -> None:
        self._term = term
        self._at_end = window.end
        self._now: Any = None
        self._there = False
        self._met_ms: int | None = None

    def see(self, event: WatchEvent) -> None:
        if event.key.kind == self._term.kind and event.key.name == self._term.name:
            self._there = True
            conditions = getattr(getattr(event.after, "status", None), "conditions", ())
            self._now = next((c for c in conditions if c.type == self._term.type), None)

    def look(self, at_ms: int) -> None:
        if not self._at_end and self._met_ms is None and self._holds():
            self._met_ms = at_ms

    def _holds(self) -> bool:
        term, now = self._term, self._now
        return now is not None and term.status in ("", now.status) and term.reason in ("", now.reason)

    def close(self, at_ms: int) -> Outcome:
        if not self._there:
            return Outcome(passed=False, seen=f"there was no {self._term.kind}/{self._term.name}")
        if self._at_end and self._holds():
            self._met_ms = at_ms
        if self._met_ms is not None:
            return Outcome(passed=not self._term.never, seen=f"so at {at(self._met_ms)}", first_ms=self._met_ms)
        last = " ".join(filter(None, (self._now.status, self._now.reason))) if self._now is not None else "no such condition"
        return Outcome(passed=self._term.never, seen=f"at {at(at_ms)}: {last}")


def step_outcome(term: Refused | TimedOut | StepDone, result: Mapping[str, Any]) -> Outcome:
    """Judges how the step ended; `result` is its stepResult."""
    match term:
        case Refused():
            return _refused(term, result)
        case TimedOut():
            fault = _late(result)
            return Outcome(passed=bool(fault), seen=fault or f"it ended after {at(_took_ms(result))}")
        case StepDone():
            faults = [_late(result), *(f"{code}: {message}" for code, message in _refusals(result) if result["op"] != "drain")]
            fault = next(filter(None, faults), "")
            return Outcome(passed=not fault, seen=fault or "done", first_ms=round(result["tEnd"] * 1000) if fault else None)


def _refused(term: Refused, result: Mapping[str, Any]) -> Outcome:
    said = list(_refusals(result))
    for code, message in said:
        if term.code in (None, code) and term.contains in message:
            return passed(f"{code}: {message}")
    return Outcome(passed=False, seen=f"{said[0][0]}: {said[0][1]}" if said else "it was not refused")


def _refusals(result: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Of the step itself, or of its evictions."""
    for answer in (result, *result.get("evictions", ())):
        if answer.get("http", 0) >= 400:
            yield answer["http"], str(answer["error"]["message"] if "error" in answer else answer.get("message", ""))


def _late(result: Mapping[str, Any]) -> str:
    if result.get("left"):
        return f"{result['left']} pods left after {at(_took_ms(result))}"
    return f"timed out after {at(_took_ms(result))}" if result.get("ok") is False else ""


def _took_ms(result: Mapping[str, Any]) -> int:
    return round(float(result["tEnd"] - result["t"]) * 1000)
