"""Where a search begins: the cluster right before the change, and what is then done to it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from kgate.engine import Cluster
from kgate.engine.api.core import Node
from kgate.engine.api.meta import Key
from kgate.rollout.nodes import ZONE

LIMIT_MS = 3600 * 1000
"""So long after the change a schedule is followed; what has not ended by then is not known to end well."""


class Start(Struct, frozen=True, kw_only=True):
    """Forked for every schedule, never changed itself."""

    cluster: Cluster
    change: Callable[[Cluster], object]
    over: Callable[[Cluster], bool]
    """Every Deployment of the change is complete, or beyond its deadline."""
    deployments: tuple[Key, ...]
    """What changes, and what `over` looks at."""

    @property
    def subject(self) -> Key | None:
        """The one that changes, when it is one alone."""
        return self.deployments[0] if len(self.deployments) == 1 else None

    @property
    def weight(self) -> int:
        """How much a copy of this cluster counts against a budget: 1 up to a hundred nodes and pods, then in proportion."""
        size = len(self.cluster.store.list(Node)) + len(self.cluster.store.list_kind("Pod"))
        return 1 + size // 100

    def begun(self) -> Cluster:
        """A copy in which the change has just been made."""
        cluster = self.cluster.fork()
        self.change(cluster)
        return cluster

    def ended(self, cluster: Cluster) -> bool:
        return self.over(cluster) or cluster.at_rest() or cluster.now_ms > self.cluster.now_ms + LIMIT_MS


WRITES = 20
"""So many writes count as much as a copy of a small cluster."""


def next_instant(cluster: Cluster) -> bool:
    """Lets time pass until something happens; False when nothing ever will."""
    due = cluster.manager.next_timer_ms()
    if due is None:
        return False
    cluster.run_for(max(0, due - cluster.now_ms))
    return True


def nodes_of(cluster: Cluster, zone: str) -> list[str]:
    return [n.metadata.name for n in cluster.store.list(Node) if n.metadata.labels.get(ZONE, "") == zone]


def zones(cluster: Cluster) -> dict[str, str]:
    """By node; nodes without one are left out."""
    return {n.metadata.name: zone for n in cluster.store.list(Node) if (zone := n.metadata.labels.get(ZONE, ""))}
