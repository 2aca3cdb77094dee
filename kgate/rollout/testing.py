"""`kgate test`: scenarios are played and what they expect is judged. What expects nothing has not passed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from kgate.engine.errors import ApiError, LivelockError
from kgate.engine.flags import FlagError
from kgate.manifest import Path, Source, pointer
from kgate.rollout import Validate
from kgate.rollout.expect.judging import Run, judge
from kgate.rollout.simulation import read, unplayable
from kgate.rollout.steps import Scenario


class Expected(Struct, frozen=True, kw_only=True):
    """One expectation with its place in the file (1-based), and what was seen of it."""

    line: int
    column: int
    path: str
    expected: str
    passed: bool
    seen: str
    first_ms: int | None = None
    """When it was first violated."""

    def as_json(self) -> dict[str, Any]:
        first_s = None if self.first_ms is None else self.first_ms / 1000
        told = {"line": self.line, "column": self.column, "path": self.path}
        return told | {"expected": self.expected, "passed": self.passed, "seen": self.seen, "first_s": first_s}


class Tested(Struct, frozen=True, kw_only=True):
    """One scenario. `reason` says why it was not checked."""

    name: str
    file: str
    expected: tuple[Expected, ...] = ()
    reason: str = ""

    @property
    def failures(self) -> tuple[Expected, ...]:
        return tuple(e for e in self.expected if not e.passed)

    @property
    def verdict(self) -> str:
        """`pass`, `fail`, or `unknown`: it expects nothing, or cannot be played."""
        return "unknown" if self.reason else "fail" if self.failures else "pass"

    def as_json(self) -> dict[str, Any]:
        expected = [e.as_json() for e in self.expected]
        return {"scenario": self.name, "file": self.file, "verdict": self.verdict, "reason": self.reason or None, "expected": expected}


def run(files: Sequence[tuple[str, Any]], *, validate: Validate | None, sources: Mapping[str, Source]) -> Iterator[Tested]:
    """All files are read before the first is played. Raises ConfigError."""
    scenarios = [(file, read(file, body, sources.get(file))) for file, body in files]
    return (_tested(file, scenario, validate, sources.get(file)) for file, scenario in scenarios)


def _tested(file: str, scenario: Scenario, validate: Validate | None, source: Source | None) -> Tested:
    about = Tested(name=scenario.name, file=file)
    if not scenario.expect:
        return _unknown(about, "it expects nothing")
    if reason := unplayable(scenario):
        return _unknown(about, reason)
    from kgate.rollout.play import Player

    try:
        player = Player(scenario, validate)
        player.play()
    except ApiError as refused:
        return _unknown(about, f"an object of the scenario was refused: {refused.message}")
    except (FlagError, LivelockError) as fault:
        return _unknown(about, str(fault))
    return Tested(name=about.name, file=file, expected=tuple(_placed(scenario, player.run, source)))


def _unknown(about: Tested, reason: str) -> Tested:
    return Tested(name=about.name, file=about.file, reason=reason)


def _placed(scenario: Scenario, played: Run, source: Source | None) -> Iterator[Expected]:
    for expectation, outcome in judge(scenario, played):
        line, column = _place(expectation.path, source)
        yield Expected(
            line=line,
            column=column,
            path=pointer(expectation.path),
            expected=str(expectation),
            passed=outcome.passed,
            seen=outcome.seen,
            first_ms=outcome.first_ms,
        )


def _place(path: Path, source: Source | None) -> tuple[int, int]:
    if source is None:
        return 1, 1
    place = source.locate(0, path, key=False)
    return place.line, place.column
