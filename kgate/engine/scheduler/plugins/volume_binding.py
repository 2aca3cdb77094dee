"""pkg/scheduler/framework/plugins/volumebinding/{volume_binding,binder}.go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api.core import PersistentVolumeClaim, Pod
from kgate.engine.api.meta import Key, Resource
from kgate.engine.api.storage import NO_PROVISIONER, WAIT_FOR_FIRST_CONSUMER, PersistentVolume, StorageClass
from kgate.engine.api.volumes import SELECTED_NODE, allows, asked, bound, class_of, find_matching, is_bound, reaches
from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.framework import Change, CycleState, Rejection
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo
from kgate.engine.scheduler.plugins.volume_restrictions import all_claims_of, ephemeral_claims_of

NODE_CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
BIND_CONFLICT = "node(s) didn't find available persistent volumes to bind"
NO_VOLUME = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"


class Claims(Struct, kw_only=True):
    """The pod's claims: those that have a volume, and those whose volume depends on the node."""

    bound: tuple[PersistentVolumeClaim, ...]
    delayed: tuple[PersistentVolumeClaim, ...]


class Plan(Struct, kw_only=True):
    """What is to be done for the delayed claims if the pod goes to a certain node."""

    matched: list[tuple[PersistentVolume, PersistentVolumeClaim]]
    to_provision: list[PersistentVolumeClaim]


class VolumeBinding:
    """A pod goes where its volumes can be reached, or can be made.

    Unlike upstream: free capacity of drivers (CSIStorageCapacity) is not looked at.
    """

    name: ClassVar[str] = "VolumeBinding"
    local: ClassVar[bool] = False

    def concerns(self, pod: PodInfo) -> bool:
        return bool(pod.pod.spec.volumes)

    def prefilter(self, pod: PodInfo, state: CycleState) -> Rejection | bool:
        found, made_for_pod = [], ephemeral_claims_of(pod.pod)
        for key in all_claims_of(pod.pod):
            claim = state.cluster.claim(key.namespace, key.name)
            why_not = _unusable(key, claim, pod.pod, key in made_for_pod)
            if claim is None or why_not:
                return self._no(why_not)
            found.append(claim)
        if not found:
            return False
        waiting = [c for c in found if not is_bound(c)]
        if any(not _is_delayed(c, state.cluster) for c in waiting):
            return self._no("pod has unbound immediate PersistentVolumeClaims")
        state.write(Claims(bound=tuple(c for c in found if is_bound(c)), delayed=tuple(waiting)))
        return True

    def filter(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> Rejection | None:
        claims = state.read(Claims)
        if claims is None:
            return None
        reasons = [r for r in (_why_not_bound(claims, node, state.cluster),) if r]
        if claims.delayed and _plan(claims.delayed, node.name, node.labels, state.cluster) is None:
            # In the order upstream appends them; only the volume that does not exist comes after.
            reasons.insert(0 if reasons[:1] == [NO_VOLUME] else len(reasons), BIND_CONFLICT)
        return Rejection(plugin=self.name, reasons=tuple(reasons), unresolvable=True) if reasons else None

    def prebind(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> Sequence[Resource]:
        """The volumes and claims as they are once the pod has been promised the node."""
        claims = state.read(Claims)
        plan = _plan(claims.delayed, node.name, node.labels, state.cluster) if claims is not None and claims.delayed else None
        if plan is None:
            return ()
        written: list[Resource] = []
        for volume, claim in plan.matched:
            written += bound(volume, claim)
        for claim in plan.to_provision:
            written.append(replace(claim, metadata=claim.metadata.annotated(SELECTED_NODE, node.name)))
        return written

    def worth_retrying(self, pod: PodInfo, change: Change, cluster: Cache) -> bool:
        match change.new:
            case PersistentVolumeClaim() as claim:
                return Key("PersistentVolumeClaim", claim.metadata.namespace, claim.metadata.name) in all_claims_of(pod.pod)
            case PersistentVolume():
                return True
            case StorageClass() as now:
                return not isinstance(change.old, StorageClass) or change.old.allowed_topologies != now.allowed_topologies
        if change.node is None:
            return False
        old, new = change.node
        return new is not None and (old is None or old.metadata.labels != new.metadata.labels)

    def _no(self, reason: str) -> Rejection:
        return Rejection(plugin=self.name, reasons=(reason,), unresolvable=True)


def _unusable(key: Key, claim: PersistentVolumeClaim | None, pod: Pod, ephemeral: bool) -> str:
    if claim is None:
        if ephemeral:
            return f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{key.name}"'
        return f'persistentvolumeclaim "{key.name}" not found'
    if claim.status.phase == "Lost":
        return f'persistentvolumeclaim "{key.name}" bound to non-existent persistentvolume "{claim.spec.volume_name}"'
    if claim.metadata.deleting:
        return f'persistentvolumeclaim "{key.name}" is being deleted'
    owner = claim.metadata.controller
    if ephemeral and (owner is None or owner.uid != pod.metadata.uid):
        named = f"{key.namespace}/{key.name}"
        return f"PVC {named} was not created for pod {key.namespace}/{pod.metadata.name} (pod is not owner)"
    return ""


def _is_delayed(claim: PersistentVolumeClaim, cluster: Cache) -> bool:
    """Its class waits for the first consumer, and nobody has named its volume."""
    found = cluster.storage_class(class_of(claim))
    return found is not None and found.volume_binding_mode == WAIT_FOR_FIRST_CONSUMER and not claim.spec.volume_name


def _why_not_bound(claims: Claims, node: NodeInfo, cluster: Cache) -> str:
    for claim in claims.bound:
        volume = cluster.volume(claim.spec.volume_name)
        if volume is None:
            return NO_VOLUME
        if not reaches(volume, node.labels):
            return NODE_CONFLICT
    return ""


def _plan(delayed: Sequence[PersistentVolumeClaim], name: str, labels: Mapping[str, str], cluster: Cache) -> Plan | None:
    """None when a claim finds no volume there and none can be made. Small claims choose first."""
    plan = Plan(matched=[], to_provision=[])
    for claim in sorted(delayed, key=asked):
        selected = claim.metadata.annotations.get(SELECTED_NODE)
        if selected is not None and selected != name:
            return None
        taken = {volume.metadata.name for volume, _ in plan.matched}
        volume = find_matching(claim, cluster.volumes(), node_labels=labels, taken=taken, delayed=True) if selected is None else None
        if volume is not None:
            plan.matched.append((volume, claim))
        elif _can_be_made(claim, labels, cluster):
            plan.to_provision.append(claim)
        else:
            return None
    return plan


def _can_be_made(claim: PersistentVolumeClaim, labels: Mapping[str, str], cluster: Cache) -> bool:
    found = cluster.storage_class(class_of(claim))
    return found is not None and found.provisioner not in ("", NO_PROVISIONER) and allows(found.allowed_topologies, labels)
