"""pkg/scheduler/framework/plugins/volumerestrictions."""

from __future__ import annotations

from typing import ClassVar

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
    """A ReadWriteOncePod claim has one user. Unlike upstream: in-tree disks (GCE, AWS, RBD, iSCSI) are not compared."""

    name: ClassVar[str] = "VolumeRestrictions"
    local: ClassVar[bool] = False
    _in_use = Rejection(
        plugin=name,
        reasons=("node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod",),
    )

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
        return bool(exclusive)

    def filter(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> Rejection | None:
        exclusive = state.read(Exclusive)
        return self._in_use if exclusive is not None and exclusive.users else None

    def account(self, pod: PodInfo, other: PodInfo, node: NodeInfo, count: int, state: CycleState) -> None:
        exclusive = state.read(Exclusive)
        if exclusive is not None:
            exclusive.users += count * _uses(other, exclusive.claims)

    def worth_retrying(self, pod: PodInfo, change: Change, cluster: Cache) -> bool:
        if isinstance(change.new, PersistentVolumeClaim):
            return True
        gone = change.pod[0] if change.pod is not None and change.new is None else None
        return gone is not None and bool(_uses(gone, claims_of(pod.pod)))


def claims_of(pod: Pod) -> tuple[Key, ...]:
    """The claims its volumes name."""
    sources = (v.persistent_volume_claim for v in pod.spec.volumes)
    return tuple(Key("PersistentVolumeClaim", pod.metadata.namespace, s.claim_name) for s in sources if s is not None)


def _uses(pod: PodInfo, claims: tuple[Key, ...] | list[Key]) -> int:
    return sum(1 for key in claims_of(pod.pod) if key in claims)
