"""Group autoscaling: HorizontalPodAutoscaler (pkg/apis/autoscaling/validation/validation.go)."""

from __future__ import annotations

from kgate.validate import formats
from kgate.validate.cause import Body, Causes, invalid, number, part, required, text
from kgate.validate.gates import Gates


def horizontal_pod_autoscaler(body: Body, _: Gates) -> Causes:
    """minReplicas is 1 when it is left out."""
    spec, path = part(body, "spec"), ("spec",)
    low, high = number(spec, "minReplicas", 1), number(spec, "maxReplicas")
    if low < 1:
        yield invalid((*path, "minReplicas"), low, "must be greater than or equal to 1")
    if high == 0:
        yield required((*path, "maxReplicas"), "must be set and greater than 0")
    if high < 0:
        yield invalid((*path, "maxReplicas"), high, "must be greater than or equal to 1")
    if high < low:
        yield invalid((*path, "maxReplicas"), high, "must be greater than or equal to `minReplicas`")
    target = part(spec, "scaleTargetRef")
    for name in ("kind", "name"):
        value = text(target, name)
        if not value:
            yield required((*path, "scaleTargetRef", name))
        for fault in formats.path_segment(value):
            yield invalid((*path, "scaleTargetRef", name), value, fault)
