"""pkg/scheduler/framework/plugins/noderesources/balanced_allocation.go."""

from __future__ import annotations

from typing import ClassVar

from kgate.engine.api.resources import CPU, MEMORY
from kgate.engine.scheduler.framework import MAX_NODE_SCORE, CycleState
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo
from kgate.engine.scheduler.table import Array, Table


class NodeResourcesBalancedAllocation:
    """Cpu and memory shall be used up at the same pace. Real requests count here, not the stand-ins of LeastAllocated."""

    name: ClassVar[str] = "NodeResourcesBalancedAllocation"
    local: ClassVar[bool] = True

    def __init__(self, *, by_improvement: bool = True) -> None:
        """`by_improvement`: since 1.36 the score compares the balance with and without the pod; before, only with it."""
        self._by_improvement = by_improvement

    def prescore(self, pod: PodInfo) -> bool:
        """A pod without requests changes no balance; scoring it would gather such pods on one node."""
        return CPU in pod.requests or MEMORY in pod.requests

    def score_column(self, pod: PodInfo, table: Table, at: Array) -> Array:
        with_pod = _balance_column(table, at, pod.requests.get(CPU, 0), pod.requests.get(MEMORY, 0))
        if not self._by_improvement:
            return with_pod
        return MAX_NODE_SCORE // 2 + (MAX_NODE_SCORE // 2 + with_pod - _balance_column(table, at, 0, 0)) // 2

    def score(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> int:
        """75 when the pod leaves the balance as it is, up to 100 when it mends it, down to 50 when it spoils it."""
        with_pod = _balance(node, pod.requests.get(CPU, 0), pod.requests.get(MEMORY, 0))
        if not self._by_improvement:
            return with_pod
        return MAX_NODE_SCORE // 2 + (MAX_NODE_SCORE // 2 + with_pod - _balance(node, 0, 0)) // 2


def _balance_column(table: Table, at: Array, cpu: int, memory: int) -> Array:
    """The same step by step, so that the same bits come out."""
    has_cpu, has_memory = table.allocatable(CPU)[at], table.allocatable(MEMORY)[at]
    both = (has_cpu > 0) & (has_memory > 0)
    of_cpu = table.np.minimum(1.0, (table.used(CPU)[at] + cpu) / (has_cpu + (has_cpu == 0)))
    of_memory = table.np.minimum(1.0, (table.used(MEMORY)[at] + memory) / (has_memory + (has_memory == 0)))
    deviation = abs((of_cpu - of_memory) / 2) * both
    return ((1 - deviation) * MAX_NODE_SCORE).astype(int)


def _balance(node: NodeInfo, cpu: int, memory: int) -> int:
    """100 x (1 - standard deviation of the fractions in use): with two resources, half their difference."""
    has_cpu, has_memory = node.allocatable.get(CPU, 0), node.allocatable.get(MEMORY, 0)
    if not has_cpu or not has_memory:
        return MAX_NODE_SCORE
    of_cpu = min(1.0, (node.requested.get(CPU, 0) + cpu) / has_cpu)
    of_memory = min(1.0, (node.requested.get(MEMORY, 0) + memory) / has_memory)
    return int((1 - abs((of_cpu - of_memory) / 2)) * MAX_NODE_SCORE)
