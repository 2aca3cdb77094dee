"""A whole cluster: what `kubectl` and the API server are to a real one.

cluster = Cluster()
cluster.add_node({"metadata": {"name": "n1"}, "status": {"capacity": {"cpu": "4", "memory": "8Gi", "pods": "110"}}})
cluster.apply(deployment)
cluster.run_until(lambda: ..., deadline_ms=60_000)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Self

from kgate.engine.admission.chain import Admission
from kgate.engine.admission.priority import SYSTEM_CLASSES
from kgate.engine.admission.quota.check import Evaluators
from kgate.engine.api.core import Node, Pod
from kgate.engine.api.meta import Millis
from kgate.engine.behaviour import Behaviour
from kgate.engine.choices import Choices
from kgate.engine.client import Json, Validate
from kgate.engine.controllers.deployment.controller import DeploymentController
from kgate.engine.controllers.disruption.controller import DisruptionController
from kgate.engine.controllers.ephemeral import EphemeralVolumeController
from kgate.engine.controllers.garbagecollector import GarbageCollector
from kgate.engine.controllers.namespace import NamespaceController
from kgate.engine.controllers.nodelifecycle.controller import NodeLifecycleController
from kgate.engine.controllers.nodelifecycle.health import Timing
from kgate.engine.controllers.persistentvolume import PersistentVolumeController
from kgate.engine.controllers.podautoscaler.controller import HorizontalPodAutoscalerController
from kgate.engine.controllers.podautoscaler.settings import Settings as AutoscalerSettings
from kgate.engine.controllers.podgc import PodGCController
from kgate.engine.controllers.replicaset import ReplicaSetController
from kgate.engine.controllers.resourcequota import SYNC_PERIOD_MS, ResourceQuotaController
from kgate.engine.controllers.tainteviction import TaintEvictionController
from kgate.engine.errors import not_found
from kgate.engine.flags import Flags, minor
from kgate.engine.fork import fork
from kgate.engine.kubectl import Kubectl
from kgate.engine.kubelet import Kubelet
from kgate.engine.leases import Leases
from kgate.engine.manager import Manager
from kgate.engine.metrics import Said
from kgate.engine.scheduler.placement import Choose
from kgate.engine.scheduler.profile import Profile
from kgate.engine.scheduler.scheduler import Scheduler
from kgate.engine.store import Store
from kgate.engine.trace import Trace, WatchEvent
from kgate.engine.vpa.controller import VerticalPodAutoscalerController

if TYPE_CHECKING:
    from kgate.engine.scheduler.room import Room
    from kgate.engine.scheduler.stacking import Rolling, Stacked


class Cluster(Kubectl):
    """The control plane, its nodes and the clock. Every write settles what can be done at once; time passes only in `run_*`."""

    def __init__(
        self,
        *,
        kubernetes_version: str = "1.36",
        behaviour: Behaviour | None = None,
        settings: Mapping[str, object] | None = None,
        validate: Validate | None = None,
        profile: Profile | None = None,
        choose: Choose | None = None,
    ) -> None:
        """`settings` are flags of kube-controller-manager by their names. `validate(new, old)` says why an object is refused.

        `profile` replaces kube-scheduler's default one; `choose` decides between nodes that share the best score. Raises FlagError.
        """
        self.kubernetes_version = kubernetes_version
        self.settings = dict(settings or {})
        store, evaluators = Store(), Evaluators()
        self.trace = Trace()
        store.subscribe(self.trace.record)
        store.subscribe(self._noticed)
        flags = Flags(self.settings)
        leases = Leases(Timing.of(flags, kubernetes_version).grace_ms)
        store.subscribe(leases.follow)
        super().__init__(store, Manager(store), Admission(store, evaluators), validate, leases)
        self.metrics = Said(self.store)
        """What the metrics APIs answer; nothing until somebody says something."""
        self._choices: Choices | None = None
        self.store.admit_with(self._admission.create)
        vertical = VerticalPodAutoscalerController(self.store, self.manager, self.metrics, flags)
        self._admission.webhooks.append(vertical.admit)
        self._scheduler = Scheduler(self.store, self.manager, kubernetes_version=kubernetes_version, profile=profile, choose=choose)
        self._kubelet = Kubelet(self.store, self.manager, behaviour or Behaviour(), self._leases)
        self._replica_sets = ReplicaSetController(self.store, self.manager, counts_terminating=minor(kubernetes_version) >= 35)
        quota_sync_ms = flags.duration_ms("resource-quota-sync-period", SYNC_PERIOD_MS)
        for controller in (
            ResourceQuotaController(self.store, self.manager, evaluators, sync_period_ms=quota_sync_ms),
            GarbageCollector(self.store, self.manager),
            NamespaceController(self.store, self.manager, pods_first=minor(kubernetes_version) >= 33),
            EphemeralVolumeController(self.store, self.manager),
            PersistentVolumeController(self.store, self.manager),
            self._replica_sets,
            DeploymentController(self.store, self.manager, counts_terminating=minor(kubernetes_version) >= 35),
            DisruptionController(self.store, self.manager),
            HorizontalPodAutoscalerController(self.store, self.manager, self.metrics, AutoscalerSettings.of(flags, kubernetes_version)),
            vertical,
            NodeLifecycleController(self.store, self.manager, self._leases, flags=flags, kubernetes_version=kubernetes_version),
            TaintEvictionController(self.store, self.manager),
            PodGCController(self.store, self.manager, flags=flags),
            self._scheduler,
            self._kubelet,
        ):
            self.manager.add(controller)
        self._ensure_namespace("default")
        for system_class in SYSTEM_CLASSES:
            self.store.create(system_class)

    fork_shares: ClassVar[tuple[str, ...]] = ("_validate",)

    def fork(self) -> Self:
        """An independent copy at this instant, which goes on as this one would: the same writes at the same times."""
        return fork(self)

    # Time

    def run_for(self, ms: Millis) -> None:
        """Lets that much time pass. Raises LivelockError."""
        self.manager.run_until(self.now_ms + ms)

    def run_until(self, predicate: Callable[[], bool], deadline_ms: Millis) -> bool:
        """Lets time pass until `predicate` holds (True) or the clock shows `deadline_ms` (False). Raises LivelockError."""
        return self.manager.run_until(deadline_ms, predicate)

    def run_to_rest(self, limit_ms: Millis) -> bool:
        """Lets time pass until nothing is left to do (True), at most `limit_ms` more (False).

        Nothing is left when no timer is set, or only those of controllers that look again for ever, and these have written
        nothing for `QUIET_MS`.
        """
        deadline = self.now_ms + limit_ms
        self.manager.settle()
        while (due := self.manager.next_timer_ms()) is not None and not self.at_rest():
            if due > deadline:
                self.manager.run_until(deadline)
                return False
            self.manager.run_until(due)
        return True

    # Looking inside

    def tied_nodes(self, pod: str, namespace: str = "default") -> Sequence[str]:
        """All nodes that share the best score for a pod as the cluster is now. Raises ApiError 404."""
        found = self.store.get(Pod, namespace, pod)
        if found is None:
            raise not_found("pods", pod)
        return self._scheduler.tied_nodes(found)

    def node_alive(self, name: str) -> bool:
        """Whether its kubelet runs; nodes that nobody stopped have one that does."""
        return self._leases.alive(name)

    @property
    def choices(self) -> Choices | None:
        """Who breaks ties, and notes them, on this cluster."""
        return self._choices

    def choose_with(self, choices: Choices | None) -> None:
        """Who decides what Kubernetes leaves open, from now on; None: as the nominal schedule does."""
        self._choices = choices
        self._scheduler.placement.choose_with(choices)
        self._replica_sets.choose_with(None if choices is None else choices.deletion)
        self._kubelet.choose_with(choices)

    def chosen_start_ms(self, pod: Pod) -> Millis | None:
        """How long `choices` let this pod take to become ready; None: as long as its image does."""
        return self._kubelet.chosen_ms(pod)

    def room_for(self, pod: str, most: int, namespace: str = "default", *, more: Sequence[Json] = ()) -> Room:
        """How many pods like this one fit beside all that is there and beside `more` nodes, at most `most`; itself counts if it is bound.

        Nothing is written. Raises ApiError: 404, or 400 for a node that is none.
        """
        found = self.store.get(Pod, namespace, pod)
        if found is None:
            raise not_found("pods", pod)
        nodes = [node for body in more if isinstance(node := self._decoded(body), Node)]
        from kgate.engine.scheduler.room import room_for

        return room_for(self.store, found, most, profile=self._scheduler.profile, more=nodes)

    def stacked(self, rolling: Rolling) -> Stacked | None:
        """How many pods one node or zone holds at most while one ReplicaSet replaces another, however ties are broken.

        None: nothing bounds it, or it is not known what does.
        """
        from kgate.engine.scheduler.stacking import stacked

        return stacked(self._scheduler.cache, self._scheduler.profile, rolling)

    def set_behaviour(self, behaviour: Behaviour) -> None:
        """How pods start, fail and stop from now on."""
        self._kubelet.behave(behaviour)
        self.manager.settle()

    # Inside

    def _noticed(self, event: WatchEvent) -> None:
        if event.key.kind != "Event":
            self._changed_ms = self.store.now_ms
            if event.after is None:
                self._fields.forget(event.object.metadata.uid)
