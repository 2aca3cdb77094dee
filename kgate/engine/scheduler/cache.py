"""The cluster as the scheduler sees it: fed by watch events, never read from the store again.

Sources: pkg/scheduler/backend/cache/{cache,node_tree}.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from msgspec.structs import replace

from kgate.engine.api.apps import ReplicaSet
from kgate.engine.api.core import Namespace, Node, PersistentVolumeClaim, Pod, Service
from kgate.engine.api.meta import Key, LabelSelector, Resource
from kgate.engine.api.policy import PodDisruptionBudget
from kgate.engine.api.selector import matches
from kgate.engine.api.storage import CSINode, PersistentVolume, StorageClass
from kgate.engine.scheduler.budgets import Budget
from kgate.engine.scheduler.counts import ByLabel, Census, PodCounts, TermCounts
from kgate.engine.scheduler.nodeinfo import AffinityTerm, Infos, NodeInfo, PodInfo, count

ZONE_LABELS = ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone")
REGION_LABELS = ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region")
HOSTNAME_LABEL = "kubernetes.io/hostname"
KINDS = (
    "Node", "Namespace", "Service", "ReplicaSet", "StorageClass", "CSINode", "PersistentVolume", "PersistentVolumeClaim",
    "PodDisruptionBudget", "Pod",
)  # fmt: skip
"""What the cache is told of, in the order in which it is to be read from a store."""


class Cache:
    """Feed it every event with `observe`; it must then equal one built afresh from the store."""

    def __init__(self) -> None:
        self._nodes: dict[str, NodeInfo] = {}
        self._zones: dict[str, list[str]] = {}
        self._order: list[NodeInfo] | None = None
        self._names: list[str] | None = None
        self._where: dict[Key, str] = {}
        self.infos = Infos()
        self._services: dict[Key, Service] = {}
        self._replica_sets: dict[Key, ReplicaSet] = {}
        self._namespaces: dict[str, Namespace] = {}
        self._claims: dict[Key, PersistentVolumeClaim] = {}
        self._volumes: dict[str, PersistentVolume] = {}
        self._storage_classes: dict[str, StorageClass] = {}
        self._csi_nodes: dict[str, CSINode] = {}
        self._budgets: dict[Key, Budget] = {}
        self._counts: dict[tuple[str, LabelSelector] | tuple[AffinityTerm, ...], PodCounts] = {}
        self._counting: ByLabel[PodCounts] = ByLabel()
        self._census = Census()
        self._images: dict[str, tuple[int, int]] = {}
        self._domains: dict[str, list[str | None]] = {}
        self._values: dict[str, Mapping[str, int]] = {}
        self.near = TermCounts()
        """The required affinity of bound pods."""
        self.far = TermCounts()
        """Their required anti-affinity."""
        self.rather_near = TermCounts()
        self.rather_far = TermCounts()
        """And what they only prefer."""
        self.shape = 0
        """Rises with every change of a Node that may matter to anybody: what is kept by place is then worked out anew."""
        self.owners_epoch = 0
        """Rises when Services or ReplicaSets come, go or select others."""
        self.counts_epoch = 0
        """Rises when `counts` and `matching` begin anew."""
        self.priorities: dict[int, int] = {}
        """Number of bound pods by priority."""
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
            for place, node in enumerate(self._order):
                node.place = place
        return self._order

    def values(self, key: str) -> Mapping[str, int]:
        """The values that nodes have of a topology key, each with the number of nodes."""
        found = self._values.get(key)
        if found is None:
            found = self._values[key] = Counter(n.labels[key] for n in self.nodes() if key in n.labels)
        return found

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
        """Pods that topology spreading counts; those being deleted do not count (upstream #87621). Kept up to date from the first time."""
        found = self._counts.get((namespace, selector))
        if found is None:

            def counted(pod: Pod) -> bool:
                meta = pod.metadata
                return meta.namespace == namespace and not meta.deleting and matches(selector, meta.labels)

            found = self._counts[(namespace, selector)] = self._begin_counting(PodCounts(counted, self._census), selector)
        return found

    def matching(self, terms: tuple[AffinityTerm, ...]) -> PodCounts:
        """Pods that match all the terms. Kept up to date from the first time, until a namespace changes."""
        found = self._counts.get(terms)
        if found is None:

            def matched(pod: Pod) -> bool:
                return all(term.matches(pod, self.namespace_labels(pod.metadata.namespace)) for term in terms)

            selector = next((t.selector for t in terms if t.selector is not None and t.selector.match_labels), None)
            found = self._counts[terms] = self._begin_counting(PodCounts(matched, self._census), selector)
        return found

    def _begin_counting(self, counts: PodCounts, selector: LabelSelector | None) -> PodCounts:
        self._counting.put(selector, counts)
        return counts

    def forget_counts(self) -> None:
        """Namespaces changed their labels, and with them what some selectors find."""
        self._counts.clear()
        self._counting = ByLabel()
        self.counts_epoch += 1

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
                self.owners_epoch += 1
            case ReplicaSet() as rs:
                _put(self._replica_sets, _key(rs), new)
                if old is None or new is None or cast(ReplicaSet, old).spec.selector != rs.spec.selector:
                    self.owners_epoch += 1
            case Namespace() as namespace:
                _put(self._namespaces, namespace.metadata.name, new)
                self.forget_counts()
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
            self._add_pod(self.infos.of(pod), pod.spec.node_name)

    def _only_status_changed(self, key: Key, pod: Pod) -> bool:
        """Most changes of a bound pod are its kubelet's and do not matter here: then only the pod itself is replaced."""
        node = self._nodes[self._where[key]] if key in self._where else None
        before = node.pods[key] if node is not None else None
        if node is None or before is None or not _same_to_the_scheduler(before.pod, pod):
            return False
        info = replace(before, pod=pod)
        for pods in (node.pods, node.pods_with_affinity):
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
        count(self.priorities, info.priority, sign)
        self._census.account(info.pod, node.name, sign)
        for counts in self._counting.of(info.pod.metadata.labels):
            counts.account(info.pod, node, sign)
        if info.has_affinity and node.node is not None:
            self._terms_changed(info, node.labels, sign)

    def _terms_changed(self, info: PodInfo, labels: Mapping[str, str], sign: int) -> None:
        self.near.account(info.affinity, labels, sign)
        self.far.account(info.anti_affinity, labels, sign)
        self.rather_near.account(info.preferred_affinity, labels, sign)
        self.rather_far.account(info.preferred_anti_affinity, labels, sign)

    def _observe_node(self, name: str, node: Node | None) -> None:
        info = self._nodes.setdefault(name, NodeInfo(name))
        before = info.node
        if before is not None and node is not None and _same_node(before, node):
            info.become(node)
            return
        labels = info.labels
        info.become(node)
        self.shape += 1
        self.touched.append(name)
        if before is None or node is None or labels != info.labels:
            for pod in info.pods_with_affinity.values():
                self._terms_changed(pod, labels if before is not None else {}, -1)
                self._terms_changed(pod, info.labels, 1)
        if (before and _zone(before)) != (node and _zone(node)) or before is None or node is None:
            self._move(name, _zone(before) if before else None, _zone(node) if node else None)
        if before is None or node is None or before.metadata.labels != node.metadata.labels:
            self._domains.clear()
            self._values.clear()
            for counts in self._counts.values():
                counts.forget_places()
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


def _same_node(a: Node, b: Node) -> bool:
    """A kubelet's reports about how the node feels change nothing here."""
    return (
        a.metadata.labels == b.metadata.labels
        and a.metadata.annotations == b.metadata.annotations
        and a.spec == b.spec
        and a.status.allocatable == b.status.allocatable
        and a.status.images == b.status.images
    )


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
