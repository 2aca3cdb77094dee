"""What bounds a namespace and ranks its pods: ResourceQuota, LimitRange, PriorityClass."""

from __future__ import annotations

from kgate.manifest import Path
from kgate.validate import formats, quantity, resources
from kgate.validate.cause import (
    Body,
    Causes,
    Key,
    duplicate,
    forbidden,
    invalid,
    items,
    not_supported,
    number,
    part,
    required,
    strings,
    text,
)
from kgate.validate.gates import Gates

_LIMIT_TYPES = ("Pod", "Container", "PersistentVolumeClaim")
_SCOPES = (
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
)
_COMPUTE = {"pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"}
_WITHIN = {
    **dict.fromkeys(("Terminating", "NotTerminating", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity"), _COMPUTE),
    "BestEffort": {"pods"},
    "VolumeAttributesClass": {"persistentvolumeclaims", "requests.storage"},
}
"""What a quota of a scope may bound."""
_QUOTA = {
    *_COMPUTE, "ephemeral-storage", "requests.storage", "requests.ephemeral-storage", "limits.ephemeral-storage", "resourcequotas",
    "services", "replicationcontrollers", "secrets", "persistentvolumeclaims", "configmaps", "services.nodeports",
    "services.loadbalancers",
}  # fmt: skip
_EXISTING = ("BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity")
_MUST_EXIST = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
    "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)
_MAX_USER_PRIORITY = 1_000_000_000
_SYSTEM = "system-"
_SYSTEM_CLASSES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}

# Which bound may not lie above which, and how the server puts it (pkg/apis/core/validation/validation.go:ValidateLimitRange).
_BOUNDS = (
    ("min", "max", "min", "min value {0} is greater than max value {1}"),
    ("min", "defaultRequest", "defaultRequest", "min value {0} is greater than default request value {1}"),
    ("defaultRequest", "max", "defaultRequest", "default request value {0} is greater than max value {1}"),
    ("defaultRequest", "default", "defaultRequest", "default request value {0} is greater than default limit value {1}"),
    ("min", "default", "default", "min value {0} is greater than default value {1}"),
    ("default", "max", "default", "default value {0} is greater than max value {1}"),
)


def resource_quota(body: Body, _: Gates) -> Causes:
    spec, path = part(body, "spec"), ("spec",)
    hard = part(spec, "hard")
    for name, value in hard.items():
        at = (*path, "hard", Key(name))
        yield from resources.known_name(name, at)
        if "/" not in name and not _counted(name):
            yield invalid(at, name, "must be a standard resource for quota", key=True)
        yield from resources.amount(name, value, at)
    scopes = [scope for _, scope in strings(spec, "scopes", path)]
    for i, scope in enumerate(scopes):
        field = (*path, "scopes")
        if scope not in _SCOPES:
            yield invalid((*field, i), scopes, "unsupported scope", at=field)
        if not _applies(scope, hard):
            yield invalid((*field, i), scopes, "unsupported scope applied to resource", at=field)
    yield from _conflicts(scopes, scopes, (*path, "scopes"))
    yield from _scope_selector(spec, hard)


def _counted(name: str) -> bool:
    """helper.IsStandardQuotaResourceName."""
    return name in _QUOTA or name.startswith(("hugepages-", "requests.hugepages-"))


def _applies(scope: str, hard: Body) -> bool:
    """Whether everything that is bounded can be bounded within the scope."""
    allowed = _WITHIN.get(scope)
    return allowed is None or all(name in allowed for name in hard if _counted(name))


def _conflicts(scopes: list[str], shown: object, path: Path) -> Causes:
    for pair in (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")):
        if {*pair} <= {*scopes}:
            yield invalid(path, shown, "conflicting scopes")


def _scope_selector(spec: Body, hard: Body) -> Causes:
    """The server names the list, not the item of it."""
    path = ("spec", "scopeSelector", "matchExpressions")
    scopes = []
    for at, requirement in items(part(spec, "scopeSelector"), "matchExpressions", path[:-1]):
        scope, operator, values = text(requirement, "scopeName"), text(requirement, "operator"), requirement.get("values") or []
        scopes.append(scope)
        if scope not in _SCOPES:
            yield invalid((*at, "scopeName"), scope, "unsupported scope", at=(*path, "scopeName"))
        if not _applies(scope, hard):
            yield invalid(at, scope, "unsupported scope applied to resource", at=path)
        if scope in _EXISTING and operator != "Exists":
            yield invalid((*at, "operator"), operator, _MUST_EXIST, at=(*path, "operator"))
        if operator in ("In", "NotIn"):
            if not values:
                detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
                yield required((*at, "values"), detail, at=(*path, "values"))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
                yield invalid((*at, "values"), values, detail, at=(*path, "values"))
        else:
            yield invalid((*at, "operator"), operator, "not a valid selector operator", at=(*path, "operator"))
    yield from _conflicts(scopes, spec.get("scopes"), path)


def limit_range(body: Body, _: Gates) -> Causes:
    taken: set[str] = set()
    for at, limit in items(part(body, "spec"), "limits", ("spec",)):
        kind = text(limit, "type")
        yield from _limit_type(kind, (*at, "type"))
        if kind in taken:
            yield duplicate((*at, "type"), kind)
        taken.add(kind)
        for name in ("default", "defaultRequest") if kind == "Pod" else ():
            if limit.get(name):
                yield forbidden((*at, name), "may not be specified when `type` is 'Pod'")
        yield from _limited(limit, kind, at)
        yield from _bounds(_defaulted(limit) if kind == "Container" else limit, at)


def _limited(limit: Body, kind: str, path: Path) -> Causes:
    """The names of what is bounded, the storage of a claim, and how far limits may lie above requests."""
    fields = ("max", "min", *(() if kind == "Pod" else ("default", "defaultRequest")), "maxLimitRequestRatio")
    name_rules = resources.container_name if kind in ("Pod", "Container") else resources.known_name
    for field in fields:
        for name in part(limit, field):
            yield from name_rules(name, (*path, field, Key(name)))
    low, high, ratios = part(limit, "min"), part(limit, "max"), part(limit, "maxLimitRequestRatio")
    if kind == "PersistentVolumeClaim" and "storage" not in low and "storage" not in high:
        detail = "either minimum or maximum storage value is required, but neither was provided"
        yield required(path, detail, at=(*path, "limits"))
    for name, written in ratios.items():
        ratio, at = quantity.nano(written), (*path, "maxLimitRequestRatio", Key(name))
        if ratio < quantity.NANO:
            yield invalid(at, quantity.text(written), f"ratio {quantity.text(written)} is less than 1")
        if name in low and name in high and (least := quantity.nano(low[name])) > 0:
            most = quantity.nano(high[name]) / least
            if ratio / quantity.NANO > most * 1.001:  # the server counts in floating point
                yield invalid(at, quantity.text(written), f"ratio {quantity.text(written)} is greater than max/min = {most:f}")


def _limit_type(kind: str, path: Path) -> Causes:
    faults = formats.label_key(kind)
    for fault in faults:
        yield invalid(path, kind, fault)
    if not faults and "/" not in kind and kind not in _LIMIT_TYPES:
        yield invalid(path, kind, "must be a standard limit type or fully qualified")


def _defaulted(limit: Body) -> Body:
    """pkg/apis/core/v1/defaults.go:SetDefaults_LimitRangeItem: max gives the default, which gives the request, which min gives at last."""
    low, high = part(limit, "min"), part(limit, "max")
    default = {**high, **part(limit, "default")}
    return {**limit, "default": default, "defaultRequest": {**low, **default, **part(limit, "defaultRequest")}}


def _bounds(limit: Body, path: Path) -> Causes:
    for lower, upper, blamed, sentence in _BOUNDS:
        low, high = part(limit, lower), part(limit, upper)
        for name in low:
            if name in high and quantity.nano(low[name]) > quantity.nano(high[name]):
                shown = quantity.text(low[name]), quantity.text(high[name])
                yield invalid((*path, blamed, Key(name)), quantity.text(part(limit, blamed)[name]), sentence.format(*shown))


def priority_class(body: Body, _: Gates) -> Causes:
    """pkg/apis/scheduling/validation/validation.go."""
    name = text(part(body, "metadata"), "name")
    if name.startswith(_SYSTEM):
        if fault := _system_fault(name, body):
            detail = f"priority class names with '{_SYSTEM}' prefix are reserved for system use only. error: {fault}"
            yield forbidden(("metadata", "name"), detail)
    elif number(body, "value") > _MAX_USER_PRIORITY:
        yield forbidden(("value",), f"maximum allowed value of a user defined priority is {_MAX_USER_PRIORITY}")
    if (policy := body.get("preemptionPolicy")) is not None and policy not in ("PreemptLowerPriority", "Never"):
        yield not_supported(("preemptionPolicy",), policy, ["PreemptLowerPriority", "Never"])


def _system_fault(name: str, body: Body) -> str:
    """The system's own classes may be written out as they are (pkg/apis/scheduling/v1/helpers.go)."""
    if name not in _SYSTEM_CLASSES:
        return f"{name} is not a known system priority class"
    if number(body, "value") != _SYSTEM_CLASSES[name]:
        return f"value of {name} PriorityClass must be {_SYSTEM_CLASSES[name]}"
    return f"globalDefault of {name} PriorityClass must be false" if body.get("globalDefault") else ""
