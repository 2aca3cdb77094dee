"""What one metric of an autoscaler proposes, and what its status shows of it (horizontal.go:computeReplicasForMetric)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from msgspec import Struct

from kgate.engine.api.autoscaling import (
    ExternalMetricSource,
    MetricIdentifier,
    MetricSpec,
    MetricStatus,
    MetricTarget,
    MetricValueStatus,
    ObjectMetricSource,
    ObjectMetricStatus,
    PodsMetricSource,
    PodsMetricStatus,
    ResourceMetricSource,
    ResourceMetricStatus,
)
from kgate.engine.api.meta import LabelSelector
from kgate.engine.api.quantity import Notation, Quantity, milli
from kgate.engine.api.resources import MEMORY
from kgate.engine.controllers.podautoscaler import replica_calculator as calculator
from kgate.engine.controllers.podautoscaler.replica_calculator import Proposal, Scene
from kgate.engine.controllers.podautoscaler.requests import requests
from kgate.engine.controllers.podautoscaler.selectors import go_text
from kgate.engine.metrics import MetricsError, MetricsSource, Sample, of_resource

T = TypeVar("T")


class InvalidMetricError(Exception):
    """A metric from which nothing can be computed: the reason of condition and event, the message, and how a summary words it."""

    def __init__(self, reason: str, message: str, summary: str) -> None:
        super().__init__(message)
        self.reason, self.message, self.summary = reason, message, summary


class SummedUpError(MetricsError):
    """One whose summary says more than condition and event do, which say `inner`."""

    def __init__(self, summary: str, inner: str) -> None:
        super().__init__(summary)
        self.inner = inner


class Proposed(Struct, frozen=True, kw_only=True):
    """`name` is how events and conditions call the metric."""

    replicas: int
    name: str
    status: MetricStatus


class Asked(Struct, frozen=True, kw_only=True):
    """Whose metrics are asked for, and where."""

    source: MetricsSource
    namespace: str
    selector: LabelSelector
    scene: Scene
    status_replicas: int


def propose(asked: Asked, spec: MetricSpec) -> Proposed:
    """Raises InvalidMetricError."""
    match spec:
        case MetricSpec(type="Resource", resource=ResourceMetricSource() as source):
            return _named("FailedGetResourceMetric", f"{source.name} resource metric value", lambda: _resource(asked, source, ""))
        case MetricSpec(type="ContainerResource", container_resource=ResourceMetricSource() as source):
            about = f"{source.container} container metric value"
            return _named("FailedGetContainerResourceMetric", about, lambda: _resource(asked, source, source.container))
        case MetricSpec(type="Pods", pods=PodsMetricSource() as pods):
            return _named("FailedGetPodsMetric", "pods metric value", lambda: _pods(asked, pods))
        case MetricSpec(type="Object", object=ObjectMetricSource() as obj):
            return _named("FailedGetObjectMetric", "object metric value", lambda: _object(asked, obj))
        case MetricSpec(type="External", external=ExternalMetricSource() as external):
            about = f"{external.metric.name} external metric value"
            return _named("FailedGetExternalMetric", about, lambda: _external(asked, external))
    said = f'unknown metric source type "{spec.type}"'
    raise InvalidMetricError("InvalidMetricSourceType", said, said)


def _named(reason: str, about: str, compute: Callable[[], Proposed]) -> Proposed:
    try:
        return compute()
    except SummedUpError as unknown:
        raise InvalidMetricError(reason, unknown.inner, f"failed to get {about}: {unknown}") from unknown
    except MetricsError as unknown:
        raise InvalidMetricError(reason, str(unknown), f"failed to get {about}: {unknown}") from unknown


def _resource(asked: Asked, source: ResourceMetricSource, container: str) -> Proposed:
    target, name = source.target, source.name
    if target.average_value is not None:
        aim = milli(target.average_value)
        found = _prefixed(f"failed to get {name} usage", lambda: _usage(asked, name, container, aim))
        called = f"{name} resource"
    elif target.average_utilization is not None:
        percent = target.average_utilization
        found = _prefixed(f"failed to get {name} utilization", lambda: _utilization(asked, name, container, percent))
        called = f"{name} {'container ' if container else ''}resource utilization (percentage of request)"
    else:
        raise MetricsError(
            "invalid resource metric source: neither an average utilization target nor an average value (usage) target was set"
        )
    current = MetricValueStatus(average_value=_shown(found.usage, name), average_utilization=found.utilization)
    seen = ResourceMetricStatus(name=name, container=container, current=current)
    status = MetricStatus(type="ContainerResource", container_resource=seen) if container else MetricStatus(type="Resource", resource=seen)
    return Proposed(replicas=found.replicas, name=called, status=status)


def _samples(asked: Asked, resource: str, container: str) -> Mapping[str, Sample]:
    try:
        return of_resource(asked.source.pod_usage(asked.namespace, asked.selector), resource, container)
    except MetricsError as unknown:
        raise MetricsError(f"unable to get metrics for resource {resource}: {unknown}") from unknown


def _usage(asked: Asked, resource: str, container: str, target: int) -> Proposal:
    return calculator.by_average(asked.scene, _samples(asked, resource, container), resource, target)


def _utilization(asked: Asked, resource: str, container: str, percent: int) -> Proposal:
    samples = _samples(asked, resource, container)
    return calculator.by_utilization(asked.scene, samples, resource, lambda: requests(asked.scene.pods, container, resource), percent)


def _pods(asked: Asked, source: PodsMetricSource) -> Proposed:
    name, target = source.metric.name, milli(source.target.average_value or Quantity(0))

    def compute() -> Proposal:
        samples = _prefixed(
            f"unable to get metric {name}", lambda: asked.source.pods_metric(asked.namespace, asked.selector, name, source.metric.selector)
        )
        return calculator.by_average(asked.scene, samples, "", target)

    found = compute()
    seen = PodsMetricStatus(metric=_identifier(source.metric), current=MetricValueStatus(average_value=_shown(found.usage)))
    return Proposed(replicas=found.replicas, name=f"pods metric {name}", status=MetricStatus(type="Pods", pods=seen))


def _object(asked: Asked, source: ObjectMetricSource) -> Proposed:
    metric, ref = source.metric, source.described_object
    where = f" on {ref.kind} {asked.namespace}/{ref.name}"

    def usage() -> int:
        return _prefixed(
            f"unable to get metric {metric.name}",
            lambda: asked.source.object_metric(asked.namespace, ref, metric.name, metric.selector),
            where,
        )

    found, current, per_pod = _of_value(asked, source.target, usage, f"failed to get {metric.name} object metric", "", "object")
    seen = ObjectMetricStatus(metric=_identifier(metric), current=current, described_object=ref)
    called = _external_name(metric) if per_pod else f"{ref.kind} metric {metric.name}"
    return Proposed(replicas=found.replicas, name=called, status=MetricStatus(type="Object", object=seen))


def _external(asked: Asked, source: ExternalMetricSource) -> Proposed:
    metric = source.metric
    about = f"unable to get external metric {asked.namespace}/{metric.name}/{go_text(metric.selector)}"

    def usage() -> int:
        return calculator.total(_prefixed(about, lambda: asked.source.external_metric(asked.namespace, metric.name, metric.selector)))

    found, current, _ = _of_value(
        asked,
        source.target,
        usage,
        f"failed to get {metric.name} external metric",
        f"failed to get external metric {metric.name}",
        "external",
    )
    seen = PodsMetricStatus(metric=_identifier(metric), current=current)
    return Proposed(replicas=found.replicas, name=_external_name(metric), status=MetricStatus(type="External", external=seen))


def _of_value(
    asked: Asked, target: MetricTarget, usage: Callable[[], int], shared: str, whole: str, kind: str
) -> tuple[Proposal, MetricValueStatus, bool]:
    """One value for all; whether every pod is to have its share of it. `shared` and `whole` begin the message of a failure."""
    scene = asked.scene
    by_average = kind == "external" or target.type == "AverageValue"
    by_value = kind == "external" or target.type == "Value"
    if target.average_value is not None and by_average:
        aim = milli(target.average_value)
        found = _summed_up(shared, lambda: calculator.by_value_per_pod(usage(), aim, asked.status_replicas, scene.tolerances))
        return found, MetricValueStatus(average_value=_shown(found.usage)), True
    if target.value is not None and by_value:
        aim = milli(target.value)

        def compute() -> Proposal:
            return calculator.by_value(scene, usage(), aim)

        found = _summed_up(whole, compute) if whole else compute()
        return found, MetricValueStatus(value=_shown(found.usage)), False
    raise MetricsError(f"invalid {kind} metric source: neither a value target nor an average value target was set")


def _prefixed(prefix: str, ask: Callable[[], T], suffix: str = "") -> T:
    try:
        return ask()
    except MetricsError as unknown:
        raise MetricsError(f"{prefix}: {unknown}{suffix}") from unknown


def _summed_up(prefix: str, compute: Callable[[], Proposal]) -> Proposal:
    try:
        return compute()
    except MetricsError as unknown:
        raise SummedUpError(f"{prefix}: {unknown}", str(unknown)) from unknown


def _external_name(metric: MetricIdentifier) -> str:
    return f"external metric {metric.name}({go_text(metric.selector)})"


def _identifier(metric: MetricIdentifier) -> MetricIdentifier:
    return MetricIdentifier(name=metric.name, selector=metric.selector)


def _shown(thousandths: int, resource: str = "") -> Quantity:
    """Memory in powers of 1024, as metrics-server shows it; all else in powers of 1000 (buildQuantity)."""
    return Quantity(thousandths * 10**6, Notation.BINARY_SI if resource == MEMORY else Notation.DECIMAL_SI)
