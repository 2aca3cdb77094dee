"""Pods, Nodes and what controllers meet around them (staging/src/k8s.io/api/core/v1/types.go).

Resource amounts are integers: cpu in thousandths of a core, everything else in its base unit (bytes, pieces).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from kgate.engine.api.meta import NO_LABELS, NO_METADATA, NO_REST, Condition, FrozenMap, Labels, LabelSelector, ObjectMeta, Rest, Time
from kgate.engine.api.quantity import NO_QUANTITIES, Quantities

ResourceList: TypeAlias = Annotated[FrozenMap[str, int], "quantities"]
"""Resource name to amount: cpu in milli, everything else in base units, rounded up."""

NO_RESOURCES: FrozenMap[str, int] = FrozenMap()


class ResourceRequirements(Struct, frozen=True, kw_only=True):
    """Of a container, or of a whole pod. `claims` of dynamic resource allocation stay in `rest`."""

    requests: ResourceList = NO_RESOURCES
    limits: ResourceList = NO_RESOURCES
    rest: Rest = NO_REST


class ContainerPort(Struct, frozen=True, kw_only=True):
    """`host_port` 0 means none; an empty `host_ip` stands for 0.0.0.0."""

    container_port: int = 0
    host_port: int = 0
    host_ip: str = field(default="", name="hostIP")
    protocol: str = ""
    name: str = ""
    rest: Rest = NO_REST


class Container(Struct, frozen=True, kw_only=True):
    """A container or init container; an init container with `restart_policy` Always is a sidecar. Probes stay in `rest`."""

    name: str = ""
    image: str = ""
    image_pull_policy: str = ""
    restart_policy: str | None = None
    ports: tuple[ContainerPort, ...] = ()
    resources: Annotated[ResourceRequirements, "always"] = ResourceRequirements()
    rest: Rest = NO_REST

    @property
    def sidecar(self) -> bool:
        """Meaningful for init containers only (pkg/api/v1/pod/util.go:IsRestartableInitContainer)."""
        return self.restart_policy == "Always"


class Toleration(Struct, frozen=True, kw_only=True):
    """An empty `key` with operator Exists tolerates every taint; an empty `effect` matches all effects."""

    key: str = ""
    operator: str = ""
    value: str = ""
    effect: str = ""
    toleration_seconds: int | None = None
    rest: Rest = NO_REST


class NodeSelectorRequirement(Struct, frozen=True, kw_only=True):
    """`operator` is In, NotIn, Exists, DoesNotExist, Gt or Lt."""

    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()
    rest: Rest = NO_REST


class NodeSelectorTerm(Struct, frozen=True, kw_only=True):
    """All requirements must hold; a term without any matches no node. `match_fields` knows only metadata.name."""

    match_expressions: tuple[NodeSelectorRequirement, ...] = ()
    match_fields: tuple[NodeSelectorRequirement, ...] = ()
    rest: Rest = NO_REST


class NodeSelector(Struct, frozen=True, kw_only=True):
    """One of the terms must match."""

    node_selector_terms: tuple[NodeSelectorTerm, ...] = ()
    rest: Rest = NO_REST


class PreferredSchedulingTerm(Struct, frozen=True, kw_only=True):
    """`weight` is 1 to 100."""

    weight: int = 0
    preference: NodeSelectorTerm = NodeSelectorTerm()
    rest: Rest = NO_REST


class NodeAffinity(Struct, frozen=True, kw_only=True):
    """Hard and soft wishes about the node's labels and name."""

    required: NodeSelector | None = field(default=None, name="requiredDuringSchedulingIgnoredDuringExecution")
    preferred: tuple[PreferredSchedulingTerm, ...] = field(default=(), name="preferredDuringSchedulingIgnoredDuringExecution")
    rest: Rest = NO_REST


class PodAffinityTerm(Struct, frozen=True, kw_only=True):
    """Near (or far from) the pods that `label_selector` selects in `namespaces` and those that `namespace_selector` selects."""

    topology_key: str = ""
    label_selector: LabelSelector | None = None
    namespaces: tuple[str, ...] = ()
    namespace_selector: LabelSelector | None = None
    match_label_keys: tuple[str, ...] = ()
    mismatch_label_keys: tuple[str, ...] = ()
    rest: Rest = NO_REST


class WeightedPodAffinityTerm(Struct, frozen=True, kw_only=True):
    """`weight` is 1 to 100."""

    weight: int = 0
    pod_affinity_term: PodAffinityTerm = PodAffinityTerm()
    rest: Rest = NO_REST


class PodAffinity(Struct, frozen=True, kw_only=True):
    """Both podAffinity and podAntiAffinity have this shape."""

    required: tuple[PodAffinityTerm, ...] = field(default=(), name="requiredDuringSchedulingIgnoredDuringExecution")
    preferred: tuple[WeightedPodAffinityTerm, ...] = field(default=(), name="preferredDuringSchedulingIgnoredDuringExecution")
    rest: Rest = NO_REST


class Affinity(Struct, frozen=True, kw_only=True):
    """Where a pod wants to be, by nodes and by other pods."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None
    rest: Rest = NO_REST


class TopologySpreadConstraint(Struct, frozen=True, kw_only=True):
    """`when_unsatisfiable` is DoNotSchedule or ScheduleAnyway; absent policies mean nodeAffinity Honor, nodeTaints Ignore."""

    max_skew: int = 0
    topology_key: str = ""
    when_unsatisfiable: str = ""
    label_selector: LabelSelector | None = None
    min_domains: int | None = None
    node_affinity_policy: str | None = None
    node_taints_policy: str | None = None
    match_label_keys: tuple[str, ...] = ()
    rest: Rest = NO_REST


class PersistentVolumeClaimSource(Struct, frozen=True, kw_only=True):
    """A volume's reference to a claim in the pod's namespace."""

    claim_name: str = ""
    read_only: bool = False
    rest: Rest = NO_REST


class Volume(Struct, frozen=True, kw_only=True):
    """Only claims matter to placement (`ephemeral` is a claim named `<pod>-<volume>`); all other sources stay in `rest`."""

    name: str = ""
    persistent_volume_claim: PersistentVolumeClaimSource | None = None
    rest: Rest = NO_REST


class PodSchedulingGate(Struct, frozen=True, kw_only=True):
    """A pod with any gate is not tried by the scheduler."""

    name: str = ""
    rest: Rest = NO_REST


class PodSpec(Struct, frozen=True, kw_only=True):
    """What runs, where it may run and how it ends. `priority` is None until admission resolved `priority_class_name`."""

    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    resources: ResourceRequirements | None = None
    overhead: ResourceList = NO_RESOURCES
    node_name: str = ""
    node_selector: Labels = NO_LABELS
    affinity: Affinity | None = None
    tolerations: tuple[Toleration, ...] = ()
    topology_spread_constraints: tuple[TopologySpreadConstraint, ...] = ()
    scheduler_name: str = ""
    scheduling_gates: tuple[PodSchedulingGate, ...] = ()
    priority_class_name: str = ""
    priority: int | None = None
    preemption_policy: str | None = None
    host_network: bool = False
    restart_policy: str = ""
    termination_grace_period_seconds: int | None = None
    rest: Rest = NO_REST


class ContainerStatus(Struct, frozen=True, kw_only=True):
    """`state` and `lastState` are kept as the API shows them, frozen."""

    name: str = ""
    image: str = ""
    ready: Annotated[bool, "always"] = False
    started: bool | None = None
    restart_count: Annotated[int, "always"] = 0
    state: Rest = NO_REST
    last_state: Rest = NO_REST
    rest: Rest = NO_REST


class PodStatus(Struct, frozen=True, kw_only=True):
    """`phase` is Pending, Running, Succeeded, Failed or Unknown."""

    phase: str = ""
    conditions: tuple[Condition, ...] = ()
    reason: str = ""
    message: str = ""
    nominated_node_name: str = ""
    start_time_ms: Time | None = None
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    rest: Rest = NO_REST


class Pod(Struct, frozen=True, kw_only=True):
    """A pod as the scheduler, the kubelet and the ReplicaSet controller see it."""

    kind: ClassVar[str] = "Pod"
    api_version: ClassVar[str] = "v1"
    metadata: ObjectMeta = NO_METADATA
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()
    rest: Rest = NO_REST

    @property
    def ready(self) -> bool:
        """The Ready condition is True (pkg/api/v1/pod/util.go:IsPodReady)."""
        for c in self.status.conditions:
            if c.type == "Ready":
                return c.status == "True"
        return False

    @property
    def terminal(self) -> bool:
        """Succeeded or Failed: it holds no resources and never runs again."""
        return self.status.phase in ("Succeeded", "Failed")

    @property
    def active(self) -> bool:
        """Neither terminal nor being deleted (pkg/controller/controller_utils.go:IsPodActive)."""
        return self.status.phase not in ("Succeeded", "Failed") and self.metadata.deletion_timestamp_ms is None

    def bound_to(self, node: str) -> Pod:
        """The pod placed on that node."""
        return replace(self, spec=replace(self.spec, node_name=node))


class PodTemplateSpec(Struct, frozen=True, kw_only=True):
    """What a ReplicaSet stamps its pods from."""

    metadata: ObjectMeta = NO_METADATA
    spec: PodSpec = PodSpec()
    rest: Rest = NO_REST


NO_TEMPLATE = PodTemplateSpec()


class Taint(Struct, frozen=True, kw_only=True):
    """`effect` is NoSchedule, PreferNoSchedule or NoExecute."""

    key: str = ""
    value: str = ""
    effect: str = ""
    time_added_ms: Time | None = None
    rest: Rest = NO_REST


class NodeSpec(Struct, frozen=True, kw_only=True):
    """`unschedulable` is what `kubectl cordon` sets."""

    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()
    provider_id: str = field(default="", name="providerID")
    rest: Rest = NO_REST


class ContainerImage(Struct, frozen=True, kw_only=True):
    """An image the node has already pulled, under all its names."""

    names: tuple[str, ...] = ()
    size_bytes: int = 0
    rest: Rest = NO_REST


class NodeStatus(Struct, frozen=True, kw_only=True):
    """What the node has, and how it feels."""

    capacity: ResourceList = NO_RESOURCES
    allocatable: ResourceList = NO_RESOURCES
    conditions: tuple[Condition, ...] = ()
    images: tuple[ContainerImage, ...] = ()
    rest: Rest = NO_REST


class Node(Struct, frozen=True, kw_only=True):
    """A machine pods are bound to."""

    kind: ClassVar[str] = "Node"
    api_version: ClassVar[str] = "v1"
    metadata: ObjectMeta = NO_METADATA
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()
    rest: Rest = NO_REST


class ServiceSpec(Struct, frozen=True, kw_only=True):
    """Only the selector matters: default spreading counts a Service's pods together. Ports stay in `rest`."""

    selector: Labels = NO_LABELS
    rest: Rest = NO_REST


class Service(Struct, frozen=True, kw_only=True):
    """A name for the pods that its selector selects."""

    kind: ClassVar[str] = "Service"
    api_version: ClassVar[str] = "v1"
    metadata: ObjectMeta = NO_METADATA
    spec: ServiceSpec = ServiceSpec()
    rest: Rest = NO_REST


class NamespaceSpec(Struct, frozen=True, kw_only=True):
    """While it has finalizers, a namespace that is being deleted stays; `kubernetes` is the namespace controller's."""

    finalizers: tuple[str, ...] = ()
    rest: Rest = NO_REST


class NamespaceStatus(Struct, frozen=True, kw_only=True):
    """`phase` is Active or Terminating."""

    phase: str = ""
    conditions: tuple[Condition, ...] = ()
    rest: Rest = NO_REST


class Namespace(Struct, frozen=True, kw_only=True):
    """Its labels are what namespaceSelector looks at."""

    kind: ClassVar[str] = "Namespace"
    api_version: ClassVar[str] = "v1"
    metadata: ObjectMeta = NO_METADATA
    spec: NamespaceSpec = NamespaceSpec()
    status: NamespaceStatus = NamespaceStatus()
    rest: Rest = NO_REST


class VolumeResourceRequirements(Struct, frozen=True, kw_only=True):
    """Of a claim: `storage`, as it was written."""

    requests: Quantities = NO_QUANTITIES
    limits: Quantities = NO_QUANTITIES
    rest: Rest = NO_REST


class PersistentVolumeClaimSpec(Struct, frozen=True, kw_only=True):
    """`volume_name` is set once the claim is bound."""

    volume_name: str = ""
    storage_class_name: str | None = None
    access_modes: tuple[str, ...] = ()
    resources: Annotated[VolumeResourceRequirements, "always"] = VolumeResourceRequirements()
    rest: Rest = NO_REST


class PersistentVolumeClaim(Struct, frozen=True, kw_only=True):
    """A request for storage; pods wait until it exists and is bound."""

    kind: ClassVar[str] = "PersistentVolumeClaim"
    api_version: ClassVar[str] = "v1"
    metadata: ObjectMeta = NO_METADATA
    spec: PersistentVolumeClaimSpec = PersistentVolumeClaimSpec()
    rest: Rest = NO_REST


class PriorityClass(Struct, frozen=True, kw_only=True):
    """A name for a priority (staging/src/k8s.io/api/scheduling/v1/types.go)."""

    kind: ClassVar[str] = "PriorityClass"
    api_version: ClassVar[str] = "scheduling.k8s.io/v1"
    metadata: ObjectMeta = NO_METADATA
    value: Annotated[int, "always"] = 0
    global_default: bool = False
    preemption_policy: str | None = None
    rest: Rest = NO_REST


class ObjectReference(Struct, frozen=True, kw_only=True):
    """Which object an Event is about."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    rest: Rest = NO_REST


class Event(Struct, frozen=True, kw_only=True):
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
