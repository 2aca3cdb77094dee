"""pkg/scheduler/framework/plugins/volumebinding."""

from __future__ import annotations

from typing import ClassVar

from kgate.engine.api.core import PersistentVolumeClaim
from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.framework import Change, CycleState, Rejection
from kgate.engine.scheduler.nodeinfo import PodInfo
from kgate.engine.scheduler.plugins.volume_restrictions import claims_of


class VolumeBinding:
    """A pod waits for its claims. Unlike upstream: a claim that is there binds wherever the pod goes; volumes have no place yet."""

    name: ClassVar[str] = "VolumeBinding"
    local: ClassVar[bool] = False

    def prefilter(self, pod: PodInfo, state: CycleState) -> Rejection | bool:
        for volume in pod.pod.spec.volumes:
            if "ephemeral" in volume.rest:
                name = f"{pod.pod.metadata.name}-{volume.name}"
                if state.cluster.claim(pod.pod.metadata.namespace, name) is None:
                    return self._no(f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"')
        for key in claims_of(pod.pod):
            claim = state.cluster.claim(key.namespace, key.name)
            if claim is None:
                return self._no(f'persistentvolumeclaim "{key.name}" not found')
            if claim.metadata.deleting:
                return self._no(f'persistentvolumeclaim "{key.name}" is being deleted')
        return False

    def worth_retrying(self, pod: PodInfo, change: Change, cluster: Cache) -> bool:
        return isinstance(change.new, PersistentVolumeClaim)

    def _no(self, reason: str) -> Rejection:
        return Rejection(plugin=self.name, reasons=(reason,), unresolvable=True)
