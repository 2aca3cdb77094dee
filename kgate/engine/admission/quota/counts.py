"""What objects count for in a quota, beside pods.

Sources: s/apiserver/pkg/quota/v1/generic/evaluator.go, pkg/quota/v1/evaluator/core/{registry,services,persistent_volume_claims}.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeAlias

from kgate.engine.api.core import PersistentVolumeClaim, Service
from kgate.engine.api.meta import Millis
from kgate.engine.api.quantity import NANO, Notation, Quantity, of, value
from kgate.engine.api.quota import ScopedResourceSelectorRequirement
from kgate.engine.api.selector import requirement_matches

Usage: TypeAlias = Mapping[str, Quantity]
Requirement = ScopedResourceSelectorRequirement

ONE = of(1)
CLAIMS, STORAGE = "persistentvolumeclaims", "requests.storage"
BY_CLASS = ".storageclass.storage.k8s.io/"
_VOLUME_ATTRIBUTES = "VolumeAttributesClass"


class Evaluator(Protocol):
    """What one kind of object means to quotas."""

    def matching(self, names: Iterable[str]) -> list[str]:
        """Those of a quota's resources that objects of the kind count for."""
        ...

    def usage(self, obj: Any, now_ms: Millis) -> Usage: ...

    def in_scope(self, obj: Any, requirement: Requirement) -> bool: ...

    def missing(self, obj: Any, names: Iterable[str]) -> str:
        """What an object has to name when a quota limits `names`; empty when it does."""
        ...

    def recounted(self, before: Any, after: Any) -> bool:
        """Whether an update is measured against quotas as a creation is."""
        ...

    def released(self, before: Any, after: Any, now_ms: Millis) -> bool:
        """Whether an update makes the quota controller count anew."""
        ...


class ObjectCount:
    """One for each object: `count/<resource>`, and its older name where it has one."""

    def __init__(self, resource: str) -> None:
        self.names = (f"count/{resource}", *((resource,) if resource in OLD_NAMES else ()))

    def matching(self, names: Iterable[str]) -> list[str]:
        return sorted(n for n in names if n in self.names)

    def usage(self, obj: Any, now_ms: Millis) -> Usage:
        return dict.fromkeys(self.names, ONE)

    def in_scope(self, obj: Any, requirement: Requirement) -> bool:
        return False

    def missing(self, obj: Any, names: Iterable[str]) -> str:
        return ""

    def recounted(self, before: Any, after: Any) -> bool:
        return False

    def released(self, before: Any, after: Any, now_ms: Millis) -> bool:
        return False


OLD_NAMES = frozenset({"configmaps", "replicationcontrollers", "resourcequotas", "secrets"})


class ServiceCount(ObjectCount):
    """Also node ports and load balancers; a load balancer takes a node port for each of its ports unless it says otherwise."""

    def __init__(self) -> None:
        super().__init__("services")
        self.names = ("count/services", "services", "services.loadbalancers", "services.nodeports")

    def usage(self, obj: Service, now_ms: Millis) -> Usage:
        type_, ports = obj.spec.rest.get("type"), obj.spec.rest.get("ports") or ()
        node_ports = 0
        if type_ == "LoadBalancer" and obj.spec.rest.get("allocateLoadBalancerNodePorts") is False:
            node_ports = sum(1 for p in ports if p.get("nodePort"))
        elif type_ in ("NodePort", "LoadBalancer"):
            node_ports = len(ports)
        balancers = of(int(type_ == "LoadBalancer"))
        return {"count/services": ONE, "services": ONE, "services.loadbalancers": balancers, "services.nodeports": of(node_ports)}

    def recounted(self, before: Any, after: Any) -> bool:
        return True

    def released(self, before: Service, after: Service, now_ms: Millis) -> bool:
        return _exposed(before) != _exposed(after)


def _exposed(service: Service) -> str:
    type_ = str(service.spec.rest.get("type") or "")
    return type_ if type_ in ("NodePort", "LoadBalancer") else ""


class ClaimCount(ObjectCount):
    """Claims and the storage they request, altogether and by storage class."""

    def __init__(self) -> None:
        super().__init__(CLAIMS)
        self.names = (f"count/{CLAIMS}", CLAIMS, STORAGE)

    def matching(self, names: Iterable[str]) -> list[str]:
        return sorted(n for n in names if n in self.names or n.endswith((f"{BY_CLASS}{CLAIMS}", f"{BY_CLASS}{STORAGE}")))

    def usage(self, obj: PersistentVolumeClaim, now_ms: Millis) -> Usage:
        out = {f"count/{CLAIMS}": ONE, CLAIMS: ONE}
        class_name = obj.metadata.annotations.get("volume.beta.kubernetes.io/storage-class") or obj.spec.storage_class_name
        storage = obj.spec.resources.requests.get("storage")
        if storage is not None:
            storage = Quantity(value(storage) * NANO, storage.notation)
            out[STORAGE] = storage
        if class_name:
            out[f"{class_name}{BY_CLASS}{CLAIMS}"] = ONE
            if storage is not None:
                out[f"{class_name}{BY_CLASS}{STORAGE}"] = storage
        return out

    def in_scope(self, obj: PersistentVolumeClaim, requirement: Requirement) -> bool:
        if requirement.scope_name != _VOLUME_ATTRIBUTES:
            return False
        name = obj.spec.rest.get("volumeAttributesClassName")
        labels = {_VOLUME_ATTRIBUTES: str(name)} if name else {}
        return requirement_matches(_VOLUME_ATTRIBUTES, requirement.operator, requirement.values, labels)

    def recounted(self, before: Any, after: Any) -> bool:
        return True


def added(total: Mapping[str, Quantity], more: Usage, times: int = 1) -> dict[str, Quantity]:
    """The sum, name by name; a sum has the notation of what it began with."""
    out = dict(total)
    for name, amount in more.items():
        amount = Quantity(amount.nano * times, amount.notation)
        out[name] = out[name] + amount if name in out else amount
    return out


def zero() -> Quantity:
    return Quantity(0, Notation.DECIMAL_SI)
