"""The size of whatever controls a pod: its workload, or what the scale subresource of its kind says (the finders of disruption.go)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from kgate.engine.api import names
from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.meta import Key, OwnerReference, Unstructured
from kgate.engine.store import Store

SCALABLE = {("apps", "Deployment"), ("apps", "ReplicaSet"), ("apps", "StatefulSet"), ("", "ReplicationController")}
"""Group and kind of what the API server itself can scale."""
UNSCALABLE = {("apps", "DaemonSet"), ("batch", "Job"), ("batch", "CronJob"), ("", "Node"), ("", "Pod"), ("", "Service")}
"""Known kinds without a scale subresource that may be found as a pod's controller. (The kubelet's mirror pods belong to their Node.)"""

_GROUPS_OF_SETS = ("apps", "extensions")


class UnknownScaleError(Exception):
    """Why a controller's size cannot be told, in the disruption controller's words."""


class Scale(NamedTuple):
    """A controller and the pods it is to have."""

    uid: str
    replicas: int


class Scales:
    """Finds them in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, ref: OwnerReference, namespace: str) -> Scale | None:
        """None when the controller is gone or is another one of the same name. Raises UnknownScaleError."""
        if ref.api_version.count("/") > 1:
            raise UnknownScaleError(f"unexpected GroupVersion string: {ref.api_version}")
        if ref.kind == "ReplicaSet" and names.group(ref.api_version) in _GROUPS_OF_SETS:
            found = self._of_replica_set(ref, namespace)
            if found is not None:
                return found
        return self._subresource(ref, namespace)

    def _of_replica_set(self, ref: OwnerReference, namespace: str) -> Scale | None:
        """Its Deployment's, if it has one; a set whose Deployment is gone is left to the scale subresource."""
        rs = self._store.get(ReplicaSet, namespace, ref.name)
        if rs is None or rs.metadata.uid != ref.uid:
            return None
        owner = rs.metadata.controller
        if owner is None or owner.kind != "Deployment":
            return Scale(ref.uid, rs.spec.replicas)
        if names.group(owner.api_version) not in _GROUPS_OF_SETS:
            return None
        d = self._store.get(Deployment, namespace, owner.name)
        return Scale(owner.uid, d.spec.replicas) if d is not None and d.metadata.uid == owner.uid else None

    def _subresource(self, ref: OwnerReference, namespace: str) -> Scale | None:
        """getScaleController. StatefulSets and ReplicationControllers are found this way, too: they are stored as they were written."""
        group, _, version = ref.api_version.rpartition("/")
        kind = (group, ref.kind)
        path: tuple[str, ...] = ("spec", "replicas")
        if kind not in SCALABLE | UNSCALABLE:
            path = self._declared(ref, group, version)
        elif version != "v1":
            raise _no_match(ref)
        elif kind in UNSCALABLE:
            raise _no_scale(names.resource(ref.api_version, ref.kind))
        obj = self._store.find(Key(ref.kind, namespace, ref.name))
        if obj is None or obj.metadata.uid != ref.uid:
            return None
        return Scale(ref.uid, _at(obj, path, default=1 if kind in SCALABLE else None))

    def _declared(self, ref: OwnerReference, group: str, version: str) -> tuple[str, ...]:
        """Where objects of a custom kind keep their size, as its definition says."""
        for crd in self._store.list_kind("CustomResourceDefinition"):
            spec = _mapping(crd.rest.get("spec"))
            declared = _mapping(spec.get("names"))
            if spec.get("group") != group or declared.get("kind") != ref.kind:
                continue
            for served in spec.get("versions") or ():
                if _mapping(served).get("name") == version and served.get("served"):
                    scale = _mapping(_mapping(served.get("subresources")).get("scale"))
                    if not scale:
                        raise _no_scale(f"{declared.get('plural')}.{group}")
                    return tuple(str(scale.get("specReplicasPath")).split(".")[1:])
        raise _no_match(ref)


def _at(obj: Any, path: tuple[str, ...], default: int | None) -> int:
    """The number at that path. `default` is what the API server puts where there is none; a custom object without one is an error."""
    if not isinstance(obj, Unstructured):
        return int(obj.spec.replicas)
    value: Any = obj.rest
    for step in path:
        value = _mapping(value).get(step)
    value = default if value is None else value
    if not isinstance(value, int):
        raise UnknownScaleError(f'Internal error occurred: the spec replicas field ".{".".join(path)}" does not exist')
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _no_match(ref: OwnerReference) -> UnknownScaleError:
    return UnknownScaleError(f'no matches for kind "{ref.kind}" in version "{ref.api_version}"')


def _no_scale(resource: str) -> UnknownScaleError:
    return UnknownScaleError(f"{resource} does not implement the scale subresource")
