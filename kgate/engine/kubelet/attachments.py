"""Which pods wait because their volume is attached to another node (pkg/controller/volume/attachdetach/reconciler, .../util.go).

Unlike upstream: attaching and detaching take no time, and CSIDrivers that need neither are not known: every driver is taken to need them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kgate.engine.api.core import PersistentVolumeClaim, Pod
from kgate.engine.api.storage import PersistentVolume
from kgate.engine.store import Store

SOURCE = "attachdetach-controller"
FAILED = "FailedAttachVolume"

_SHARED = frozenset({"ReadWriteMany", "ReadOnlyMany"})
_ATTACHED = frozenset(
    {"awsElasticBlockStore", "azureDisk", "cinder", "fc", "gcePersistentDisk", "iscsi", "photonPersistentDisk", "vsphereVolume"}
)
"""In-tree sources that are attached to nodes; all others (nfs, hostPath, local) are only mounted."""


def exclusive(store: Store, pod: Pod) -> dict[str, str]:
    """Names of the pod's volumes that one node at a time may have, by the claim that is bound to each."""
    found = {}
    for claim in claims(pod):
        bound = store.get(PersistentVolumeClaim, pod.metadata.namespace, claim)
        volume = store.get(PersistentVolume, "", bound.spec.volume_name) if bound is not None and bound.spec.volume_name else None
        if volume is not None and _one_node(volume):
            found[claim] = volume.metadata.name
    return found


def claims(pod: Pod) -> Iterator[str]:
    """Names of the claims that pods may share."""
    return (v.persistent_volume_claim.claim_name for v in pod.spec.volumes if v.persistent_volume_claim is not None)


def _one_node(volume: PersistentVolume) -> bool:
    """isMultiAttachForbidden: no access mode lets several nodes have it, and it is attached at all."""
    attached = volume.spec.csi is not None or not _ATTACHED.isdisjoint(volume.spec.rest)
    return attached and bool(volume.spec.access_modes) and _SHARED.isdisjoint(volume.spec.access_modes)


def holders(pod: Pod, claim: str, others: Iterable[Pod]) -> list[str]:
    """Names of the pods on other nodes that have the claim's volume. `others` are those whose volumes are attached."""
    return [o.metadata.name for o in others if o.spec.node_name != pod.spec.node_name and claim in claims(o)]


def refusal(volume: str, pods: Iterable[str]) -> str:
    return f'Multi-Attach error for volume "{volume}" Volume is already used by pod(s) {", ".join(sorted(pods))}'
