"""pkg/scheduler/framework/plugins/noderesources/{fit,least_allocated}.go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from kgate.engine.api.core import Node
from kgate.engine.api.resources import CPU, EPHEMERAL_STORAGE, MEMORY, PODS
from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.framework import MAX_NODE_SCORE, Change, CycleState, Rejection
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo
from kgate.engine.scheduler.table import Array, Table

FIRST = (CPU, MEMORY, EPHEMERAL_STORAGE)


class NodeResourcesFit:
    """What the pod requests must be left of what the node can allocate. All that is missing is named, not only the first."""

    name: ClassVar[str] = "NodeResourcesFit"
    local: ClassVar[bool] = True

    def __init__(self, *, counts_zero: bool = False) -> None:
        """`counts_zero`: up to 1.26, a node overdrawn in cpu, say, was closed to a pod that asks for memory only."""
        self._counts_zero = counts_zero

    def filter(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> Rejection | None:
        allocatable = node.allocatable
        asked = self._asked(pod)
        short = [r for r, n in asked.items() if n > allocatable.get(r, 0) - node.requested.get(r, 0)]
        full = len(node.pods) + 1 > allocatable.get(PODS, 0)
        if not short and not full:
            return None
        reasons = (["Too many pods"] if full else []) + [f"Insufficient {r}" for r in sorted(short, key=_rank)]
        hopeless = any(asked[r] > allocatable.get(r, 0) for r in short)
        return Rejection(plugin=self.name, reasons=tuple(reasons), unresolvable=hopeless)

    def pattern(self, pod: PodInfo, table: Table, at: Array) -> Array:
        """One bit for too many pods, and two for each resource: too little is left, and there never was enough."""
        found = (table.pods[at] + 1 > table.most_pods[at]).astype(int)
        for i, (resource, n) in enumerate(sorted(self._asked(pod).items())):
            has = table.allocatable(resource)[at]
            short = n > has - table.used(resource)[at]
            found += (short * (1 + (n > has))) << (2 * i + 1)
        return found

    def score_column(self, pod: PodInfo, table: Table, at: Array) -> Array:
        cpu, memory = table.allocatable(CPU)[at], table.allocatable(MEMORY)[at]
        left = _left_column(table.non_zero_cpu[at] + pod.non_zero_cpu, cpu)
        left += _left_column(table.non_zero_memory[at] + pod.non_zero_memory, memory)
        counted = (cpu > 0).astype(int) + (memory > 0)
        return left // (counted + (counted == 0))

    def _asked(self, pod: PodInfo) -> Mapping[str, int]:
        return {**dict.fromkeys(FIRST, 0), **pod.requests} if self._counts_zero and pod.requests else pod.requests

    def score(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> int:
        """LeastAllocated: the mean of what is left of cpu and of memory, in percent, once the pod is there."""
        allocatable = node.allocatable
        cpu, memory = allocatable.get(CPU, 0), allocatable.get(MEMORY, 0)
        # A resource the node does not have at all has no weight.
        left = [_left(node.non_zero_cpu + pod.non_zero_cpu, cpu)] if cpu else []
        left += [_left(node.non_zero_memory + pod.non_zero_memory, memory)] if memory else []
        return sum(left) // len(left) if left else 0

    def worth_retrying(self, pod: PodInfo, change: Change, cluster: Cache) -> bool:
        """A pod went away or was made smaller in place, or a node that is large enough came or grew."""
        if change.node is None:
            before, now = change.pod or (None, None)
            if before is None:
                return False
            return now is None or any(now.requests.get(r, 0) < before.requests.get(r, 0) for r in pod.requests)
        old, new = change.node
        if new is None or not _large_enough(pod.requests, new):
            return False
        return old is None or _grew(pod.requests, old.status.allocatable, new.status.allocatable)


def _left(requested: int, capacity: int) -> int:
    return 0 if requested > capacity else (capacity - requested) * MAX_NODE_SCORE // capacity


def _left_column(requested: Array, capacity: Array) -> Array:
    """0 as well where there is nothing of it at all."""
    return (requested <= capacity) * (capacity - requested) * MAX_NODE_SCORE // (capacity + (capacity == 0))


def _rank(resource: str) -> tuple[int, str]:
    """cpu, memory, ephemeral-storage, then the others by name (upstream: in the order of a Go map; the message sorts them anyway)."""
    return (FIRST.index(resource) if resource in FIRST else len(FIRST), resource)


def _large_enough(requests: Mapping[str, int], node: Node) -> bool:
    allocatable = node.status.allocatable
    return allocatable.get(PODS, 0) >= 1 and all(n <= allocatable.get(r, 0) for r, n in requests.items())


def _grew(requests: Mapping[str, int], before: Mapping[str, int], now: Mapping[str, int]) -> bool:
    return any(now.get(r, 0) > before.get(r, 0) for r in (PODS, *requests))
