"""How many replicas one metric asks for (pkg/controller/podautoscaler/replica_calculator.go, metrics/utilization.go).

Usage is in thousandths. Averages and utilizations are cut to whole numbers before they are compared with their target:
that is what the controller does, and it decides whether 110.9 % is within a tolerance of 10 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Millis
from kgate.engine.controllers.podautoscaler.groups import Groups, group
from kgate.engine.controllers.podautoscaler.settings import Settings
from kgate.engine.metrics import MetricsError, Sample

MOST = 2**31 - 1
MOST_USAGE = 2**63 - 1


class Tolerances(Struct, frozen=True, kw_only=True):
    """How far below and above 1 a ratio counts as 1."""

    down: float
    up: float

    def hold(self, ratio: float) -> bool:
        return 1.0 - self.down <= ratio <= 1.0 + self.up


class Proposal(Struct, frozen=True, kw_only=True):
    """`usage` is the average or the value that the status shows, in thousandths; `utilization` is in percent."""

    replicas: int
    usage: int
    utilization: int | None = None


class Scene(Struct, frozen=True, kw_only=True):
    """What a calculation looks at. `pods` are those the target's selector selects."""

    pods: Sequence[Pod]
    current: int
    """spec.replicas of the target."""
    tolerances: Tolerances
    settings: Settings
    now_ms: Millis


Values = dict[str, int]
Ratio = Callable[[Values], float]


def by_utilization(
    scene: Scene, samples: Mapping[str, Sample], resource: str, requests: Callable[[], Mapping[str, int]], target: int
) -> Proposal:
    """`target` is a percentage of what `requests` says (GetResourceReplicas). Raises MetricsError."""
    groups, values = _grouped(scene, samples, resource)
    asked = requests()
    utilization, average = _utilization(values, asked)
    missing = {name: asked[name] * max(100, target) // 100 for name in groups.missing}

    def ratio(of: Values) -> float:
        return _utilization(of, asked)[0] / target

    return Proposal(replicas=_replicas(scene, groups, values, ratio, missing), usage=average, utilization=utilization)


def by_average(scene: Scene, samples: Mapping[str, Sample], resource: str, target: int) -> Proposal:
    """`target` is an average usage; `resource` is empty for what pods report themselves (calcPlainMetricReplicas). Raises MetricsError."""
    groups, values = _grouped(scene, samples, resource)
    missing = dict.fromkeys(groups.missing, target)

    def ratio(of: Values) -> float:
        return _average(of) / target

    return Proposal(replicas=_replicas(scene, groups, values, ratio, missing), usage=_average(values))


def by_value(scene: Scene, usage: int, target: int) -> Proposal:
    """One value for all pods together; the ready ones are scaled (getUsageRatioReplicaCount). Raises MetricsError."""
    ratio = usage / target
    if scene.current == 0:
        return Proposal(replicas=_ceil(ratio), usage=usage)
    if scene.tolerances.hold(ratio):
        return Proposal(replicas=scene.current, usage=usage)
    if not scene.pods:
        raise MetricsError("unable to calculate ready pods: no pods returned by selector while calculating replica count")
    ready = sum(p.status.phase == "Running" and p.ready for p in scene.pods)
    return Proposal(replicas=_ceil(ratio * ready), usage=usage)


def by_value_per_pod(usage: int, target: int, status_replicas: int, tolerances: Tolerances) -> Proposal:
    """One value, of which every replica is to have `target` (GetObjectPerPodMetricReplicas, GetExternalPerPodMetricReplicas)."""
    ratio = usage / (target * status_replicas) if status_replicas else math.inf
    replicas = status_replicas if tolerances.hold(ratio) else _ceil(usage / target)
    shared = MOST_USAGE if usage >= MOST_USAGE or not status_replicas else math.ceil(usage / status_replicas)
    return Proposal(replicas=replicas, usage=shared)


def total(values: Sequence[int]) -> int:
    """The sum of all series, at most what an int64 holds."""
    return min(MOST_USAGE, sum(values))


def _grouped(scene: Scene, samples: Mapping[str, Sample], resource: str) -> tuple[Groups, Values]:
    """The groups, and the values of the pods that count; samples of pods nobody asked for stay among them."""
    if not scene.pods:
        raise MetricsError("no pods returned by selector while calculating replica count")
    groups = group(scene.pods, samples, resource, scene.settings, scene.now_ms)
    values = {name: s.value for name, s in samples.items() if name not in groups.ignored and name not in groups.unready}
    if not values:
        raise MetricsError("did not receive metrics for targeted pods (pods might be unready)")
    return groups, values


def _replicas(scene: Scene, groups: Groups, values: Values, ratio: Ratio, missing: Mapping[str, int]) -> int:
    """What is unknown is taken to be what speaks against scaling; if that turns the direction, nothing is scaled.

    `missing` is what a pod without a sample is taken to use when the others say down; when they say up, it uses nothing.
    """
    first = ratio(values)
    up_with_unready = bool(groups.unready) and first > 1.0
    if not up_with_unready and not groups.missing:
        return scene.current if scene.tolerances.hold(first) else _ceil(first * groups.ready)
    filled = dict(values)
    if first != 1.0:
        filled |= missing if first < 1.0 else dict.fromkeys(groups.missing, 0)
    if up_with_unready:
        filled |= dict.fromkeys(groups.unready, 0)
    second = ratio(filled)
    if scene.tolerances.hold(second) or (first < 1.0 < second) or (second < 1.0 < first):
        return scene.current
    replicas = _ceil(second * len(filled))
    turned = replicas > scene.current if second < 1.0 else replicas < scene.current
    return scene.current if turned else replicas


def _utilization(values: Values, asked: Mapping[str, int]) -> tuple[int, int]:
    """Percent of the requests, and the average usage, of the pods that have both (GetResourceUtilizationRatio)."""
    known = [name for name in values if name in asked]
    used, requested = sum(values[name] for name in known), sum(asked[name] for name in known)
    if requested == 0:
        raise MetricsError("no metrics returned matched known pods")
    return used * 100 // requested, used // len(known)


def _average(values: Values) -> int:
    return sum(values.values()) // len(values)


def _ceil(replicas: float) -> int:
    return MOST if replicas > MOST else math.ceil(replicas)
