"""When and how fast nodes that are not ready may be emptied, zone by zone.

Sources: pkg/controller/nodelifecycle/node_lifecycle_controller.go (ComputeZoneState, handleDisruption),
pkg/controller/nodelifecycle/scheduler/rate_limited_queue.go, component-helpers/node/topology/helpers.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from kgate.engine.api.core import Node
from kgate.engine.api.meta import Millis
from kgate.engine.flags import Flags

ZoneState = Literal["Initial", "Normal", "FullDisruption", "PartialDisruption"]

ZONE_LABELS = ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone")
REGION_LABELS = ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region")
EXCLUDED = "node.kubernetes.io/exclude-disruption"
"""Nodes with this label do not count for their zone."""


class Rates(Struct, frozen=True, kw_only=True):
    """Nodes a second, and when they apply."""

    eviction: float = 0.1
    secondary: float = 0.01
    large_cluster: float = 50
    unhealthy: float = 0.55

    @classmethod
    def of(cls, flags: Flags) -> Rates:
        """Raises FlagError."""
        return cls(
            eviction=flags.number("node-eviction-rate", 0.1),
            secondary=flags.number("secondary-node-eviction-rate", 0.01),
            large_cluster=flags.number("large-cluster-size-threshold", 50),
            unhealthy=flags.number("unhealthy-zone-threshold", 0.55),
        )

    def state(self, ready: Sequence[bool]) -> ZoneState:
        """Of a zone with such nodes. Up to two bad nodes are never a disruption, unless there are no others."""
        bad = ready.count(False)
        if bad and bad == len(ready):
            return "FullDisruption"
        return "PartialDisruption" if bad > 2 and bad / len(ready) >= self.unhealthy else "Normal"

    def within(self, state: ZoneState, nodes: int) -> float:
        """In a zone of that many nodes. Small zones stop evicting when most of their nodes are bad: the fault is likely elsewhere."""
        if state == "PartialDisruption":
            return self.secondary if nodes > self.large_cluster else 0.0
        return self.eviction


def zone_of(node: Node) -> str:
    """Region and zone together; empty when the node has neither."""
    labels = node.metadata.labels
    zone = next((labels[k] for k in ZONE_LABELS if labels.get(k)), "")
    region = next((labels[k] for k in REGION_LABELS if labels.get(k)), "")
    return f"{region}:{zone}" if region or zone else ""


class Tainter:
    """Nodes of one zone that wait to be emptied: first come, first served, one token for each (burst 1)."""

    def __init__(self, rate: float) -> None:
        """`rate` is tokens a second; the first is there at once."""
        self.rate = rate
        self._waiting: dict[str, None] = {}
        self._known: set[str] = set()
        """Waiting, or done and not taken back: they are not added again."""
        self._free_ms: Millis = 0

    def add(self, node: str) -> bool:
        """False when it already waits or has been dealt with."""
        if node in self._known:
            return False
        self._known.add(node)
        self._waiting[node] = None
        return True

    def remove(self, node: str) -> None:
        """It no longer waits, and may be added again."""
        self._known.discard(node)
        self._waiting.pop(node, None)

    def take(self, now_ms: Millis) -> str | None:
        """The next node, when there is one and a token for it."""
        if not self._waiting or not self._accept(now_ms):
            return None
        node = next(iter(self._waiting))
        del self._waiting[node]
        return node

    def swap_rate(self, rate: float, now_ms: Millis) -> None:
        """A new limiter begins full, but drained when the old one was just being waited for (SwapLimiter)."""
        if rate == self.rate:
            return
        waited = not self._accept(now_ms)
        self.rate = rate
        self._free_ms = now_ms
        if waited and rate > 0:
            self._accept(now_ms)

    def next_ms(self, now_ms: Millis) -> Millis | None:
        """When the next node can be taken; None when none waits, or evictions are stopped."""
        return max(now_ms, self._free_ms) if self._waiting and self.rate > 0 else None

    def _accept(self, now_ms: Millis) -> bool:
        if self.rate <= 0 or now_ms < self._free_ms:
            return False
        self._free_ms = now_ms + round(1000 / self.rate)
        return True
