"""pkg/scheduler/framework/plugins/nodename."""

from __future__ import annotations

from typing import ClassVar

from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.framework import Change, CycleState, Rejection
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo


class NodeName:
    """A pod that names its node goes nowhere else."""

    name: ClassVar[str] = "NodeName"
    local: ClassVar[bool] = True
    _rejection = Rejection(plugin=name, reasons=("node(s) didn't match the requested node name",), unresolvable=True)

    def filter(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> Rejection | None:
        return None if pod.pod.spec.node_name in ("", node.name) else self._rejection

    def concerns(self, pod: PodInfo) -> bool:
        return bool(pod.pod.spec.node_name)

    def worth_retrying(self, pod: PodInfo, change: Change, cluster: Cache) -> bool:
        return change.node is not None and change.old is None
