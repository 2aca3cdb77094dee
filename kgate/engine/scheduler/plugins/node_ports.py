"""pkg/scheduler/framework/plugins/nodeports, kube-scheduler/framework/types.go:HostPortInfo."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.framework import Change, CycleState, Rejection
from kgate.engine.scheduler.nodeinfo import ANY_ADDRESS, HostPort, NodeInfo, PodInfo


class NodePorts:
    """A port of the node can be had once for each address and protocol; 0.0.0.0 is every address."""

    name: ClassVar[str] = "NodePorts"
    local: ClassVar[bool] = True
    _rejection = Rejection(plugin=name, reasons=("node(s) didn't have free ports for the requested pod ports",))

    def filter(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> Rejection | None:
        return self._rejection if pod.host_ports and _clash(pod.host_ports, node.ports) else None

    def concerns(self, pod: PodInfo) -> bool:
        return bool(pod.host_ports)

    def worth_retrying(self, pod: PodInfo, change: Change, cluster: Cache) -> bool:
        if change.node is not None:
            return change.old is None
        if change.pod is None or change.pod[0] is None or change.new is not None:
            return False
        return _clash(pod.host_ports, change.pod[0].host_ports)


def _clash(wanted: Iterable[HostPort], taken: Iterable[HostPort]) -> bool:
    return any(
        mine[1:] == theirs[1:] and (mine[0] == theirs[0] or ANY_ADDRESS in (mine[0], theirs[0])) for mine in wanted for theirs in taken
    )
