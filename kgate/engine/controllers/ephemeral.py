"""Makes the claims of generic ephemeral volumes, one a pod and volume (pkg/controller/volume/ephemeral/controller.go)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec.structs import replace

from kgate.engine.api.codec import DecodeError, decode, thaw
from kgate.engine.api.core import PersistentVolumeClaim, Pod
from kgate.engine.api.meta import Key, Millis, OwnerReference
from kgate.engine.manager import Manager, Watch
from kgate.engine.store import Store
from kgate.engine.trace import WatchEvent

SOURCE = "ephemeral_volume"


class EphemeralVolumeController:
    """A claim goes with its pod, which owns it."""

    name: ClassVar[str] = "ephemeral-volume"

    def __init__(self, store: Store, manager: Manager) -> None:
        self._store = store
        self._manager = manager
        self.watches = (Watch(Pod, _created), Watch(PersistentVolumeClaim, _pod_of))

    def reconcile(self, key: Key) -> Millis | None:
        pod = self._store.get(Pod, key.namespace, key.name)
        for volume in pod.spec.volumes if pod is not None and not pod.metadata.deleting else ():
            if pod is not None and "ephemeral" in volume.rest:
                self._ensure(pod, volume.name, thaw(volume.rest["ephemeral"]))
        return None

    def _ensure(self, pod: Pod, volume: str, source: Any) -> None:
        """A claim of that name that is not the pod's own is left alone; the scheduler then says so."""
        name = f"{pod.metadata.name}-{volume}"
        if self._store.get(PersistentVolumeClaim, pod.metadata.namespace, name) is not None:
            return
        try:
            claim = _claim(pod, name, source)
        except DecodeError as fault:
            self._manager.record(pod, "Warning", "FailedMount", f"ephemeral volume {volume}: {fault}", source=SOURCE)
            return
        self._store.create(claim)


def _claim(pod: Pod, name: str, source: Any) -> PersistentVolumeClaim:
    template = source.get("volumeClaimTemplate") if isinstance(source, Mapping) else None
    template = template if isinstance(template, Mapping) else {}
    told = template.get("metadata") or {}
    metadata = {"name": name, "namespace": pod.metadata.namespace} | {k: told[k] for k in ("labels", "annotations") if k in told}
    body = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": template.get("spec") or {}}
    claim = decode(body)
    assert isinstance(claim, PersistentVolumeClaim)
    owner = OwnerReference(
        api_version=pod.api_version,
        kind=pod.kind,
        name=pod.metadata.name,
        uid=pod.metadata.uid,
        controller=True,
        block_owner_deletion=True,
    )
    return replace(claim, metadata=replace(claim.metadata, owner_references=(owner,)))


def _created(event: WatchEvent) -> tuple[Key, ...]:
    return (event.key,) if event.before is None and isinstance(event.after, Pod) and event.after.spec.volumes else ()


def _pod_of(event: WatchEvent) -> tuple[Key, ...]:
    """Of a claim that is gone."""
    owner = event.object.metadata.controller if event.after is None else None
    return (Key("Pod", event.key.namespace, owner.name),) if owner is not None and owner.kind == "Pod" else ()
