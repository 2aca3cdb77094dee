"""PodDisruptionBudgets (staging/src/k8s.io/api/policy/v1/types.go)."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias

from msgspec import Struct

from kgate.engine.api.meta import NO_METADATA, NO_REST, FrozenMap, LabelSelector, Millis, ObjectMeta, Rest, Time

DISRUPTION_ALLOWED = "DisruptionAllowed"
SUFFICIENT_PODS, INSUFFICIENT_PODS, SYNC_FAILED = "SufficientPods", "InsufficientPods", "SyncFailed"
"""Reasons of that condition."""

ALWAYS_ALLOW = "AlwaysAllow"
"""The unhealthyPodEvictionPolicy under which unready pods always go; the other one, IfHealthyBudget, is the default."""

Times: TypeAlias = Annotated[FrozenMap[str, int], "times"]
"""Name to a moment in virtual milliseconds, a whole second."""

NO_TIMES: FrozenMap[str, Millis] = FrozenMap()


class StatusCondition(Struct, frozen=True, kw_only=True, gc=False):
    """metav1.Condition: unlike older kinds of conditions it shows an empty message, and the generation it is about."""

    type: str = ""
    status: str = ""
    observed_generation: int = 0
    last_transition_time_ms: Time | None = None
    reason: Annotated[str, "always"] = ""
    message: Annotated[str, "always"] = ""
    rest: Rest = NO_REST


class PodDisruptionBudgetSpec(Struct, frozen=True, kw_only=True, gc=False):
    """At most one of the first two is set. A selector that is absent selects nothing, an empty one every pod of the namespace."""

    min_available: int | str | None = None
    max_unavailable: int | str | None = None
    selector: LabelSelector | None = None
    unhealthy_pod_eviction_policy: str | None = None
    rest: Rest = NO_REST


class PodDisruptionBudgetStatus(Struct, frozen=True, kw_only=True, gc=False):
    """Written by the disruption controller, and by the eviction API when it lets a pod go."""

    observed_generation: int = 0
    disrupted_pods: Times = NO_TIMES
    """Pods whose eviction was granted and whose deletion has not been seen yet, and when."""
    disruptions_allowed: Annotated[int, "always"] = 0
    current_healthy: Annotated[int, "always"] = 0
    desired_healthy: Annotated[int, "always"] = 0
    expected_pods: Annotated[int, "always"] = 0
    conditions: tuple[StatusCondition, ...] = ()
    rest: Rest = NO_REST


class PodDisruptionBudget(Struct, frozen=True, kw_only=True, gc=False):
    """How many pods of an application may be away at a time because somebody evicts them."""

    kind: ClassVar[str] = "PodDisruptionBudget"
    api_version: ClassVar[str] = "policy/v1"
    metadata: ObjectMeta = NO_METADATA
    spec: PodDisruptionBudgetSpec = PodDisruptionBudgetSpec()
    status: Annotated[PodDisruptionBudgetStatus, "always"] = PodDisruptionBudgetStatus()
    rest: Rest = NO_REST
