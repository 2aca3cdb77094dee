"""NetworkPolicy and IngressClass (pkg/apis/networking/validation/validation.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgate.manifest import Path
from kgate.validate import addresses, domainpath, formats, selectors
from kgate.validate.cause import (
    Body,
    Causes,
    forbidden,
    invalid,
    items,
    not_supported,
    part,
    required,
    strings,
    text,
    too_long,
)
from kgate.validate.gates import Gates

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

_TYPES = ("Ingress", "Egress")
_MAX_CONTROLLER = 250


def network_policy(body: Body, on: Gates) -> Causes:
    spec, path = part(body, "spec"), ("spec",)
    yield from selectors.causes(part(spec, "podSelector"), (*path, "podSelector"))
    for name, peers in (("ingress", "from"), ("egress", "to")):
        for at, rule in items(spec, name, path):
            for where, port in items(rule, "ports", at):
                yield from _port(port, where)
            for where, peer in items(rule, peers, at):
                yield from _peer(peer, where, on)
    types = [kind for _, kind in strings(spec, "policyTypes", path)]
    if len(types) > len(_TYPES):
        yield invalid((*path, "policyTypes"), types, "may not specify more than two policyTypes")
        return
    for i, kind in enumerate(types):
        if kind not in _TYPES:
            yield not_supported((*path, "policyTypes", i), kind, _TYPES)


def _port(entry: Body, path: Path) -> Causes:
    """Left out, the protocol is TCP."""
    protocol, port, end = entry.get("protocol"), entry.get("port"), entry.get("endPort")
    if protocol is not None and protocol not in ("TCP", "UDP", "SCTP"):
        yield not_supported((*path, "protocol"), protocol, ["TCP", "UDP", "SCTP"])
    if port is None or isinstance(port, str):
        if end is not None:
            why = "not specified" if port is None else "non-numeric"
            yield invalid((*path, "endPort"), end, f"may not be specified when `port` is {why}")
        for fault in formats.port_name(port) if port is not None else ():
            yield invalid((*path, "port"), port, fault)
        return
    for fault in formats.port_number(port):
        yield invalid((*path, "port"), port, fault)
    if end is not None:
        if end < port:
            yield invalid((*path, "endPort"), port, "must be greater than or equal to `port`")
        for fault in formats.port_number(end):
            yield invalid((*path, "endPort"), end, fault)


def _peer(peer: Body, path: Path, on: Gates) -> Causes:
    present = [name for name in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(name) is not None]
    for name in present:
        if name == "ipBlock":
            yield from _block(peer[name], (*path, name), on)
        else:
            yield from selectors.causes(peer[name], (*path, name))
    if not present:
        yield required(path, "must specify a peer")
    elif len(present) > 1 and "ipBlock" in present:
        yield forbidden(path, "may not specify both ipBlock and another peer")


def _block(block: Body, path: Path, on: Gates) -> Causes:
    cidr = text(block, "cidr")
    if not cidr:
        yield required((*path, "cidr"))
        return
    yield from addresses.legacy_cidr(cidr, (*path, "cidr"), on)
    if (whole := addresses.network(cidr)) is None:
        return
    for at, exception in strings(block, "except", path):
        yield from addresses.legacy_cidr(exception, at, on)
        if (hole := addresses.network(exception)) is not None and not _inside(hole, whole):
            yield invalid(at, exception, "must be a strict subset of `cidr`")


def _inside(hole: IPv4Network | IPv6Network, whole: IPv4Network | IPv6Network) -> bool:
    return hole.version == whole.version and hole.network_address in whole and hole.prefixlen > whole.prefixlen


def ingress_class(body: Body, _: Gates) -> Causes:
    spec, path = part(body, "spec"), ("spec",)
    controller = text(spec, "controller")
    if len(controller.encode("utf-8", "replace")) > _MAX_CONTROLLER:
        yield too_long((*path, "controller"), _MAX_CONTROLLER)
    yield from domainpath.causes(controller, (*path, "controller"))
    if (parameters := spec.get("parameters")) is not None:
        yield from _parameters(parameters, (*path, "parameters"))


def _parameters(reference: Body, path: Path) -> Causes:
    """Left out, the scope is Cluster."""
    group, scope, namespace = reference.get("apiGroup"), reference.get("scope"), reference.get("namespace")
    for fault in formats.dns1123_subdomain(group) if group is not None else ():
        yield invalid((*path, "apiGroup"), group, fault)
    for name in ("kind", "name"):
        if not (value := text(reference, name)):
            yield required((*path, name))
        for fault in formats.path_segment(value):
            yield invalid((*path, name), value, fault)
    scope = "Cluster" if scope is None else scope
    if scope not in ("Cluster", "Namespace"):
        yield not_supported((*path, "scope"), scope, ["Cluster", "Namespace"])
    elif scope == "Cluster":
        if namespace is not None:
            yield forbidden((*path, "namespace"), "`parameters.scope` is set to 'Cluster'")
    elif namespace is None:
        yield required((*path, "namespace"), "`parameters.scope` is set to 'Namespace'")
    else:
        for fault in formats.dns1123_label(namespace):
            yield invalid((*path, "namespace"), namespace, fault)
