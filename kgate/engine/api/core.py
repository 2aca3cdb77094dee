"""The rest of core/v1, and all of it under one name (staging/src/k8s.io/api/core/v1/types.go)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Struct

from kgate.engine.api.affinity import (
    Affinity,
    NodeAffinity,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    PodAffinity,
    PodAffinityTerm,
    PreferredSchedulingTerm,
    Toleration,
    TopologySpreadConstraint,
    WeightedPodAffinityTerm,
)
from kgate.engine.api.meta import NO_LABELS, NO_METADATA, NO_REST, Condition, Labels, LabelSelector, ObjectMeta, Rest, Time
from kgate.engine.api.nodes import ContainerImage, Node, NodeSpec, NodeStatus, Taint
from kgate.engine.api.pods import (
    NO_RESOURCES,
    NO_TEMPLATE,
    Container,
    ContainerPort,
    ContainerStatus,
    PersistentVolumeClaimSource,
    Pod,
    PodSchedulingGate,
    PodSpec,
    PodStatus,
    PodTemplateSpec,
    ResourceList,
    ResourceRequirements,
    Volume,
)
from kgate.engine.api.quantity import NO_QUANTITIES, Quantities


class ServiceSpec(Struct, frozen=True, kw_only=True, gc=False):
    """Only the selector matters: default spreading counts a Service's pods together. Ports stay in `rest`."""

    selector: Labels = NO_LABELS
    rest: Rest = NO_REST


class Service(Struct, frozen=True, kw_only=True, gc=False):
    """A name for the pods that its selector selects."""

    kind: ClassVar[str] = "Service"
    api_version: ClassVar[str] = "v1"
    metadata: ObjectMeta = NO_METADATA
    spec: ServiceSpec = ServiceSpec()
    rest: Rest = NO_REST


class NamespaceSpec(Struct, frozen=True, kw_only=True, gc=False):
    """While it has finalizers, a namespace that is being deleted stays; `kubernetes` is the namespace controller's."""

    finalizers: tuple[str, ...] = ()
    rest: Rest = NO_REST


class NamespaceStatus(Struct, frozen=True, kw_only=True, gc=False):
    """`phase` is Active or Terminating."""

    phase: str = ""
    conditions: tuple[Condition, ...] = ()
    rest: Rest = NO_REST


class Namespace(Struct, frozen=True, kw_only=True, gc=False):
    """Its labels are what namespaceSelector looks at."""

    kind: ClassVar[str] = "Namespace"
    api_version: ClassVar[str] = "v1"
    metadata: ObjectMeta = NO_METADATA
    spec: NamespaceSpec = NamespaceSpec()
    status: NamespaceStatus = NamespaceStatus()
    rest: Rest = NO_REST


class VolumeResourceRequirements(Struct, frozen=True, kw_only=True, gc=False):
    """Of a claim: `storage`, as it was written."""

    requests: Quantities = NO_QUANTITIES
    limits: Quantities = NO_QUANTITIES
    rest: Rest = NO_REST


class PersistentVolumeClaimSpec(Struct, frozen=True, kw_only=True, gc=False):
    """`volume_name` is set once the claim is bound."""

    volume_name: str = ""
    storage_class_name: str | None = None
    access_modes: tuple[str, ...] = ()
    resources: Annotated[VolumeResourceRequirements, "always"] = VolumeResourceRequirements()
    selector: LabelSelector | None = None
    volume_mode: str | None = None
    rest: Rest = NO_REST


class PersistentVolumeClaimStatus(Struct, frozen=True, kw_only=True, gc=False):
    """`phase` is Pending, Bound or Lost."""

    phase: str = ""
    rest: Rest = NO_REST


class PersistentVolumeClaim(Struct, frozen=True, kw_only=True, gc=False):
    """A request for storage; pods wait until it exists and is bound."""

    kind: ClassVar[str] = "PersistentVolumeClaim"
    api_version: ClassVar[str] = "v1"
    metadata: ObjectMeta = NO_METADATA
    spec: PersistentVolumeClaimSpec = PersistentVolumeClaimSpec()
    status: PersistentVolumeClaimStatus = PersistentVolumeClaimStatus()
    rest: Rest = NO_REST


class PriorityClass(Struct, frozen=True, kw_only=True, gc=False):
    """A name for a priority (staging/src/k8s.io/api/scheduling/v1/types.go)."""

    kind: ClassVar[str] = "PriorityClass"
    api_version: ClassVar[str] = "scheduling.k8s.io/v1"
    metadata: ObjectMeta = NO_METADATA
    value: Annotated[int, "always"] = 0
    global_default: bool = False
    preemption_policy: str | None = None
    rest: Rest = NO_REST


class ObjectReference(Struct, frozen=True, kw_only=True, gc=False):
    """Which object an Event is about."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    rest: Rest = NO_REST


class Event(Struct, frozen=True, kw_only=True, gc=False):
    """What a component wants a human to know. `count` rises when the same thing happens again."""

    kind: ClassVar[str] = "Event"
    api_version: ClassVar[str] = "v1"
    metadata: ObjectMeta = NO_METADATA
    involved_object: ObjectReference = ObjectReference()
    type: str = ""
    reason: str = ""
    message: str = ""
    reporting_component: str = ""
    count: int = 0
    first_timestamp_ms: Time | None = None
    last_timestamp_ms: Time | None = None
    rest: Rest = NO_REST


__all__ = [
    "NO_RESOURCES",
    "NO_TEMPLATE",
    "Affinity",
    "Container",
    "ContainerImage",
    "ContainerPort",
    "ContainerStatus",
    "Event",
    "Namespace",
    "NamespaceSpec",
    "NamespaceStatus",
    "Node",
    "NodeAffinity",
    "NodeSelector",
    "NodeSelectorRequirement",
    "NodeSelectorTerm",
    "NodeSpec",
    "NodeStatus",
    "ObjectReference",
    "PersistentVolumeClaim",
    "PersistentVolumeClaimSource",
    "PersistentVolumeClaimSpec",
    "Pod",
    "PodAffinity",
    "PodAffinityTerm",
    "PodSchedulingGate",
    "PodSpec",
    "PodStatus",
    "PodTemplateSpec",
    "PreferredSchedulingTerm",
    "PriorityClass",
    "ResourceList",
    "ResourceRequirements",
    "Service",
    "ServiceSpec",
    "Taint",
    "Toleration",
    "TopologySpreadConstraint",
    "Volume",
    "VolumeResourceRequirements",
    "WeightedPodAffinityTerm",
]
