"""Rolls the ReplicaSets of a Deployment from its old template to its new one (pkg/controller/deployment/deployment_controller.go)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from msgspec.structs import replace

from kgate.engine.api import selector
from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key, Millis, OwnerReference, condition
from kgate.engine.controllers.deployment import progress, recreate, rollback, rolling, scaling
from kgate.engine.controllers.deployment import status as st
from kgate.engine.controllers.deployment.sync import SOURCE, Sync
from kgate.engine.errors import NAMESPACE_TERMINATING, ApiError
from kgate.engine.manager import Manager, Watch, controlled_by
from kgate.engine.store import Store
from kgate.engine.trace import WatchEvent


class DeploymentController:
    """A sync makes at most one of: scale the new ReplicaSet up, scale old ones down. Then it writes the status and waits."""

    name: ClassVar[str] = "deployment"
    max_retries: ClassVar[int] = 15

    def __init__(self, store: Store, manager: Manager, *, counts_terminating: bool = True) -> None:
        """`counts_terminating`: the gate DeploymentReplicaSetTerminatingReplicas, on since 1.35."""
        self._store = store
        self._manager = manager
        self._counts_terminating = counts_terminating
        self.watches = (
            Watch(Deployment),
            Watch(ReplicaSet, controlled_by("Deployment")),
            Watch(ReplicaSet, self._adopters),
            Watch(Pod, self._emptied),
        )

    def reconcile(self, key: Key) -> Millis | None:
        """syncDeployment. Raises what the API server answers to its writes."""
        d = self._store.get(Deployment, key.namespace, key.name)
        if d is None:
            return None
        if d.spec.selector.empty:
            self._refuse_to_select_all(d)
            return None
        owned = self._claimed(d)
        s = Sync(store=self._store, manager=self._manager, d=d, old=owned, counts_terminating=self._counts_terminating)
        if d.metadata.deleting:
            s.find_new()
            s.write_status(s.counted())
            return None
        try:
            return self._sync(s)
        except ApiError as e:
            if e.has_cause(NAMESPACE_TERMINATING):
                return None  # nothing can be created there any more, so trying again is no use
            raise

    def _sync(self, s: Sync) -> Millis | None:
        self._note_pause(s)
        s.find_new()
        if s.d.spec.paused:
            return self._scale(s)
        if rollback.asked_for(s.d) is not None:
            rollback.roll_back(s)
            return None
        if s.is_scaling_event():
            return self._scale(s)
        if s.d.spec.strategy.type == "Recreate":
            return self._rollout_recreate(s)
        return self._rollout_rolling(s)

    def _note_pause(self, s: Sync) -> None:
        """Pausing and resuming stop the clock of the deadline (checkPausedConditions)."""
        current = condition(s.d.status.conditions, st.PROGRESSING)
        if not st.has_deadline(s.d) or (current is not None and current.reason == progress.TIMED_OUT):
            return
        noted = current is not None and current.reason == "DeploymentPaused"
        if s.d.spec.paused and not noted:
            said = ("DeploymentPaused", "Deployment is paused")
        elif not s.d.spec.paused and noted:
            said = ("DeploymentResumed", "Deployment is resumed")
        else:
            return
        s.write_status(st.with_condition(s.d.status, st.made(st.PROGRESSING, "Unknown", *said, s.now_ms)))

    def _scale(self, s: Sync) -> Millis | None:
        """Scaling, also while paused, never creates a ReplicaSet (sync)."""
        s.apply(scaling.scale(s.d, s.old, s.new))
        if s.d.spec.paused and rollback.asked_for(s.d) is None:
            s.clean_up()
        s.write_status(s.counted())
        return None

    def _rollout_rolling(self, s: Sync) -> Millis | None:
        if s.new is None:
            s.create_new()
        assert s.new is not None
        scaled = s.apply(rolling.scale_up_new(s.d, s.every, s.new)) or s.apply(rolling.scale_down_old(s.d, s.old, s.new))
        if not scaled and st.complete(s.d, s.d.status):
            s.clean_up()
        return self._finish(s)

    def _rollout_recreate(self, s: Sync) -> Millis | None:
        if s.apply(recreate.scale_down_old(s)) or recreate.old_pods_running(s):
            return self._finish(s)
        if s.new is None:
            s.create_new()
        assert s.new is not None
        if s.new.spec.replicas != s.d.spec.replicas:
            s.apply([rolling.Step(s.new.metadata.name, s.d.spec.replicas)])
        if st.complete(s.d, s.d.status):
            s.clean_up()
        return self._finish(s)

    def _finish(self, s: Sync) -> Millis | None:
        """Writes the status; when there is nothing to write, asks to be woken for the deadline (syncRolloutStatus)."""
        status = progress.rollout_status(s.d, s.every, s.new, s.counted(), s.now_ms)
        if status != s.d.status:
            s.write_status(status)
            return None
        return progress.recheck_in(s.d, status, s.now_ms)

    def _refuse_to_select_all(self, d: Deployment) -> None:
        said = "This deployment is selecting all pods. A non-empty selector is required."
        self._manager.record(d, "Warning", "SelectingAll", said, source=SOURCE)
        if d.status.observed_generation < d.metadata.generation:
            self._store.update_status(replace(d, status=replace(d.status, observed_generation=d.metadata.generation)))

    def _claimed(self, d: Deployment) -> list[ReplicaSet]:
        """The Deployment's ReplicaSets; orphans that match are adopted, owned ones that no longer match are released.

        While it is being deleted it does neither (controller_ref_manager.go:ClaimObject).
        """
        owned = []
        for rs in self._store.owned_by(d.metadata.uid, ReplicaSet):
            if selector.matches(d.spec.selector, rs.metadata.labels):
                owned.append(rs)
            elif not d.metadata.deleting:
                others = tuple(o for o in rs.metadata.owner_references if o.uid != d.metadata.uid)
                self._store.update(replace(rs, metadata=replace(rs.metadata, owner_references=others)))
        return [*owned, *(self._adopted(d, rs) for rs in self._adoptable(d))]

    def _adoptable(self, d: Deployment) -> list[ReplicaSet]:
        if d.metadata.deleting:
            return []
        orphans = self._store.orphans(ReplicaSet, d.metadata.namespace)
        return [rs for rs in orphans if selector.matches(d.spec.selector, rs.metadata.labels) and not rs.metadata.deleting]

    def _adopted(self, d: Deployment, rs: ReplicaSet) -> ReplicaSet:
        ref = OwnerReference(
            api_version=d.api_version, kind=d.kind, name=d.metadata.name, uid=d.metadata.uid, controller=True, block_owner_deletion=True
        )
        return self._store.update(replace(rs, metadata=replace(rs.metadata, owner_references=(*rs.metadata.owner_references, ref))))

    def _emptied(self, event: WatchEvent) -> Iterable[Key]:
        """The Recreate Deployment that a deleted pod was the last one of (deletePod)."""
        owner = event.object.metadata.controller if event.after is None else None
        rs = self._store.get(ReplicaSet, event.key.namespace, owner.name) if owner is not None and owner.kind == "ReplicaSet" else None
        above = rs.metadata.controller if rs is not None else None
        d = self._store.get(Deployment, event.key.namespace, above.name) if above is not None and above.kind == "Deployment" else None
        if d is None or d.spec.strategy.type != "Recreate":
            return ()
        left = any(self._store.owned_by(s.metadata.uid, Pod) for s in self._store.owned_by(d.metadata.uid, ReplicaSet))
        return () if left else (Key("Deployment", event.key.namespace, d.metadata.name),)

    def _adopters(self, event: WatchEvent) -> Iterable[Key]:
        """Deployments that may want an orphaned ReplicaSet."""
        meta = event.object.metadata
        if meta.controller is not None or event.after is None:
            return ()
        candidates = self._store.list(Deployment, meta.namespace)
        return [
            Key("Deployment", meta.namespace, d.metadata.name)
            for d in candidates
            if not d.spec.selector.empty and selector.matches(d.spec.selector, meta.labels)
        ]
