"""Requests and limits (pkg/apis/core/validation/validation.go:ValidateContainerResourceRequirements)."""

from __future__ import annotations

from collections.abc import Callable, Collection

from kgate.manifest import Path
from kgate.validate import formats, quantity
from kgate.validate.cause import Body, Causes, Key, duplicate, forbidden, invalid, items, not_found, not_supported, part, required, text

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
            yield from container_name(name, at)
            yield from amount(name, value, at)
            yield from _huge_page(name, value, at)
    yield from _within(requests, limits, path)
    named = {*limits, *requests}
    if any(name.startswith(_HUGE) for name in named) and not named & {"cpu", "memory"}:
        yield forbidden(path, "HugePages require cpu or memory")


def pod(spec: Body, resources: Body, path: Path) -> Causes:
    """Resources of the whole pod: cpu, memory and huge pages, and no claims; `spec` is that of the pod."""
    if text(part(spec, "os"), "name") == "windows":
        yield forbidden(path, "may not be set for a windows pod")
        return
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
    yield from _consistent(spec, requests, limits, path)


def _consistent(spec: Body, requests: Body, limits: Body, path: Path) -> Causes:
    """validatePodResourceConsistency: the containers together may not ask for more than their pod, nor one of them be allowed more."""
    for name, total in _aggregate(spec, _requests).items():
        if name in requests and total > quantity.nano(requests[name]):
            detail = f"must be greater than or equal to aggregate container requests of {quantity.amount(total)}"
            yield invalid((*path, "requests", Key(name)), quantity.text(requests[name]), detail)
    for name, total in _aggregate(spec, _limits).items():
        if name.startswith(_HUGE) and name in limits and total > quantity.nano(limits[name]):
            detail = f"must be greater than or equal to aggregate container limits of {quantity.amount(total)}"
            yield invalid((*path, "limits", Key(name)), quantity.text(limits[name]), detail)
    for at, container_ in items(spec, "containers", path[:-1]):
        for name, value in _limits(container_).items():
            if name in limits and quantity.nano(value) > quantity.nano(limits[name]):
                field = (*path, *at[len(path) - 1 :], Key(name), "limits")
                detail = f"must be less than or equal to pod limits of {quantity.text(limits[name])}"
                yield invalid((*at, "resources", "limits", Key(name)), quantity.text(value), detail, at=field)


def _limits(container: Body) -> Body:
    return part(part(container, "resources"), "limits")


def _requests(container: Body) -> Body:
    """A limit without a request is the request."""
    return {**_limits(container), **part(part(container, "resources"), "requests")}


def _aggregate(spec: Body, of: Callable[[Body], Body]) -> dict[str, int]:
    """In billionths: all containers and sidecars together, or more where an init container beside the sidecars before it takes more."""
    running: dict[str, int] = {}
    sidecars: dict[str, int] = {}
    starting: dict[str, int] = {}
    for _, container_ in items(spec, "containers", ()):
        _add(running, of(container_))
    for _, container_ in items(spec, "initContainers", ()):
        sidecar = text(container_, "restartPolicy") == "Always"
        if sidecar:
            _add(running, of(container_))
            _add(sidecars, of(container_))
        used = dict(sidecars)
        if not sidecar:
            _add(used, of(container_))
        for name, value in used.items():
            starting[name] = max(starting.get(name, 0), value)
    return {name: max(running.get(name, 0), starting.get(name, 0)) for name in {**running, **starting}}


def _add(total: dict[str, int], more: Body) -> None:
    for name, value in more.items():
        total[name] = total.get(name, 0) + quantity.nano(value)


def claims(resources: Body, known: Collection[str], path: Path) -> Causes:
    """validateResourceClaimNames: each claim of a container is one of its pod's, whole or by request."""
    taken: set[str] = set()
    for at, claim in items(resources, "claims", path):
        name, request = text(claim, "name"), text(claim, "request")
        if not name:
            yield required((*at, "name"), at=at)
            continue
        for fault in formats.dns1123_label(request) if request else ():
            yield invalid((*at, "request"), request, fault)
        key = f"{name}/{request}" if request else name
        if name in taken or key in taken or (not request and any(other.startswith(f"{name}/") for other in taken)):
            yield duplicate(at, name if name in taken else key)
        taken.add(key)
        if name not in known:
            yield not_found((*at, "name"), name, at=at)


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


def container_name(name: str, path: Path) -> Causes:
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


def known_name(name: str, path: Path) -> Causes:
    """validateResourceName: a standard resource or a qualified name."""
    faults = formats.label_key(name)
    for fault in faults:
        yield invalid(path, name, fault, key=True)
    standard = name in _KNOWN or name == "requests.storage" or name.startswith((_HUGE, f"requests.{_HUGE}"))
    if not faults and "/" not in name and not standard:
        yield invalid(path, name, "must be a standard resource type or fully qualified", key=True)


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
