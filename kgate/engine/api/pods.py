"""Pods, their containers and their templates (staging/src/k8s.io/api/core/v1/types.go)."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from kgate.engine.api.affinity import Affinity, Toleration, TopologySpreadConstraint
from kgate.engine.api.meta import NO_LABELS, NO_METADATA, NO_REST, Condition, FrozenMap, Labels, ObjectMeta, Rest, Time

ResourceList: TypeAlias = Annotated[FrozenMap[str, int], "quantities"]
"""Resource name to amount: cpu in milli, everything else in base units, rounded up."""

NO_RESOURCES: FrozenMap[str, int] = FrozenMap()


class ResourceRequirements(Struct, frozen=True, kw_only=True, gc=False):
    """Of a container, or of a whole pod. `claims` of dynamic resource allocation stay in `rest`."""

    requests: ResourceList = NO_RESOURCES
    limits: ResourceList = NO_RESOURCES
    rest: Rest = NO_REST


class ContainerPort(Struct, frozen=True, kw_only=True, gc=False):
    """`host_port` 0 means none; an empty `host_ip` stands for 0.0.0.0."""

    container_port: int = 0
    host_port: int = 0
    host_ip: str = field(default="", name="hostIP")
    protocol: str = ""
    name: str = ""
    rest: Rest = NO_REST


class Container(Struct, frozen=True, kw_only=True, gc=False):
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


class PersistentVolumeClaimSource(Struct, frozen=True, kw_only=True, gc=False):
    """A volume's reference to a claim in the pod's namespace."""

    claim_name: str = ""
    read_only: bool = False
    rest: Rest = NO_REST


class Volume(Struct, frozen=True, kw_only=True, gc=False):
    """Only claims matter to placement (`ephemeral` is a claim named `<pod>-<volume>`); all other sources stay in `rest`."""

    name: str = ""
    persistent_volume_claim: PersistentVolumeClaimSource | None = None
    rest: Rest = NO_REST


class PodSchedulingGate(Struct, frozen=True, kw_only=True, gc=False):
    """A pod with any gate is not tried by the scheduler."""

    name: str = ""
    rest: Rest = NO_REST


class PodSpec(Struct, frozen=True, kw_only=True, gc=False):
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


class ContainerStatus(Struct, frozen=True, kw_only=True, gc=False):
    """`state` and `lastState` are kept as the API shows them, frozen."""

    name: str = ""
    image: str = ""
    ready: Annotated[bool, "always"] = False
    started: bool | None = None
    restart_count: Annotated[int, "always"] = 0
    state: Rest = NO_REST
    last_state: Rest = NO_REST
    rest: Rest = NO_REST


class PodStatus(Struct, frozen=True, kw_only=True, gc=False):
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


class Pod(Struct, frozen=True, kw_only=True, gc=False):
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


class PodTemplateSpec(Struct, frozen=True, kw_only=True, gc=False):
    """What a ReplicaSet stamps its pods from."""

    metadata: ObjectMeta = NO_METADATA
    spec: PodSpec = PodSpec()
    rest: Rest = NO_REST


NO_TEMPLATE = PodTemplateSpec()
