"""Volumes and the classes they are made by (staging/src/k8s.io/api/{core,storage}/v1/types.go).

Only what bears on where a pod may run; how a volume is mounted stays in `rest`.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct, field

from kgate.engine.api.core import NodeSelector, ObjectReference
from kgate.engine.api.meta import NO_METADATA, NO_REST, ObjectMeta, Rest
from kgate.engine.api.quantity import NO_QUANTITIES, Quantities

WAIT_FOR_FIRST_CONSUMER = "WaitForFirstConsumer"
"""The binding mode in which the scheduler decides, node by node; the other one is Immediate."""
NO_PROVISIONER = "kubernetes.io/no-provisioner"
"""The provisioner of a class whose volumes somebody makes by hand."""


class VolumeNodeAffinity(Struct, frozen=True, kw_only=True, gc=False):
    """From which nodes a volume can be reached."""

    required: NodeSelector | None = None
    rest: Rest = NO_REST


class CSIVolumeSource(Struct, frozen=True, kw_only=True, gc=False):
    """A volume that a driver serves; `volume_handle` is the driver's name for it."""

    driver: str = ""
    volume_handle: str = ""
    rest: Rest = NO_REST


class PersistentVolumeSpec(Struct, frozen=True, kw_only=True, gc=False):
    """`claim_ref` is the claim it belongs to; a `volume_mode` that is absent means Filesystem."""

    capacity: Quantities = NO_QUANTITIES
    access_modes: tuple[str, ...] = ()
    claim_ref: ObjectReference | None = None
    storage_class_name: str = ""
    volume_mode: str | None = None
    node_affinity: VolumeNodeAffinity | None = None
    csi: CSIVolumeSource | None = None
    rest: Rest = NO_REST


class PersistentVolumeStatus(Struct, frozen=True, kw_only=True, gc=False):
    """`phase` is Available, Bound, Released or Failed."""

    phase: str = ""
    rest: Rest = NO_REST


class PersistentVolume(Struct, frozen=True, kw_only=True, gc=False):
    """A piece of storage, made by hand or by a provisioner."""

    kind: ClassVar[str] = "PersistentVolume"
    api_version: ClassVar[str] = "v1"
    metadata: ObjectMeta = NO_METADATA
    spec: PersistentVolumeSpec = PersistentVolumeSpec()
    status: PersistentVolumeStatus = PersistentVolumeStatus()
    rest: Rest = NO_REST


class TopologySelectorLabelRequirement(Struct, frozen=True, kw_only=True, gc=False):
    """The node's label must have one of the values."""

    key: str = ""
    values: tuple[str, ...] = ()
    rest: Rest = NO_REST


class TopologySelectorTerm(Struct, frozen=True, kw_only=True, gc=False):
    """All of its expressions must hold."""

    match_label_expressions: tuple[TopologySelectorLabelRequirement, ...] = ()
    rest: Rest = NO_REST


class StorageClass(Struct, frozen=True, kw_only=True, gc=False):
    """How claims that name it come to their volumes. Without `allowed_topologies` a volume can be made anywhere."""

    kind: ClassVar[str] = "StorageClass"
    api_version: ClassVar[str] = "storage.k8s.io/v1"
    metadata: ObjectMeta = NO_METADATA
    provisioner: str = ""
    volume_binding_mode: str | None = None
    allowed_topologies: tuple[TopologySelectorTerm, ...] = ()
    rest: Rest = NO_REST


class VolumeNodeResources(Struct, frozen=True, kw_only=True, gc=False):
    """How many volumes of the driver a node takes; None: any number."""

    count: int | None = None
    rest: Rest = NO_REST


class CSINodeDriver(Struct, frozen=True, kw_only=True, gc=False):
    """A driver that is installed on a node."""

    name: str = ""
    node_id: str = field(default="", name="nodeID")
    allocatable: VolumeNodeResources | None = None
    rest: Rest = NO_REST


class CSINodeSpec(Struct, frozen=True, kw_only=True, gc=False):
    """All drivers of the node."""

    drivers: tuple[CSINodeDriver, ...] = ()
    rest: Rest = NO_REST


class CSINode(Struct, frozen=True, kw_only=True, gc=False):
    """What the storage drivers say of the node of the same name."""

    kind: ClassVar[str] = "CSINode"
    api_version: ClassVar[str] = "storage.k8s.io/v1"
    metadata: ObjectMeta = NO_METADATA
    spec: CSINodeSpec = CSINodeSpec()
    rest: Rest = NO_REST
