"""The step table of a rollout: what happened, one row for each change that a reader tells apart.

The engine's writes of one instant become few rows. New pods before any old one goes is a row of its own (the surge);
after that the old pods that leave and the new ones that replace them in the same instant are one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from kgate.outcome import RolloutStep

What = Literal["new", "old", "new ready", "old ready", "new available", "unschedulable", "waiting", "said"]


class Move(Struct, frozen=True, kw_only=True):
    """One thing that happened to the pods of a Deployment."""

    at_ms: int
    what: What
    n: int = 1
    """Pods more (or less, below zero) that are wanted, ready or available; 1 for what is said."""
    text: str = ""
    """For `waiting` the reason, for `said` what the controller says: `complete`, `ProgressDeadlineExceeded`."""


class Pods(Struct, frozen=True, kw_only=True):
    """Pods that are not being deleted."""

    old_ready: int = 0
    old_unready: int = 0
    new_ready: int = 0
    new_starting: int = 0
    old_available: int = 0
    new_available: int = 0

    def after(self, move: Move, *, at_once: bool) -> Pods:
        """`at_once`: ready pods are available pods (minReadySeconds is 0)."""
        if move.what == "new":
            return self._new(move.n)
        if move.what == "old":
            return self._old(move.n)
        if move.what == "new ready":
            n = max(-self.new_ready, min(move.n, self.new_starting))
            ready = self.new_ready + n
            available = ready if at_once else min(self.new_available, ready)
            return replace(self, new_ready=ready, new_starting=self.new_starting - n, new_available=available)
        if move.what == "old ready":
            n = max(-self.old_ready, min(move.n, self.old_unready))
            ready = self.old_ready + n
            available = max(0, min(ready, self.old_available + n))
            return replace(self, old_ready=ready, old_unready=self.old_unready - n, old_available=available)
        if move.what == "new available":
            return replace(self, new_available=max(0, min(self.new_ready, self.new_available + move.n)))
        return self

    def _new(self, n: int) -> Pods:
        if n >= 0:
            return replace(self, new_starting=self.new_starting + n)
        starting = max(0, self.new_starting + n)
        ready = max(0, self.new_ready + n + self.new_starting - starting)
        return replace(self, new_starting=starting, new_ready=ready, new_available=min(ready, self.new_available))

    def _old(self, n: int) -> Pods:
        """Pods that are not ready go first (ReplicaSet controller's order of deletion)."""
        if n >= 0:
            return replace(self, old_unready=self.old_unready + n)
        unready = max(0, self.old_unready + n)
        ready = max(0, self.old_ready + n + self.old_unready - unready)
        return replace(self, old_unready=unready, old_ready=ready, old_available=min(ready, self.old_available))


class _Row(Struct):
    """A row of the step table in the making."""

    at_ms: int
    moves: list[Move]

    def total(self, what: What) -> int:
        return sum(m.n for m in self.moves if m.what == what)

    def has(self, *whats: What) -> bool:
        return any(m.what in whats for m in self.moves)


def rows(start: Pods, moves: Sequence[Move], *, most: int, surges: bool, at_once: bool) -> tuple[RolloutStep, ...]:
    """The table, beginning with `start`. `most` is replicas + maxSurge, `surges` whether reaching it is worth saying.

    `moves` are in order; `at_once` says that minReadySeconds is 0.
    """
    pods = start
    table = [_step(0, pods, "start")]
    for row in _grouped(moves):
        for move in row.moves:
            pods = pods.after(move, at_once=at_once)
        table.append(_step(row.at_ms, pods, _event(row, pods, most=most, surges=surges)))
    return tuple(table)


def _grouped(moves: Iterable[Move]) -> list[_Row]:
    out: list[_Row] = []
    for move in moves:
        if out and _joins(out[-1], move):
            out[-1].moves.append(move)
        else:
            out.append(_Row(at_ms=move.at_ms, moves=[move]))
    return out


def _joins(row: _Row, move: Move) -> bool:
    """Whether the move is part of the row before it. What is said ends a row."""
    if row.at_ms != move.at_ms or row.has("said"):
        return False
    if move.what == "said":
        return True
    if move.what in ("unschedulable", "waiting"):
        return not row.has("new ready", "old ready", "new available")
    if move.what in ("new", "old"):
        if row.has("new ready", "old ready", "new available", "waiting", "unschedulable"):
            return False
        # Surge first, then replacement: an old pod that goes begins a new row unless the row has begun to replace already.
        return move.what == "new" or row.has("old")
    return not row.has("new", "old", "unschedulable", "waiting")


def _step(at_ms: int, pods: Pods, event: str) -> RolloutStep:
    return RolloutStep(
        at_ms=at_ms,
        old_ready=pods.old_ready,
        old_unready=pods.old_unready,
        new_ready=pods.new_ready,
        new_starting=pods.new_starting,
        available=pods.old_available + pods.new_available,
        event=event,
    )


def _event(row: _Row, pods: Pods, *, most: int, surges: bool) -> str:
    parts = [_scaled(row, pods, most=most, surges=surges)]
    for what in ("old ready", "new ready", "new available"):
        parts.append(_changed(row, what))
    pending = row.total("unschedulable")
    if pending:
        parts.append(f"{pending} unschedulable")
    reasons = sorted({m.text for m in row.moves if m.what == "waiting"})
    parts += [f"{sum(m.n for m in row.moves if m.what == 'waiting' and m.text == reason)} {reason}" for reason in reasons]
    parts += [m.text for m in row.moves if m.what == "said"]
    return ", ".join(p for p in parts if p) or "no change"


def _scaled(row: _Row, pods: Pods, *, most: int, surges: bool) -> str:
    old, new = row.total("old"), row.total("new")
    parts = [f"{name} {n:+d}" for name, n in (("old", old), ("new", new)) if n]
    total = pods.old_ready + pods.old_unready + pods.new_ready + pods.new_starting
    full = f" (surge full: {total}/{most})" if surges and new > 0 and not old and total >= most else ""
    return ", ".join(parts) + full


def _changed(row: _Row, what: What) -> str:
    n = row.total(what)
    who, _, state = what.partition(" ")
    return "" if not n else f"{n} {who} {state}" if n > 0 else f"{-n} {who} not {state}"
