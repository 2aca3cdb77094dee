"""Endpoints and EndpointSlices (pkg/apis/core/validation/validation.go:ValidateEndpoints, pkg/apis/discovery/validation/validation.go)."""

from __future__ import annotations

from collections.abc import Callable

from kgate.manifest import Path
from kgate.validate import addresses, formats
from kgate.validate.cause import (
    Body,
    Causes,
    duplicate,
    invalid,
    items,
    not_supported,
    number,
    part,
    required,
    strings,
    text,
    too_many,
)
from kgate.validate.gates import Gates
from kgate.validate.meta import labels

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_TYPES = ("FQDN", "IPv4", "IPv6")
_MAX_ENDPOINTS = 1000
_MAX_PORTS = 20000
_MAX_ADDRESSES = 100
_MAX_HINTS = 8
_MAX_TOPOLOGY = 16


def endpoints(body: Body, on: Gates) -> Causes:
    for at, subset in items(body, "subsets", ()):
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            yield required(at, "must specify `addresses` or `notReadyAddresses`")
        for name in ("addresses", "notReadyAddresses"):
            for where, address in items(subset, name, at):
                yield from _address(address, where, on)
        ports = list(items(subset, "ports", at))
        for where, port in ports:
            yield from _port(port, where, named=len(ports) > 1)


def _address(address: Body, path: Path, on: Gates) -> Causes:
    yield from addresses.legacy_ip(text(address, "ip"), (*path, "ip"), on)
    if host := text(address, "hostname"):
        for fault in formats.dns1123_label(host):
            yield invalid((*path, "hostname"), host, fault)
    if (node := address.get("nodeName")) is not None:
        for fault in formats.dns1123_subdomain(node):
            yield invalid((*path, "nodeName"), node, fault)
    yield from reachable(text(address, "ip"), (*path, "ip"))


def reachable(address: str, path: Path) -> Causes:
    """ValidateEndpointIP."""
    if not addresses.is_ip(address):
        yield invalid(path, address, "must be a valid IP address")
        return
    found = addresses.unmapped(address)
    if found.is_unspecified:
        yield invalid(path, address, f"may not be unspecified ({address})")
    if found.is_loopback:
        yield invalid(path, address, "may not be in the loopback range (127.0.0.0/8, ::1/128)")
    if found.is_link_local:
        yield invalid(path, address, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    if str(found).startswith("224.0.0.") or (found.version == 6 and found.packed[0] == 0xFF and found.packed[1] & 0x0F == 2):
        yield invalid(path, address, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")


def _port(port: Body, path: Path, *, named: bool) -> Causes:
    """Left out, the protocol is TCP."""
    name = text(port, "name")
    if named and not name:
        yield required((*path, "name"))
    for fault in formats.dns1123_label(name) if name else ():
        yield invalid((*path, "name"), name, fault)
    for fault in formats.port_number(number(port, "port")):
        yield invalid((*path, "port"), number(port, "port"), fault)
    yield from _protocols(port, path)


def _protocols(port: Body, path: Path) -> Causes:
    if (protocol := text(port, "protocol") or "TCP") not in _PROTOCOLS:
        yield not_supported((*path, "protocol"), protocol, _PROTOCOLS)
    if (application := port.get("appProtocol")) is not None:
        for fault in formats.label_key(application):
            yield invalid((*path, "appProtocol"), application, fault)


def endpoint_slice(body: Body, on: Gates) -> Causes:
    kind = text(body, "addressType")
    if not kind:
        yield required(("addressType",))
    elif kind not in _TYPES:
        yield not_supported(("addressType",), kind, _TYPES)
    ports, found = list(items(body, "ports", ())), list(items(body, "endpoints", ()))
    if len(ports) > _MAX_PORTS:
        yield too_many(("ports",), len(ports), _MAX_PORTS)
        ports = []
    names: set[str] = set()
    for at, port in ports:
        yield from _slice_port(port, at, names)
    if len(found) > _MAX_ENDPOINTS:
        yield too_many(("endpoints",), len(found), _MAX_ENDPOINTS)
        return
    for at, endpoint in found:
        yield from _endpoint(endpoint, kind, at, on)


def _slice_port(port: Body, path: Path, names: set[str]) -> Causes:
    name = text(port, "name")
    for fault in formats.dns1123_label(name) if name else ():
        yield invalid((*path, "name"), name, fault)
    if name in names:
        yield duplicate((*path, "name"), name)
    names.add(name)
    yield from _protocols(port, path)


def _endpoint(endpoint: Body, kind: str, path: Path, on: Gates) -> Causes:
    found, at = list(strings(endpoint, "addresses", path)), (*path, "addresses")
    if not found:
        yield required(at, "must contain at least 1 address")
    elif len(found) > _MAX_ADDRESSES:
        yield too_many(at, len(found), _MAX_ADDRESSES)
    for where, address in found:
        yield from _slice_address(address, kind, where, on)
    if (node := endpoint.get("nodeName")) is not None:
        for fault in formats.dns1123_subdomain(node):
            yield invalid((*path, "nodeName"), node, fault)
    topology = part(endpoint, "deprecatedTopology")
    if len(topology) > _MAX_TOPOLOGY:
        yield too_many((*path, "deprecatedTopology"), len(topology), _MAX_TOPOLOGY)
    yield from labels(topology, (*path, "deprecatedTopology"))
    if (host := endpoint.get("hostname")) is not None:
        for fault in formats.dns1123_label(host):
            yield invalid((*path, "hostname"), host, fault)
    hints = part(endpoint, "hints")
    yield from _hints(hints, "forZones", (*path, "hints"), formats.label_value)
    yield from _hints(hints, "forNodes", (*path, "hints"), formats.dns1123_subdomain)


def _slice_address(address: str, kind: str, path: Path, on: Gates) -> Causes:
    if kind == "FQDN":
        yield from _domain(address, path)
    if kind not in ("IPv4", "IPv6"):
        return
    faults = tuple(addresses.legacy_ip(address, path, on) if kind == "IPv4" else addresses.canonical_ip(address, path))
    yield from faults
    if not faults:
        if addresses.unmapped(address).version != int(kind[-1]):
            yield invalid(path, address, f"must be an {kind} address", at=path[:-1])
        yield from reachable(address, path)


def _domain(name: str, path: Path) -> Causes:
    """IsFullyQualifiedDomainName: two labels or more, a final dot allowed."""
    if not name:
        yield required(path)
        return
    name = name.removesuffix(".")
    if faults := formats.dns1123_subdomain(name):
        yield invalid(path, name, ",".join(faults))
    elif "." not in name:
        yield invalid(path, name, "should be a domain with at least two segments separated by dots")
    elif wrong := next((label for label in name.split(".") if formats.dns1123_label(label)), None):
        yield invalid(path, wrong, ",".join(formats.dns1123_label(wrong)))


def _hints(hints: Body, name: str, path: Path, faults: Callable[[str], formats.Faults]) -> Causes:
    found = list(items(hints, name, path))
    if len(found) > _MAX_HINTS:
        yield too_many((*path, name), len(found), _MAX_HINTS)
        return
    taken: set[str] = set()
    for at, hint in found:
        target = text(hint, "name")
        if target in taken:
            yield duplicate((*at, "name"), target)
        taken.add(target)
        for fault in faults(target):
            yield invalid((*at, "name"), target, fault)
