"""Which taints a node has because of its conditions (node_lifecycle_controller.go, pkg/util/taints/taints.go)."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from kgate.engine.api.core import Node, Taint
from kgate.engine.api.meta import Millis

PREFIX = "node.kubernetes.io/"
NOT_READY, UNREACHABLE = f"{PREFIX}not-ready", f"{PREFIX}unreachable"
UNSCHEDULABLE = f"{PREFIX}unschedulable"

_BY_CONDITION = {
    ("Ready", "False"): NOT_READY,
    ("Ready", "Unknown"): UNREACHABLE,
    ("MemoryPressure", "True"): f"{PREFIX}memory-pressure",
    ("DiskPressure", "True"): f"{PREFIX}disk-pressure",
    ("NetworkUnavailable", "True"): f"{PREFIX}network-unavailable",
    ("PIDPressure", "True"): f"{PREFIX}pid-pressure",
}
_OWN = frozenset({UNSCHEDULABLE, *_BY_CONDITION.values()})
"""Keys of NoSchedule taints that nobody else may keep or remove."""

NO_EXECUTE = {"False": NOT_READY, "Unknown": UNREACHABLE}
"""Status of the Ready condition to the key of the taint that empties the node."""


def no_schedule(node: Node) -> tuple[str, ...]:
    """Keys of the NoSchedule taints that it should have, in the order of its conditions."""
    found = [key for c in node.status.conditions if (key := _BY_CONDITION.get((c.type, c.status)))]
    return (*found, UNSCHEDULABLE) if node.spec.unschedulable else tuple(found)


def own_no_schedule(node: Node) -> tuple[str, ...]:
    """Keys of the NoSchedule taints that it has and that are this controller's."""
    return tuple(t.key for t in node.spec.taints if t.effect == "NoSchedule" and t.key in _OWN)


def has(node: Node, key: str, effect: str = "NoExecute") -> bool:
    return any(t.key == key and t.effect == effect for t in node.spec.taints)


def with_taints(node: Node, keys: Iterable[str], effect: str, now_ms: Millis) -> Node:
    """The same node when it has them all."""
    added_ms = now_ms // 1000 * 1000
    new = tuple(Taint(key=key, effect=effect, time_added_ms=added_ms) for key in keys if not has(node, key, effect))
    return replace(node, spec=replace(node.spec, taints=(*node.spec.taints, *new))) if new else node


def without_taints(node: Node, keys: Iterable[str], effect: str) -> Node:
    """The same node when it has none of them."""
    gone = frozenset(keys)
    left = tuple(t for t in node.spec.taints if t.effect != effect or t.key not in gone)
    return node if len(left) == len(node.spec.taints) else replace(node, spec=replace(node.spec, taints=left))
