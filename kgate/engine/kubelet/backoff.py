"""How long a kubelet waits before it tries again (staging/src/k8s.io/client-go/util/flowcontrol/backoff.go)."""

from __future__ import annotations

from msgspec import Struct

from kgate.engine.api.meta import Millis

INITIAL_MS, CAP_MS = 10_000, 300_000
RECOVERED_MS = 600_000
"""Who has held out longer than this is no longer held responsible for earlier failures."""


class Backoff(Struct):
    """Of one container or one image of a pod: 10 s, doubling to five minutes."""

    wait_ms: Millis = 0
    """0 before the first failure."""
    updated_ms: Millis = 0

    def until(self, since_ms: Millis) -> Millis:
        """When the next try may be made; `since_ms` is when the container finished or the pull failed (IsInBackOffSince)."""
        return since_ms if self._recovered(since_ms) else since_ms + self.wait_ms

    def next(self, since_ms: Millis, now_ms: Millis) -> None:
        """A try is made now: the one after it waits twice as long (Next)."""
        self.wait_ms = INITIAL_MS if self.wait_ms == 0 or self._recovered(since_ms) else min(2 * self.wait_ms, CAP_MS)
        self.updated_ms = now_ms

    def _recovered(self, since_ms: Millis) -> bool:
        return since_ms - self.updated_ms > RECOVERED_MS
