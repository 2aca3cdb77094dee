"""Which volume a claim takes, and which nodes reach it (component-helpers/storage/volume/{helpers,pv_helpers}.go)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from msgspec.structs import replace

from kgate.engine.api.core import ObjectReference, PersistentVolumeClaim
from kgate.engine.api.quantity import ZERO
from kgate.engine.api.selector import matches, matches_node
from kgate.engine.api.storage import PersistentVolume, TopologySelectorTerm

CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
"""The old way to name a class. It wins over the field."""
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
"""On a claim: the node its pod is going to, for which the provisioner makes the volume."""
STORAGE = "storage"


def class_of(obj: PersistentVolumeClaim | PersistentVolume) -> str:
    """The name of the storage class; empty without one."""
    return obj.metadata.annotations.get(CLASS_ANNOTATION) or obj.spec.storage_class_name or ""


def is_bound(claim: PersistentVolumeClaim) -> bool:
    """To a volume, and both sides know it."""
    return bool(claim.spec.volume_name) and BIND_COMPLETED in claim.metadata.annotations


def belongs_to(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    """The volume names the claim. One that was made for a claim by hand may not know its uid."""
    ref = volume.spec.claim_ref
    if ref is None or (ref.namespace, ref.name) != (claim.metadata.namespace, claim.metadata.name):
        return False
    return ref.uid in ("", claim.metadata.uid)


def bound(volume: PersistentVolume, claim: PersistentVolumeClaim) -> tuple[PersistentVolume, PersistentVolumeClaim]:
    """Both, each knowing the other (persistentvolume/pv_controller.go:bind)."""
    meta = claim.metadata
    ref = ObjectReference(api_version=claim.api_version, kind=claim.kind, namespace=meta.namespace, name=meta.name, uid=meta.uid)
    return (
        replace(volume, spec=replace(volume.spec, claim_ref=ref), status=replace(volume.status, phase="Bound")),
        replace(
            claim,
            metadata=meta.annotated(BIND_COMPLETED, "yes"),
            spec=replace(claim.spec, volume_name=volume.metadata.name),
            status=replace(claim.status, phase="Bound"),
        ),
    )


def reaches(volume: PersistentVolume, node_labels: Mapping[str, str]) -> bool:
    """The volume can be used on a node with these labels."""
    affinity = volume.spec.node_affinity
    return affinity is None or affinity.required is None or matches_node(affinity.required, node_labels, "")


def allows(terms: Iterable[TopologySelectorTerm], node_labels: Mapping[str, str]) -> bool:
    """A class with these allowedTopologies makes volumes for such a node. Without terms, for every node."""
    given = tuple(terms)
    return not given or any(
        bool(term.match_label_expressions) and all(node_labels.get(e.key) in e.values for e in term.match_label_expressions)
        for term in given
    )


def find_matching(
    claim: PersistentVolumeClaim,
    volumes: Iterable[PersistentVolume],
    *,
    node_labels: Mapping[str, str] | None = None,
    taken: Collection[str] = (),
    delayed: bool = False,
) -> PersistentVolume | None:
    """The volume that was made for the claim, else the smallest free one that fits, the first of equals.

    `node_labels` are those of the node it must be reached from; `taken` are names of volumes that are promised to others. With `delayed`
    and without a node nothing is taken but what was made for the claim (FindMatchingVolume).
    """
    best: PersistentVolume | None = None
    for volume in volumes:
        if volume.metadata.name in taken or not _may_serve(claim, volume):
            continue
        near = node_labels is None or reaches(volume, node_labels)
        if belongs_to(volume, claim):
            return volume if near else None
        if (node_labels is None and delayed) or not near or not _is_free_for(claim, volume):
            continue
        if best is None or _size(volume) < _size(best):
            best = volume
    return best


def _may_serve(claim: PersistentVolumeClaim, volume: PersistentVolume) -> bool:
    if volume.metadata.deleting or (volume.spec.claim_ref is not None and not belongs_to(volume, claim)):
        return False
    same_mode = (claim.spec.volume_mode or "Filesystem") == (volume.spec.volume_mode or "Filesystem")
    return same_mode and _size(volume) >= asked(claim)


def _is_free_for(claim: PersistentVolumeClaim, volume: PersistentVolume) -> bool:
    if claim.spec.selector is not None and not matches(claim.spec.selector, volume.metadata.labels):
        return False
    return class_of(volume) == class_of(claim) and all(mode in volume.spec.access_modes for mode in claim.spec.access_modes)


def asked(claim: PersistentVolumeClaim) -> int:
    """Billionths of a byte."""
    return claim.spec.resources.requests.get(STORAGE, ZERO).nano


def _size(volume: PersistentVolume) -> int:
    return volume.spec.capacity.get(STORAGE, ZERO).nano
