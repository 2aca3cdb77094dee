"""Services (pkg/apis/core/validation/validation.go:validateService)."""

from __future__ import annotations

from kgate.manifest import Path
from kgate.validate import addresses, endpoints, formats, probes
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
from kgate.validate.meta import labels

_SPEC: Path = ("spec",)
_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_MAX_TIMEOUT_S = 86400
_MODE = "service.kubernetes.io/topology-mode"
_HINTS = "service.kubernetes.io/topology-aware-hints"
_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"


def service(body: Body, on: Gates) -> Causes:
    spec = part(body, "spec")
    kind, headless = text(spec, "type") or "ClusterIP", _headless(spec)
    if kind not in _TYPES:
        yield not_supported((*_SPEC, "type"), kind, _TYPES)
    if not spec.get("ports") and not headless and kind != "ExternalName":
        yield required((*_SPEC, "ports"))
    if headless and kind in ("LoadBalancer", "NodePort"):
        yield invalid((*_SPEC, "clusterIP"), "None", f"may not be set to 'None' for {kind} services", at=(*_SPEC, "clusterIPs", 0))
    yield from _external_name(spec) if kind == "ExternalName" else _cluster_ips(spec, on)
    yield from _ports(spec, kind)
    yield from labels(part(spec, "selector"), (*_SPEC, "selector"))
    yield from _affinity(spec)
    for at, address in strings(spec, "externalIPs", _SPEC):
        faults = tuple(addresses.legacy_ip(address, at, on))
        yield from faults or endpoints.reachable(address, at)
    annotations = part(part(body, "metadata"), "annotations")
    yield from _load_balancer(spec, kind, annotations, on)
    yield from _traffic(spec, kind, on)
    yield from _topology(annotations)


def _headless(spec: Body) -> bool:
    return text(spec, "clusterIP") == "None" or list(spec.get("clusterIPs") or ()) == ["None"]


def _external_name(spec: Body) -> Causes:
    if text(spec, "clusterIP") or spec.get("clusterIPs"):
        yield forbidden((*_SPEC, "clusterIPs"), "may not be set for ExternalName services")
    for name in ("ipFamilies", "ipFamilyPolicy"):
        if spec.get(name):
            yield forbidden((*_SPEC, name), "may not be set for ExternalName services")
    name = text(spec, "externalName").removesuffix(".")
    if not name:
        yield required((*_SPEC, "externalName"))
    for fault in formats.dns1123_subdomain(name) if name else ():
        yield invalid((*_SPEC, "externalName"), name, fault)


def _cluster_ips(spec: Body, on: Gates) -> Causes:
    """clusterIPs is filled from clusterIP when it is left out, but not the other way round."""
    one, several = text(spec, "clusterIP"), [ip or "" for ip in spec.get("clusterIPs") or ()]
    if several and not one:
        yield invalid((*_SPEC, "clusterIPs"), several, "must be empty when `clusterIP` is not specified")
    if one and several and several[0] != one:
        yield invalid((*_SPEC, "clusterIPs"), several, "first value must match `clusterIP`")
    if several[:1] == ["None"] and len(several) > 1:
        yield invalid((*_SPEC, "clusterIPs"), several, "'None' must be the first and only value")
    for i, address in enumerate(several or ([one] if one else [])):
        if address != "None" or i:
            path = (*_SPEC, "clusterIPs", i) if several else (*_SPEC, "clusterIP")
            yield from addresses.legacy_ip(address, path, on, at=(*_SPEC, "clusterIPs", i))
    yield from _matching_families(spec, several or ([one] if one else []), one=not several)
    if len(several) > 2:
        yield invalid((*_SPEC, "clusterIPs"), several, "may only hold up to 2 values")
    seen: set[str] = set()
    for i, (_, family) in enumerate(strings(spec, "ipFamilies", _SPEC)):
        if family not in ("IPv4", "IPv6"):
            yield not_supported((*_SPEC, "ipFamilies", i), family, ["IPv4", "IPv6"])
        if family in seen:
            yield duplicate((*_SPEC, "ipFamilies", i), family)
        seen.add(family)
    policies = ("PreferDualStack", "RequireDualStack", "SingleStack")
    if (policy := spec.get("ipFamilyPolicy")) is not None and policy not in policies:
        yield not_supported((*_SPEC, "ipFamilyPolicy"), policy, policies)


def _matching_families(spec: Body, found: list[str], *, one: bool) -> Causes:
    """Looked at when all of them are addresses."""
    if not found or not all(map(addresses.is_ip, found)):
        return
    versions = [addresses.unmapped(address).version for address in found]
    if len(found) > 1 and len({*versions}) < 2:
        yield invalid((*_SPEC, "clusterIPs"), found, "may specify no more than one IP for each IP family")
    for i, (address, version) in enumerate(zip(found, versions, strict=True)):
        families = spec.get("ipFamilies") or ()
        if i < len(families) and families[i] in ("IPv4", "IPv6") and families[i] != f"IPv{version}":
            path = (*_SPEC, "clusterIP") if one else (*_SPEC, "clusterIPs", i)
            detail = f"expected an {families[i]} value as indicated by `ipFamilies[{i}]`"
            yield invalid(path, address, detail, at=(*_SPEC, "clusterIPs", i))


def _topology(annotations: Body) -> Causes:
    if _MODE in annotations and _HINTS in annotations and text(annotations, _MODE) != text(annotations, _HINTS):
        path = ("metadata", "annotations", Key(_MODE))
        yield invalid(path, text(annotations, _MODE), f"must match annotations[{_HINTS}] when both are specified")


def _ports(spec: Body, kind: str) -> Causes:
    ports = list(items(spec, "ports", _SPEC))
    names: set[str] = set()
    taken: set[tuple[str, int]] = set()
    node_ports: set[tuple[str, int]] = set()
    for at, port in ports:
        yield from _port(port, at, len(ports) > 1, names)
        protocol, number_, node = text(port, "protocol") or "TCP", number(port, "port"), number(port, "nodePort")
        if (protocol, number_) in taken:
            yield duplicate(at, {"port": number_, "protocol": protocol})
        if node and (protocol, node) in node_ports:
            yield duplicate((*at, "nodePort"), node)
        if node and kind == "ClusterIP":
            yield forbidden((*at, "nodePort"), "may not be used when `type` is 'ClusterIP'")
        taken.add((protocol, number_))
        node_ports.add((protocol, node))


def _port(port: Body, path: Path, several: bool, names: set[str]) -> Causes:
    name = text(port, "name")
    if several and not name:
        yield required((*path, "name"))
    for fault in formats.dns1123_label(name) if name else ():
        yield invalid((*path, "name"), name, fault)
    if name in names:
        yield duplicate((*path, "name"), name)
    if name:
        names.add(name)
    for fault in formats.port_number(number(port, "port")):
        yield invalid((*path, "port"), number(port, "port"), fault)
    if (protocol := text(port, "protocol") or "TCP") not in _PROTOCOLS:
        yield not_supported((*path, "protocol"), protocol, _PROTOCOLS)
    yield from probes.port(port.get("targetPort") or port.get("port"), (*path, "targetPort"))
    if (application := port.get("appProtocol")) is not None:
        for fault in formats.label_key(application):
            yield invalid((*path, "appProtocol"), application, fault)


def _affinity(spec: Body) -> Causes:
    """Without affinity the server drops the configuration of it."""
    affinity, config = text(spec, "sessionAffinity") or "None", spec.get("sessionAffinityConfig")
    if affinity not in ("ClientIP", "None"):
        yield not_supported((*_SPEC, "sessionAffinity"), affinity, ["ClientIP", "None"])
    seconds = part(config or {}, "clientIP").get("timeoutSeconds")
    if affinity == "ClientIP" and seconds is not None and not 0 < seconds <= _MAX_TIMEOUT_S:
        path = (*_SPEC, "sessionAffinityConfig", "clientIP", "timeoutSeconds")
        yield invalid(path, seconds, f"must be greater than 0 and less than {_MAX_TIMEOUT_S}")


def _load_balancer(spec: Body, kind: str, annotations: Body, on: Gates) -> Causes:
    """The server writes the field with a capital."""
    only = "may only be used when `type` is 'LoadBalancer'"
    field: Path = (*_SPEC, "LoadBalancerSourceRanges")
    ranges, noted = list(strings(spec, "loadBalancerSourceRanges", _SPEC)), ("metadata", "annotations", Key(_RANGES))
    if ranges and kind != "LoadBalancer":
        yield forbidden((*_SPEC, "loadBalancerSourceRanges"), only, at=field)
    for i, (at, written) in enumerate(ranges):
        yield from addresses.legacy_cidr(written.strip(), at, on, at=(*field, i))
    if not ranges and _RANGES in annotations:
        if kind != "LoadBalancer":
            yield forbidden(noted, only)
        for written in text(annotations, _RANGES).split(",") if text(annotations, _RANGES).strip() else ():
            yield from addresses.legacy_cidr(written.strip(), noted, on)
    for name in ("allocateLoadBalancerNodePorts", "loadBalancerClass") if kind != "LoadBalancer" else ():
        if spec.get(name) is not None:
            yield forbidden((*_SPEC, name), only)
    own = spec.get("loadBalancerClass")
    for fault in formats.label_key(own) if own is not None and kind == "LoadBalancer" else ():
        yield invalid((*_SPEC, "loadBalancerClass"), own, fault)


def _traffic(spec: Body, kind: str, on: Gates) -> Causes:
    external = text(spec, "externalTrafficPolicy")
    reachable = kind in ("LoadBalancer", "NodePort") or (kind == "ClusterIP" and spec.get("externalIPs"))
    if external and not reachable:
        yield invalid((*_SPEC, "externalTrafficPolicy"), external, "may only be set for externally-accessible services")
    elif external and external not in ("Cluster", "Local"):
        yield not_supported((*_SPEC, "externalTrafficPolicy"), external, ["Cluster", "Local"])
    if (health := number(spec, "healthCheckNodePort")) and not (kind == "LoadBalancer" and external == "Local"):
        detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        yield invalid((*_SPEC, "healthCheckNodePort"), health, detail)
    elif health:
        for fault in formats.port_number(health):
            yield invalid((*_SPEC, "healthCheckNodePort"), health, fault)
    if (internal := spec.get("internalTrafficPolicy")) is not None and internal not in ("Cluster", "Local"):
        yield not_supported((*_SPEC, "internalTrafficPolicy"), internal, ["Cluster", "Local"])
    valid = ("PreferClose", "PreferSameZone", "PreferSameNode") if "PreferSameTrafficDistribution" in on else ("PreferClose",)
    if "ServiceTrafficDistribution" in on and (spread := spec.get("trafficDistribution")) is not None and spread not in valid:
        yield not_supported((*_SPEC, "trafficDistribution"), spread, valid)
