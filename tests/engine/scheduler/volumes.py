"""Claims, volumes and classes for the scheduler's tests, written as manifests are."""

from __future__ import annotations

from typing import Any

from kgate.engine.api.codec import decode

Json = dict[str, Any]
ZONE = "topology.kubernetes.io/zone"


def using(*claims: str) -> Json:
    """What a pod's spec says to use the claims."""
    return {"volumes": [{"name": f"v{i}", "persistentVolumeClaim": {"claimName": c}} for i, c in enumerate(claims)]}


def claim(name: str = "data", *, size: str = "1Gi", modes: tuple[str, ...] = ("ReadWriteOnce",), bound_to: str = "", **spec: Any) -> Any:
    """`bound_to` names the volume it has."""
    meta: Json = {"name": name, "namespace": "default"}
    if bound_to:
        meta["annotations"] = {"pv.kubernetes.io/bind-completed": "yes"}
        spec["volumeName"] = bound_to
    body = {"accessModes": list(modes), "resources": {"requests": {"storage": size}}} | spec
    return decode({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": body})


def volume(name: str, *, size: str = "1Gi", zone: str = "", labels: Json | None = None, **spec: Any) -> Any:
    """`zone` becomes its node affinity."""
    if zone:
        terms = [{"matchExpressions": [{"key": ZONE, "operator": "In", "values": [zone]}]}]
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": terms}}
    body = {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"]} | spec
    return decode({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name, "labels": labels or {}}, "spec": body})


def storage_class(name: str, *, provisioner: str = "example.com/disk", delayed: bool = True, **fields: Any) -> Any:
    mode = "WaitForFirstConsumer" if delayed else "Immediate"
    body = {"provisioner": provisioner, "volumeBindingMode": mode} | fields
    return decode({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}} | body)


def drivers(node: str, **counts: int) -> Any:
    """The CSINode of a node: how many volumes of each driver it takes."""
    listed = [{"name": name, "nodeID": node, "allocatable": {"count": n}} for name, n in counts.items()]
    return decode({"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": node}, "spec": {"drivers": listed}})
