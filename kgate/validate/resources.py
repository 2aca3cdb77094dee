"""Requests and limits (pkg/apis/core/validation/validation.go:ValidateContainerResourceRequirements)."""

from __future__ import annotations

from kgate.manifest import Path
from kgate.validate import formats, quantity
from kgate.validate.cause import Body, Causes, Key, forbidden, invalid, not_supported, part, required

_STANDARD = ("cpu", "memory", "ephemeral-storage")
_OTHER_STANDARD = {
    "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps", "persistentvolumeclaims",
    "services.nodeports", "services.loadbalancers",
}  # fmt: skip
"""Counted in whole things, and no resource of a container."""
_KNOWN = {*_STANDARD, *_OTHER_STANDARD, "storage", *(f"{kind}.{name}" for kind in ("requests", "limits") for name in _STANDARD)}
_HUGE = "hugepages-"
_NATIVE = "kubernetes.io/"


def container(resources: Body, path: Path) -> Causes:
    limits, requests = part(resources, "limits"), part(resources, "requests")
    for kind, found in (("limits", limits), ("requests", requests)):
        for name, value in found.items():
            at = (*path, kind, Key(name))
            yield from _container_name(name, at)
            yield from amount(name, value, at)
            yield from _huge_page(name, value, at)
    yield from _within(requests, limits, path)
    named = {*limits, *requests}
    if any(name.startswith(_HUGE) for name in named) and not named & {"cpu", "memory"}:
        yield forbidden(path, "HugePages require cpu or memory")


def pod(resources: Body, path: Path) -> Causes:
    """Resources of the whole pod: cpu, memory and huge pages, and no claims."""
    limits, requests = part(resources, "limits"), part(resources, "requests")
    for kind, found in (("limits", limits), ("requests", requests)):
        for name, value in found.items():
            at = (*path, kind, Key(name))
            if name not in ("cpu", "memory") and not name.startswith(_HUGE):
                yield not_supported(at, name, ["cpu", "hugepages-", "memory"])
            yield from amount(name, value, at)
            yield from _huge_page(name, value, at)
    yield from _within(requests, limits, path)
    if resources.get("claims") is not None:
        yield forbidden((*path, "claims"), "claims may not be set for Resources at pod-level")


def _within(requests: Body, limits: Body, path: Path) -> Causes:
    """The server names all requests where one of them is wrong."""
    for name, value in requests.items():
        at, field = (*path, "requests", Key(name)), (*path, "requests")
        fixed = not overcommitable(name)
        if name not in limits:
            if fixed:
                yield required((*path, "limits"), "Limit must be set for non overcommitable resources")
            continue
        asked, limit = quantity.nano(value), quantity.nano(limits[name])
        shown = quantity.text(limits[name])
        if fixed and asked != limit:
            yield invalid(at, quantity.text(value), f"must be equal to {name} limit of {shown}", at=field)
        elif asked > limit:
            hint = f"raise the limit to at least {quantity.text(value)}, or lower the request to at most {shown}"
            yield invalid(at, quantity.text(value), f"must be less than or equal to {name} limit of {shown}", at=field, remediation=hint)


def amount(name: str, value: quantity.Quantity | None, path: Path) -> Causes:
    """ValidateResourceQuantityValue: not negative, and whole where the resource comes in pieces."""
    size = quantity.nano(value)
    if size < 0:
        yield invalid(path, quantity.text(value), "must be greater than or equal to 0")
    # The server looks at thousandths, rounded up.
    if (name in _OTHER_STANDARD or extended(name)) and -(-size // 10**6) % 1000:
        yield invalid(path, quantity.text(value), "must be an integer")


def _container_name(name: str, path: Path) -> Causes:
    faults = formats.label_key(name)
    for fault in faults:
        yield invalid(path, name, fault, key=True)
    if "/" not in name:
        if not faults and name not in _KNOWN and not name.startswith(_HUGE):
            yield invalid(path, name, "must be a standard resource type or fully qualified", key=True)
        if name not in _STANDARD and not name.startswith(_HUGE):
            yield invalid(path, name, "must be a standard resource for containers", key=True)
    elif _NATIVE not in name and not extended(name):
        yield invalid(path, name, "doesn't follow extended resource name standard", key=True)


def extended(name: str) -> bool:
    """helper.IsExtendedResourceName: `nvidia.com/gpu`."""
    native = "/" not in name or _NATIVE in name
    return not native and not name.startswith("requests.") and not formats.label_key(f"requests.{name}")


def overcommitable(name: str) -> bool:
    return ("/" not in name or _NATIVE in name) and not name.startswith(_HUGE)


def _huge_page(name: str, value: quantity.Quantity | None, path: Path) -> Causes:
    """A whole number of pages, whose size is in the name."""
    if not name.startswith(_HUGE):
        return
    page, size = quantity.nano(name.removeprefix(_HUGE)), quantity.nano(value)
    if page <= 0 or page % quantity.NANO or size < 0 or size % page:
        yield invalid(path, quantity.text(value), f"{quantity.text(value)} is not positive integer multiple of {name}")
