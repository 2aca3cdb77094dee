"""What the server makes of an autoscaler: one version of it, and its defaults.

Sources: pkg/apis/autoscaling/v2/defaults.go, pkg/apis/autoscaling/v1/conversion.go.
Works on a private JSON copy of the object and changes it in place.
"""

from __future__ import annotations

import copy
from typing import Any

Json = dict[str, Any]

CPU_UTILIZATION = 80
"""Percent of the request that is aimed at when no metric is named."""

_UP: Json = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}],
}
_DOWN: Json = {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}
"""Without a window: that of the cluster counts, a flag of its controller manager."""


def as_v2(obj: Json) -> None:
    """An autoscaling/v1 object becomes what it means in v2.

    Unlike upstream: what v1 objects carry in annotations (metrics of other kinds, behavior) is not looked at.
    """
    if obj.get("kind") != "HorizontalPodAutoscaler" or obj.get("apiVersion") != "autoscaling/v1":
        return
    obj["apiVersion"] = "autoscaling/v2"
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    if percent is not None:
        spec["metrics"] = [_cpu(percent)]


def set_autoscaler_defaults(obj: Json) -> None:
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return
    if spec.get("minReplicas") is None:
        spec["minReplicas"] = 1
    if not spec.get("metrics"):
        spec["metrics"] = [_cpu(CPU_UTILIZATION)]
    behavior = spec.get("behavior")
    if isinstance(behavior, dict):
        behavior["scaleUp"] = _rules(behavior.get("scaleUp"), _UP)
        behavior["scaleDown"] = _rules(behavior.get("scaleDown"), _DOWN)


def _cpu(percent: Any) -> Json:
    return {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}}


def _rules(given: Any, defaults: Json) -> Any:
    """What is given over the defaults, field by field; what is no mapping is left to decoding to refuse."""
    if given is not None and not isinstance(given, dict):
        return given
    return copy.deepcopy(defaults) | {k: v for k, v in (given or {}).items() if v is not None}
