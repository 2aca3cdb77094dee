"""The cluster as the scheduler sees it: fed by watch events, never read from the store again.

Sources: pkg/scheduler/backend/cache/{cache,node_tree}.go, pkg/scheduler/framework/types.go (NodeInfo, PodInfo).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kgate.engine.api.apps import ReplicaSet
from kgate.engine.api.core import (
    Container,
    Namespace,
    Node,
    PersistentVolumeClaim,
    Pod,
    PodAffinityTerm,
    Service,
    WeightedPodAffinityTerm,
)
from kgate.engine.api.meta import Key, LabelSelector, Resource
from kgate.engine.api.resources import CPU, MEMORY, NON_ZERO, pod_requests
from kgate.engine.api.selector import matches, refusing, requiring

ZONE_LABELS = ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone")
REGION_LABELS = ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region")
HOSTNAME_LABEL = "kubernetes.io/hostname"
ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - Kubernetes' word for every address of the node; nothing listens here

SEEDED: tuple[type[Any], ...] = (Node, Namespace, Service, ReplicaSet, PersistentVolumeClaim, Pod)
"""What the cache is told of, in the order in which it is to be read from a store."""

HostPort = tuple[str, str, int]
"""Address, protocol, port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AffinityTerm:
    """A pod's term about other pods, with everything that depends on that pod worked out."""

    topology_key: str
    selector: LabelSelector | None
    namespaces: tuple[str, ...]
    namespace_selector: LabelSelector | None
    weight: int = 1

    def matches(self, pod: Pod, namespace_labels: Mapping[str, str]) -> bool:
        """`namespace_labels` are those of the pod's namespace."""
        if pod.metadata.namespace not in self.namespaces and not matches(self.namespace_selector, namespace_labels):
            return False
        return matches(self.selector, pod.metadata.labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class PodInfo:
    """A pod and what of it is asked again and again. Terms are (required or preferred) x (affinity or anti-affinity)."""

    pod: Pod
    requests: Mapping[str, int]
    """Without the resources it asks nothing of. Cpu in milli, else base units."""
    non_zero_cpu: int
    """For scoring: containers without a request count as 100m and 200Mi."""
    non_zero_memory: int
    host_ports: tuple[HostPort, ...]
    affinity: tuple[AffinityTerm, ...] = ()
    anti_affinity: tuple[AffinityTerm, ...] = ()
    preferred_affinity: tuple[AffinityTerm, ...] = ()
    preferred_anti_affinity: tuple[AffinityTerm, ...] = ()

    @classmethod
    def of(cls, pod: Pod) -> PodInfo:
        spec = pod.spec
        non_zero = pod_requests(spec, missing=NON_ZERO)
        near = spec.affinity.pod_affinity if spec.affinity else None
        far = spec.affinity.pod_anti_affinity if spec.affinity else None
        return cls(
            pod=pod,
            requests={name: n for name, n in pod_requests(spec).items() if n > 0},
            non_zero_cpu=non_zero.get(CPU, 0),
            non_zero_memory=non_zero.get(MEMORY, 0),
            host_ports=_host_ports(spec.init_containers, spec.containers),
            affinity=tuple(_term(pod, t) for t in near.required) if near else (),
            anti_affinity=tuple(_term(pod, t) for t in far.required) if far else (),
            preferred_affinity=tuple(_weighted(pod, t) for t in near.preferred) if near else (),
            preferred_anti_affinity=tuple(_weighted(pod, t) for t in far.preferred) if far else (),
        )

    @property
    def key(self) -> Key:
        return Key("Pod", self.pod.metadata.namespace, self.pod.metadata.name)

    @property
    def priority(self) -> int:
        return self.pod.spec.priority or 0

    @property
    def has_affinity(self) -> bool:
        return bool(self.affinity or self.anti_affinity or self.preferred_affinity or self.preferred_anti_affinity)


class NodeInfo:
    """A node, the pods bound to it and their sums. Pods may be known before (or after) the node is: then `node` is None."""

    __slots__ = (
        "allocatable", "generation", "labels", "name", "node", "non_zero_cpu", "non_zero_memory", "pods", "pods_with_affinity",
        "pods_with_anti_affinity", "ports", "requested",
    )  # fmt: skip

    def __init__(self, name: str, node: Node | None = None) -> None:
        self.name = name
        self.pods: dict[Key, PodInfo] = {}
        self.pods_with_affinity: dict[Key, PodInfo] = {}
        self.pods_with_anti_affinity: dict[Key, PodInfo] = {}
        self.requested: dict[str, int] = {}
        self.non_zero_cpu = 0
        self.non_zero_memory = 0
        self.ports: dict[HostPort, int] = {}
        self.generation = 0
        """Rises with every change of the node or of its pods."""
        self.become(node)

    def become(self, node: Node | None) -> None:
        """The node as it is now; its labels and resources are asked for so often that they stand here as well."""
        self.node = node
        self.labels: Mapping[str, str] = node.metadata.labels if node else {}
        self.allocatable: Mapping[str, int] = node.status.allocatable if node else {}
        self.generation += 1

    def add(self, info: PodInfo) -> None:
        self._account(info, 1)
        self.pods[info.key] = info
        if info.has_affinity:
            self.pods_with_affinity[info.key] = info
        if info.anti_affinity:
            self.pods_with_anti_affinity[info.key] = info

    def remove(self, key: Key) -> PodInfo:
        info = self.pods.pop(key)
        self.pods_with_affinity.pop(key, None)
        self.pods_with_anti_affinity.pop(key, None)
        self._account(info, -1)
        return info

    def copy(self) -> NodeInfo:
        """For imagining: what is done to the copy leaves the original alone."""
        twin = NodeInfo(self.name, self.node)
        for info in self.pods.values():
            twin.add(info)
        return twin

    def _account(self, info: PodInfo, sign: int) -> None:
        self.generation += 1
        self.non_zero_cpu += sign * info.non_zero_cpu
        self.non_zero_memory += sign * info.non_zero_memory
        for name, n in info.requests.items():
            _count(self.requested, name, sign * n)
        for port in info.host_ports:
            _count(self.ports, port, sign)


class PodCounts:
    """How many pods of a namespace a selector finds on each node. Pods being deleted do not count (upstream #87621)."""

    __slots__ = ("_namespace", "_selector", "by_node")

    def __init__(self, namespace: str, selector: LabelSelector) -> None:
        self._namespace = namespace
        self._selector = selector
        self.by_node: dict[str, int] = {}

    def matches(self, pod: Pod) -> bool:
        meta = pod.metadata
        return meta.namespace == self._namespace and not meta.deleting and matches(self._selector, meta.labels)

    def account(self, pod: Pod, node: str, sign: int) -> None:
        if self.matches(pod):
            _count(self.by_node, node, sign)


class Cache:
    """Feed it every event with `observe`; it must then equal one built afresh from the store."""

    def __init__(self) -> None:
        self._nodes: dict[str, NodeInfo] = {}
        self._zones: dict[str, list[str]] = {}
        self._order: list[NodeInfo] | None = None
        self._where: dict[Key, str] = {}
        self._services: dict[Key, Service] = {}
        self._replica_sets: dict[Key, ReplicaSet] = {}
        self._namespaces: dict[str, Namespace] = {}
        self._claims: dict[Key, PersistentVolumeClaim] = {}
        self._counts: dict[tuple[str, LabelSelector], PodCounts] = {}
        self._images: dict[str, tuple[int, int]] = {}
        self.epoch = 0
        """Rises when nodes come, go or change, or the images they hold: what is kept per class of pods is then worked out anew."""
        self.selectors_epoch = 0
        """Rises when a Service or a ReplicaSet changes."""

    # What plugins read.

    def nodes(self) -> Sequence[NodeInfo]:
        """One node of each zone in turn; zones in order of first appearance, nodes in order of creation (node_tree.go)."""
        if self._order is None:
            rounds = max((len(names) for names in self._zones.values()), default=0)
            self._order = [self._nodes[names[i]] for i in range(rounds) for names in self._zones.values() if i < len(names)]
        return self._order

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
            for name, node in self._nodes.items():
                for info in node.pods.values():
                    counts.account(info.pod, name, 1)
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
                self.selectors_epoch += 1
                _put(self._services, _key(service), new)
            case ReplicaSet() as rs:
                if not isinstance(old, ReplicaSet) or not isinstance(new, ReplicaSet) or old.spec.selector != new.spec.selector:
                    self.selectors_epoch += 1
                _put(self._replica_sets, _key(rs), new)
            case Namespace() as namespace:
                _put(self._namespaces, namespace.metadata.name, new)
            case PersistentVolumeClaim() as claim:
                _put(self._claims, _key(claim), new)

    def contents(self) -> dict[str, object]:
        """Everything that matters, as plain data, to compare two caches."""
        nodes = {
            n.name: (n.node, {k: i.pod for k, i in n.pods.items()}, n.requested, n.non_zero_cpu, n.non_zero_memory, n.ports)
            for n in self._nodes.values()
        }
        return {"nodes": nodes, "where": self._where, "images": self._images, "services": self._services, "claims": self._claims}

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
        for counts in self._counts.values():
            counts.account(info.pod, name, 1)

    def _remove_pod(self, key: Key) -> None:
        name = self._where.pop(key)
        node = self._nodes[name]
        info = node.remove(key)
        for counts in self._counts.values():
            counts.account(info.pod, name, -1)
        if node.node is None and not node.pods:
            del self._nodes[name]

    def _observe_node(self, name: str, node: Node | None) -> None:
        info = self._nodes.setdefault(name, NodeInfo(name))
        before = info.node
        info.become(node)
        if (before and _zone(before)) != (node and _zone(node)) or before is None or node is None:
            self._move(name, _zone(before) if before else None, _zone(node) if node else None)
        if before is None or node is None or before.status.images != node.status.images:
            self._list_images(before, node)
            self.epoch += 1
        if node is None and not info.pods:
            del self._nodes[name]

    def _move(self, name: str, old: str | None, new: str | None) -> None:
        """A node that changes its zone goes to the end of the new one; a zone without nodes is forgotten, and with it its turn."""
        self._order = None
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
    return same_spec and a.metadata.labels == b.metadata.labels and a.metadata.deleting == b.metadata.deleting


def _zone(node: Node) -> str:
    """nodetopology.GetZoneKey: region and zone together."""
    labels = node.metadata.labels
    zone = next((labels[k] for k in ZONE_LABELS if k in labels), "")
    region = next((labels[k] for k in REGION_LABELS if k in labels), "")
    return f"{region}:\0:{zone}" if region or zone else ""


def _host_ports(init: Sequence[Container], containers: Sequence[Container]) -> tuple[HostPort, ...]:
    """Those of sidecars and containers; an ordinary init container's ports are free again when the pod runs."""
    running = [c for c in init if c.sidecar] + list(containers)
    return tuple((p.host_ip or ANY_ADDRESS, p.protocol or "TCP", p.host_port) for c in running for p in c.ports if p.host_port > 0)


def _term(pod: Pod, term: PodAffinityTerm, weight: int = 1) -> AffinityTerm:
    """Without namespaces and without namespaceSelector, a term speaks of the pod's own namespace."""
    selector = term.label_selector
    for key in term.match_label_keys:
        if selector is not None and key in pod.metadata.labels:
            selector = requiring(selector, key, pod.metadata.labels[key])
    for key in term.mismatch_label_keys:
        if selector is not None and key in pod.metadata.labels:
            selector = refusing(selector, key, pod.metadata.labels[key])
    own = not term.namespaces and term.namespace_selector is None
    return AffinityTerm(
        topology_key=term.topology_key,
        selector=selector,
        namespaces=(pod.metadata.namespace,) if own else term.namespaces,
        namespace_selector=term.namespace_selector,
        weight=weight,
    )


def _weighted(pod: Pod, term: WeightedPodAffinityTerm) -> AffinityTerm:
    return _term(pod, term.pod_affinity_term, term.weight)


def _key(obj: Resource | None) -> Key:
    assert obj is not None
    return Key(obj.kind, obj.metadata.namespace, obj.metadata.name)


def _count(counts: dict, key: object, n: int) -> None:  # type: ignore[type-arg]
    """Adds; what comes to zero is not there."""
    total = counts.get(key, 0) + n
    if total:
        counts[key] = total
    else:
        counts.pop(key, None)


def _put(index: dict, key: object, value: object | None) -> None:  # type: ignore[type-arg]
    if value is None:
        index.pop(key, None)
    else:
        index[key] = value
