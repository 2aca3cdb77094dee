"""Until when a node is believed to be well, and what it looks like afterwards (node_lifecycle_controller.go:tryUpdateNodeHealth)."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api.core import Node
from kgate.engine.api.meta import Condition, Millis, condition
from kgate.engine.flags import Flags, minor

MONITORED = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
"""Conditions that nobody answers for when the kubelet is silent."""


class Timing(Struct, frozen=True, kw_only=True):
    """Of the node monitor."""

    period_ms: Millis
    grace_ms: Millis
    startup_grace_ms: Millis

    @classmethod
    def of(cls, flags: Flags, kubernetes_version: str) -> Timing:
        """The grace period is 50 s by default, 40 s before 1.31 (nodelifecycle/config/v1alpha1/defaults.go). Raises FlagError."""
        return cls(
            period_ms=flags.duration_ms("node-monitor-period", 5_000, least=1),
            grace_ms=flags.duration_ms("node-monitor-grace-period", 50_000 if minor(kubernetes_version) >= 31 else 40_000, least=1),
            startup_grace_ms=flags.duration_ms("node-startup-grace-period", 60_000, least=1),
        )

    def look_at(self, ms: Millis) -> Millis:
        """The monitor's first look at that moment or later."""
        return -(-ms // self.period_ms) * self.period_ms

    def look_after(self, ms: Millis) -> Millis:
        """The monitor's first look later than that moment."""
        return ms // self.period_ms * self.period_ms + self.period_ms


def ready_status(node: Node) -> str:
    """True, False or Unknown; empty when nobody has said anything."""
    ready = condition(node.status.conditions, "Ready")
    return ready.status if ready is not None else ""


def silent(node: Node, now_ms: Millis) -> Node:
    """The node once its kubelet has been silent for too long."""
    now = now_ms // 1000 * 1000
    conditions = {c.type: c for c in node.status.conditions}
    for type_ in MONITORED:
        old = conditions.get(type_)
        if old is None:
            conditions[type_] = _never(type_, node, now)
        elif old.status != "Unknown":
            said = "Kubelet stopped posting node status."
            conditions[type_] = replace(old, status="Unknown", reason="NodeStatusUnknown", message=said, last_transition_time_ms=now)
    return replace(node, status=replace(node.status, conditions=tuple(conditions.values())))


def _never(type_: str, node: Node, now_ms: Millis) -> Condition:
    return Condition(
        type=type_,
        status="Unknown",
        reason="NodeStatusNeverUpdated",
        message="Kubelet never posted node status.",
        last_heartbeat_time_ms=node.metadata.creation_timestamp_ms,
        last_transition_time_ms=now_ms,
    )
