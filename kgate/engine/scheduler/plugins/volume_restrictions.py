"""pkg/scheduler/framework/plugins/volumerestrictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from msgspec import Struct

from kgate.engine.api.core import PersistentVolumeClaim, Pod
from kgate.engine.api.meta import Key
from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.framework import Change, CycleState, Rejection
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo


class Exclusive(Struct, kw_only=True):
    """The pod's ReadWriteOncePod claims, and how many pods already use one of them."""

    claims: tuple[Key, ...]
    users: int


class VolumeRestrictions:
    """A ReadWriteOncePod claim has one user, and so has an in-tree disk on one node, unless all only read it."""

    name: ClassVar[str] = "VolumeRestrictions"
    local: ClassVar[bool] = False
    _in_use = Rejection(
        plugin=name,
        reasons=("node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod",),
    )

    _no_disk = Rejection(plugin=name, reasons=("node(s) had no available disk",))

    def concerns(self, pod: PodInfo) -> bool:
        return bool(pod.pod.spec.volumes)

    def prefilter(self, pod: PodInfo, state: CycleState) -> Rejection | bool:
        exclusive = []
        for key in claims_of(pod.pod):
            claim = state.cluster.claim(key.namespace, key.name)
            if claim is None:
                reason = f'persistentvolumeclaim "{key.name}" not found'
                return Rejection(plugin=self.name, reasons=(reason,), unresolvable=True)
            if "ReadWriteOncePod" in claim.spec.access_modes:
                exclusive.append(key)
        if exclusive:
            users = sum(_uses(other, exclusive) for node in state.cluster.nodes() for other in node.pods.values())
            state.write(Exclusive(claims=tuple(exclusive), users=users))
        return bool(exclusive) or bool(_disks(pod.pod))

    def filter(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> Rejection | None:
        if _disks(pod.pod) and any(_same_disk(pod.pod, other.pod) for other in node.pods.values()):
            return self._no_disk
        exclusive = state.read(Exclusive)
        return self._in_use if exclusive is not None and exclusive.users else None

    def account(self, pod: PodInfo, other: PodInfo, node: NodeInfo, count: int, state: CycleState) -> None:
        exclusive = state.read(Exclusive)
        if exclusive is not None:
            exclusive.users += count * _uses(other, exclusive.claims)

    def worth_retrying(self, pod: PodInfo, change: Change, cluster: Cache) -> bool:
        if isinstance(change.new, PersistentVolumeClaim):
            return change.old is None and any(change.new.metadata.name == key.name for key in claims_of(pod.pod))
        gone = change.pod[0] if change.pod is not None and change.new is None else None
        if gone is None:
            return change.node is not None and change.old is None
        return bool(_uses(gone, claims_of(pod.pod))) or _same_disk(pod.pod, gone.pod)


def claims_of(pod: Pod) -> tuple[Key, ...]:
    """The claims its volumes name."""
    sources = (v.persistent_volume_claim for v in pod.spec.volumes)
    return tuple(Key("PersistentVolumeClaim", pod.metadata.namespace, s.claim_name) for s in sources if s is not None)


def ephemeral_claims_of(pod: Pod) -> tuple[Key, ...]:
    """The claims that are made for the pod's generic ephemeral volumes, each named after the pod and the volume."""
    namespace, name = pod.metadata.namespace, pod.metadata.name
    return tuple(Key("PersistentVolumeClaim", namespace, f"{name}-{v.name}") for v in pod.spec.volumes if "ephemeral" in v.rest)


def all_claims_of(pod: Pod) -> tuple[Key, ...]:
    """In the order of the volumes. A claim without a name is no claim; the API server refuses it."""
    if not pod.spec.volumes:
        return ()
    namespace, name = pod.metadata.namespace, pod.metadata.name
    named = (
        v.persistent_volume_claim.claim_name if v.persistent_volume_claim is not None else f"{name}-{v.name}"
        for v in pod.spec.volumes
        if v.persistent_volume_claim is not None or "ephemeral" in v.rest
    )
    return tuple(Key("PersistentVolumeClaim", namespace, claim) for claim in named)


def _disks(pod: Pod) -> list[tuple[str, Mapping[str, Any]]]:
    """In-tree disks of the kinds that are compared, by the field that names them."""
    found = ((kind, v.rest.get(kind)) for v in pod.spec.volumes for kind in _SAME)
    return [(kind, source) for kind, source in found if isinstance(source, Mapping)]


def _same_disk(pod: Pod, other: Pod) -> bool:
    """Two pods with one disk that cannot be in both. All but AWS disks may be shared by pods that only read."""
    return any(
        kind == theirs and _SAME[kind](a, b) and not (kind != "awsElasticBlockStore" and a.get("readOnly") and b.get("readOnly"))
        for kind, a in _disks(pod)
        for theirs, b in _disks(other)
    )


def _same_image(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """An RBD image: one monitor in common, the same pool, the same name."""
    monitors = any(m in (b.get("monitors") or ()) for m in a.get("monitors") or ())
    return monitors and a.get("pool", "rbd") == b.get("pool", "rbd") and a.get("image") == b.get("image")


_SAME: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], bool]] = {
    "gcePersistentDisk": lambda a, b: a.get("pdName") == b.get("pdName"),
    "awsElasticBlockStore": lambda a, b: a.get("volumeID") == b.get("volumeID"),
    "iscsi": lambda a, b: a.get("iqn") == b.get("iqn"),
    "rbd": _same_image,
}


def _uses(pod: PodInfo, claims: tuple[Key, ...] | list[Key]) -> int:
    return sum(1 for key in claims_of(pod.pod) if key in claims)
