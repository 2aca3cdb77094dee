"""What bounds a namespace and ranks its pods: ResourceQuota, LimitRange, PriorityClass."""

from __future__ import annotations

from kgate.manifest import Path
from kgate.validate import formats, quantity, resources
from kgate.validate.cause import Body, Causes, Key, duplicate, forbidden, invalid, items, not_supported, number, part, strings, text
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
_MAX_USER_PRIORITY = 1_000_000_000
_SYSTEM = "system-"

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
    for name, value in part(spec, "hard").items():
        at = (*path, "hard", Key(name))
        for fault in formats.label_key(name):
            yield invalid(at, name, fault, key=True)
        yield from resources.amount(name, value, at)
    scopes = [scope for _, scope in strings(spec, "scopes", path)]
    if any(scope not in _SCOPES for scope in scopes):
        yield invalid((*path, "scopes"), scopes, "unsupported scope")


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
        yield from _bounds(_defaulted(limit) if kind == "Container" else limit, at)


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
    """pkg/apis/scheduling/validation/validation.go; the system's own classes are left alone."""
    name = text(part(body, "metadata"), "name")
    if not name.startswith(_SYSTEM) and number(body, "value") > _MAX_USER_PRIORITY:
        yield forbidden(("value",), f"maximum allowed value of a user defined priority is {_MAX_USER_PRIORITY}")
    if (policy := text(body, "preemptionPolicy")) and policy not in ("PreemptLowerPriority", "Never"):
        yield not_supported(("preemptionPolicy",), policy, ["PreemptLowerPriority", "Never"])
