"""How fast a target may be scaled (horizontal.go: normalizeDesiredReplicas, stabilizeRecommendationWithBehaviors, ...).

History is what the controller remembers of one autoscaler; it is lost with the controller, and never written to the API.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec import Struct

from kgate.engine.api.autoscaling import HorizontalPodAutoscalerBehavior, HPAScalingPolicy, HPAScalingRules
from kgate.engine.api.meta import Millis

WITHIN = ("DesiredWithinRange", "the desired count is within the acceptable range")
TOO_FAST_UP = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
TOO_MANY = ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
TOO_FAST_DOWN = ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")
TOO_FEW = ("TooFewReplicas", "the desired replica count is less than the minimum replica count")
READY = ("ReadyForNewScale", "recommended size matches current size")
UP_STABILIZED = ("ScaleUpStabilized", "recent recommendations were lower than current one, applying the lowest recent recommendation")
DOWN_STABILIZED = ("ScaleDownStabilized", "recent recommendations were higher than current one, applying the highest recent recommendation")

_LEAST, _MOST = -(2**31), 2**31 - 1

Reason = tuple[str, str]
"""Reason and message of a condition."""


class Dated(NamedTuple):
    """A recommendation, or a number of pods added or removed, and when."""

    value: int
    at_ms: Millis


class History(Struct, kw_only=True):
    """Mutable; a list is as long as its window needs, not as the autoscaler is old."""

    recommendations: list[Dated] = []
    added: list[Dated] = []
    removed: list[Dated] = []


class Bounds(Struct, frozen=True, kw_only=True):
    """`desired` is what the metrics ask for."""

    current: int
    desired: int
    minimum: int
    maximum: int


class Normalized(Struct, frozen=True, kw_only=True):
    """`able` and `limited` are what the conditions AbleToScale and ScalingLimited say."""

    replicas: int
    able: Reason
    limited: Reason
    is_limited: bool


def plain(history: History, bounds: Bounds, window_ms: Millis, now_ms: Millis) -> Normalized:
    """Without spec.behavior: down to the highest recommendation of the window, up to twice as many (at least 4)."""
    cutoff = now_ms - window_ms
    recent = [r.value for r in history.recommendations if r.at_ms >= cutoff]
    stabilized = max(bounds.desired, *recent) if recent else bounds.desired
    _remember(history.recommendations, Dated(bounds.desired, now_ms), outdated=lambda r: r.at_ms < cutoff)
    replicas, limited = _with_rules(bounds, stabilized)
    able = READY if stabilized == bounds.desired else DOWN_STABILIZED
    return Normalized(replicas=replicas, able=able, limited=limited, is_limited=replicas != stabilized)


def with_behavior(
    history: History, bounds: Bounds, behavior: HorizontalPodAutoscalerBehavior, window_ms: Millis, now_ms: Millis
) -> Normalized:
    """`window_ms` is how long scaling down waits when the behavior does not say."""
    stabilized = _stabilized(history, bounds, behavior, window_ms, now_ms)
    replicas, limited = _with_rate(history, bounds, stabilized, behavior, now_ms)
    changed = UP_STABILIZED if bounds.desired >= bounds.current else DOWN_STABILIZED
    able = READY if stabilized == bounds.desired else changed
    return Normalized(replicas=replicas, able=able, limited=limited, is_limited=replicas != stabilized)


def store_scale_event(history: History, behavior: HorizontalPodAutoscalerBehavior | None, before: int, after: int, now_ms: Millis) -> None:
    """Notes that the target was scaled, for the policies of the behavior (storeScaleEvent)."""
    if behavior is None:
        return
    rules, events = (behavior.scale_up, history.added) if after > before else (behavior.scale_down, history.removed)
    cutoff = now_ms - 1000 * max((p.period_seconds for p in rules.policies), default=0)
    _remember(events, Dated(abs(after - before), now_ms), outdated=lambda e: e.at_ms < cutoff)


def _remember(entries: list[Dated], new: Dated, *, outdated: Callable[[Dated], bool]) -> None:
    """Takes the place of the last outdated entry, else is added."""
    old = [i for i, entry in enumerate(entries) if outdated(entry)]
    if old:
        entries[old[-1]] = new
    else:
        entries.append(new)


def _with_rules(bounds: Bounds, desired: int) -> tuple[int, Reason]:
    """convertDesiredReplicasWithRules."""
    limit = max(2 * bounds.current, 4)
    most, why = (limit, TOO_FAST_UP) if bounds.maximum > limit else (bounds.maximum, TOO_MANY)
    if desired < bounds.minimum:
        return bounds.minimum, TOO_FEW
    return (most, why) if desired > most else (desired, WITHIN)


def _stabilized(history: History, bounds: Bounds, behavior: HorizontalPodAutoscalerBehavior, window_ms: Millis, now_ms: Millis) -> int:
    """The current size, moved as little as all recommendations of both windows agree on."""
    up_cutoff = now_ms - 1000 * (behavior.scale_up.stabilization_window_seconds or 0)
    down_seconds = behavior.scale_down.stabilization_window_seconds
    down_cutoff = now_ms - (window_ms // 1000 if down_seconds is None else down_seconds) * 1000
    past = history.recommendations
    lowest = min([bounds.desired, *(r.value for r in past if r.at_ms > up_cutoff)])
    highest = max([bounds.desired, *(r.value for r in past if r.at_ms > down_cutoff)])
    earliest = min(up_cutoff, down_cutoff)
    _remember(past, Dated(bounds.desired, now_ms), outdated=lambda r: r.at_ms < earliest)
    return min(max(bounds.current, lowest), highest)


def _with_rate(
    history: History, bounds: Bounds, desired: int, behavior: HorizontalPodAutoscalerBehavior, now_ms: Millis
) -> tuple[int, Reason]:
    """convertDesiredReplicasWithBehaviorRate."""
    current = bounds.current
    if desired > current:
        limit = max(current, scale_up_limit(current, history, behavior.scale_up, now_ms))
        most, why = (limit, TOO_FAST_UP) if bounds.maximum > limit else (bounds.maximum, TOO_MANY)
        return (most, why) if desired > most else (desired, WITHIN)
    if desired < current:
        limit = min(current, scale_down_limit(current, history, behavior.scale_down, now_ms))
        least, why = (limit, TOO_FAST_DOWN) if bounds.minimum < limit else (bounds.minimum, TOO_FEW)
        return (least, why) if desired < least else (desired, WITHIN)
    return desired, WITHIN


def scale_up_limit(current: int, history: History, rules: HPAScalingRules, now_ms: Millis) -> int:
    """The most replicas that the policies allow at this moment (calculateScaleUpLimitWithScalingRules)."""
    if rules.select_policy == "Disabled":
        return current
    starts = _period_starts(current, history, rules.policies, now_ms)
    each = [s + p.value if p.type == "Pods" else math.ceil(s * (1 + p.value / 100)) for p, s in starts]
    return min([_MOST, *each]) if rules.select_policy == "Min" else max([_LEAST, *each])


def scale_down_limit(current: int, history: History, rules: HPAScalingRules, now_ms: Millis) -> int:
    """The fewest replicas that the policies allow at this moment (calculateScaleDownLimitWithBehaviors)."""
    if rules.select_policy == "Disabled":
        return current
    starts = _period_starts(current, history, rules.policies, now_ms)
    each = [s - p.value if p.type == "Pods" else int(s * (1 - p.value / 100)) for p, s in starts]
    return max([_LEAST, *each]) if rules.select_policy == "Min" else min([_MOST, *each])


def _period_starts(
    current: int, history: History, policies: Sequence[HPAScalingPolicy], now_ms: Millis
) -> list[tuple[HPAScalingPolicy, int]]:
    """How many replicas there were when each policy's period began, by what was added and removed since."""

    def since(events: Sequence[Dated], policy: HPAScalingPolicy) -> int:
        return sum(e.value for e in events if e.at_ms > now_ms - 1000 * policy.period_seconds)

    return [(p, current - since(history.added, p) + since(history.removed, p)) for p in policies]
