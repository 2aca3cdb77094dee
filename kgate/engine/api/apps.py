"""Deployments and ReplicaSets (staging/src/k8s.io/api/apps/v1/types.go)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api.core import NO_TEMPLATE, PodTemplateSpec
from kgate.engine.api.meta import EVERYTHING, NO_METADATA, NO_REST, Condition, LabelSelector, ObjectMeta, Rest


class RollingUpdateDeployment(Struct, frozen=True, kw_only=True, gc=False):
    """Both are a number or a percentage of replicas; surge rounds up, unavailable rounds down."""

    max_surge: int | str | None = None
    max_unavailable: int | str | None = None
    rest: Rest = NO_REST


class DeploymentStrategy(Struct, frozen=True, kw_only=True, gc=False):
    """`type` is RollingUpdate or Recreate."""

    type: str = ""
    rolling_update: RollingUpdateDeployment | None = None
    rest: Rest = NO_REST


class DeploymentSpec(Struct, frozen=True, kw_only=True, gc=False):
    """As defaulted by admission: replicas, strategy, history limit and deadline are set."""

    replicas: Annotated[int, "always"] = 1
    selector: LabelSelector = EVERYTHING
    template: PodTemplateSpec = NO_TEMPLATE
    strategy: DeploymentStrategy = DeploymentStrategy()
    min_ready_seconds: int = 0
    revision_history_limit: int | None = None
    progress_deadline_seconds: int | None = None
    paused: bool = False
    rest: Rest = NO_REST


class DeploymentStatus(Struct, frozen=True, kw_only=True, gc=False):
    """Written by the Deployment controller alone."""

    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    unavailable_replicas: int = 0
    terminating_replicas: int | None = None
    collision_count: int | None = None
    conditions: tuple[Condition, ...] = ()
    rest: Rest = NO_REST


class Deployment(Struct, frozen=True, kw_only=True, gc=False):
    """Rolls pods from one template to the next."""

    kind: ClassVar[str] = "Deployment"
    api_version: ClassVar[str] = "apps/v1"
    metadata: ObjectMeta = NO_METADATA
    spec: DeploymentSpec = DeploymentSpec()
    status: DeploymentStatus = DeploymentStatus()
    rest: Rest = NO_REST


class ReplicaSetSpec(Struct, frozen=True, kw_only=True, gc=False):
    """`replicas` pods of `template`."""

    replicas: Annotated[int, "always"] = 1
    selector: LabelSelector = EVERYTHING
    template: PodTemplateSpec = NO_TEMPLATE
    min_ready_seconds: int = 0
    rest: Rest = NO_REST


class ReplicaSetStatus(Struct, frozen=True, kw_only=True, gc=False):
    """Written by the ReplicaSet controller alone; `terminating_replicas` is None until it has looked."""

    observed_generation: int = 0
    replicas: int = 0
    fully_labeled_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    terminating_replicas: int | None = None
    conditions: tuple[Condition, ...] = ()
    rest: Rest = NO_REST


class ReplicaSet(Struct, frozen=True, kw_only=True, gc=False):
    """Keeps a number of pods of one template alive."""

    kind: ClassVar[str] = "ReplicaSet"
    api_version: ClassVar[str] = "apps/v1"
    metadata: ObjectMeta = NO_METADATA
    spec: ReplicaSetSpec = ReplicaSetSpec()
    status: ReplicaSetStatus = ReplicaSetStatus()
    rest: Rest = NO_REST

    def scaled_to(self, replicas: int) -> ReplicaSet:
        """The same set with that many desired pods."""
        return replace(self, spec=replace(self.spec, replicas=replicas))
