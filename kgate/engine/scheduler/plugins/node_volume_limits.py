"""pkg/scheduler/framework/plugins/nodevolumelimits/csi.go."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from kgate.engine.api.core import PersistentVolumeClaim, Pod
from kgate.engine.api.storage import CSINode
from kgate.engine.api.volumes import class_of
from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.framework import Change, CycleState, Rejection
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo
from kgate.engine.scheduler.plugins.volume_restrictions import all_claims_of


class NodeVolumeLimits:
    """A node takes as many volumes of a driver as its CSINode says.

    Unlike upstream: volumes of in-tree plugins are not translated to their drivers, and VolumeAttachments are not counted.
    """

    name: ClassVar[str] = "NodeVolumeLimits"
    local: ClassVar[bool] = False
    _full = Rejection(plugin=name, reasons=("node(s) exceed max volume count",))

    def concerns(self, pod: PodInfo) -> bool:
        return bool(pod.pod.spec.volumes)

    def prefilter(self, pod: PodInfo, state: CycleState) -> Rejection | bool:
        return bool(all_claims_of(pod.pod)) and state.cluster.has_csi_nodes

    def filter(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> Rejection | None:
        limits = _limits(state.cluster.csi_node(node.name))
        if not limits:
            return None
        new = _volumes(pod.pod, state.cluster)
        there: dict[str, str] = {}
        for other in node.pods.values():
            there |= _volumes(other.pod, state.cluster)
        attached, more = Counter(there.values()), Counter(driver for volume, driver in new.items() if volume not in there)
        return self._full if any(attached[d] + n > limits[d] for d, n in more.items() if d in limits) else None

    def worth_retrying(self, pod: PodInfo, change: Change, cluster: Cache) -> bool:
        match change.new:
            case CSINode() as now:
                before = _limits(change.old) if isinstance(change.old, CSINode) else None
                return before is None or any(n > before.get(driver, 0) for driver, n in _limits(now).items())
            case PersistentVolumeClaim() as claim:
                return change.old is None and any(key.name == claim.metadata.name for key in all_claims_of(pod.pod))
        gone = change.pod[0] if change.pod is not None and change.new is None else None
        return gone is not None and bool(all_claims_of(gone.pod))


def _limits(node: CSINode | None) -> dict[str, int]:
    drivers = node.spec.drivers if node is not None else ()
    return {d.name: d.allocatable.count for d in drivers if d.allocatable is not None and d.allocatable.count is not None}


def _volumes(pod: Pod, cluster: Cache) -> dict[str, str]:
    """The driver of each of the pod's volumes, by the volume. What has no volume yet counts under the name of its claim."""
    found = {}
    for key in all_claims_of(pod):
        claim = cluster.claim(key.namespace, key.name)
        if claim is None:
            continue
        volume = cluster.volume(claim.spec.volume_name) if claim.spec.volume_name else None
        made_by = cluster.storage_class(class_of(claim))
        if volume is not None:
            if volume.spec.csi is not None:
                found[f"{volume.spec.csi.driver}/{volume.spec.csi.volume_handle}"] = volume.spec.csi.driver
        elif made_by is not None:
            found[f"{made_by.provisioner}/claim/{key.namespace}/{key.name}"] = made_by.provisioner
    return found
