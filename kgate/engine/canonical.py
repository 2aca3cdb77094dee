"""When two states of a cluster come to the same: nodes that differ in their names alone, and pods that do, are interchangeable.

What distinguishes two pods of one owner is the order in which they came, which decides who goes first; so it is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.core import Event, Node, Pod
from kgate.engine.api.meta import Millis, condition
from kgate.engine.api.resources import pod_requests
from kgate.engine.trace import WatchEvent

if TYPE_CHECKING:
    from kgate.engine.cluster import Cluster
    from kgate.engine.store import Store

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"

Token = tuple[Any, ...]


class Symmetry:
    """Tells nodes apart by everything but their names and the names of their zones. Hears the store, so it may be asked at any moment."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._tokens: dict[str, int] = {}
        self._zones: dict[str, int] = {}
        named = _named(cluster.store)
        self._kept = {label for label in (HOSTNAME, ZONE) if label in named}
        """Labels whose values somebody names: nodes that differ there do differ."""
        cluster.store.subscribe(self._noticed)

    def token(self, node: str) -> tuple[int, int]:
        """Of a node that exists, and of its zone: what it is, and which pods are on it in which state.

        Pods of one owner differ in who goes first, so only nodes without such pods, or with none at all, come to the same.
        """
        return self._with_pods(node), self._of_zone(self.zone(node))

    def _with_pods(self, node: str) -> int:
        uids = sorted(p.metadata.uid for p in self._cluster.store.pods_on(node) if p.metadata.controller is not None)
        return hash((self.of_node(node), tuple(uids)))

    def of_node(self, node: str) -> int:
        known = self._tokens.get(node)
        if known is None:
            found = self._cluster.store.get(Node, "", node)
            kind = None if found is None else self._kind(found)
            known = self._tokens[node] = hash((kind, tuple(sorted(map(_pod, self._cluster.store.pods_on(node))))))
        return hash((known, self._cluster.node_alive(node)))

    def zone(self, node: str) -> str:
        found = self._cluster.store.get(Node, "", node)
        return "" if found is None else found.metadata.labels.get(ZONE, "")

    def _of_zone(self, zone: str) -> int:
        """Zones are alike when their nodes are."""
        if not zone:
            return 0
        if zone not in self._zones:
            names = [n.metadata.name for n in self._cluster.store.list(Node) if n.metadata.labels.get(ZONE, "") == zone]
            self._zones[zone] = hash(tuple(sorted(map(self._with_pods, names))))
        return self._zones[zone]

    def _kind(self, node: Node) -> Token:
        labels = {k: v for k, v in node.metadata.labels.items() if k in self._kept or k not in (HOSTNAME, ZONE)}
        ready = condition(node.status.conditions, "Ready")
        shown = (node.metadata.annotations, node.spec, node.status.allocatable, node.status.images, ready and ready.status)
        return (frozenset(labels.items()), ZONE in node.metadata.labels, *shown)

    def _noticed(self, event: WatchEvent) -> None:
        if event.key.kind == "Node":
            self._tokens.pop(event.key.name, None)
            self._zones.clear()
        elif isinstance(event.object, Pod) and event.object.spec.node_name:
            node = event.object.spec.node_name
            self._tokens.pop(node, None)
            self._zones.pop(self.zone(node), None)


def _named(store: Store) -> str:
    """What pods and templates say about the nodes they want."""
    specs = [rs.spec.template.spec for rs in store.list(ReplicaSet)]
    specs += [d.spec.template.spec for d in store.list(Deployment)]
    specs += [p.spec for p in store.list(Pod) if p.metadata.controller is None and not p.spec.node_name]
    return " ".join(f"{s.node_selector} {s.affinity and s.affinity.node_affinity}" for s in specs if s.node_selector or s.affinity)


def _pod(pod: Pod) -> Token:
    meta, status = pod.metadata, pod.status
    owner = meta.controller
    # Pods of an owner have one template, but for what was changed by hand; those of nobody only take room.
    whose = owner.uid if owner is not None else str(hash((meta.labels, pod.spec.priority, frozenset(pod_requests(pod.spec).items()))))
    ready = condition(status.conditions, "Ready")
    since = -1 if ready is None or ready.last_transition_time_ms is None else ready.last_transition_time_ms
    restarts = sum(c.restart_count for c in status.container_statuses)
    return (whose, meta.creation_timestamp_ms or 0, pod.ready, since, status.phase, meta.deletion_timestamp_ms or 0, restarts)


def canonical(cluster: Cluster, symmetry: Symmetry) -> int:
    """Equal for states from which the same can follow, but for names of nodes, zones and pods. Others are most likely different."""
    store, order = cluster.store, _places(cluster.store)
    zones: dict[str, list[int]] = {}
    for node in store.list(Node):
        name = node.metadata.name
        zones.setdefault(symmetry.zone(name), []).append(hash((symmetry.of_node(name), tuple(order.get(name, ())))))
    nodes = sorted((zone != "", *sorted(tokens)) for zone, tokens in zones.items())
    waiting = sorted(_pod(p) for p in store.list(Pod) if not p.spec.node_name)
    return hash((cluster.now_ms, tuple(nodes), tuple(waiting), tuple(_sizes(store)), tuple(sorted(_timers(cluster)))))


def _places(store: Store) -> dict[str, list[tuple[str, int]]]:
    """By node: owner and rank, among all pods of that owner, of each of its pods."""
    ranks: dict[str, int] = {}
    places: dict[str, list[tuple[str, int]]] = {}
    for pod in store.list(Pod):
        owner = pod.metadata.controller
        if owner is not None:
            rank = ranks[owner.uid] = ranks.get(owner.uid, 0) + 1
            places.setdefault(pod.spec.node_name, []).append((owner.uid, rank))
    return places


def _sizes(store: Store) -> Iterator[Token]:
    """What controllers know, without when they wrote it."""
    for kind in store.kinds():
        if kind in (Event.kind, Node.kind, Pod.kind):
            continue
        for obj in store.list_kind(kind):
            spec = obj.spec.replicas if isinstance(obj, (Deployment, ReplicaSet)) else None
            yield (kind, obj.metadata.namespace, obj.metadata.uid, obj.metadata.generation, spec, hash(getattr(obj, "status", None)))


def _timers(cluster: Cluster) -> Iterator[tuple[Millis, str, str]]:
    """Who looks again when: pods by their owner."""
    for due, name, key in cluster.manager.timers():
        pod = cluster.store.get(Pod, key.namespace, key.name) if key.kind == "Pod" else None
        owner = pod.metadata.controller if pod is not None else None
        yield due, name, owner.uid if owner is not None else "" if key.kind == "Node" else str(key)
