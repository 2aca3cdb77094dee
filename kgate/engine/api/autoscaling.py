"""HorizontalPodAutoscalers (staging/src/k8s.io/api/autoscaling/v2/types.go)."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias

from msgspec import Struct

from kgate.engine.api.meta import NO_METADATA, NO_REST, Condition, LabelSelector, ObjectMeta, Rest, Time
from kgate.engine.api.quantity import Quantity as Amount

Quantity: TypeAlias = Annotated[Amount, "quantity"]


class CrossVersionObjectReference(Struct, frozen=True, kw_only=True, gc=False):
    """An object in the autoscaler's namespace."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    rest: Rest = NO_REST


class MetricTarget(Struct, frozen=True, kw_only=True, gc=False):
    """`type` is Utilization (percent of the request), Value or AverageValue."""

    type: str = ""
    value: Quantity | None = None
    average_value: Quantity | None = None
    average_utilization: int | None = None
    rest: Rest = NO_REST


class MetricIdentifier(Struct, frozen=True, kw_only=True, gc=False):
    """`selector` picks among the series of one name."""

    name: str = ""
    selector: LabelSelector | None = None
    rest: Rest = NO_REST


class ResourceMetricSource(Struct, frozen=True, kw_only=True, gc=False):
    """Usage of whole pods; with `container`, of that container alone."""

    name: str = ""
    container: str = ""
    target: MetricTarget = MetricTarget()
    rest: Rest = NO_REST


class PodsMetricSource(Struct, frozen=True, kw_only=True, gc=False):
    """A value that each pod reports itself."""

    metric: MetricIdentifier = MetricIdentifier()
    target: MetricTarget = MetricTarget()
    rest: Rest = NO_REST


class ObjectMetricSource(Struct, frozen=True, kw_only=True, gc=False):
    """A value that another object has."""

    described_object: CrossVersionObjectReference = CrossVersionObjectReference()
    metric: MetricIdentifier = MetricIdentifier()
    target: MetricTarget = MetricTarget()
    rest: Rest = NO_REST


class ExternalMetricSource(Struct, frozen=True, kw_only=True, gc=False):
    """A value from outside of the cluster."""

    metric: MetricIdentifier = MetricIdentifier()
    target: MetricTarget = MetricTarget()
    rest: Rest = NO_REST


class MetricSpec(Struct, frozen=True, kw_only=True, gc=False):
    """`type` is Resource, ContainerResource, Pods, Object or External, and says which field counts."""

    type: Annotated[str, "always"] = ""
    resource: ResourceMetricSource | None = None
    container_resource: ResourceMetricSource | None = None
    pods: PodsMetricSource | None = None
    object: ObjectMetricSource | None = None
    external: ExternalMetricSource | None = None
    rest: Rest = NO_REST


class HPAScalingPolicy(Struct, frozen=True, kw_only=True, gc=False):
    """At most `value` pods, or percent of the pods, within `period_seconds`. `type` is Pods or Percent."""

    type: str = ""
    value: int = 0
    period_seconds: int = 0
    rest: Rest = NO_REST


class HPAScalingRules(Struct, frozen=True, kw_only=True, gc=False):
    """For one direction. `select_policy` is Max, Min or Disabled; without `tolerance` the cluster's own counts."""

    stabilization_window_seconds: int | None = None
    select_policy: str | None = None
    policies: tuple[HPAScalingPolicy, ...] = ()
    tolerance: Quantity | None = None
    rest: Rest = NO_REST


class HorizontalPodAutoscalerBehavior(Struct, frozen=True, kw_only=True, gc=False):
    """Both are set by defaulting."""

    scale_up: HPAScalingRules = HPAScalingRules()
    scale_down: HPAScalingRules = HPAScalingRules()
    rest: Rest = NO_REST


class HorizontalPodAutoscalerSpec(Struct, frozen=True, kw_only=True, gc=False):
    """As defaulted by admission: `min_replicas` and `metrics` are set."""

    scale_target_ref: CrossVersionObjectReference = CrossVersionObjectReference()
    min_replicas: int | None = None
    max_replicas: Annotated[int, "always"] = 0
    metrics: tuple[MetricSpec, ...] = ()
    behavior: HorizontalPodAutoscalerBehavior | None = None
    rest: Rest = NO_REST


class MetricValueStatus(Struct, frozen=True, kw_only=True, gc=False):
    value: Quantity | None = None
    average_value: Quantity | None = None
    average_utilization: int | None = None
    rest: Rest = NO_REST


class ResourceMetricStatus(Struct, frozen=True, kw_only=True, gc=False):
    name: str = ""
    container: str = ""
    current: Annotated[MetricValueStatus, "always"] = MetricValueStatus()
    rest: Rest = NO_REST


class PodsMetricStatus(Struct, frozen=True, kw_only=True, gc=False):
    metric: MetricIdentifier = MetricIdentifier()
    current: Annotated[MetricValueStatus, "always"] = MetricValueStatus()
    rest: Rest = NO_REST


class ObjectMetricStatus(Struct, frozen=True, kw_only=True, gc=False):
    metric: MetricIdentifier = MetricIdentifier()
    current: Annotated[MetricValueStatus, "always"] = MetricValueStatus()
    described_object: CrossVersionObjectReference = CrossVersionObjectReference()
    rest: Rest = NO_REST


class MetricStatus(Struct, frozen=True, kw_only=True, gc=False):
    """What one metric was last seen at; of a metric that could not be read nothing is set, not even its type."""

    type: Annotated[str, "always"] = ""
    resource: ResourceMetricStatus | None = None
    container_resource: ResourceMetricStatus | None = None
    pods: PodsMetricStatus | None = None
    object: ObjectMetricStatus | None = None
    external: PodsMetricStatus | None = None
    rest: Rest = NO_REST


class HorizontalPodAutoscalerStatus(Struct, frozen=True, kw_only=True, gc=False):
    """Written by the autoscaler's controller alone."""

    last_scale_time_ms: Time | None = None
    current_replicas: int = 0
    desired_replicas: Annotated[int, "always"] = 0
    current_metrics: tuple[MetricStatus, ...] = ()
    conditions: tuple[Condition, ...] = ()
    rest: Rest = NO_REST


class HorizontalPodAutoscaler(Struct, frozen=True, kw_only=True, gc=False):
    """Sets the replicas of its target so that its metrics come near their targets."""

    kind: ClassVar[str] = "HorizontalPodAutoscaler"
    api_version: ClassVar[str] = "autoscaling/v2"
    metadata: ObjectMeta = NO_METADATA
    spec: HorizontalPodAutoscalerSpec = HorizontalPodAutoscalerSpec()
    status: Annotated[HorizontalPodAutoscalerStatus, "always"] = HorizontalPodAutoscalerStatus()
    rest: Rest = NO_REST
