"""What came of one expectation."""

from __future__ import annotations

from msgspec import Struct


class Outcome(Struct, frozen=True, kw_only=True):
    passed: bool
    seen: str
    """In a few words; of a failure with its moment."""
    first_ms: int | None = None
    """When it was first violated; None where that is no moment."""


def passed(seen: str) -> Outcome:
    return Outcome(passed=True, seen=seen)


def at(ms: int) -> str:
    """`14.25s`."""
    return f"{ms / 1000:.3f}".rstrip("0").rstrip(".") + "s"
