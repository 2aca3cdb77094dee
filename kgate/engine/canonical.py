"""When two states of a cluster come to the same: nodes that differ in their names alone are interchangeable, and so are pods of one set.

With a subject, the one Deployment that moves, pods of others are the room they take and what the subject's selectors see in them, and
its own pods are what their states and times are: what only random uids would tell apart is somebody's choice (choices.py). Without one
every pod that has an owner is itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from kgate.engine.api import selector
from kgate.engine.api.affinity import Affinity
from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.core import Event, Node, Pod, PodSpec, Service
from kgate.engine.api.meta import Key, LabelSelector, Millis, Resource, condition
from kgate.engine.api.resources import pod_requests
from kgate.engine.trace import WatchEvent

if TYPE_CHECKING:
    from kgate.engine.cluster import Cluster
    from kgate.engine.store import Store

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"

Token = tuple[Any, ...]


class Symmetry:
    """Tells nodes apart by everything but their names and the names of their zones. Hears the store, so that it may be asked later on."""

    fork_shares: ClassVar[tuple[str, ...]] = ("_owners", "_mates", "_facts", "_selectors", "_kept")
    """What is known of an object that does not change holds in every copy."""

    def __init__(self, cluster: Cluster, subject: Key | None = None, *, after: Deployment | None = None, follow: bool = True) -> None:
        """`after`: what the subject will be, when that is known. Without `follow` it is to be asked of this very moment alone."""
        self._cluster = cluster
        self._subject = subject
        self._owners: dict[str, int] = {}
        self._facts: dict[int, tuple[Resource, Token]] = {}
        self._look(after)
        if follow:
            cluster.store.subscribe(self._noticed)

    def _look(self, after: Deployment | None = None) -> None:
        """Finds out what matters to the subject, and forgets what was made of it before."""
        self._tokens: dict[str, int] = {}
        self._zones: dict[str, int] = {}
        self._kinds: dict[str, int] = {}
        self._mates: dict[str, int] = {}
        named = _named(self._cluster.store, after)
        self._kept = {label for label in (HOSTNAME, ZONE) if label in named}
        """Labels whose values somebody names: nodes that differ there do differ."""
        self._selectors, self._priority = self._interests(after)

    def token(self, node: str) -> tuple[int, int]:
        """Of a node that exists, and of its zone: what it is, and which pods are on it in which state."""
        return self.of_node(node), self._of_zone(self.zone(node))

    def of_node(self, node: str) -> int:
        known = self._tokens.get(node)
        if known is None:
            mine, others = self._on(node)
            known = self._tokens[node] = hash((self._kind_of(node), mine, others, self._cluster.node_alive(node)))
        return known

    def zone(self, node: str) -> str:
        found = self._cluster.store.get(Node, "", node)
        return "" if found is None else found.metadata.labels.get(ZONE, "")

    def forget_starts(self) -> None:
        """How long pods take to start is nothing that a write tells."""
        for pod in self._cluster.store.list(Pod, None if self._subject is None else self._subject.namespace):
            if not pod.ready and pod.spec.node_name:
                self._forget(pod.spec.node_name)

    def pod(self, pod: Pod) -> Token:
        """One of the subject's, but for its name."""
        meta, status = pod.metadata, pod.status
        ready = condition(status.conditions, "Ready")
        since = -1 if ready is None or ready.last_transition_time_ms is None else ready.last_transition_time_ms
        restarts = sum(c.restart_count for c in status.container_statuses)
        times = (meta.creation_timestamp_ms or 0, since, meta.deletion_timestamp_ms or 0)
        return (self._whose(pod), pod.ready, status.phase, *times, restarts, *((-1, -1) if pod.ready else self._starting(pod)))

    def _starting(self, pod: Pod) -> tuple[Millis, Millis]:
        """How long it was chosen to take, and when its kubelet looks again; neither was written."""
        due = self._cluster.manager.due_ms("kubelet", Key(pod.kind, pod.metadata.namespace, pod.metadata.name))
        return self._cluster.chosen_start_ms(pod) or -1, -1 if due is None else due

    def facts(self, obj: Resource) -> Token:
        """What controllers know of an object, without when they wrote it."""
        known = self._facts.get(id(obj))
        if known is None or known[0] is not obj:
            meta = obj.metadata
            spec = obj.spec.replicas if isinstance(obj, (Deployment, ReplicaSet)) else None
            token = (obj.kind, meta.namespace, meta.uid, meta.generation, spec, hash(getattr(obj, "status", None)))
            known = self._facts[id(obj)] = (obj, token)
        return known[1]

    def _on(self, node: str) -> tuple[tuple[Token, ...], tuple[Token, ...]]:
        mine, others = [], []
        for pod in self._cluster.store.pods_on(node):
            if self._whose(pod) >= 0:
                mine.append(self.pod(pod))
            else:
                others.append(self._mate(pod))
        return tuple(sorted(mine)), tuple(sorted(others))

    def _whose(self, pod: Pod) -> int:
        """The number of the subject's ReplicaSet, by age; -1 for pods of others."""
        owner = pod.metadata.controller
        if owner is None or self._subject is None:
            return -1
        known = self._owners.get(owner.uid)
        if known is None:
            rs = self._cluster.store.get(ReplicaSet, pod.metadata.namespace, owner.name)
            of = rs.metadata.controller if rs is not None else None
            ours = of is not None and of.name == self._subject.name and pod.metadata.namespace == self._subject.namespace
            known = self._owners[owner.uid] = len([n for n in self._owners.values() if n >= 0]) if ours else -1
        return known

    def _mate(self, pod: Pod) -> Token:
        """A pod of others: what it takes, and what the subject makes of it. Owned ones are themselves where that may matter."""
        known = self._mates.get(pod.metadata.uid)
        if known is None:
            spec, meta = pod.spec, pod.metadata
            words = frozenset(meta.labels.items()) if spec.affinity else 0
            takes = (frozenset(pod_requests(spec).items()), spec.priority or 0, _ports(spec), words)
            seen = tuple(_matches(s, meta.labels) for s in self._selectors)
            itself = self._subject is None or spec.affinity is not None or bool(spec.volumes) or (spec.priority or 0) < self._priority
            who = meta.uid if itself and meta.controller is not None else ""
            known = self._mates[pod.metadata.uid] = hash((takes, seen, who))
        return (known, pod.ready, pod.metadata.deletion_timestamp_ms or 0)

    def _interests(self, after: Deployment | None) -> tuple[list[Any], int]:
        """What the subject's pods look for in others, and the highest priority of its pods."""
        if self._subject is None:
            return [], 0
        d = self._cluster.store.get(Deployment, self._subject.namespace, self._subject.name)
        if d is None:
            return [], 0
        sets = [rs for rs in self._cluster.store.owned_by(d.metadata.uid, ReplicaSet) if rs.spec.replicas]
        specs = [known.spec.template.spec for known in (d, after, *sets) if known is not None]
        labels = d.spec.template.metadata.labels
        services = [s.spec.selector for s in self._cluster.store.list(Service, self._subject.namespace) if s.spec.selector]
        found: list[Any] = [s for s in services if all(labels.get(k) == v for k, v in s.items())]
        for spec in specs:
            found += [c.label_selector for c in spec.topology_spread_constraints if c.label_selector is not None]
            found += _terms(spec.affinity)
        pods = [p for rs in sets for p in self._cluster.store.owned_by(rs.metadata.uid, Pod)]
        return found, max((p.spec.priority or 0 for p in pods), default=0)

    def _of_zone(self, zone: str) -> int:
        """Zones are alike when their nodes are."""
        if not zone:
            return 0
        if zone not in self._zones:
            names = [n.metadata.name for n in self._cluster.store.list(Node) if n.metadata.labels.get(ZONE, "") == zone]
            self._zones[zone] = hash(tuple(sorted(map(self.of_node, names))))
        return self._zones[zone]

    def _kind_of(self, name: str) -> int:
        known = self._kinds.get(name)
        if known is None:
            found = self._cluster.store.get(Node, "", name)
            known = self._kinds[name] = hash(None if found is None else self._kind(found))
        return known

    def _kind(self, node: Node) -> Token:
        labels = {k: v for k, v in node.metadata.labels.items() if k in self._kept or k not in (HOSTNAME, ZONE)}
        ready = condition(node.status.conditions, "Ready")
        shown = (node.metadata.annotations, node.spec, node.status.allocatable, node.status.images, ready and ready.status)
        return (frozenset(labels.items()), ZONE in node.metadata.labels, *shown)

    def _forget(self, node: str) -> None:
        self._tokens.pop(node, None)
        self._zones.pop(self.zone(node), None)

    def _noticed(self, event: WatchEvent) -> None:
        if event.key.kind == "Node":
            self._tokens.pop(event.key.name, None)
            self._kinds.pop(event.key.name, None)
            self._zones.clear()
        elif event.key == self._subject:
            if getattr(event.before, "spec", None) is not getattr(event.after, "spec", None):
                self._look()
        elif isinstance(event.object, Pod) and event.object.spec.node_name:
            self._forget(event.object.spec.node_name)


def _matches(wanted: Any, labels: Any) -> bool:
    return selector.matches(wanted, labels) if isinstance(wanted, LabelSelector) else selector.matches_labels(wanted, labels)


def _terms(affinity: Affinity | None) -> list[LabelSelector]:
    if affinity is None:
        return []
    sides = [side for side in (affinity.pod_affinity, affinity.pod_anti_affinity) if side is not None]
    terms = [t for side in sides for t in (*side.required, *(w.pod_affinity_term for w in side.preferred))]
    return [t.label_selector for t in terms if t.label_selector is not None]


def _ports(spec: PodSpec) -> Token:
    return tuple(sorted((p.host_port, p.protocol, p.host_ip) for c in spec.containers for p in c.ports if p.host_port))


def _named(store: Store, after: Deployment | None) -> str:
    """What pods and templates say about the nodes they want."""
    specs = [rs.spec.template.spec for rs in store.list(ReplicaSet)]
    specs += [d.spec.template.spec for d in (*store.list(Deployment), *((after,) if after is not None else ()))]
    specs += [p.spec for p in store.list(Pod) if p.metadata.controller is None and not p.spec.node_name]
    return " ".join(f"{s.node_selector} {s.affinity and s.affinity.node_affinity}" for s in specs if s.node_selector or s.affinity)


def canonical(cluster: Cluster, symmetry: Symmetry, about: Pod | None = None) -> int:
    """Equal for states from which the same can follow, but for names of nodes, zones and pods. Others are most likely different.

    `about`: within an instant, while something is decided about that pod.
    """
    store = cluster.store
    zones: dict[str, list[int]] = {}
    for node in store.list(Node):
        name = node.metadata.name
        zones.setdefault(node.metadata.labels.get(ZONE, ""), []).append(symmetry.of_node(name))
    nodes = sorted((zone != "", *sorted(tokens)) for zone, tokens in zones.items())
    waiting = sorted(symmetry.pod(p) for p in store.list(Pod) if not p.spec.node_name)
    timers = sorted((due, name, _who(cluster, key)) for due, name, key in cluster.manager.timers())
    state = (cluster.now_ms, tuple(nodes), tuple(waiting), tuple(_sizes(store, symmetry)), tuple(timers))
    if about is None:
        return hash(state)
    turns = tuple((name, _who(cluster, key)) for name, key in cluster.manager.waiting())
    return hash((state, turns, symmetry.pod(about)))


def _sizes(store: Store, symmetry: Symmetry) -> Iterator[Token]:
    for kind in store.kinds():
        if kind not in (Event.kind, Node.kind, Pod.kind):
            yield from map(symmetry.facts, store.list_kind(kind))


def _who(cluster: Cluster, key: Key) -> str:
    """Whom a controller looks at: pods by their owner."""
    if key.kind != "Pod":
        return "" if key.kind == "Node" else str(key)
    pod = cluster.store.get(Pod, key.namespace, key.name)
    owner = pod.metadata.controller if pod is not None else None
    return owner.uid if owner is not None else ""
