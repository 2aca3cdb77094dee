"""Gives claims their volumes (pkg/controller/volume/persistentvolume/pv_controller.go), and plays the provisioner that makes new ones.

Unlike upstream: making a volume takes no time and never fails; nothing is reclaimed when a claim goes, its volume is only released.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from msgspec.structs import replace

from kgate.engine.api.core import Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PersistentVolumeClaim
from kgate.engine.api.meta import Key, Millis, ObjectMeta
from kgate.engine.api.storage import (
    NO_PROVISIONER,
    WAIT_FOR_FIRST_CONSUMER,
    CSIVolumeSource,
    PersistentVolume,
    PersistentVolumeSpec,
    PersistentVolumeStatus,
    StorageClass,
    TopologySelectorTerm,
    VolumeNodeAffinity,
)
from kgate.engine.api.volumes import BIND_COMPLETED, CLASS_ANNOTATION, SELECTED_NODE, allows, belongs_to, bound, class_of, find_matching
from kgate.engine.manager import Manager, Watch
from kgate.engine.store import Store, key_of
from kgate.engine.trace import WatchEvent

SOURCE = "persistentvolume-controller"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
ZONE = "topology.kubernetes.io/zone"
ZONAL = frozenset(
    {
        "disk.csi.azure.com", "ebs.csi.aws.com", "cinder.csi.openstack.org", "kubernetes.io/aws-ebs", "kubernetes.io/azure-disk",
        "kubernetes.io/cinder", "kubernetes.io/gce-pd", "pd.csi.storage.gke.io", "vpc.block.csi.ibm.io",
    }
)  # fmt: skip
"""Provisioners whose volumes are reached from one zone only, also when their class does not say so."""


class PersistentVolumeController:
    """One key a claim; what happens to volumes, classes and nodes wakes the claims that still wait."""

    name: ClassVar[str] = "persistentvolume-binder"

    def __init__(self, store: Store, manager: Manager) -> None:
        self._store = store
        self._manager = manager
        self.watches = (Watch(PersistentVolumeClaim), Watch(PersistentVolume, self._waiting), Watch(StorageClass, self._waiting))

    def reconcile(self, key: Key) -> Millis | None:
        claim = self._store.get(PersistentVolumeClaim, key.namespace, key.name)
        if claim is None:
            self._release(key)
        elif not claim.metadata.deleting:
            claim = self._with_class(claim)
            if claim.spec.volume_name:
                self._follow(claim)
            else:
                self._provide(claim)
        return None

    def _waiting(self, event: WatchEvent) -> Iterable[Key]:
        """Claims without a volume, and the one whose volume is gone."""
        gone = event.key.name if event.after is None else ""
        claims = self._store.list(PersistentVolumeClaim)
        return [key_of(c) for c in claims if c.status.phase != "Bound" or (gone and c.spec.volume_name == gone)]

    def _with_class(self, claim: PersistentVolumeClaim) -> PersistentVolumeClaim:
        """A claim that says nothing of a class gets the default one, the newest if there are several."""
        if claim.spec.storage_class_name is not None or CLASS_ANNOTATION in claim.metadata.annotations or claim.spec.volume_name:
            return claim
        default = [c for c in self._store.list(StorageClass) if c.metadata.annotations.get(DEFAULT_CLASS) == "true"]
        if not default:
            return claim
        return self._store.update(replace(claim, spec=replace(claim.spec, storage_class_name=default[-1].metadata.name)))

    def _follow(self, claim: PersistentVolumeClaim) -> None:
        """Somebody named the volume: it is bound as soon as it is there and free, and lost when it is gone again."""
        volume = self._store.get(PersistentVolume, "", claim.spec.volume_name)
        if volume is not None and (volume.spec.claim_ref is None or belongs_to(volume, claim)):
            self._bind(volume, claim)
        else:
            self._phase(claim, "Lost" if volume is None and BIND_COMPLETED in claim.metadata.annotations else "Pending")

    def _provide(self, claim: PersistentVolumeClaim) -> None:
        named = class_of(claim)
        made_by = self._store.get(StorageClass, "", named) if named else None
        delayed = made_by is not None and made_by.volume_binding_mode == WAIT_FOR_FIRST_CONSUMER
        volume = find_matching(claim, _snuggest(self._store.list(PersistentVolume), claim), delayed=delayed)
        selected = claim.metadata.annotations.get(SELECTED_NODE, "")
        if volume is None and made_by is not None and (selected or not delayed):
            volume = self._make(claim, made_by, selected)
        if volume is not None:
            self._bind(volume, claim)
        else:
            self._phase(claim, "Pending")
            self._say(claim, named, made_by, delayed=delayed)

    def _bind(self, volume: PersistentVolume, claim: PersistentVolumeClaim) -> None:
        volume, claim = bound(volume, claim)
        self._store.update(volume)
        self._store.update(claim)

    def _make(self, claim: PersistentVolumeClaim, made_by: StorageClass, selected: str) -> PersistentVolume | None:
        """A volume as the class's provisioner would make it; None when it makes none, or none where it must be."""
        nodes = [n for n in self._store.list(Node) if allows(made_by.allowed_topologies, n.metadata.labels)]
        place = next((n for n in nodes if n.metadata.name == selected or not selected), None)
        if made_by.provisioner in ("", NO_PROVISIONER) or place is None:
            return None
        name = f"pvc-{claim.metadata.uid}"
        spec = PersistentVolumeSpec(
            capacity=claim.spec.resources.requests,
            access_modes=claim.spec.access_modes,
            storage_class_name=made_by.metadata.name,
            volume_mode=claim.spec.volume_mode,
            node_affinity=_affinity(made_by, place.metadata.labels),
            csi=CSIVolumeSource(driver=made_by.provisioner, volume_handle=name),
        )
        made = PersistentVolume(metadata=ObjectMeta(name=name), spec=spec, status=PersistentVolumeStatus(phase="Available"))
        return self._store.create(made)

    def _phase(self, claim: PersistentVolumeClaim, phase: str) -> None:
        self._store.update_status(replace(claim, status=replace(claim.status, phase=phase)))

    def _release(self, key: Key) -> None:
        for volume in self._store.list(PersistentVolume):
            ref = volume.spec.claim_ref
            if ref is not None and ref.uid and (ref.namespace, ref.name) == (key.namespace, key.name) and volume.status.phase == "Bound":
                self._store.update_status(replace(volume, status=replace(volume.status, phase="Released")))

    def _say(self, claim: PersistentVolumeClaim, named: str, made_by: StorageClass | None, *, delayed: bool) -> None:
        if delayed:
            type_, reason, text = "Normal", "WaitForFirstConsumer", "waiting for first consumer to be created before binding"
        elif not named or (made_by is not None and made_by.provisioner in ("", NO_PROVISIONER)):
            type_, reason = "Normal", "FailedBinding"
            text = "no persistent volumes available for this claim and no storage class is set"
        else:
            type_, reason, text = "Warning", "ProvisioningFailed", f'storageclass.storage.k8s.io "{named}" not found'
        self._manager.record(claim, type_, reason, text, source=SOURCE)


def _snuggest(volumes: Iterable[PersistentVolume], claim: PersistentVolumeClaim) -> list[PersistentVolume]:
    """Those with all the claim's access modes, those with the fewest others first (persistentvolume/index.go)."""
    fitting = [v for v in volumes if set(claim.spec.access_modes) <= set(v.spec.access_modes) or belongs_to(v, claim)]
    # A volume of fewer modes wins over a smaller one: only among the first kind that has any that fits is size compared.
    modes = sorted({len(v.spec.access_modes) for v in fitting if find_matching(claim, [v]) is not None})
    return [v for v in fitting if not modes or len(v.spec.access_modes) == modes[0] or belongs_to(v, claim)]


def _affinity(made_by: StorageClass, labels: Mapping[str, str]) -> VolumeNodeAffinity | None:
    """Where a volume made for a node with these labels can be used: in the topology of the class that the node is in."""
    keys = next((_keys(term) for term in made_by.allowed_topologies if allows((term,), labels)), ())
    if not keys and made_by.provisioner in ZONAL and ZONE in labels:
        keys = (ZONE,)
    if not keys:
        return None
    here = tuple(NodeSelectorRequirement(key=key, operator="In", values=(labels[key],)) for key in keys)
    return VolumeNodeAffinity(required=NodeSelector(node_selector_terms=(NodeSelectorTerm(match_expressions=here),)))


def _keys(term: TopologySelectorTerm) -> tuple[str, ...]:
    return tuple(e.key for e in term.match_label_expressions)
