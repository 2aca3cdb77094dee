"""The Leases of all nodes, as functions of time: what kube-node-lease holds, without a write per heartbeat.

Sources: pkg/kubelet/kubelet.go (nodelease), staging/src/k8s.io/component-helpers/apimachinery/lease/controller.go.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from kgate.engine.api.meta import Millis
from kgate.engine.trace import ADDED, WatchEvent

RENEW_MS = 10_000
"""A quarter of the kubelet's nodeLeaseDurationSeconds of 40 s."""

Listener = Callable[[str], None]


class _Lease(Struct):
    since_ms: Millis | None
    """When the kubelet began to renew it; None when it never did."""
    stopped_ms: Millis | None = None


class Leases:
    """Which kubelets are alive, and when each last said so. Subscribe `follow` to the store."""

    def __init__(self, grace_ms: Millis) -> None:
        """`grace_ms` is the node monitor's: nobody sets it so short that healthy nodes miss it.

        Unlike upstream: where it is shorter than four renewals, kubelets renew more often.
        """
        self.renew_ms = max(1, min(RENEW_MS, grace_ms // 4))
        self._leases: dict[str, _Lease] = {}
        self._without_kubelet: set[str] = set()
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> None:
        """`listener` is called with a node's name whenever its kubelet stops or starts."""
        self._listeners.append(listener)

    def follow(self, event: WatchEvent) -> None:
        """A new node has a kubelet, unless it was announced without one; that of a deleted node keeps its state."""
        if event.key.kind == "Node" and event.type == ADDED:
            name = event.key.name
            self._leases.pop(name, None)
            self._leases[name] = _Lease(since_ms=None if name in self._without_kubelet else event.time_ms)
            self._without_kubelet.discard(name)

    def expect_without_kubelet(self, node: str) -> None:
        """The node about to be created has nobody who reports for it until it is started."""
        self._without_kubelet.add(node)

    def alive(self, node: str) -> bool:
        """Whether its kubelet runs. Nodes that nobody stopped do, those that do not exist too."""
        lease = self._leases.get(node)
        return lease is None or (lease.since_ms is not None and lease.stopped_ms is None)

    def silent(self) -> list[str]:
        """Names of the nodes whose kubelets do not run, in order of creation."""
        return [name for name in self._leases if not self.alive(name)]

    def stop(self, node: str, now_ms: Millis) -> None:
        """From now on nothing is heard of the node."""
        lease = self._leases.get(node)
        if lease is not None and self.alive(node):
            lease.stopped_ms = now_ms
            self._tell(node)

    def start(self, node: str, now_ms: Millis) -> None:
        """The kubelet is back, and says so at once."""
        if not self.alive(node):
            self._leases[node] = _Lease(since_ms=now_ms)
            self._tell(node)

    def renewed_ms(self, node: str) -> Millis | None:
        """When the lease of a stopped node was last renewed; None when it never was."""
        lease = self._leases.get(node)
        if lease is None or lease.since_ms is None or lease.stopped_ms is None:
            return None if lease is None else lease.since_ms
        return lease.since_ms + (lease.stopped_ms - lease.since_ms) // self.renew_ms * self.renew_ms

    def _tell(self, node: str) -> None:
        for listener in self._listeners:
            listener(node)
