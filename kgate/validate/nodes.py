"""What belongs to the whole cluster: Node, RuntimeClass, Namespace, Lease, APIService.

From pkg/apis/core/validation/validation.go, pkg/apis/node/validation, pkg/apis/coordination/validation,
staging/src/k8s.io/kube-aggregator/pkg/apis/apiregistration/validation.
"""

from __future__ import annotations

from kgate.manifest import Path
from kgate.validate import addresses, formats, resources, scheduling
from kgate.validate.cause import (
    Body,
    Causes,
    Key,
    duplicate,
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
from kgate.validate.meta import labels

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")


def node(body: Body, on: Gates) -> Causes:
    spec, path = part(body, "spec"), ("spec",)
    yield from _taints(spec)
    found = list(strings(spec, "podCIDRs", path))
    if not found and text(spec, "podCIDR"):
        found = [((*path, "podCIDR"), text(spec, "podCIDR"))]
    for i, (at, cidr) in enumerate(found):
        yield from addresses.legacy_cidr(cidr, at, on, at=(*path, "podCIDRs", i))
    families = [network.version for _, cidr in found if (network := addresses.network(cidr)) is not None]
    if len(families) == len(found) > 1 and (len(found) > 2 or families[0] == families[1]):
        detail = "may specify no more than one CIDR for each IP family"
        yield invalid((*path, "podCIDRs"), [cidr for _, cidr in found], detail)
    for kind in ("capacity", "allocatable"):
        for name, value in part(part(body, "status"), kind).items():
            for cause in resources.amount(name, value, ("status", kind, Key(name))):
                yield cause.named(("status", kind, name))


def _taints(spec: Body) -> Causes:
    """The server puts them into the metadata."""
    taken: set[tuple[str, str]] = set()
    for i, (at, taint) in enumerate(items(spec, "taints", ("spec",))):
        field: Path = ("metadata", "taints", i)
        key, value, effect = text(taint, "key"), text(taint, "value"), text(taint, "effect")
        for fault in formats.label_key(key):
            yield invalid((*at, "key"), key, fault, at=(*field, "key"))
        if faults := formats.label_value(value):
            yield invalid((*at, "value"), value, ";".join(faults), at=(*field, "value"))
        if not effect:
            yield required((*at, "effect"), at=(*field, "effect"))
        elif effect not in _EFFECTS:
            yield not_supported((*at, "effect"), effect, _EFFECTS, at=(*field, "effect"))
        if (key, effect) in taken:
            yield duplicate(at, taint, at=field)
        taken.add((key, effect))


def runtime_class(body: Body, _: Gates) -> Causes:
    handler = text(body, "handler")
    if not handler:
        yield required(("handler",))
    for fault in formats.dns1123_label(handler) if handler else ():
        yield invalid(("handler",), handler, fault)
    if fixed := part(body, "overhead").get("podFixed"):
        for cause in resources.container({"limits": fixed}, ("overhead",)):
            yield cause.moved(("overhead", "limits"), ("overhead", "podFixed"))
    yield from labels(part(part(body, "scheduling"), "nodeSelector"), ("scheduling", "nodeSelector"))
    taken: set[tuple[str, ...]] = set()
    for at, toleration in items(part(body, "scheduling"), "tolerations", ("scheduling",)):
        yield from scheduling.toleration(toleration, at)
        said = tuple(text(toleration, name) for name in ("key", "operator", "value", "effect"))
        if said in taken:
            yield duplicate(at, toleration)
        taken.add(said)


def namespace(body: Body, _: Gates) -> Causes:
    """The server writes the name into the label kubernetes.io/metadata.name before it validates (pkg/apis/core/v1/defaults.go)."""
    name = text(part(body, "metadata"), "name")
    for fault in formats.label_value(name):
        yield invalid(("metadata", "name"), name, fault, at=("metadata", "labels"))
    for at, finalizer in strings(part(body, "spec"), "finalizers", ("spec",)):
        for fault in formats.label_key(finalizer):
            yield invalid(at, finalizer, fault, at=at[:-1])
        if "/" not in finalizer and finalizer not in _FINALIZERS:
            yield invalid(at, finalizer, "name is neither a standard finalizer name nor is it fully qualified", at=at[:-1])


def lease(body: Body, _: Gates) -> Causes:
    """strategy and preferredHolder are for coordinated leader election, which is off."""
    spec = part(body, "spec")
    if (seconds := spec.get("leaseDurationSeconds")) is not None and seconds <= 0:
        yield invalid(("spec", "leaseDurationSeconds"), seconds, "must be greater than 0")
    if (transitions := spec.get("leaseTransitions")) is not None and transitions < 0:
        yield invalid(("spec", "leaseTransitions"), transitions, "must be greater than or equal to 0")


def api_service(body: Body, _: Gates) -> Causes:
    spec, name = part(body, "spec"), text(part(body, "metadata"), "name")
    group, version = text(spec, "group"), text(spec, "version")
    if name and not formats.path_segment(name) and name != f"{version}.{group}":
        yield invalid(("metadata", "name"), name, f'must be `spec.version+"."+spec.group`: "{version}.{group}"')
    if not group and version != "v1":
        yield required(("spec", "group"), "only v1 may have an empty group and it better be legacy kube")
    for fault in formats.dns1123_subdomain(group) if group else ():
        yield invalid(("spec", "group"), group, fault)
    for fault in formats.dns1035_label(version):
        yield invalid(("spec", "version"), version, fault)
    for field, most in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        if not 0 < (value := number(spec, field)) <= most:
            yield invalid(("spec", field), value, f"must be positive and less than {most}")
    yield from _service(spec, spec.get("service"))


def _service(spec: Body, service: Body | None) -> Causes:
    bundle, insecure = spec.get("caBundle"), bool(spec.get("insecureSkipTLSVerify"))
    if service is None:
        if bundle:
            yield invalid(("spec", "caBundle"), f"{len(bundle)} bytes", "local APIServices may not have a caBundle")
        if insecure:
            yield invalid(("spec", "insecureSkipTLSVerify"), True, "local APIServices may not have insecureSkipTLSVerify")
        return
    for field in ("namespace", "name"):
        if not text(service, field):
            yield required(("spec", "service", field))
    if faults := formats.port_number(number(service, "port", 443)):
        yield invalid(("spec", "service", "port"), service["port"], f"port is not valid: {', '.join(faults)}")
    if insecure and bundle:
        yield invalid(("spec", "insecureSkipTLSVerify"), True, "may not be true if caBundle is present")
