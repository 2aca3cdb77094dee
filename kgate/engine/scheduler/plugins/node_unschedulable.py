"""pkg/scheduler/framework/plugins/nodeunschedulable."""

from __future__ import annotations

from typing import ClassVar

from kgate.engine.api.core import Node, Taint
from kgate.engine.api.tolerations import tolerates
from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.framework import Change, CycleState, Rejection
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo

CORDONED = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")
"""What a cordoned node counts as, whether or not it carries the taint."""


class NodeUnschedulable:
    """A cordoned node takes only pods that tolerate the taint of cordoned nodes."""

    name: ClassVar[str] = "NodeUnschedulable"
    local: ClassVar[bool] = True
    _rejection = Rejection(plugin=name, reasons=("node(s) were unschedulable",), unresolvable=True)

    def filter(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> Rejection | None:
        return None if node.node is None or _open_to(pod, node.node) else self._rejection

    def labels_read(self, pod: PodInfo) -> tuple[str, ...] | None:
        return ()

    def worth_retrying(self, pod: PodInfo, change: Change, cluster: Cache) -> bool:
        if change.node is None:
            return False
        old, new = change.node
        return new is not None and _open_to(pod, new) and (old is None or not _open_to(pod, old))


def _open_to(pod: PodInfo, node: Node) -> bool:
    return not node.spec.unschedulable or tolerates(pod.pod.spec.tolerations, CORDONED)
