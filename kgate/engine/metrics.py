"""What the metrics APIs of the cluster answer. It is data that somebody said: the engine's pods run nothing that could be measured.

Sources: staging/src/k8s.io/metrics (metrics.k8s.io, custom.metrics.k8s.io, external.metrics.k8s.io) and
pkg/controller/podautoscaler/metrics/client.go for the words of an answer that is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from kgate.engine.api import selector
from kgate.engine.api.autoscaling import CrossVersionObjectReference
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import FrozenMap, Key, Labels, LabelSelector, Millis
from kgate.engine.store import Store

WINDOW_MS: Millis = 15_000
"""A sample tells of this long before its time: the resolution metrics-server has when nobody sets one."""
CUSTOM_WINDOW_MS: Millis = 60_000

Amounts = FrozenMap[str, int]
"""Resource name to usage in thousandths: of a core, of a byte."""


class MetricsError(Exception):
    """A metrics API has no answer, in the words of the autoscaler's client."""


class PodUsage(Struct, frozen=True, kw_only=True):
    """One row of metrics.k8s.io. `containers` are by name."""

    name: str
    labels: Labels
    timestamp_ms: Millis
    window_ms: Millis = WINDOW_MS
    containers: Mapping[str, Amounts]


class Sample(Struct, frozen=True, kw_only=True):
    """A pod's value in thousandths."""

    timestamp_ms: Millis = 0
    window_ms: Millis = WINDOW_MS
    value: int


class MetricsSource(Protocol):
    """The three metrics APIs, as a controller asks them. Each raises MetricsError when it has nothing to tell."""

    def pod_usage(self, namespace: str, wanted: LabelSelector) -> Sequence[PodUsage]: ...
    def pods_metric(self, namespace: str, wanted: LabelSelector, name: str, series: LabelSelector | None) -> Mapping[str, Sample]: ...
    def object_metric(self, namespace: str, of: CrossVersionObjectReference, name: str, series: LabelSelector | None) -> int: ...
    def external_metric(self, namespace: str, name: str, series: LabelSelector | None) -> Sequence[int]: ...


class Said:
    """A MetricsSource that answers what was said last, with the time of asking as timestamp.

    What was said of a pod stays, also when the pod is gone; of pods that come later nothing is known. This is what the
    metrics server of the recorded control planes did. Unlike upstream: a real
    metrics-server forgets a pod when it ends.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._standing: list[tuple[str, LabelSelector, FrozenMap[str, Amounts]]] = []
        self._usage: dict[Key, PodUsage] = {}
        self._pods: dict[tuple[str, str], dict[str, tuple[Labels, int]]] = {}
        self._objects: dict[tuple[str, str, str, str], int] = {}
        self._external: dict[tuple[str, str], list[tuple[Labels, int]]] = {}

    def of_pod(self, pod: Pod, containers: Mapping[str, Amounts]) -> None:
        """The usage of each of its containers, in thousandths."""
        meta = pod.metadata
        usage = PodUsage(name=meta.name, labels=meta.labels, timestamp_ms=0, containers=FrozenMap(containers))
        self._usage[Key("Pod", meta.namespace, meta.name)] = usage

    def of_pods(self, namespace: str, wanted: LabelSelector, containers: Mapping[str, Amounts]) -> None:
        """The usage of every running pod that is or will be selected, from now on, unless something is said of the pod itself."""
        kept = [s for s in self._standing if s[:2] != (namespace, wanted)]
        self._standing = [*kept, (namespace, wanted, FrozenMap(containers))]

    def of_pod_metric(self, pod: Pod, name: str, value: int) -> None:
        """A custom metric of one pod, in thousandths."""
        self._pods.setdefault((pod.metadata.namespace, name), {})[pod.metadata.name] = (pod.metadata.labels, value)

    def of_object(self, namespace: str, kind: str, object_name: str, name: str, value: int) -> None:
        """A custom metric of any object, in thousandths."""
        self._objects[(namespace, kind, object_name, name)] = value

    def of_external(self, namespace: str, name: str, value: int, labels: Mapping[str, str] | None = None) -> None:
        """One more series of an external metric, or the new value of the one with the same labels; in thousandths."""
        own: Labels = FrozenMap(labels or {})
        others = [s for s in self._external.get((namespace, name), []) if s[0] != own]
        self._external[(namespace, name)] = [*others, (own, value)]

    def pod_usage(self, namespace: str, wanted: LabelSelector) -> Sequence[PodUsage]:
        rows = [u for k, u in self._usage.items() if k.namespace == namespace and selector.matches(wanted, u.labels)]
        rows += self._of_running(namespace, wanted)
        if not rows:
            raise MetricsError("no metrics returned from resource metrics API")
        return [_at(u, self._store.now_ms) for u in rows]

    def pods_metric(self, namespace: str, wanted: LabelSelector, name: str, series: LabelSelector | None) -> Mapping[str, Sample]:
        self._custom_is_served()
        known = self._pods.get((namespace, name), {})
        found = {pod: value for pod, (labels, value) in known.items() if selector.matches(wanted, labels)}
        if not found:
            raise MetricsError("no metrics returned from custom metrics API")
        return {pod: Sample(timestamp_ms=self._store.now_ms, window_ms=CUSTOM_WINDOW_MS, value=value) for pod, value in found.items()}

    def object_metric(self, namespace: str, of: CrossVersionObjectReference, name: str, series: LabelSelector | None) -> int:
        self._custom_is_served()
        value = self._objects.get((namespace, of.kind, of.name, name))
        if value is None:
            said = f"the server could not find the metric {name} for {of.kind.lower()}s {of.name}"
            raise MetricsError(f"unable to fetch metrics from custom metrics API: {said}")
        return value

    def external_metric(self, namespace: str, name: str, series: LabelSelector | None) -> Sequence[int]:
        if not self._external:
            said = f"the server could not find the requested resource (get {name}.external.metrics.k8s.io)"
            raise MetricsError(f"unable to fetch metrics from external metrics API: {said}")
        values = [v for labels, v in self._external.get((namespace, name), ()) if series is None or selector.matches(series, labels)]
        if not values:
            raise MetricsError("no metrics returned from external metrics API")
        return values

    def _of_running(self, namespace: str, wanted: LabelSelector) -> Iterator[PodUsage]:
        rules = [(of, containers) for where, of, containers in self._standing if where == namespace]
        for pod in self._store.list(Pod, namespace) if rules else ():
            meta = pod.metadata
            if pod.status.phase != "Running" or meta.deleting or not selector.matches(wanted, meta.labels):
                continue
            used = next((c for of, c in reversed(rules) if selector.matches(of, meta.labels)), None)
            if used is not None and Key("Pod", namespace, meta.name) not in self._usage:
                yield PodUsage(name=meta.name, labels=meta.labels, timestamp_ms=0, containers=used)

    def _custom_is_served(self) -> None:
        """A cluster on which nobody said anything of such metrics has no adapter for them."""
        if not self._pods and not self._objects:
            said = "no custom metrics API (custom.metrics.k8s.io) registered"
            raise MetricsError(f"unable to fetch metrics from custom metrics API: {said}")


def _at(usage: PodUsage, now_ms: Millis) -> PodUsage:
    return PodUsage(name=usage.name, labels=usage.labels, timestamp_ms=now_ms, window_ms=usage.window_ms, containers=usage.containers)


def of_resource(rows: Sequence[PodUsage], resource: str, container: str = "") -> dict[str, Sample]:
    """Each pod's usage, or one container's; a pod of which a part is unknown is left out (getPodMetrics, getContainerMetrics)."""
    found: dict[str, Sample] = {}
    for row in rows:
        parts = [row.containers[container]] if container in row.containers else [] if container else list(row.containers.values())
        if parts and all(resource in part for part in parts):
            value = sum(part[resource] for part in parts)
            found[row.name] = Sample(timestamp_ms=row.timestamp_ms, window_ms=row.window_ms, value=value)
    return found
