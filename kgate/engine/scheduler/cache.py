"""The cluster as the scheduler sees it: fed by watch events, never read from the store again.

Sources: pkg/scheduler/backend/cache/{cache,node_tree}.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api.apps import ReplicaSet
from kgate.engine.api.core import Namespace, Node, PersistentVolumeClaim, Pod, Service
from kgate.engine.api.meta import Key, LabelSelector, Resource
from kgate.engine.api.policy import PodDisruptionBudget
from kgate.engine.api.selector import matches
from kgate.engine.api.storage import CSINode, PersistentVolume, StorageClass
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo, count

ZONE_LABELS = ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone")
REGION_LABELS = ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region")
HOSTNAME_LABEL = "kubernetes.io/hostname"
KINDS = (
    "Node", "Namespace", "Service", "ReplicaSet", "StorageClass", "CSINode", "PersistentVolume", "PersistentVolumeClaim",
    "PodDisruptionBudget", "Pod",
)  # fmt: skip
"""What the cache is told of, in the order in which it is to be read from a store."""


class Budget(Struct, frozen=True, kw_only=True):
    """What preemption asks of a PodDisruptionBudget. Without a status nothing may be disrupted."""

    namespace: str
    selector: LabelSelector | None
    allowed: int
    disrupted: tuple[str, ...]
    """Pods whose disruption is already counted."""

    @classmethod
    def of(cls, pdb: PodDisruptionBudget) -> Budget:
        return cls(
            namespace=pdb.metadata.namespace,
            selector=pdb.spec.selector,
            allowed=pdb.status.disruptions_allowed,
            disrupted=tuple(pdb.status.disrupted_pods),
        )

    def covers(self, pod: Pod) -> bool:
        """An absent or empty selector covers nothing here."""
        meta = pod.metadata
        if self.selector is None or self.selector.empty or meta.namespace != self.namespace or meta.name in self.disrupted:
            return False
        return bool(meta.labels) and matches(self.selector, meta.labels)


class PodCounts:
    """How many pods of a namespace a selector finds on each node. Pods being deleted do not count (upstream #87621)."""

    __slots__ = ("_by_domain", "_namespace", "_selector", "by_node")

    def __init__(self, namespace: str, selector: LabelSelector) -> None:
        self._namespace = namespace
        self._selector = selector
        self.by_node: dict[str, int] = {}
        self._by_domain: dict[str, dict[str, int]] = {}

    def by_domain(self, key: str, nodes: Sequence[NodeInfo]) -> Mapping[str, int]:
        """The pods of all nodes by the value of the topology key; of nodes without it under ``."""
        counts = self._by_domain.get(key)
        if counts is None:
            counts = self._by_domain[key] = {}
            for node in nodes:
                count(counts, node.labels.get(key, ""), self.by_node.get(node.name, 0))
        return counts

    def forget_domains(self) -> None:
        """Nodes came, went or changed their labels."""
        self._by_domain.clear()

    def account(self, pod: Pod, node: NodeInfo, sign: int) -> None:
        if self._matches(pod):
            count(self.by_node, node.name, sign)
            if node.node is not None:
                for key, counts in self._by_domain.items():
                    count(counts, node.labels.get(key, ""), sign)

    def _matches(self, pod: Pod) -> bool:
        meta = pod.metadata
        return meta.namespace == self._namespace and not meta.deleting and matches(self._selector, meta.labels)


class Cache:
    """Feed it every event with `observe`; it must then equal one built afresh from the store."""

    def __init__(self) -> None:
        self._nodes: dict[str, NodeInfo] = {}
        self._zones: dict[str, list[str]] = {}
        self._order: list[NodeInfo] | None = None
        self._names: list[str] | None = None
        self._where: dict[Key, str] = {}
        self._services: dict[Key, Service] = {}
        self._replica_sets: dict[Key, ReplicaSet] = {}
        self._namespaces: dict[str, Namespace] = {}
        self._claims: dict[Key, PersistentVolumeClaim] = {}
        self._volumes: dict[str, PersistentVolume] = {}
        self._storage_classes: dict[str, StorageClass] = {}
        self._csi_nodes: dict[str, CSINode] = {}
        self._budgets: dict[Key, Budget] = {}
        self._counts: dict[tuple[str, LabelSelector], PodCounts] = {}
        self._images: dict[str, tuple[int, int]] = {}
        self._domains: dict[str, list[str | None]] = {}
        self._with_affinity: dict[str, NodeInfo] = {}
        self._with_anti_affinity: dict[str, NodeInfo] = {}
        self.epoch = 0
        """Rises when nodes come or go, or the images they hold: what is kept per class of pods is then worked out anew."""
        self.touched: list[str] = []
        """Names of nodes, each time one of them or its pods change: a reader remembers how far it has read."""

    # What plugins read.

    def nodes(self) -> Sequence[NodeInfo]:
        """One node of each zone in turn; zones in order of first appearance, nodes in order of creation (node_tree.go)."""
        if self._order is None:
            rounds = max((len(names) for names in self._zones.values()), default=0)
            self._order = [self._nodes[names[i]] for i in range(rounds) for names in self._zones.values() if i < len(names)]
        return self._order

    def domains(self, key: str, nodes: Sequence[NodeInfo]) -> list[str | None]:
        """The nodes' values of a topology key, None without it."""
        if nodes is not self._order:
            return [n.labels.get(key) for n in nodes]
        if key not in self._domains:
            self._domains[key] = [n.labels.get(key) for n in nodes]
        return self._domains[key]

    def names(self, nodes: Sequence[NodeInfo]) -> list[str]:
        """The nodes' names."""
        if nodes is not self._order:
            return [n.name for n in nodes]
        if self._names is None:
            self._names = [n.name for n in nodes]
        return self._names

    def nodes_with_affinity(self) -> list[NodeInfo]:
        """Nodes with pods that have any wish about other pods, in no order that matters."""
        return [n for n in self._with_affinity.values() if n.node is not None]

    def nodes_with_anti_affinity(self) -> list[NodeInfo]:
        """Nodes with pods that require to be away from other pods, in no order that matters."""
        return [n for n in self._with_anti_affinity.values() if n.node is not None]

    def node(self, name: str) -> NodeInfo | None:
        info = self._nodes.get(name)
        return info if info is not None and info.node is not None else None

    def node_of(self, pod: Key) -> str | None:
        """The node the pod holds resources on, if any."""
        return self._where.get(pod)

    def services(self, namespace: str) -> list[Service]:
        return [s for key, s in self._services.items() if key.namespace == namespace]

    def replica_set(self, namespace: str, name: str) -> ReplicaSet | None:
        return self._replica_sets.get(Key("ReplicaSet", namespace, name))

    def claim(self, namespace: str, name: str) -> PersistentVolumeClaim | None:
        return self._claims.get(Key("PersistentVolumeClaim", namespace, name))

    def volume(self, name: str) -> PersistentVolume | None:
        return self._volumes.get(name)

    def volumes(self) -> Iterable[PersistentVolume]:
        """In order of creation."""
        return self._volumes.values()

    def storage_class(self, name: str) -> StorageClass | None:
        return self._storage_classes.get(name)

    def csi_node(self, node: str) -> CSINode | None:
        return self._csi_nodes.get(node)

    @property
    def has_csi_nodes(self) -> bool:
        return bool(self._csi_nodes)

    def budgets(self) -> list[Budget]:
        """All PodDisruptionBudgets, in order of creation."""
        return list(self._budgets.values())

    def namespace_labels(self, name: str) -> Mapping[str, str]:
        """A namespace that was never declared has the label every namespace has."""
        found = self._namespaces.get(name)
        return found.metadata.labels if found else {"kubernetes.io/metadata.name": name}

    def counts(self, namespace: str, selector: LabelSelector) -> PodCounts:
        """Kept up to date from the first time it is asked for."""
        wanted = (namespace, selector)
        counts = self._counts.get(wanted)
        if counts is None:
            counts = self._counts[wanted] = PodCounts(namespace, selector)
            for node in self._nodes.values():
                for info in node.pods.values():
                    counts.account(info.pod, node, 1)
        return counts

    def image(self, name: str) -> tuple[int, int]:
        """Size in bytes, as the first node that listed it said, and the number of nodes that have it."""
        return self._images.get(name, (0, 0))

    # What the watch tells.

    def observe(self, old: Resource | None, new: Resource | None) -> None:
        """One change: added without `old`, deleted without `new`."""
        match new if new is not None else old:
            case Pod():
                self._observe_pod(new if isinstance(new, Pod) else None, old)
            case Node() as node:
                self._observe_node(node.metadata.name, new if isinstance(new, Node) else None)
            case Service() as service:
                _put(self._services, _key(service), new)
            case ReplicaSet() as rs:
                _put(self._replica_sets, _key(rs), new)
            case Namespace() as namespace:
                _put(self._namespaces, namespace.metadata.name, new)
            case PersistentVolumeClaim() as claim:
                _put(self._claims, _key(claim), new)
            case PersistentVolume() as volume:
                _put(self._volumes, volume.metadata.name, new)
            case StorageClass() as storage_class:
                _put(self._storage_classes, storage_class.metadata.name, new)
            case CSINode() as csi_node:
                _put(self._csi_nodes, csi_node.metadata.name, new)
            case PodDisruptionBudget() as budget:
                _put(self._budgets, _key(budget), Budget.of(budget) if new is not None else None)

    def contents(self) -> dict[str, object]:
        """Everything that matters, as plain data, to compare two caches."""
        nodes = {
            n.name: (n.node, {k: i.pod for k, i in n.pods.items()}, n.requested, n.non_zero_cpu, n.non_zero_memory, n.ports)
            for n in self._nodes.values()
        }
        return {
            "nodes": nodes, "where": self._where, "images": self._images, "services": self._services, "claims": self._claims,
            "budgets": self._budgets, "volumes": self._volumes, "classes": self._storage_classes, "drivers": self._csi_nodes,
            "replica sets": self._replica_sets, "namespaces": self._namespaces,
        }  # fmt: skip

    def _observe_pod(self, pod: Pod | None, old: Resource | None) -> None:
        key = _key(pod if pod is not None else old)
        holds = pod is not None and pod.spec.node_name and not pod.terminal
        if pod is not None and holds and self._only_status_changed(key, pod):
            return
        if key in self._where:
            self._remove_pod(key)
        if pod is not None and holds:
            self._add_pod(PodInfo.of(pod), pod.spec.node_name)

    def _only_status_changed(self, key: Key, pod: Pod) -> bool:
        """Most changes of a bound pod are its kubelet's and do not matter here: then only the pod itself is replaced."""
        node = self._nodes[self._where[key]] if key in self._where else None
        before = node.pods[key] if node is not None else None
        if node is None or before is None or not _same_to_the_scheduler(before.pod, pod):
            return False
        info = replace(before, pod=pod)
        for pods in (node.pods, node.pods_with_affinity, node.pods_with_anti_affinity):
            if key in pods:
                pods[key] = info
        return True

    def _add_pod(self, info: PodInfo, name: str) -> None:
        node = self._nodes.get(name)
        if node is None:
            node = self._nodes[name] = NodeInfo(name)
        node.add(info)
        self._where[info.key] = name
        self._pods_changed(node, info, 1)

    def _remove_pod(self, key: Key) -> None:
        node = self._nodes[self._where.pop(key)]
        info = node.remove(key)
        self._pods_changed(node, info, -1)
        if node.node is None and not node.pods:
            del self._nodes[node.name]

    def _pods_changed(self, node: NodeInfo, info: PodInfo, sign: int) -> None:
        self.touched.append(node.name)
        for counts in self._counts.values():
            counts.account(info.pod, node, sign)
        _put(self._with_affinity, node.name, node if node.pods_with_affinity else None)
        _put(self._with_anti_affinity, node.name, node if node.pods_with_anti_affinity else None)

    def _observe_node(self, name: str, node: Node | None) -> None:
        info = self._nodes.setdefault(name, NodeInfo(name))
        before = info.node
        info.become(node)
        self.touched.append(name)
        if (before and _zone(before)) != (node and _zone(node)) or before is None or node is None:
            self._move(name, _zone(before) if before else None, _zone(node) if node else None)
        if before is None or node is None or before.metadata.labels != node.metadata.labels:
            self._domains.clear()
            for counts in self._counts.values():
                counts.forget_domains()
        if before is None or node is None or before.status.images != node.status.images:
            self._list_images(before, node)
            self.epoch += 1
        if node is None and not info.pods:
            del self._nodes[name]

    def _move(self, name: str, old: str | None, new: str | None) -> None:
        """A node that changes its zone goes to the end of the new one; a zone without nodes is forgotten, and with it its turn."""
        self._order = self._names = None
        if old is not None:
            self._zones[old].remove(name)
            if not self._zones[old]:
                del self._zones[old]
        if new is not None:
            self._zones.setdefault(new, []).append(name)

    def _list_images(self, before: Node | None, now: Node | None) -> None:
        for node, sign in ((before, -1), (now, 1)):
            for image in node.status.images if node else ():
                for name in dict.fromkeys(image.names):
                    size, n = self._images.get(name, (image.size_bytes, 0))
                    self._images[name] = (size, n + sign)
                    if n + sign == 0:
                        del self._images[name]


def _same_to_the_scheduler(a: Pod, b: Pod) -> bool:
    same_spec = a.spec is b.spec or a.spec == b.spec
    one, other = a.metadata, b.metadata
    same_words = one.labels == other.labels and (one.annotations is other.annotations or one.annotations == other.annotations)
    return same_spec and same_words and one.deleting == other.deleting


def _zone(node: Node) -> str:
    """nodetopology.GetZoneKey: region and zone together."""
    labels = node.metadata.labels
    zone = next((labels[k] for k in ZONE_LABELS if k in labels), "")
    region = next((labels[k] for k in REGION_LABELS if k in labels), "")
    return f"{region}:\0:{zone}" if region or zone else ""


def _key(obj: Resource | None) -> Key:
    assert obj is not None
    return Key(obj.kind, obj.metadata.namespace, obj.metadata.name)


def _put(index: dict, key: object, value: object | None) -> None:  # type: ignore[type-arg]
    if value is None:
        index.pop(key, None)
    else:
        index[key] = value
