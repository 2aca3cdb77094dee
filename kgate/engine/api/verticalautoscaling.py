"""VerticalPodAutoscalers, a custom resource (kubernetes/autoscaler: vertical-pod-autoscaler/pkg/apis/autoscaling.k8s.io/v1/types.go)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Struct

from kgate.engine.api.autoscaling import CrossVersionObjectReference
from kgate.engine.api.core import NO_RESOURCES, ResourceList
from kgate.engine.api.meta import NO_METADATA, NO_REST, Condition, ObjectMeta, Rest


class ContainerResourcePolicy(Struct, frozen=True, kw_only=True, gc=False):
    """For the container of that name, `*` for all without one of their own. `mode` is Auto or Off."""

    container_name: str = ""
    mode: str | None = None
    min_allowed: ResourceList = NO_RESOURCES
    max_allowed: ResourceList = NO_RESOURCES
    controlled_resources: tuple[str, ...] | None = None
    controlled_values: str | None = None
    """RequestsAndLimits or RequestsOnly."""
    rest: Rest = NO_REST


class PodResourcePolicy(Struct, frozen=True, kw_only=True, gc=False):
    container_policies: tuple[ContainerResourcePolicy, ...] = ()
    rest: Rest = NO_REST


class PodUpdatePolicy(Struct, frozen=True, kw_only=True, gc=False):
    """`update_mode` is Off, Initial, Recreate, InPlaceOrRecreate or (deprecated, the same as Recreate) Auto."""

    update_mode: str | None = None
    min_replicas: int | None = None
    rest: Rest = NO_REST


class VerticalPodAutoscalerSpec(Struct, frozen=True, kw_only=True, gc=False):
    target_ref: CrossVersionObjectReference | None = None
    update_policy: PodUpdatePolicy | None = None
    resource_policy: PodResourcePolicy | None = None
    rest: Rest = NO_REST


class RecommendedContainerResources(Struct, frozen=True, kw_only=True, gc=False):
    """Requests. Within the bounds a young pod is left alone; `uncapped_target` is the target before the policy."""

    container_name: str = ""
    target: ResourceList = NO_RESOURCES
    lower_bound: ResourceList = NO_RESOURCES
    upper_bound: ResourceList = NO_RESOURCES
    uncapped_target: ResourceList = NO_RESOURCES
    rest: Rest = NO_REST


class RecommendedPodResources(Struct, frozen=True, kw_only=True, gc=False):
    """Sorted by container name."""

    container_recommendations: tuple[RecommendedContainerResources, ...] = ()
    rest: Rest = NO_REST


class VerticalPodAutoscalerStatus(Struct, frozen=True, kw_only=True, gc=False):
    recommendation: RecommendedPodResources | None = None
    conditions: tuple[Condition, ...] = ()
    rest: Rest = NO_REST


class VerticalPodAutoscaler(Struct, frozen=True, kw_only=True, gc=False):
    """Sets the requests of its target's pods to what they have used."""

    kind: ClassVar[str] = "VerticalPodAutoscaler"
    api_version: ClassVar[str] = "autoscaling.k8s.io/v1"
    metadata: ObjectMeta = NO_METADATA
    spec: Annotated[VerticalPodAutoscalerSpec, "always"] = VerticalPodAutoscalerSpec()
    status: VerticalPodAutoscalerStatus = VerticalPodAutoscalerStatus()
    rest: Rest = NO_REST
