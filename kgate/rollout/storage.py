"""What a cluster file tells of storage: classes, volumes and claims, as the objects of the API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kgate.manifest import Path
from kgate.rollout import fields
from kgate.rollout.fields import Fields, did_you_mean, refuse
from kgate.rollout.nodes import HOSTNAME, ZONE

KEYS = ("storageClasses", "persistentVolumes", "claims")
KINDS = ("StorageClass", "PersistentVolume", "PersistentVolumeClaim")

MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")
BINDING = ("Immediate", "WaitForFirstConsumer")
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
ANY_DRIVER = "unknown.invalid"
"""Of a volume of which nobody says what serves it: it is attached to nodes, as most are."""

_CLASS = ("name", "provisioner", "volumeBindingMode", "default", "allowedTopologies")
_VOLUME = ("name", "accessModes", "size", "storageClass", "volumeMode", "claim", "driver", "source", "zone", "node", "nodeAffinity")
_CLAIM = ("name", "namespace", "accessModes", "size", "storageClass", "volumeMode", "volume")


def read_storage(whole: Fields) -> tuple[dict[str, Any], ...]:
    """Classes before volumes before claims. Raises SettingError."""
    return (*_classes(whole), *_volumes(whole), *_claims(whole))


def _classes(whole: Fields) -> Iterator[dict[str, Any]]:
    for path, entry in whole.items("storageClasses"):
        body = Fields(entry, path, _CLASS, "a storage class")
        metadata: dict[str, Any] = {"name": body.text("name")}
        if body.flag("default"):
            metadata["annotations"] = {DEFAULT_CLASS: "true"}
        rest: dict[str, Any] = {"provisioner": body.text("provisioner")}
        rest["volumeBindingMode"] = one_of(body, "volumeBindingMode", BINDING) if "volumeBindingMode" in body else BINDING[0]
        if "allowedTopologies" in body:
            rest["allowedTopologies"] = [_term(t, p) for p, t in body.items("allowedTopologies")]
        yield {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": metadata, **rest}


def _term(entry: object, path: Path) -> dict[str, Any]:
    """A label and its values: `{topology.kubernetes.io/zone: [a, b]}`."""
    labels = fields.mapping(entry, path, "a topology")
    return {"matchLabelExpressions": [{"key": k, "values": _texts(v, (*path, k))} for k, v in labels.items()]}


def _texts(value: object, path: Path) -> list[str]:
    return [fields.text(v, p) for p, v in fields.items(value, path)]


def _volumes(whole: Fields) -> Iterator[dict[str, Any]]:
    for path, entry in whole.items("persistentVolumes"):
        body = Fields(entry, path, _VOLUME, "a persistent volume")
        spec: dict[str, Any] = {"accessModes": _modes(body), "capacity": {"storage": _size(body)}}
        spec["storageClassName"] = body.text("storageClass", "")
        spec |= {"volumeMode": body.text("volumeMode")} if "volumeMode" in body else {}
        spec |= _claim_ref(body) | _source(body)
        terms = _reachable(body)
        spec |= {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}} if terms else {}
        yield {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": body.text("name")}, "spec": spec}


def _claim_ref(body: Fields) -> dict[str, Any]:
    """`claim: prod/data`, or `data` of the default namespace."""
    if "claim" not in body:
        return {}
    namespace, _, name = body.text("claim").rpartition("/")
    return {"claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace or "default", "name": name}}


def _source(body: Fields) -> dict[str, Any]:
    """A driver's volume unless another source of the API is named: `source: nfs`."""
    if "source" in body and "driver" in body:
        refuse(body.at("source"), "a volume has a driver or another source, not both")
    if "source" in body and body.text("source") != "csi":
        return {body.text("source"): {}}
    return {"csi": {"driver": body.text("driver", ANY_DRIVER), "volumeHandle": body.text("name")}}


def _reachable(body: Fields) -> list[dict[str, Any]]:
    """From which nodes; nothing: from all."""
    near = [(label, body.text(key)) for key, label in (("zone", ZONE), ("node", HOSTNAME)) if key in body]
    if near:
        return [{"matchExpressions": [{"key": label, "operator": "In", "values": [value]} for label, value in near]}]
    return [dict(fields.mapping(t, p, "a node selector term")) for p, t in body.items("nodeAffinity")]


def _claims(whole: Fields) -> Iterator[dict[str, Any]]:
    for path, entry in whole.items("claims"):
        body = Fields(entry, path, _CLAIM, "a claim")
        spec: dict[str, Any] = {"accessModes": _modes(body), "resources": {"requests": {"storage": _size(body)}}}
        for key, field in (("storageClass", "storageClassName"), ("volumeMode", "volumeMode"), ("volume", "volumeName")):
            spec |= {field: body.text(key)} if key in body else {}
        metadata = {"name": body.text("name"), "namespace": body.text("namespace", "default")}
        yield {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def _size(body: Fields) -> str:
    return body.quantity("size", "") if "size" in body else refuse(body.path, "size is missing", "size: 10Gi")


def _modes(body: Fields) -> list[str]:
    modes = _texts(body.raw("accessModes"), body.at("accessModes")) if "accessModes" in body else []
    if not modes:
        refuse(body.at("accessModes"), "accessModes is missing", "accessModes: [ReadWriteOnce]")
    for i, mode in enumerate(modes):
        if mode not in MODES:
            refuse((*body.at("accessModes"), i), f"{mode!r} is no access mode", did_you_mean(mode, MODES))
    return modes


def one_of(body: Fields, key: str, known: tuple[str, ...]) -> str:
    value = body.text(key)
    if value not in known:
        refuse(body.at(key), f"{key} is {value!r}", did_you_mean(value, known))
    return value


def key_of(body: Mapping[str, Any]) -> tuple[str, str]:
    """Namespace and name; a claim without a namespace is in the default one."""
    metadata = body["metadata"]
    return (str(metadata.get("namespace") or "default"), str(metadata["name"]))
