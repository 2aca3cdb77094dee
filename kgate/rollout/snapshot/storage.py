"""Storage as the cluster file tells of it: from which nodes volumes are reached, and who has them. Not where the data lies."""

from __future__ import annotations

from typing import Any

from kgate.rollout.snapshot.allowed import Fields
from kgate.rollout.storage import DEFAULT_CLASS

KINDS = ("StorageClass", "PersistentVolume", "PersistentVolumeClaim")

_SOURCES = (
    "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "fc", "flexVolume", "gcePersistentDisk", "glusterfs", "hostPath",
    "iscsi", "local", "nfs", "photonPersistentDisk", "portworxVolume", "quobyte", "rbd", "scaleIO", "storageos", "vsphereVolume",
)  # fmt: skip
_OLD_CLASS = "volume.beta.kubernetes.io/storage-class"


def serves(obj: Fields) -> bool:
    """It is not on its way out, and has a size: what has none the API server would not hold."""
    return not obj.part("metadata").time("deletionTimestamp")


def storage_class(name: str, obj: Fields) -> dict[str, Any]:
    """Only that it is the default one is read of its annotations, and none of its parameters."""
    told: dict[str, Any] = {"name": name, "provisioner": obj.text("provisioner")}
    told["volumeBindingMode"] = obj.text("volumeBindingMode")
    told["default"] = _annotation(obj, DEFAULT_CLASS) == "true"
    told["allowedTopologies"] = [
        {e.text("key"): e.texts("values") for e in term.parts("matchLabelExpressions")} for term in obj.parts("allowedTopologies")
    ]
    return {k: v for k, v in told.items() if v}


def volume(name: str, obj: Fields) -> dict[str, Any]:
    spec = obj.part("spec")
    told: dict[str, Any] = {"name": name, "accessModes": spec.texts("accessModes"), "size": spec.quantities("capacity").get("storage", "0")}
    told["storageClass"] = _class(obj)
    told["volumeMode"] = "Block" if spec.text("volumeMode") == "Block" else ""
    if spec.has("claimRef"):
        ref = spec.part("claimRef")
        told["claim"] = f"{ref.text('namespace') or 'default'}/{ref.text('name')}"
    told["driver"] = spec.part("csi").text("driver") if spec.has("csi") else ""
    told["source"] = next((s for s in _SOURCES if spec.has(s)), "")
    required = spec.part("nodeAffinity").part("required")
    told["nodeAffinity"] = [_node_term(t) for t in required.parts("nodeSelectorTerms")]
    return {k: v for k, v in told.items() if v}


def claim(namespace: str, name: str, obj: Fields) -> dict[str, Any]:
    spec = obj.part("spec")
    told: dict[str, Any] = {"name": name, "namespace": namespace, "accessModes": spec.texts("accessModes")}
    told["size"] = spec.part("resources").quantities("requests").get("storage", "1")
    told["volumeMode"] = "Block" if spec.text("volumeMode") == "Block" else ""
    told["volume"] = spec.text("volumeName")
    told = {k: v for k, v in told.items() if v}
    return told | ({"storageClass": _class(obj)} if spec.has("storageClassName") or _annotation(obj, _OLD_CLASS) else {})


def _class(obj: Fields) -> str:
    return _annotation(obj, _OLD_CLASS) or obj.part("spec").text("storageClassName")


def _annotation(obj: Fields, name: str) -> str:
    return obj.part("metadata").part("annotations").text(name)


def _node_term(term: Fields) -> dict[str, Any]:
    told = {key: [_expression(e) for e in term.parts(key)] for key in ("matchExpressions", "matchFields")}
    return {k: v for k, v in told.items() if v}


def _expression(e: Fields) -> dict[str, Any]:
    values = e.texts("values")
    return {"key": e.text("key"), "operator": e.text("operator")} | ({"values": values} if values else {})
