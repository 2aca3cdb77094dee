"""Fields that never change, by kind: where the server's rule says no more than that (ValidateImmutableField and the like)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kgate.manifest import Path
from kgate.validate.cause import Causes
from kgate.validate.update.change import IMMUTABLE, Change, anew, forbidden, refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    path: Path
    detail: str = IMMUTABLE
    forbidden: bool = False
    at: Path = ()
    """The path as the server names it, where it gets it wrong."""
    since: int = 0
    until: int = 99
    """The minors of Kubernetes 1 that say it so."""


def _fixed(*paths: str) -> tuple[Fixed, ...]:
    return tuple(Fixed(path=tuple(path.split("."))) for path in paths)


_CLASS = ("parameters", "provisioner", "reclaimPolicy")
_ROLE_REF = (Fixed(path=("roleRef",), detail="cannot change roleRef"),)

FIXED: Mapping[tuple[str, str], tuple[Fixed, ...]] = {
    ("apps", "Deployment"): _fixed("spec.selector"),
    ("apps", "ReplicaSet"): _fixed("spec.selector"),
    ("apps", "DaemonSet"): _fixed("spec.selector"),
    ("apps", "ControllerRevision"): _fixed("data"),
    ("storage.k8s.io", "StorageClass"): (
        *(Fixed(path=(name,), since=36) for name in _CLASS),
        *(Fixed(path=(name,), detail=f"updates to {name} are forbidden.", forbidden=True, until=35) for name in _CLASS),
        *_fixed("volumeBindingMode"),
    ),
    ("certificates.k8s.io", "ClusterTrustBundle"): _fixed("spec.signerName"),
    ("storage.k8s.io", "CSIDriver"): (
        Fixed(path=("spec", "attachRequired"), at=("spec", "attachedRequired")),
        *_fixed("spec.volumeLifecycleModes"),
    ),
    ("storage.k8s.io", "CSIStorageCapacity"): _fixed("nodeTopology", "storageClassName"),
    ("storage.k8s.io", "VolumeAttachment"): _fixed("spec"),
    ("storage.k8s.io", "VolumeAttributesClass"): (
        Fixed(path=("driverName",), detail="updates to driverName are forbidden.", forbidden=True),
        Fixed(path=("parameters",), detail="updates to parameters are forbidden.", forbidden=True),
    ),
    ("rbac.authorization.k8s.io", "RoleBinding"): _ROLE_REF,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _ROLE_REF,
    ("networking.k8s.io", "IngressClass"): _fixed("spec.controller"),
    ("networking.k8s.io", "IPAddress"): _fixed("spec.parentRef"),
    ("node.k8s.io", "RuntimeClass"): _fixed("handler"),
    ("discovery.k8s.io", "EndpointSlice"): _fixed("addressType"),
    ("scheduling.k8s.io", "PriorityClass"): (
        Fixed(path=("value",), detail="may not be changed in an update.", forbidden=True),
        *_fixed("preemptionPolicy"),
    ),
    ("resource.k8s.io", "ResourceClaim"): _fixed("spec"),
    ("resource.k8s.io", "ResourceClaimTemplate"): _fixed("spec"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _fixed("spec.scope", "spec.names.kind", "spec.group", "spec.names.plural"),
}

_INSTEAD: Mapping[tuple[str, str], str] = {
    ("apps", "Deployment"): "keep the selector as in the base (the labels of the template may have more), or delete {0} and create it anew",
    ("storage.k8s.io", "StorageClass"): "create a StorageClass of another name beside it, and let new claims use that",
    ("rbac.authorization.k8s.io", "RoleBinding"): "delete {0} and create it anew, or add a RoleBinding of another name",
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): "delete {0} and create it anew, or add a ClusterRoleBinding of another name",
    ("scheduling.k8s.io", "PriorityClass"): "create a PriorityClass of another name, and let pods use that",
}
"""What to do where deleting and creating anew is not the whole answer."""


def causes(change: Change, group: str, kind: str) -> Causes:
    for fixed in FIXED.get((group, kind), ()):
        if fixed.since <= change.number <= fixed.until and (found := change.differences(fixed.path)):
            instead = _INSTEAD.get((group, kind), "").format(change.named) or anew(change, found)
            say = forbidden if fixed.forbidden else refused
            yield say(change, found, fixed.at or fixed.path, fixed.detail, remediation=instead)
