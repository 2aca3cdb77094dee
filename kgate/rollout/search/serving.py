"""How many pods of a Deployment serve now, and how many are left when a node or zone is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

from kgate.engine import Cluster
from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key, condition
from kgate.rollout.floors import Failures
from kgate.rollout.search.explore import Violation
from kgate.rollout.search.world import zones


class Serving(Struct, frozen=True, kw_only=True):
    """Pods that are available, on nodes that are alive, by node."""

    by_node: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.by_node.values())

    @classmethod
    def of(cls, cluster: Cluster, deployment: Key) -> Serving:
        store = cluster.store
        d = store.get(Deployment, deployment.namespace, deployment.name)
        if d is None:
            return cls(by_node={})
        ready_ms = d.spec.min_ready_seconds * 1000
        pods = [p for rs in store.owned_by(d.metadata.uid, ReplicaSet) for p in store.owned_by(rs.metadata.uid, Pod)]
        counted = [p for p in pods if _serves(p, cluster.now_ms - ready_ms) and cluster.node_alive(p.spec.node_name)]
        return cls(by_node=Counter(p.spec.node_name for p in counted))

    def by_zone(self, of: Mapping[str, str]) -> dict[str, int]:
        found: Counter[str] = Counter()
        for node, n in self.by_node.items():
            if node in of:
                found[of[node]] += n
        return found


def _serves(pod: Pod, since_ms: int) -> bool:
    ready = condition(pod.status.conditions, "Ready")
    if ready is None or ready.status != "True" or pod.metadata.deleting or pod.terminal:
        return False
    return (ready.last_transition_time_ms or 0) <= since_ms


class Floor(Struct, frozen=True, kw_only=True):
    """A property of states: so many pods serve, and so many when any one node or zone is lost just then."""

    deployment: Key
    floor: int
    failures: Failures
    in_failure: int

    def violated(self, cluster: Cluster) -> Violation | None:
        """The plain floor first; of nodes and zones the one that takes most along, by name among equals."""
        serving = Serving.of(cluster, self.deployment)
        if serving.total < self.floor:
            return Violation(left=serving.total)
        if self.failures.node and (found := self._without("node", serving.by_node, serving.total)) is not None:
            return found
        return self._without("zone", serving.by_zone(zones(cluster)), serving.total) if self.failures.zone else None

    def at_the_end(self, cluster: Cluster) -> Violation | None:
        return None

    def _without(self, what: str, by_place: Mapping[str, int], total: int) -> Violation | None:
        if not by_place:
            return None
        place, there = min(by_place.items(), key=lambda item: (-item[1], item[0]))
        return Violation(left=total - there, what=what, lost=place, there=there) if total - there < self.in_failure else None
