"""Which pod is tried next, and when one that was refused is tried again (pkg/scheduler/backend/queue)."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct

from kgate.engine.api.meta import Key, Millis
from kgate.engine.scheduler.nodeinfo import PodInfo

INITIAL_BACKOFF_MS = 1_000
MAX_BACKOFF_MS = 10_000
WINDOW_MS = 1_000
"""Back-off times are cut to whole windows, and a window is over when the next one has begun."""


LEFT_BEHIND_MS = 300_000
"""A pod that no change has helped for longer is tried all the same: nobody can think of every change that may help."""
FLUSH_MS = 30_000
"""So often somebody looks for such pods."""

Order: TypeAlias = tuple[int, Millis, int]


class Queued(Struct, kw_only=True):
    """A pod without a node. Mutable, and known to the queue alone."""

    info: PodInfo
    since_ms: Millis
    """When it came, or when it was last refused."""
    serial: int
    """Grows with every arrival and refusal: decides between equal times."""
    refusals: int = 0
    refused_by: tuple[str, ...] = ()
    """Plugins; empty when there was not even a node to ask."""

    @property
    def order(self) -> Order:
        # The higher priority first, then who has waited longer, then who came first within the same millisecond.
        return (-self.info.priority, self.since_ms, self.serial)

    @property
    def backoff_ends_ms(self) -> Millis:
        """1, 2, 4, 8, 10, 10, ... seconds after the refusal, cut to whole seconds."""
        wait = min(INITIAL_BACKOFF_MS << min(self.refusals - 1, 10), MAX_BACKOFF_MS)
        return (self.since_ms + wait) // WINDOW_MS * WINDOW_MS


class Queue:
    """Active pods are tried; unschedulable ones wait for a change in the cluster, and then for the end of their back-off."""

    def __init__(self, *, pops_from_backoff: bool) -> None:
        """`pops_from_backoff`: when nothing is active, those backing off are tried before their time (KEP-5142)."""
        self._pops_from_backoff = pops_from_backoff
        self._active: dict[Key, Queued] = {}
        self._heap: list[tuple[Order, Key]] = []
        """Of the active ones; an entry that is no longer active, or active in another place, is skipped when it comes up."""
        self._backoff: dict[Key, Queued] = {}
        self._unschedulable: dict[Key, Queued] = {}
        self._serial = 0

    def __len__(self) -> int:
        return len(self._active) + len(self._backoff) + len(self._unschedulable)

    def __contains__(self, key: Key) -> bool:
        return key in self._active or key in self._backoff or key in self._unschedulable

    @property
    def anybody_waits(self) -> bool:
        """Whether a change in the cluster could help anyone."""
        return bool(self._unschedulable)

    def add(self, info: PodInfo, now_ms: Millis) -> None:
        self._serial += 1
        self._activate(Queued(info=info, since_ms=now_ms, serial=self._serial))

    def refresh(self, info: PodInfo, *, retry: bool, now_ms: Millis) -> None:
        """The pod itself was changed; `retry` when in a way that may help it."""
        for pods in (self._active, self._backoff, self._unschedulable):
            if info.key in pods:
                pods[info.key].info = info
        if info.key in self._active:
            self._activate(self._active[info.key])
        if retry and info.key in self._unschedulable:
            self._wake(self._unschedulable[info.key], now_ms)

    def remove(self, key: Key) -> None:
        for pods in (self._active, self._backoff, self._unschedulable):
            pods.pop(key, None)

    def refuse(self, queued: Queued, by: tuple[str, ...], now_ms: Millis) -> None:
        """Back into the pool, until something changes."""
        self._serial += 1
        queued.since_ms, queued.serial, queued.refused_by = now_ms, self._serial, by
        queued.refusals += 1
        self._unschedulable[queued.info.key] = queued

    def wake(self, helps: Callable[[Queued], bool], now_ms: Millis) -> None:
        """Something changed: those it may help come out of the pool."""
        for queued in list(self._unschedulable.values()):
            if helps(queued):
                self._wake(queued, now_ms)

    def flush_left_behind(self, now_ms: Millis) -> None:
        """Those that were refused more than five minutes ago come out of the pool (flushUnschedulablePodsLeftover)."""
        self.wake(lambda queued: now_ms - queued.since_ms > LEFT_BEHIND_MS, now_ms)

    def left_behind_ms(self, now_ms: Millis) -> Millis | None:
        """How long until `flush_left_behind` has something to do, when it is asked every 30 s; None when nobody waits."""
        earliest = min((q.since_ms for q in self._unschedulable.values()), default=None)
        if earliest is None:
            return None
        return -(-max(earliest + LEFT_BEHIND_MS + 1, now_ms + 1) // FLUSH_MS) * FLUSH_MS - now_ms

    def pop(self, now_ms: Millis) -> Queued | None:
        """The pod to try now, no longer in the queue."""
        self._flush(now_ms)
        while self._heap:
            order, key = heapq.heappop(self._heap)
            if key in self._active and self._active[key].order == order:
                return self._active.pop(key)
        if self._backoff and self._pops_from_backoff:
            first = min(self._backoff.values(), key=lambda q: (q.backoff_ends_ms, q.order))
            return self._backoff.pop(first.info.key)
        return None

    def due_ms(self, now_ms: Millis) -> Millis | None:
        """How long until `pop` has something; 0 when it has now, None when only a change can help."""
        if self._active or (self._backoff and self._pops_from_backoff):
            return 0
        ends = [q.backoff_ends_ms + WINDOW_MS for q in self._backoff.values()]
        return max(0, min(ends) - now_ms) if ends else None

    def _wake(self, queued: Queued, now_ms: Millis) -> None:
        del self._unschedulable[queued.info.key]
        if _backing_off(queued, now_ms):
            self._backoff[queued.info.key] = queued
        else:
            self._activate(queued)

    def _flush(self, now_ms: Millis) -> None:
        for key in [k for k, q in self._backoff.items() if not _backing_off(q, now_ms)]:
            self._activate(self._backoff.pop(key))

    def _activate(self, queued: Queued) -> None:
        self._active[queued.info.key] = queued
        heapq.heappush(self._heap, (queued.order, queued.info.key))


def _backing_off(queued: Queued, now_ms: Millis) -> bool:
    return queued.backoff_ends_ms >= now_ms // WINDOW_MS * WINDOW_MS
