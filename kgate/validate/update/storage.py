"""Updates of ConfigMaps, Secrets, claims and volumes (pkg/apis/core/validation/validation.go)."""

from __future__ import annotations

from typing import Any

from kgate.manifest import Path
from kgate.validate import quantity
from kgate.validate.cause import Body, Cause, Causes, part
from kgate.validate.update.change import Change, forbidden, immutable, listed, refused, value_at

_SPEC: Path = ("spec",)
_SEALED = "field is immutable when `immutable` is set"
_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
_CLAIM = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
_STORAGE: Path = ("spec", "resources", "requests", "storage")


def config_map(change: Change) -> Causes:
    if change.old.get("immutable"):
        yield from _sealed(change, ("data", "binaryData"))


def secret(change: Change) -> Causes:
    """A Secret that no longer names a type is Opaque; stringData has become data by the time it is looked at."""
    instead = f"keep the type as in the base, or delete {change.named} and create it anew"
    yield from immutable(change, ("type",), remediation=instead)
    if change.old.get("immutable"):
        yield from _sealed(change, ("data",))


def _sealed(change: Change, fields: tuple[str, ...]) -> Causes:
    if not change.new.get("immutable"):
        yield _sealed_cause(change, [("immutable",)], "immutable")
    for name in fields:
        if found := [_as_written(change, path) for path in change.differences((name,))]:
            yield _sealed_cause(change, found, name)


def _as_written(change: Change, path: Path) -> Path:
    """The value under `stringData` where the file has it there."""
    plain = ("stringData", *path[1:])
    return plain if path[:1] == ("data",) and value_at(change.head, plain) is not None else path


def _sealed_cause(change: Change, found: list[Path], field: str) -> Cause:
    instead = f"create a {change.new.get('kind')} of another name and let the pods use that, or delete {change.named} and create it anew"
    return forbidden(change, found, (field,), _SEALED, remediation=instead)


def claim(change: Change) -> Causes:
    """Every claim in a repository is taken for bound, so that its request may grow where its class lets it, which is not known.

    Without a class nothing grows (plugin/pkg/admission/storage/persistentvolume/resize).
    """
    shrunk = _amount(change.new) < _amount(change.old)
    if _class_moved(change):
        yield from _class_annotation(change)
    if found := change.differences(_SPEC, lambda new, old: _comparable(change, new, old)):
        instead = f"keep {listed(found)} as in the base; otherwise create a claim of another name and copy the data"
        yield forbidden(change, found, _SPEC, _CLAIM, remediation=instead)
    if shrunk:
        detail = "field can not be less than " + ("status.capacity" if change.number >= 32 else "previous value")
        yield forbidden(
            change, [_STORAGE], _STORAGE, detail, remediation="a volume never shrinks: create a smaller claim and copy the data"
        )


def _amount(body: Body) -> int:
    return quantity.nano(part(part(part(body, "spec"), "resources"), "requests").get("storage"))


def _annotated_class(body: Body) -> str | None:
    found = part(part(body, "metadata"), "annotations").get(_BETA_CLASS)
    return found if isinstance(found, str) else None


def _upgraded(change: Change) -> bool:
    """From the class in the annotation to the same one in the field."""
    new, old = part(change.new, "spec").get("storageClassName"), part(change.old, "spec").get("storageClassName")
    was = _annotated_class(change.old)
    return was is not None and old is None and new == was and _annotated_class(change.new) in (None, was)


def _class_moved(change: Change) -> bool:
    return not _upgraded(change) and _annotated_class(change.new) != _annotated_class(change.old)


def _class_annotation(change: Change) -> Causes:
    path: Path = ("metadata", "annotations", _BETA_CLASS)
    yield Cause(
        path=path,
        reason="FieldValueInvalid",
        message=f'Invalid value: "{_annotated_class(change.new) or ""}": field is immutable',
        remediation="keep the annotation as in the base, or create a claim of another name",
    )


def _comparable(change: Change, new: Any, old: Any) -> tuple[Any, Any]:
    """Without what a bound claim may change, and what only the cluster knows where the base does not say it."""
    new, old = dict(new or {}), dict(old or {})
    may_grow = old.get("storageClassName") != "" or _amount(change.new) <= _amount(change.old)
    for spec in (new, old):
        spec.pop("volumeAttributesClassName", None)
        if may_grow and (requests := (spec.get("resources") or {}).get("requests")) is not None:
            spec["resources"] = {**spec["resources"], "requests": {k: v for k, v in requests.items() if k != "storage"}}
    if "volumeName" not in old:
        new.pop("volumeName", None)
    if "storageClassName" not in old and (_upgraded(change) or _annotated_class(change.old) in (None, new.get("storageClassName"))):
        new.pop("storageClassName", None)
    return new, old


_NOT_THE_SOURCE_NAMES = (
    "capacity accessModes claimRef persistentVolumeReclaimPolicy storageClassName mountOptions volumeMode nodeAffinity"
    " volumeAttributesClassName"
)
_NOT_THE_SOURCE = frozenset(_NOT_THE_SOURCE_NAMES.split())


def volume(change: Change) -> Causes:
    if found := change.differences(_SPEC, _sources):
        yield forbidden(change, found, ("spec", "persistentvolumesource"), "spec.persistentvolumesource is immutable after creation")
    yield from immutable(change, ("spec", "volumeMode"), at=("volumeMode",))
    if change.plain(change.old, ("spec", "nodeAffinity")) is not None:
        detail = "field is immutable, except for updating from beta label to GA"
        if found := change.differences(("spec", "nodeAffinity"), _with_stable_labels):
            yield refused(change, found, ("nodeAffinity",), detail)
    old, new = (part(body, "spec").get("volumeAttributesClassName") for body in (change.old, change.new))
    if old is not None and new is None:
        path: Path = ("spec", "volumeAttributesClassName")
        yield forbidden(change, [path], path, "update from non-nil value to nil is forbidden")


def _sources(new: Any, old: Any) -> tuple[Any, Any]:
    """A CSI volume may be given the Secret with which it is expanded."""
    new, old = ({k: v for k, v in (spec or {}).items() if k not in _NOT_THE_SOURCE} for spec in (new, old))
    if "csi" in new and "csi" in old and "controllerExpandSecretRef" not in old["csi"]:
        new["csi"] = {k: v for k, v in new["csi"].items() if k != "controllerExpandSecretRef"}
    return new, old


_STABLE = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
}


def _with_stable_labels(new: Any, old: Any) -> tuple[Any, Any]:
    """Only from the beta label to the stable one: the other way is a change."""
    return new, _renamed(old, _keys(new))


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {value["key"]} if isinstance(value.get("key"), str) else {k for v in value.values() for k in _keys(v)}
    return {k for v in value for k in _keys(v)} if isinstance(value, list) else set()


def _renamed(value: Any, wanted: set[str]) -> Any:
    if isinstance(value, list):
        return [_renamed(item, wanted) for item in value]
    if not isinstance(value, dict):
        return value
    stable = _STABLE.get(value.get("key", "")) if isinstance(value.get("key"), str) else None
    return {k: stable if k == "key" and stable in wanted else _renamed(v, wanted) for k, v in value.items()}
