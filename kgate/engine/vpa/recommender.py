"""Watches the usage of a target's pods and says what they should ask for (vertical-pod-autoscaler/pkg/recommender).

A model: it knows what the metrics API of this cluster is given to say, from the moment the autoscaler is made. Unlike upstream
it has no checkpoints, does not know of usage before that, and never forgets a label set.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from kgate.engine.api.core import ContainerStatus, Pod
from kgate.engine.api.meta import Condition, FrozenMap, Key, LabelSelector, Millis, condition
from kgate.engine.api.resources import CPU, MEMORY
from kgate.engine.api.verticalautoscaling import (
    RecommendedContainerResources,
    RecommendedPodResources,
    VerticalPodAutoscaler,
    VerticalPodAutoscalerStatus,
)
from kgate.engine.metrics import MetricsError, MetricsSource, PodUsage
from kgate.engine.vpa import policy
from kgate.engine.vpa.estimator import Estimate, estimate
from kgate.engine.vpa.settings import Settings
from kgate.engine.vpa.usage import Container, Usage

PROVIDED, NO_PODS, MODEL = "RecommendationProvided", "NoPodsMatched", "Model"


class Recommender:
    """Of one autoscaler."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._usages: dict[str, Usage] = {}
        self._containers: dict[tuple[Key, str], Container] = {}

    def look(self, vpa: VerticalPodAutoscaler, pods: Sequence[Pod], metrics: MetricsSource, wanted: LabelSelector, now_ms: Millis) -> None:
        """One round of samples."""
        there = {p.metadata.name: p for p in pods if not p.metadata.deleting}
        for pod in there.values():
            for c in pod.spec.containers:
                self._container(pod, c.name)
            for status in pod.status.container_statuses:
                self._oom(pod, status, now_ms)
        for row in _rows(metrics, vpa.metadata.namespace, wanted):
            if row.name in there:
                self._sample(there[row.name], row)
        alive = {p.metadata.uid for p in there.values()}
        self._containers = {k: c for k, c in self._containers.items() if k[0].name in alive}

    def status(self, vpa: VerticalPodAutoscaler, *, pods: bool, now_ms: Millis) -> VerticalPodAutoscalerStatus:
        """With the recommendation that follows from all samples."""
        usages = {name: usage for name, usage in self._usages.items() if policy.scaled(vpa, name)}
        found = estimate(usages, self._settings)
        recommended = tuple(_recommended(vpa, name, found[name]) for name in sorted(found))
        return VerticalPodAutoscalerStatus(
            recommendation=RecommendedPodResources(container_recommendations=recommended),
            conditions=_conditions(vpa.status.conditions, provided=bool(recommended), pods=pods, now_ms=now_ms),
        )

    def _container(self, pod: Pod, name: str) -> Container:
        key = (Key("Pod", pod.metadata.namespace, pod.metadata.uid), name)
        if key not in self._containers:
            usage = self._usages.setdefault(name, Usage(self._settings))
            self._containers[key] = Container(usage, self._settings)
        return self._containers[key]

    def _sample(self, pod: Pod, row: PodUsage) -> None:
        for name, used in row.containers.items():
            memory = used.get(MEMORY)
            whole = None if memory is None else -(-memory // 1000)
            self._container(pod, name).add(used.get(CPU), whole, row.timestamp_ms)

    def _oom(self, pod: Pod, status: ContainerStatus, now_ms: Millis) -> None:
        """A restart since the last look, after the kernel killed it."""
        known = self._container(pod, status.name)
        restarted, known.restarts = status.restart_count > known.restarts, status.restart_count
        if restarted and killed_for_memory(status):
            asked = next((c.resources.requests.get(MEMORY, 0) for c in pod.spec.containers if c.name == status.name), 0)
            known.add_oom(asked, now_ms)


def killed_for_memory(status: ContainerStatus) -> bool:
    ended = status.last_state.get("terminated")
    return isinstance(ended, FrozenMap) and ended.get("reason") == "OOMKilled"


def _rows(metrics: MetricsSource, namespace: str, wanted: LabelSelector) -> Sequence[PodUsage]:
    """Without an answer this round has no samples."""
    try:
        return metrics.pod_usage(namespace, wanted)
    except MetricsError:
        return ()


def _recommended(vpa: VerticalPodAutoscaler, name: str, found: Estimate) -> RecommendedContainerResources:
    rules = policy.container_policy(vpa, name)
    uncapped = policy.capped(found.target, replace(rules, min_allowed=FrozenMap(), max_allowed=FrozenMap()))
    return RecommendedContainerResources(
        container_name=name,
        target=policy.capped(found.target, rules),
        lower_bound=policy.capped(found.lower, rules),
        upper_bound=policy.capped(found.upper, rules),
        uncapped_target=uncapped,
    )


def _conditions(known: tuple[Condition, ...], *, provided: bool, pods: bool, now_ms: Millis) -> tuple[Condition, ...]:
    """Sorted by type."""
    why = ("", "") if pods else ("NoPodsMatched", "No pods match this VPA object")
    wanted = [
        (MODEL, "True", "Modelled", "a model of the recommender, over the usage that this cluster was given"),
        (PROVIDED, "True" if provided else "False", *(("", "") if provided else why)),
    ]
    if not pods:
        wanted.append((NO_PODS, "True", *why))
    return tuple(_made(known, w, now_ms) for w in sorted(wanted))


def _made(known: Iterable[Condition], wanted: tuple[str, str, str, str], now_ms: Millis) -> Condition:
    type_, status, reason, message = wanted
    before = condition(tuple(known), type_)
    since = before.last_transition_time_ms if before is not None and before.status == status else now_ms // 1000 * 1000
    return Condition(type=type_, status=status, reason=reason, message=message, last_transition_time_ms=since)
