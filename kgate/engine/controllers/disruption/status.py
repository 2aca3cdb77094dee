"""What the status of a PodDisruptionBudget says.

Sources: pkg/controller/disruption/disruption.go, component-helpers/apps/poddisruptionbudget/helpers.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from kgate.engine.api.core import Pod
from kgate.engine.api.meta import FrozenMap, Millis
from kgate.engine.api.policy import (
    DISRUPTION_ALLOWED,
    INSUFFICIENT_PODS,
    SUFFICIENT_PODS,
    SYNC_FAILED,
    PodDisruptionBudget,
    PodDisruptionBudgetStatus,
    StatusCondition,
)
from kgate.engine.controllers.disruption.expectation import Expectation

DELETION_TIMEOUT_MS = 120_000
"""So long an evicted pod is taken to be on its way out although nobody has seen its deletion yet."""


def calculated(
    pdb: PodDisruptionBudget, expected: Expectation, healthy: int, disrupted: FrozenMap[str, Millis], now_ms: Millis
) -> PodDisruptionBudgetStatus:
    """updatePdbStatus. A budget that expects no pods allows nothing, whatever is healthy."""
    allowed = max(0, healthy - expected.desired_healthy) if expected.pods > 0 else 0
    status = PodDisruptionBudgetStatus(
        observed_generation=pdb.metadata.generation,
        disrupted_pods=disrupted,
        disruptions_allowed=allowed,
        current_healthy=healthy,
        desired_healthy=expected.desired_healthy,
        expected_pods=expected.pods,
        conditions=pdb.status.conditions,
        rest=pdb.status.rest,
    )
    return with_disruption_allowed(status, now_ms)


def failed(status: PodDisruptionBudgetStatus, why: str, now_ms: Millis) -> PodDisruptionBudgetStatus:
    """failSafe: what cannot be worked out allows no eviction; all numbers but that one stay as they were."""
    said = StatusCondition(
        type=DISRUPTION_ALLOWED, status="False", reason=SYNC_FAILED, message=why, observed_generation=status.observed_generation
    )
    return replace(status, disruptions_allowed=0, conditions=_with(status.conditions, said, now_ms))


def with_disruption_allowed(status: PodDisruptionBudgetStatus, now_ms: Millis) -> PodDisruptionBudgetStatus:
    """With the condition that goes with the number of disruptions allowed (UpdateDisruptionAllowedCondition)."""
    allowed = status.disruptions_allowed > 0
    said = StatusCondition(
        type=DISRUPTION_ALLOWED,
        status="True" if allowed else "False",
        reason=SUFFICIENT_PODS if allowed else INSUFFICIENT_PODS,
        observed_generation=status.observed_generation,
    )
    return replace(status, conditions=_with(status.conditions, said, now_ms))


def disruption_allowed(status: PodDisruptionBudgetStatus) -> StatusCondition | None:
    """The condition of that type, if there is one."""
    return next((c for c in status.conditions if c.type == DISRUPTION_ALLOWED), None)


def healthy_count(pods: Iterable[Pod], disrupted: FrozenMap[str, Millis], now_ms: Millis) -> int:
    """Ready, not being deleted, and not evicted a moment ago (countHealthyPods)."""
    healthy = [p for p in pods if p.metadata.deletion_timestamp_ms is None and p.ready]
    return sum(1 for p in healthy if not _about_to_go(p, disrupted, now_ms)) if disrupted else len(healthy)


def still_disrupted(pods: Iterable[Pod], known: FrozenMap[str, Millis], now_ms: Millis) -> tuple[FrozenMap[str, Millis], list[Pod]]:
    """Whose deletion is still awaited, and who should have been deleted by now and was not (buildDisruptedPodMap)."""
    waiting: dict[str, Millis] = {}
    overdue: list[Pod] = []
    for pod in pods if known else ():
        evicted_ms = known.get(pod.metadata.name)
        if evicted_ms is None or pod.metadata.deleting:
            continue
        if evicted_ms + DELETION_TIMEOUT_MS < now_ms:
            overdue.append(pod)
        else:
            waiting[pod.metadata.name] = evicted_ms
    return FrozenMap(waiting), overdue


def _about_to_go(pod: Pod, disrupted: FrozenMap[str, Millis], now_ms: Millis) -> bool:
    evicted_ms = disrupted.get(pod.metadata.name)
    return evicted_ms is not None and evicted_ms + DELETION_TIMEOUT_MS > now_ms


def _with(conditions: tuple[StatusCondition, ...], new: StatusCondition, now_ms: Millis) -> tuple[StatusCondition, ...]:
    """meta.SetStatusCondition: the transition time changes with the status alone."""
    current = next((c for c in conditions if c.type == new.type), None)
    if current is None:
        return (*conditions, replace(new, last_transition_time_ms=now_ms // 1000 * 1000))
    kept = current.last_transition_time_ms if current.status == new.status else now_ms // 1000 * 1000
    new = replace(new, last_transition_time_ms=kept, rest=current.rest)
    return tuple(new if c.type == new.type else c for c in conditions)
