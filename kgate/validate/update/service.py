"""Updates of Services (pkg/apis/core/validation/validation.go:ValidateServiceUpdate, pkg/registry/core/service).

The server has given a Service addresses and ports that stand in no file. What the base does not write is unknown, and an unknown
value is never said to have changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from kgate.manifest import Path
from kgate.validate.cause import Body, Causes, items, number, part, text
from kgate.validate.update.change import Change, forbidden, refused

_SPEC: Path = ("spec",)
_ONCE = "may not change once set"
_SINGLE = "must be set to 'SingleStack' when releasing the secondary "
_ALLOCATED = -1
"""A node port that the server chose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Service:
    spec: Body

    @property
    def kind(self) -> str:
        return text(self.spec, "type") or "ClusterIP"

    @property
    def addresses(self) -> list[str]:
        """clusterIPs, or clusterIP alone; empty when the server chooses."""
        one = text(self.spec, "clusterIP")
        return [ip or "" for ip in self.spec.get("clusterIPs") or ()] or ([one] if one else [])

    @property
    def families(self) -> list[str]:
        return [family or "" for family in self.spec.get("ipFamilies") or ()]

    @property
    def headless(self) -> bool:
        return self.addresses == ["None"]

    @property
    def has_node_ports(self) -> bool:
        return self.kind in ("NodePort", "LoadBalancer")

    @property
    def health_checked(self) -> bool:
        return self.kind == "LoadBalancer" and text(self.spec, "externalTrafficPolicy") == "Local"


def service(change: Change) -> Causes:
    new, old = _Service(spec=part(change.new, "spec")), _Service(spec=part(change.old, "spec"))
    if "ExternalName" not in (new.kind, old.kind):
        yield from _addresses(change, new, old)
        if not new.headless and not old.headless:
            yield from _families(change, new, old)
    if new.kind == old.kind == "LoadBalancer":
        yield from _balancer(change, new, old)
    if new.health_checked and old.health_checked:
        yield from _health_port(change, new, old)
    if old.has_node_ports and not new.has_node_ports:
        yield from _left_over_ports(change, new, old)


def _addresses(change: Change, new: _Service, old: _Service) -> Causes:
    """What the head leaves out stays as it is; a second address may come, and go when the policy is SingleStack."""
    mine, theirs = new.addresses, old.addresses
    if not mine or (not theirs and not new.headless):
        return
    where = "clusterIPs" if new.spec.get("clusterIPs") else "clusterIP"
    for i, address in enumerate(mine[: max(len(theirs), 1)]):
        if not theirs or address != theirs[i]:
            path: Path = (*_SPEC, where, i) if where == "clusterIPs" else (*_SPEC, where)
            instead = f"keep the address as in the base, or delete {change.named} and create it anew"
            yield refused(change, [path], (*_SPEC, "clusterIPs", i), _ONCE, value=mine, remediation=instead)
            if len(mine) != len(theirs):
                break
    if where == "clusterIPs" and len(mine) == 1 and len(theirs) == 2:
        yield from _single_stack(change, new, "clusterIP")


def _single_stack(change: Change, new: _Service, what: str) -> Causes:
    if text(new.spec, "ipFamilyPolicy") != "SingleStack":
        path: Path = (*_SPEC, "ipFamilyPolicy")
        yield refused(change, [path], path, f"{_SINGLE}{what}", remediation="write ipFamilyPolicy: SingleStack")


def _families(change: Change, new: _Service, old: _Service) -> Causes:
    mine, theirs, path = new.families, old.families, (*_SPEC, "ipFamilies")
    if not mine or not theirs:
        return
    same_size = len(mine) == len(theirs)
    changed = [i for i, family in enumerate(mine[: len(theirs)]) if family != theirs[i] and (same_size or i == 0)]
    for i in changed:
        instead = f"keep the first family as in the base, or delete {change.named} and create it anew"
        yield refused(change, [(*path, i)], (*path, 0), _ONCE, value=mine, remediation=instead)
    if len(mine) == 1 and len(theirs) == 2:
        yield from _single_stack(change, new, "ipFamily")


def _balancer(change: Change, new: _Service, old: _Service) -> Causes:
    if new.spec.get("loadBalancerClass") != old.spec.get("loadBalancerClass"):
        path: Path = (*_SPEC, "loadBalancerClass")
        instead = f"keep the class as in the base, or delete {change.named} and create it anew"
        yield refused(change, [path], path, _ONCE, remediation=instead)


def _health_port(change: Change, new: _Service, old: _Service) -> Causes:
    """Left out it stays as it is."""
    mine, theirs = (number(s.spec, "healthCheckNodePort") for s in (new, old))
    if mine and theirs and mine != theirs:
        path: Path = (*_SPEC, "healthCheckNodePort")
        yield forbidden(change, [path], path, "field is immutable")


def _left_over_ports(change: Change, new: _Service, old: _Service) -> Causes:
    """The server takes the node ports back when all of them are as they were; of a port that went at the same time it does not."""
    kept = _node_ports(old)
    after = {key: kept[key] for key, _, _ in _keyed(new) if key in kept and _chosen(old, key) is None}
    after |= {key: node for key, _, _ in _keyed(new) if (node := _chosen(new, key)) is not None}
    if set(after.values()) == set(kept.values()):
        return
    for key, path, port in _keyed(new):
        if after.get(key) and not number(port, "nodePort"):
            at = (*path, "nodePort")
            instead = "change the ports and the type in two steps: what the server chose it takes back only when no port goes or changes"
            detail = f"may not be used when `type` is '{new.kind}'"
            yield forbidden(change, [at], at, detail, remediation=instead)


_Key = tuple[int, str]


def _keyed(service: _Service) -> list[tuple[_Key, Path, Body]]:
    return [((number(port, "port"), text(port, "protocol") or "TCP"), path, port) for path, port in items(service.spec, "ports", _SPEC)]


def _chosen(service: _Service, key: _Key) -> int | None:
    """The node port that the file names."""
    return next((number(port, "nodePort") for k, _, port in _keyed(service) if k == key and number(port, "nodePort")), None)


def _node_ports(service: _Service) -> dict[_Key, int]:
    """Each port's node port; those that the server chose are numbered below zero."""
    if service.kind == "LoadBalancer" and service.spec.get("allocateLoadBalancerNodePorts") is False:
        return {key: node for key, _, port in _keyed(service) if (node := number(port, "nodePort"))}
    return {key: number(port, "nodePort") or _ALLOCATED - i for i, (key, _, port) in enumerate(_keyed(service))}
