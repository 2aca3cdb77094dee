"""Group autoscaling: HorizontalPodAutoscaler (pkg/apis/autoscaling/validation/validation.go)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kgate.manifest import Path
from kgate.validate import formats, quantity, resources
from kgate.validate.cause import Body, Causes, forbidden, invalid, items, not_supported, number, part, required, text
from kgate.validate.gates import Gates

_SPEC: Path = ("spec",)
_FIELDS = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}
_SELECTIONS = ("Disabled", "Max", "Min")
_MAX_WINDOW_S = 3600
_MAX_PERIOD_S = 1800


def horizontal_pod_autoscaler(body: Body, on: Gates) -> Causes:
    """minReplicas is 1 when it is left out."""
    spec = part(body, "spec")
    low, high = number(spec, "minReplicas", 1), number(spec, "maxReplicas")
    if low < 1:
        yield invalid((*_SPEC, "minReplicas"), low, "must be greater than or equal to 1")
    if high == 0:
        yield required((*_SPEC, "maxReplicas"), "must be set and greater than 0")
    if high < 0:
        yield invalid((*_SPEC, "maxReplicas"), high, "must be greater than or equal to 1")
    if high < low:
        yield invalid((*_SPEC, "maxReplicas"), high, "must be greater than or equal to `minReplicas`")
    target, at = part(spec, "scaleTargetRef"), (*_SPEC, "scaleTargetRef")
    yield from _reference(target, at)
    if "HPAValidatesApiVersions" in on:
        yield from _api_version(target, at, core=text(target, "kind") == "ReplicationController")
    percent = spec.get("targetCPUUtilizationPercentage")  # of autoscaling/v1, which becomes a metric
    if percent is not None and percent < 1:
        field = (*_SPEC, "metrics", 0, "resource", "target", "averageUtilization")
        yield invalid((*_SPEC, "targetCPUUtilizationPercentage"), percent, "must be greater than 0", at=field)
    yield from _metrics(spec, low, on)
    for name in ("scaleUp", "scaleDown"):
        if (rules := part(spec, "behavior").get(name)) is not None:
            yield from _behavior(rules, (*_SPEC, "behavior", name), on)


def _reference(reference: Body, path: Path) -> Causes:
    for name in ("kind", "name"):
        value = text(reference, name)
        if not value:
            yield required((*path, name))
        for fault in formats.path_segment(value):
            yield invalid((*path, name), value, fault)


def _api_version(reference: Body, path: Path, *, core: bool) -> Causes:
    """`core`: the reference may be to the core group, which has no name."""
    version = text(reference, "apiVersion")
    if version.count("/") > 1:
        yield invalid((*path, "apiVersion"), version, f"unexpected GroupVersion string: {version}")
    elif not core and not version.partition("/")[0 if "/" in version else 2]:
        yield invalid((*path, "apiVersion"), version, "apiVersion must specify API group", remediation="write the group too, as in apps/v1")


def _metrics(spec: Body, low: int, on: Gates) -> Causes:
    found = list(items(spec, "metrics", _SPEC))
    for at, metric in found:
        yield from _metric(metric, at, on)
    if low == 0 and not {text(metric, "type") for _, metric in found} & {"Object", "External"}:
        detail = "must specify at least one Object or External metric to support scaling to zero replicas"
        yield forbidden((*_SPEC, "metrics"), detail)


def _metric(metric: Body, path: Path, on: Gates) -> Causes:
    kind = text(metric, "type")
    if not kind:
        yield required((*path, "type"), "must specify a metric source type")
    if kind not in _FIELDS:
        yield not_supported((*path, "type"), kind, sorted(_FIELDS))
    present = [name for name in _SOURCES if metric.get(name) is not None]
    if present:
        yield from _SOURCES[present[0]](metric[present[0]], (*path, present[0]), on)
    expected = _FIELDS.get(kind, "")
    if expected and expected not in present:
        yield required((*path, expected), "must populate information for the given metric source")
    for name in present if len(present) > 1 else ():
        if name != expected:
            yield forbidden((*path, name), "must populate the given metric source only")


def _identifier(source: Body, path: Path) -> Causes:
    name = text(part(source, "metric"), "name")
    if not name:
        yield required((*path, "metric", "name"), "must specify a metric name")
    for fault in formats.path_segment(name):
        yield invalid((*path, "metric", "name"), name, fault)


def _target(source: Body, path: Path) -> Causes:
    target, path = part(source, "target"), (*path, "target")
    kind = text(target, "type")
    if not kind:
        yield required((*path, "type"), "must specify a metric target type")
    if kind not in ("Utilization", "Value", "AverageValue"):
        yield invalid((*path, "type"), kind, "must be either Utilization, Value, or AverageValue")
    for name in ("value", "averageValue"):
        if (value := target.get(name)) is not None and quantity.nano(value) <= 0:
            yield invalid((*path, name), quantity.text(value), "must be positive")
    if (percent := target.get("averageUtilization")) is not None and percent < 1:
        yield invalid((*path, "averageUtilization"), percent, "must be greater than 0")


def _there(source: Body, *names: str) -> list[bool]:
    return [part(source, "target").get(name) is not None for name in names]


def _object(source: Body, path: Path, on: Gates) -> Causes:
    described, at = part(source, "describedObject"), (*path, "describedObject")
    yield from _reference(described, at)
    if "HPAValidatesApiVersions" in on:
        yield from _api_version(described, at, core=True)
    yield from _identifier(source, path)
    yield from _target(source, path)
    if not any(_there(source, "value", "averageValue")):
        yield required((*path, "target", "averageValue"), "must set either a target value or averageValue")


def _external(source: Body, path: Path, _: Gates) -> Causes:
    yield from _identifier(source, path)
    yield from _target(source, path)
    there = _there(source, "value", "averageValue")
    if not any(there):
        yield required((*path, "target", "averageValue"), "must set either a target value for metric or a per-pod target")
    if all(there):
        yield forbidden((*path, "target", "value"), "may not set both a target value for metric and a per-pod target")


def _pods(source: Body, path: Path, _: Gates) -> Causes:
    yield from _identifier(source, path)
    yield from _target(source, path)
    if not any(_there(source, "averageValue")):
        yield required((*path, "target", "averageValue"), "must specify a positive target averageValue")


def _resource(source: Body, path: Path, _: Gates) -> Causes:
    if not text(source, "name"):
        yield required((*path, "name"), "must specify a resource name")
    yield from _utilization(source, path)


def _container_resource(source: Body, path: Path, _: Gates) -> Causes:
    name, container = text(source, "name"), text(source, "container")
    if name:
        yield from resources.container_name(name, (*path, "name"))
    else:
        yield required((*path, "name"), "must specify a resource name")
    if not container:
        yield required((*path, "container"), "must specify a container")
    for fault in formats.dns1123_label(container) if container else ():
        yield invalid((*path, "container"), container, fault)
    yield from _utilization(source, path)


def _utilization(source: Body, path: Path) -> Causes:
    yield from _target(source, path)
    there = _there(source, "averageUtilization", "averageValue")
    if not any(there):
        yield required((*path, "target", "averageUtilization"), "must set either a target raw value or a target utilization")
    if all(there):
        yield forbidden((*path, "target", "averageValue"), "may not set both a target raw value and a target utilization")


def _behavior(rules: Body, path: Path, on: Gates) -> Causes:
    """What is left out has the default, an empty list of policies has not."""
    window, selection, policies = rules.get("stabilizationWindowSeconds"), rules.get("selectPolicy"), rules.get("policies")
    if window is not None and window < 0:
        yield invalid((*path, "stabilizationWindowSeconds"), window, "must be greater than or equal to zero")
    if window is not None and window > _MAX_WINDOW_S:
        yield invalid((*path, "stabilizationWindowSeconds"), window, f"must be less than or equal to {_MAX_WINDOW_S}")
    if selection is not None and selection not in _SELECTIONS:
        yield not_supported((*path, "selectPolicy"), selection, _SELECTIONS)
    if policies is not None and not policies:
        yield required((*path, "policies"), "must specify at least one Policy")
    for at, policy in items(rules, "policies", path):
        if (kind := text(policy, "type")) not in ("Pods", "Percent"):
            yield not_supported((*at, "type"), kind, ["Percent", "Pods"])
        for name in ("value", "periodSeconds"):
            if number(policy, name) <= 0:
                yield invalid((*at, name), number(policy, name), "must be greater than zero")
        if number(policy, "periodSeconds") > _MAX_PERIOD_S:
            yield invalid((*at, "periodSeconds"), policy["periodSeconds"], f"must be less than or equal to {_MAX_PERIOD_S}")
    if "HPAConfigurableTolerance" in on and quantity.nano(rules.get("tolerance")) < 0:
        yield invalid((*path, "tolerance"), quantity.text(rules["tolerance"]), "must be greater than or equal to 0")


_SOURCES: Mapping[str, Callable[[Body, Path, Gates], Causes]] = {
    "object": _object,
    "external": _external,
    "pods": _pods,
    "resource": _resource,
    "containerResource": _container_resource,
}
"""In the order in which the server looks at them; it looks at the first alone."""
