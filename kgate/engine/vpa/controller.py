"""One loop of recommender and updater for every VerticalPodAutoscaler, and what is done to the pods it controls as they are created.

Where there is no such object this costs nothing: the model itself is imported with the first one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from kgate.engine.api import selector
from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import FrozenMap, Key, LabelSelector, Millis
from kgate.engine.api.verticalautoscaling import VerticalPodAutoscaler
from kgate.engine.flags import Flags
from kgate.engine.manager import Manager, Watch
from kgate.engine.metrics import MetricsSource
from kgate.engine.store import Store
from kgate.engine.trace import WatchEvent

if TYPE_CHECKING:
    from kgate.engine.vpa.recommender import Recommender
    from kgate.engine.vpa.settings import Settings

UPDATES, OBSERVED = "vpaUpdates", "vpaObservedContainers"
"""Annotations of pods that the admission controller looked at."""
_TARGETS: dict[str, type[Any]] = {"Deployment": Deployment, "ReplicaSet": ReplicaSet}


class VerticalPodAutoscalerController:
    """Looks at every autoscaler at each multiple of the interval: recommender first, updater second."""

    name: ClassVar[str] = "vpa"
    background: ClassVar[bool] = True

    def __init__(self, store: Store, manager: Manager, metrics: MetricsSource, flags: Flags) -> None:
        self._store = store
        self._manager = manager
        self._metrics = metrics
        self._flags = flags
        self._read: Settings | None = None
        self._recommenders: dict[Key, Recommender] = {}
        self.watches = (Watch(VerticalPodAutoscaler, self._noticed),)

    def reconcile(self, key: Key) -> Millis | None:
        from kgate.engine.vpa.recommender import Recommender
        from kgate.engine.vpa.updater import Updater

        vpa = self._store.get(VerticalPodAutoscaler, key.namespace, key.name)
        if vpa is None:
            self._recommenders.pop(key, None)
            return None
        wanted = self._selector(vpa)
        pods = [p for p in self._store.list(Pod, key.namespace) if wanted is not None and selector.matches(wanted, p.metadata.labels)]
        recommender = self._recommenders.setdefault(key, Recommender(self._settings))
        if wanted is not None:
            recommender.look(vpa, pods, self._metrics, wanted, self._store.now_ms)
        there = any(not p.metadata.deleting for p in pods)
        vpa = self._store.update_status(replace(vpa, status=recommender.status(vpa, pods=there, now_ms=self._store.now_ms)))
        Updater(self._store, self._manager, self._settings).look(vpa, pods)
        return self._to_next()

    def admit(self, pod: Pod) -> Pod:
        """The pod with the requests and limits recommended for it, unless its autoscaler is Off or knows nothing yet."""
        if not self._recommenders:
            return pod
        from kgate.engine.admission.pods import qos_class
        from kgate.engine.vpa import policy

        vpa = policy.controlling(self._store, pod)
        if vpa is None or policy.mode(vpa) == policy.OFF:
            return pod
        containers = policy.resized(vpa, pod)
        spec = replace(pod.spec, containers=containers)
        notes = {OBSERVED: ", ".join(c.name for c in containers)}
        done = [_told(n, vpa, pod) for n, c in enumerate(containers) if c is not pod.spec.containers[n]]
        if done:
            notes[UPDATES] = f"Pod resources updated by {vpa.metadata.name} (model): {'; '.join(done)}"
        meta = replace(pod.metadata, annotations=FrozenMap({**pod.metadata.annotations, **notes}))
        status = replace(pod.status, rest=pod.status.rest.with_("qosClass", qos_class(spec)))
        return replace(pod, metadata=meta, spec=spec, status=status)

    def _noticed(self, event: WatchEvent) -> Iterable[Key]:
        if event.after is not None and event.key not in self._recommenders:
            self._manager.enqueue_after(self.name, event.key, self._to_next())
        return ()

    def _to_next(self) -> Millis:
        return self._settings.interval_ms - self._store.now_ms % self._settings.interval_ms

    @property
    def _settings(self) -> Settings:
        if self._read is None:
            from kgate.engine.vpa.settings import Settings

            self._read = Settings.of(self._flags)
        return self._read

    def _selector(self, vpa: VerticalPodAutoscaler) -> LabelSelector | None:
        """Of its target; None for a target that is not there, or of a kind that is not played."""
        ref = vpa.spec.target_ref
        cls = _TARGETS.get(ref.kind) if ref is not None else None
        target: Any = self._store.get(cls, vpa.metadata.namespace, ref.name) if cls is not None and ref is not None else None
        return None if target is None else target.spec.selector


def _told(n: int, vpa: VerticalPodAutoscaler, pod: Pod) -> str:
    """`container 0: cpu request, memory request, cpu limit`."""
    from kgate.engine.vpa import policy

    old, new = pod.spec.containers[n].resources, policy.resized(vpa, pod)[n].resources
    parts = [f"{name} request" for name in new.requests if new.requests[name] != old.requests.get(name)]
    parts += [f"{name} limit" for name in new.limits if new.limits[name] != old.limits.get(name)]
    return f"container {n}: {', '.join(parts)}"


__all__ = ["OBSERVED", "UPDATES", "VerticalPodAutoscalerController"]
