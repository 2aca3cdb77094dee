"""What a kubelet says of its own node (pkg/kubelet/nodestatus/setters.go)."""

from __future__ import annotations

from msgspec.structs import replace

from kgate.engine.api.core import Node
from kgate.engine.api.meta import Condition, Millis, condition

HEALTHY = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)
"""Type, status, reason and message of every condition that is the kubelet's."""


def labels(name: str) -> dict[str, str]:
    """What a kubelet labels its node with (pkg/kubelet/kubelet_node_status.go:initialNode); the machine is an ordinary one."""
    system = {f"{prefix}kubernetes.io/{key}": value for prefix in ("", "beta.") for key, value in (("os", "linux"), ("arch", "amd64"))}
    return {"kubernetes.io/hostname": name} | system


def posted(node: Node, now_ms: Millis) -> Node:
    """The node as its kubelet reports it when all is well; conditions of others stay, and so do the times of what is as it was."""
    now = now_ms // 1000 * 1000
    kept = {c.type: c for c in node.status.conditions}
    for type_, status, reason, message in HEALTHY:
        old = kept.get(type_)
        since = now if old is None or old.status != status else old.last_transition_time_ms
        kept[type_] = Condition(
            type=type_, status=status, reason=reason, message=message, last_heartbeat_time_ms=now, last_transition_time_ms=since
        )
    return replace(node, status=replace(node.status, conditions=tuple(kept.values())))


def ready(node: Node) -> bool:
    """The Ready condition is True."""
    said = condition(node.status.conditions, "Ready")
    return said is not None and said.status == "True"
