"""Conditions of an autoscaler (horizontal.go:setConditionInList)."""

from __future__ import annotations

from msgspec.structs import replace

from kgate.engine.api.autoscaling import HorizontalPodAutoscalerStatus
from kgate.engine.api.meta import Condition, Millis, condition

ABLE_TO_SCALE, SCALING_ACTIVE, SCALING_LIMITED = "AbleToScale", "ScalingActive", "ScalingLimited"


def with_condition(
    status: HorizontalPodAutoscalerStatus, type_: str, value: str, reason: str, message: str, now_ms: Millis
) -> HorizontalPodAutoscalerStatus:
    """In its place; the time of transition stays while `value` does."""
    known = condition(status.conditions, type_)
    same = known is not None and known.status == value
    since = known.last_transition_time_ms if known is not None and same else now_ms // 1000 * 1000
    new = Condition(type=type_, status=value, reason=reason, message=message, last_transition_time_ms=since)
    if known is None:
        return replace(status, conditions=(*status.conditions, new))
    return replace(status, conditions=tuple(new if c.type == type_ else c for c in status.conditions))
