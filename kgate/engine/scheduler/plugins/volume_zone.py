"""pkg/scheduler/framework/plugins/volumezone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from msgspec import Struct

from kgate.engine.api.core import PersistentVolumeClaim
from kgate.engine.api.storage import WAIT_FOR_FIRST_CONSUMER, PersistentVolume, StorageClass
from kgate.engine.api.volumes import class_of
from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.framework import Change, CycleState, Rejection
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo
from kgate.engine.scheduler.plugins.volume_restrictions import claims_of

GA = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
}
TOPOLOGY_LABELS = (*GA, *GA.values())


class Places(Struct, kw_only=True):
    """Label and values, one of which the node must have, by label of each volume."""

    wanted: tuple[tuple[str, frozenset[str]], ...]


class VolumeZone:
    """A volume whose labels name its zone or region is used there only. Nodes without any such label take everything."""

    name: ClassVar[str] = "VolumeZone"
    local: ClassVar[bool] = False
    _elsewhere = Rejection(plugin=name, reasons=("node(s) had no available volume zone",), unresolvable=True)

    def concerns(self, pod: PodInfo) -> bool:
        return bool(pod.pod.spec.volumes)

    def prefilter(self, pod: PodInfo, state: CycleState) -> Rejection | bool:
        wanted: list[tuple[str, frozenset[str]]] = []
        for key in claims_of(pod.pod):
            claim = state.cluster.claim(key.namespace, key.name)
            if claim is None:
                return self._no(f'persistentvolumeclaim "{key.name}" not found')
            if claim.spec.volume_name:
                volume = state.cluster.volume(claim.spec.volume_name)
                if volume is None:
                    return self._no(f'persistentvolume "{claim.spec.volume_name}" not found')
                wanted += _places(volume)
            elif (why_not := _cannot_wait(claim, state.cluster)) != "":
                return self._no(why_not)
        state.write(Places(wanted=tuple(wanted)))
        return bool(wanted)

    def filter(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> Rejection | None:
        places = state.read(Places)
        if places is None or not any(label in node.labels for label in TOPOLOGY_LABELS):
            return None
        return None if all(_is_at(node.labels, label, values) for label, values in places.wanted) else self._elsewhere

    def worth_retrying(self, pod: PodInfo, change: Change, cluster: Cache) -> bool:
        match change.new:
            case PersistentVolumeClaim() as claim:
                return claim.metadata.namespace == pod.pod.metadata.namespace and any(
                    key.name == claim.metadata.name for key in claims_of(pod.pod)
                )
            case PersistentVolume() as volume:
                return not isinstance(change.old, PersistentVolume) or _places(change.old) != _places(volume)
            case StorageClass(volume_binding_mode=mode):
                return change.old is None and mode == WAIT_FOR_FIRST_CONSUMER
        if change.node is None:
            return False
        old, new = change.node
        return new is not None and (old is None or old.metadata.labels != new.metadata.labels)

    def _no(self, reason: str) -> Rejection:
        return Rejection(plugin=self.name, reasons=(reason,), unresolvable=True)


def _cannot_wait(claim: PersistentVolumeClaim, cluster: Cache) -> str:
    """Why a claim without a volume is no claim that waits for its first consumer; empty when it is."""
    name = class_of(claim)
    if not name:
        return "PersistentVolumeClaim had no pv name and storageClass name"
    found = cluster.storage_class(name)
    if found is None:
        return f'storageclass.storage.k8s.io "{name}" not found'
    return "" if found.volume_binding_mode == WAIT_FOR_FIRST_CONSUMER else "PersistentVolume had no name"


def _places(volume: PersistentVolume) -> list[tuple[str, frozenset[str]]]:
    """Several zones are written `a__b`; a label with an empty zone among them says nothing (LabelZonesToSet)."""
    labels = volume.metadata.labels
    split = [(key, [v.strip() for v in labels[key].split("__")]) for key in TOPOLOGY_LABELS if key in labels]
    return [(key, frozenset(values)) for key, values in split if all(values)]


def _is_at(labels: Mapping[str, str], label: str, values: frozenset[str]) -> bool:
    """A node with the new label only is asked for that one."""
    found = labels.get(label, labels.get(GA.get(label, label)))
    return found is not None and found in values
