"""The smallest cluster the rollout needs, when nobody described one and the assumed one does not do: searched for by playing.

Nodes are of the assumed shape, larger when no pod fits on one of those, in three zones in turn, and empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api import resources
from kgate.finding import Rule, Severity, Stage
from kgate.rollout.cluster import ClusterSpec
from kgate.rollout.nodes import ZONE, NodeSpec
from kgate.rollout.questions.domains import limits
from kgate.rollout.questions.evidence import Answer, Evidence, Level
from kgate.rollout.questions.places import pod_of

SMALLEST = Rule(
    id="KG5117",
    name="smallest-cluster",
    stage=Stage.ROLLOUT,
    severity=Severity.INFO,
    summary="the smallest cluster on which the rollout completes",
    why="Without a description of the cluster nothing is known of its room; how much the rollout needs can be played nevertheless.",
    remediation="describe the cluster (rollout.cluster: cluster.yaml)",
    references=("https://kubernetes.io/docs/concepts/scheduling-eviction/",),
)

MOST_NODES = 128
_SHAPES = ((4, 16), (8, 32), (16, 64), (32, 128), (64, 256), (128, 1024))
"""Cores and Gi of memory."""
_ZONES = "abc"
_MOST_PLAYED = 12


class Shape(Struct, frozen=True, kw_only=True):
    """What all nodes are like."""

    cpu: int
    memory: int
    labels: Mapping[str, str]
    extended: Mapping[str, str]
    own_zones: bool
    """Each node in a zone of its own; else in three in turn."""

    def cluster(self, n: int) -> ClusterSpec:
        node = NodeSpec(name="", cpu=str(self.cpu), memory=f"{self.memory}Gi", labels=self.labels, extended=self.extended)
        return ClusterSpec(nodes=tuple(replace(node, name=f"n{i + 1}", zone=self._zone(i)) for i in range(n)))

    def _zone(self, i: int) -> str:
        """What the pods select is on every node."""
        if ZONE in self.labels:
            return ""
        return f"z{i + 1}" if self.own_zones else _ZONES[i % len(_ZONES)]

    def text(self) -> str:
        more = [f"{key}={value}" for key, value in self.labels.items()] + [f"{n} {name}" for name, n in self.extended.items()]
        return f"{self.cpu} cpu and {self.memory}Gi" + (f" ({', '.join(more)})" if more else "")


def smallest(evidence: Evidence) -> Iterator[Answer]:
    """Only where the assumed cluster did not suffice."""
    if not evidence.assumed_cluster or evidence.rehearsal.completed_ms is not None or not evidence.followed.unschedulable:
        return
    shape = _shape(evidence)
    found = _search(evidence, shape) if shape is not None else None
    if shape is None:
        yield Answer(rule=SMALLEST, level=Level.UNKNOWN, statement="no node of 128 cpu and 1024Gi takes one of the pods")
    elif found is None:
        said = f"the rollout does not complete on {MOST_NODES} or fewer nodes of {shape.text()}, as far as they were played"
        yield Answer(rule=SMALLEST, level=Level.UNKNOWN, statement=said)
    else:
        nodes = f"{found} node{'' if found == 1 else 's'} of {shape.text()}"
        less = f"; on {found - 1} it does not" if found > 1 else ""
        zones = "each in a zone of its own" if shape.own_zones else f"in up to {len(_ZONES)} zones"
        bounds = f"empty nodes of one shape, {zones}; {evidence.rehearsal.bounds}"
        yield Answer(rule=SMALLEST, level=Level.PASSES, statement=f"completes on {nodes}{less}", bounds=bounds)


def _shape(evidence: Evidence) -> Shape | None:
    """The first that one pod fits on, with what it selects and what else it asks for; None when there is none."""
    spec = pod_of(evidence).spec
    asked = resources.pod_limits(spec) | resources.pod_requests(spec)
    usual = (resources.CPU, resources.MEMORY, "ephemeral-storage", "pods")
    extended = {name: str(n) for name, n in asked.items() if name not in usual and n > 0}
    for cpu, memory in _SHAPES:
        if asked.get(resources.CPU, 0) <= cpu * 1000 and asked.get(resources.MEMORY, 0) <= memory * 2**30:
            own_zones = any(limit.key == ZONE for limit in limits(evidence))
            return Shape(cpu=cpu, memory=memory, labels=dict(spec.node_selector), extended=extended, own_zones=own_zones)
    return None


def _search(evidence: Evidence, shape: Shape) -> int | None:
    """Doubles until it completes, then halves the gap; both neighbours of the answer were played. None: not found."""
    known: dict[int, bool] = {0: False}

    def completes(n: int) -> bool:
        if n not in known and len(known) <= _MOST_PLAYED:
            played = evidence.elsewhere(shape.cluster(n))
            known[n] = played is not None and played.rehearsal.completed_ms is not None
        return known.get(n, False)

    low, high = 0, 1
    while not completes(high):
        low, high = high, high * 2
        if high > MOST_NODES:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if completes(middle) else (middle, high)
    return high if low in known else None
