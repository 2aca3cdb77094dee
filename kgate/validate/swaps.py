"""Objects of APIs that are gone, and where another apiVersion is all that they need.

The facts are those of Kubernetes' deprecation guide and of pkg/apis/*/v*/defaults.go: the fields of both versions, and what is written
into those that are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kgate.edit import Edit, Fix
from kgate.validate.api import replacement

_SAME: Mapping[str, tuple[str, ...]] = {
    "apps/v1beta2": ("Deployment", "ReplicaSet", "DaemonSet", "StatefulSet"),
    "autoscaling/v2beta2": ("HorizontalPodAutoscaler",),
    "batch/v1beta1": ("CronJob",),
    "coordination.k8s.io/v1beta1": ("Lease",),
    "extensions/v1beta1": ("NetworkPolicy",),
    "networking.k8s.io/v1beta1": ("IngressClass",),
    "node.k8s.io/v1beta1": ("RuntimeClass",),
    "policy/v1beta1": ("PodDisruptionBudget",),
    "rbac.authorization.k8s.io/v1beta1": ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"),
    "scheduling.k8s.io/v1beta1": ("PriorityClass",),
    "storage.k8s.io/v1beta1": ("StorageClass", "CSIDriver", "CSINode", "CSIStorageCapacity"),
}
"""The same fields with the same meaning."""
_OTHER_DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "apps/v1beta1": ("Deployment", "StatefulSet"),
    "extensions/v1beta1": ("Deployment", "ReplicaSet", "DaemonSet"),
}
_MAY_CHANGE = "what is not written (update strategy, kept revisions, progress deadline) gets the defaults of apps/v1"


def fix(body: Mapping[str, Any], minor: str) -> Fix | None:
    """None where the new version has other fields, or reads one of them in another way."""
    version, kind = body.get("apiVersion"), body.get("kind")
    if not isinstance(version, str) or not isinstance(kind, str):
        return None
    same, similar = kind in _SAME.get(version, ()), kind in _OTHER_DEFAULTS.get(version, ())
    use = replacement(kind, minor, version) if same or similar else ""
    spec = body.get("spec")
    selector = spec.get("selector") if isinstance(spec, Mapping) else None
    if not use or (similar and not selector):
        return None
    if kind == "PodDisruptionBudget" and not (isinstance(selector, Mapping) and any(selector.values())):
        return None  # an empty one selects no pod in v1beta1, and every pod in v1
    return Fix(edits=(Edit(path=("apiVersion",), value=use),), unsafe="" if same else _MAY_CHANGE)
