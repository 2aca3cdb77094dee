"""Group policy: PodDisruptionBudget (pkg/apis/policy/validation/validation.go)."""

from __future__ import annotations

from kgate.validate import intstr, selectors
from kgate.validate.cause import Body, Causes, invalid, not_supported, part
from kgate.validate.gates import Gates


def pod_disruption_budget(body: Body, _: Gates) -> Causes:
    spec, path = part(body, "spec"), ("spec",)
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        yield invalid(path, spec, "minAvailable and maxUnavailable cannot be both set")
    for name in ("minAvailable", "maxUnavailable"):
        if (value := spec.get(name)) is not None:
            yield from intstr.not_negative(value, (*path, name))
            yield from intstr.at_most_all(value, (*path, name))
    yield from selectors.causes(part(spec, "selector"), (*path, "selector"))
    if (policy := spec.get("unhealthyPodEvictionPolicy")) is not None and policy not in ("AlwaysAllow", "IfHealthyBudget"):
        yield not_supported((*path, "unhealthyPodEvictionPolicy"), policy, ["AlwaysAllow", "IfHealthyBudget"])
