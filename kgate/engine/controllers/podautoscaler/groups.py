"""Which pods' samples count: the ready ones; the others are unready, missing or ignored (replica_calculator.go:groupPods)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Millis, condition
from kgate.engine.api.resources import CPU
from kgate.engine.controllers.podautoscaler.settings import Settings
from kgate.engine.metrics import Sample


class Groups(Struct, frozen=True, kw_only=True):
    """Names of pods, in the order of the pods."""

    ready: int
    unready: tuple[str, ...]
    """Pending, or their cpu tells of starting up."""
    missing: tuple[str, ...]
    """Running, and nothing is known of them."""
    ignored: tuple[str, ...]
    """On their way out, or failed."""


def group(pods: Iterable[Pod], samples: Mapping[str, Sample], resource: str, settings: Settings, now_ms: Millis) -> Groups:
    names: dict[str, list[str]] = {"ready": [], "unready": [], "missing": [], "ignored": []}
    for pod in pods:
        names[_group_of(pod, samples.get(pod.metadata.name), resource, settings, now_ms)].append(pod.metadata.name)
    return Groups(
        ready=len(names["ready"]),
        unready=tuple(names["unready"]),
        missing=tuple(names["missing"]),
        ignored=tuple(names["ignored"]),
    )


def _group_of(pod: Pod, sample: Sample | None, resource: str, settings: Settings, now_ms: Millis) -> str:
    if pod.metadata.deleting or pod.status.phase == "Failed":
        return "ignored"
    if pod.status.phase == "Pending":
        return "unready"
    if sample is None:
        return "missing"
    return "unready" if resource == CPU and _starting(pod, sample, settings, now_ms) else "ready"


def _starting(pod: Pod, sample: Sample, settings: Settings, now_ms: Millis) -> bool:
    """Whether the cpu usage may tell of the pod's start rather than of its work.

    In the first minutes: it is not ready, or not ready for as long as the sample's window. Later: it has never been ready.
    """
    ready, start_ms = condition(pod.status.conditions, "Ready"), pod.status.start_time_ms
    if ready is None or start_ms is None:
        return True
    changed_ms = ready.last_transition_time_ms or 0
    if start_ms + settings.cpu_initialization_period_ms > now_ms:
        return ready.status == "False" or sample.timestamp_ms < changed_ms + sample.window_ms
    return ready.status == "False" and start_ms + settings.initial_readiness_delay_ms > changed_ms
