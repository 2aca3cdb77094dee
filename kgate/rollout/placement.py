"""Where the pods of a Deployment are: one row a node, with what is free there at the tightest moment of the rollout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from kgate.engine.api import resources
from kgate.engine.api.core import Node, Pod
from kgate.engine.api.meta import Key
from kgate.engine.api.tolerations import untolerated
from kgate.engine.trace import WatchEvent
from kgate.outcome import PlacedNode
from kgate.rollout.follow import Followed
from kgate.rollout.nodes import ZONE


class Snapshot(Struct, frozen=True, kw_only=True):
    """The nodes of a moment, and what their pods ask for: cpu in thousandths, memory in bytes."""

    nodes: Mapping[str, Node]
    asked: Mapping[str, tuple[int, int]]


def snapshots(events: Sequence[WatchEvent], moments: Sequence[int]) -> dict[int, Snapshot]:
    """How things stood at the end of each moment (in the time of the trace), in one pass."""
    out: dict[int, Snapshot] = {}
    nodes: dict[str, Node] = {}
    pods: dict[Key, tuple[str, int, int]] = {}
    due = sorted(set(moments))
    for event in events:
        while due and event.time_ms > due[0]:
            out[due.pop(0)] = _snapshot(nodes, pods)
        if isinstance(event.object, Node):
            if isinstance(event.after, Node):
                nodes[event.key.name] = event.after
            else:
                nodes.pop(event.key.name, None)
        elif isinstance(event.object, Pod):
            _note(pods, event)
    end = _snapshot(nodes, pods)
    return {moment: _joined(shot, end) for moment, shot in (out | dict.fromkeys(due, end)).items()}


def _joined(shot: Snapshot, end: Snapshot) -> Snapshot:
    """With the nodes that came after it, as they are at the end."""
    later = {name: node for name, node in end.nodes.items() if name not in shot.nodes}
    if not later:
        return shot
    return Snapshot(nodes={**shot.nodes, **later}, asked={**shot.asked, **{n: a for n, a in end.asked.items() if n in later}})


def _note(pods: dict[Key, tuple[str, int, int]], event: WatchEvent) -> None:
    pod = event.after
    if not isinstance(pod, Pod) or pod.terminal:
        pods.pop(event.key, None)
    elif pod.spec.node_name and event.key not in pods:
        wanted = resources.pod_requests(pod.spec)
        pods[event.key] = (pod.spec.node_name, wanted.get(resources.CPU, 0), wanted.get(resources.MEMORY, 0))


def _snapshot(nodes: Mapping[str, Node], pods: Mapping[Key, tuple[str, int, int]]) -> Snapshot:
    asked: dict[str, tuple[int, int]] = {}
    for node, cpu, memory in pods.values():
        before = asked.get(node, (0, 0))
        asked[node] = (before[0] + cpu, before[1] + memory)
    return Snapshot(nodes=dict(nodes), asked=asked)


def placement(followed: Followed, at: Snapshot, pod: Pod | None) -> tuple[PlacedNode, ...]:
    """Every node, in the order of zones and names. `pod` is one of the Deployment's, to say why a node takes none."""
    rows = [_row(name, node, followed, at, pod) for name, node in at.nodes.items()]
    return tuple(sorted(rows, key=lambda r: (r.zone, r.node)))


def zone_skew(rows: Sequence[PlacedNode]) -> int | None:
    """Over the zones with a node that may take the pods; None with fewer than two."""
    zones = {r.zone for r in rows if r.zone and not r.note}
    counts = [sum(r.pods_end for r in rows if r.zone == zone) for zone in sorted(zones)]
    return max(counts) - min(counts) if len(counts) > 1 else None


def _row(name: str, node: Node, followed: Followed, at: Snapshot, pod: Pod | None) -> PlacedNode:
    cpu, memory = node.status.allocatable.get(resources.CPU, 0), node.status.allocatable.get(resources.MEMORY, 0)
    asked_cpu, asked_memory = at.asked.get(name, (0, 0))
    return PlacedNode(
        zone=node.metadata.labels.get(ZONE, ""),
        node=name,
        cpu_free=cores(cpu - asked_cpu),
        cpu_total=cores(cpu),
        memory_free=gibibytes(memory - asked_memory),
        memory_total=gibibytes(memory),
        pods_before=followed.before.get(name, 0),
        pods_peak=followed.peak.get(name, 0),
        pods_end=followed.end.get(name, 0),
        note=_note_on(node, pod, followed),
    )


def _note_on(node: Node, pod: Pod | None, followed: Followed) -> str:
    if followed.peak.get(node.metadata.name, 0):
        return ""
    if node.spec.unschedulable:
        return "unschedulable"
    if pod is not None and untolerated(pod.spec.tolerations, node.spec.taints):
        return "untolerated taint"
    return ""


def cores(milli: int) -> str:
    """Thousandths of a core: 1900 is `1.9`."""
    return f"{milli / 1000:.3f}".rstrip("0").rstrip(".")


def gibibytes(amount: int) -> str:
    """Bytes: 17179869184 is `16Gi`, 7.25Gi is `7.2Gi`; below a tenth of it in Mi."""
    if abs(amount) * 10 < 2**30:
        return f"{amount // 2**20}Mi" if amount else "0"
    return f"{amount / 2**30:.1f}".removesuffix(".0") + "Gi"
