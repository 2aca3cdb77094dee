"""What the scheduler knows of a pod and of a node, worked out once and asked again and again.

Source: pkg/scheduler/framework/types.go (PodInfo, NodeInfo, AffinityTerm).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api.core import Container, Node, Pod, PodAffinityTerm, WeightedPodAffinityTerm
from kgate.engine.api.meta import Key, LabelSelector
from kgate.engine.api.resources import CPU, MEMORY, NON_ZERO, pod_requests
from kgate.engine.api.selector import matches, refusing, requiring

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - Kubernetes' word for every address of the node; nothing listens here

HostPort = tuple[str, str, int]
"""Address, protocol, port."""

K = TypeVar("K")


class AffinityTerm(Struct, frozen=True, kw_only=True):
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


class PodInfo(Struct, frozen=True, kw_only=True):
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


class Infos:
    """PodInfos. What pods of one template have in common is worked out once."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], PodInfo] = {}
        """By the identities of those parts of the spec that an info depends on; each info keeps its own pod's alive."""

    def of(self, pod: Pod) -> PodInfo:
        spec = pod.spec
        parts = (id(spec.containers), id(spec.init_containers), id(spec.resources), id(spec.overhead), id(spec.affinity))
        known = self._known.get(parts)
        if known is not None and (not known.has_affinity or _same_place_in_the_world(known.pod, pod)):
            return replace(known, pod=pod)
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        info = self._known[parts] = PodInfo.of(pod)
        return info


def _same_place_in_the_world(a: Pod, b: Pod) -> bool:
    """The terms of an affinity depend on the pod's namespace, and some on its labels."""
    return a.metadata.namespace == b.metadata.namespace and a.metadata.labels == b.metadata.labels


MOST_KNOWN = 4096


class NodeInfo:
    """A node, the pods bound to it and their sums. Pods may be known before (or after) the node is: then `node` is None."""

    __slots__ = (
        "allocatable", "generation", "labels", "name", "node", "non_zero_cpu", "non_zero_memory", "place", "pods", "pods_with_affinity",
        "ports", "requested",
    )  # fmt: skip

    def __init__(self, name: str, node: Node | None = None) -> None:
        self.name = name
        self.pods: dict[Key, PodInfo] = {}
        self.pods_with_affinity: dict[Key, PodInfo] = {}
        self.requested: dict[str, int] = {}
        self.non_zero_cpu = 0
        self.non_zero_memory = 0
        self.ports: dict[HostPort, int] = {}
        self.place = -1
        """Its index in the node tree's order, once somebody has asked for that."""
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

    def remove(self, key: Key) -> PodInfo:
        info = self.pods.pop(key)
        self.pods_with_affinity.pop(key, None)
        self._account(info, -1)
        return info

    def copy(self) -> NodeInfo:
        """For imagining: what is done to the copy leaves the original alone."""
        twin = NodeInfo(self.name, self.node)
        twin.place = self.place
        for info in self.pods.values():
            twin.add(info)
        return twin

    def _account(self, info: PodInfo, sign: int) -> None:
        self.generation += 1
        self.non_zero_cpu += sign * info.non_zero_cpu
        self.non_zero_memory += sign * info.non_zero_memory
        for name, n in info.requests.items():
            count(self.requested, name, sign * n)
        for port in info.host_ports:
            count(self.ports, port, sign)


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


def count(counts: dict[K, int], key: K, n: int) -> None:
    """Adds; what comes to zero is not there."""
    total = counts.get(key, 0) + n
    if total:
        counts[key] = total
    else:
        counts.pop(key, None)
