"""Keeps the wanted number of pods alive (pkg/controller/replicaset/{replica_set,replica_set_utils}.go).

The store is synchronous, so there are no expectations to wait for: what was created or deleted is seen at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from msgspec.structs import replace

from kgate.engine.api import selector
from kgate.engine.api.apps import ReplicaSet, ReplicaSetStatus
from kgate.engine.api.core import Pod, PodStatus
from kgate.engine.api.meta import Condition, Key, Millis, ObjectMeta, OwnerReference, condition
from kgate.engine.controllers.deletion_order import Choose, pods_to_delete
from kgate.engine.errors import NAMESPACE_TERMINATING, ApiError
from kgate.engine.manager import Manager, Watch, controlled_by
from kgate.engine.store import Store, key_of
from kgate.engine.trace import WatchEvent

SOURCE = "replicaset-controller"
BURST = 500
"""At most so many creations or deletions a sync."""
REPLICA_FAILURE = "ReplicaFailure"


class ReplicaSetController:
    """Creates pods from the template or deletes the least useful ones, and counts them."""

    name: ClassVar[str] = "replicaset"

    def __init__(self, store: Store, manager: Manager, *, counts_terminating: bool = True) -> None:
        """`counts_terminating`: the gate DeploymentReplicaSetTerminatingReplicas, on since 1.35."""
        self._store = store
        self._manager = manager
        self._counts_terminating = counts_terminating
        self._choose: Choose | None = None
        self.watches = (Watch(ReplicaSet), Watch(Pod, controlled_by("ReplicaSet")), Watch(Pod, self._adopters))

    def choose_with(self, choose: Choose | None) -> None:
        """Who decides between pods that are equally dispensable, from now on; None: their uids."""
        self._choose = choose

    def reconcile(self, key: Key) -> Millis | None:
        """syncReplicaSet. Writes the status even when pods could not be created, and then raises what the API server said."""
        rs = self._store.get(ReplicaSet, key.namespace, key.name)
        if rs is None:
            return None
        owned = self._store.owned_by(rs.metadata.uid, Pod)
        active = self._claimed(rs, owned)
        error = None if rs.metadata.deleting else self._manage(rs, active)
        rs = self._store.update_status(replace(rs, status=self._status(rs, active, self._terminating(rs, owned), error)))
        if error is not None:
            raise error
        return self._next_availability(rs, active)

    def _manage(self, rs: ReplicaSet, active: list[Pod]) -> ApiError | None:
        missing = rs.spec.replicas - len(active)
        if missing > 0:
            return self._create(rs, min(missing, BURST))
        return self._delete(rs, active, min(-missing, BURST)) if missing < 0 else None

    def _create(self, rs: ReplicaSet, count: int) -> ApiError | None:
        """In batches of 1, 2, 4, ...; a batch with a failure is the last (slowStartBatch)."""
        batch = 1
        while count > 0:
            errors = [e for e in (self._create_one(rs) for _ in range(min(batch, count))) if e is not None]
            if errors:
                return errors[0]
            count, batch = count - batch, batch * 2
        return None

    def _create_one(self, rs: ReplicaSet) -> ApiError | None:
        try:
            pod = self._store.create(self._from_template(rs))
        except ApiError as e:
            if e.has_cause(NAMESPACE_TERMINATING):
                return None  # no creation will succeed there any more
            self._manager.record(rs, "Warning", "FailedCreate", f"Error creating: {e.message}", source=SOURCE)
            return e
        self._manager.record(rs, "Normal", "SuccessfulCreate", f"Created pod: {pod.metadata.name}", source=SOURCE)
        return None

    def _from_template(self, rs: ReplicaSet) -> Pod:
        template = rs.spec.template
        meta = ObjectMeta(
            generate_name=f"{rs.metadata.name}-",
            namespace=rs.metadata.namespace,
            labels=template.metadata.labels,
            annotations=template.metadata.annotations,
            finalizers=template.metadata.finalizers,
            owner_references=(_controller_ref(rs),),
        )
        return Pod(metadata=meta, spec=template.spec, status=PodStatus(phase="Pending"))

    def _delete(self, rs: ReplicaSet, active: list[Pod], count: int) -> ApiError | None:
        for pod in pods_to_delete(active, self._related(rs), count, self._store.now_ms, self._choose):
            self._store.delete(key_of(pod))
            self._manager.record(rs, "Normal", "SuccessfulDelete", f"Deleted pod: {pod.metadata.name}", source=SOURCE)
        return None

    def _related(self, rs: ReplicaSet) -> list[Pod]:
        """Pods of all ReplicaSets of the same controller; none when the set has no controller (getIndirectlyRelatedPods)."""
        owner = rs.metadata.controller
        sets = self._store.owned_by(owner.uid, ReplicaSet) if owner is not None else []
        return [pod for s in sets for pod in self._store.owned_by(s.metadata.uid, Pod)]

    def _terminating(self, rs: ReplicaSet, owned: Sequence[Pod]) -> int | None:
        """Pods of the set on their way out that have not ended yet."""
        if not self._counts_terminating:
            return None
        return sum(p.metadata.deleting and not p.terminal and selector.matches(rs.spec.selector, p.metadata.labels) for p in owned)

    def _status(self, rs: ReplicaSet, active: Sequence[Pod], terminating: int | None, error: ApiError | None) -> ReplicaSetStatus:
        """calculateStatus: the pods as they were before this sync created or deleted any."""
        wanted, least = rs.spec.template.metadata.labels, rs.spec.min_ready_seconds
        ready = [p for p in active if p.ready]
        return ReplicaSetStatus(
            observed_generation=rs.metadata.generation,
            replicas=len(active),
            fully_labeled_replicas=sum(p.metadata.labels is wanted or selector.matches_labels(wanted, p.metadata.labels) for p in active),
            ready_replicas=len(ready),
            available_replicas=sum(_available_in(p, least, self._store.now_ms) == 0 for p in ready) if least else len(ready),
            terminating_replicas=terminating,
            conditions=self._conditions(rs, len(active), error),
            rest=rs.status.rest,
        )

    def _conditions(self, rs: ReplicaSet, active: int, error: ApiError | None) -> tuple[Condition, ...]:
        """ReplicaFailure keeps the first message until a sync succeeds."""
        if error is None:
            return tuple(c for c in rs.status.conditions if c.type != REPLICA_FAILURE)
        if condition(rs.status.conditions, REPLICA_FAILURE) is not None:
            return rs.status.conditions
        reason = "FailedCreate" if active < rs.spec.replicas else "FailedDelete"
        now = self._store.now_ms // 1000 * 1000
        failure = Condition(type=REPLICA_FAILURE, status="True", reason=reason, message=error.message, last_transition_time_ms=now)
        return (*rs.status.conditions, failure)

    def _next_availability(self, rs: ReplicaSet, pods: Iterable[Pod]) -> Millis | None:
        """When the next ready pod has been ready for minReadySeconds."""
        if rs.spec.min_ready_seconds == 0 or rs.status.ready_replicas == rs.status.available_replicas:
            return None
        waits = [_available_in(p, rs.spec.min_ready_seconds, self._store.now_ms) for p in pods]
        return min((w for w in waits if w), default=rs.spec.min_ready_seconds * 1000)

    def _claimed(self, rs: ReplicaSet, owned: Sequence[Pod]) -> list[Pod]:
        """The set's active pods; orphans that match are adopted, owned ones that no longer match are released.

        While it is being deleted it does neither (controller_ref_manager.go:ClaimObject).
        """
        claimed = []
        stamped = rs.spec.template.metadata.labels  # they match the selector, or the API server had refused the set
        for pod in owned:
            if not pod.active:
                continue
            if pod.metadata.labels is stamped or selector.matches(rs.spec.selector, pod.metadata.labels):
                claimed.append(pod)
            elif not rs.metadata.deleting:
                others = tuple(o for o in pod.metadata.owner_references if o.uid != rs.metadata.uid)
                self._store.update(replace(pod, metadata=replace(pod.metadata, owner_references=others)))
        if rs.metadata.deleting:
            return claimed
        return [*claimed, *(self._adopted(rs, pod) for pod in self._adoptable(rs))]

    def _adoptable(self, rs: ReplicaSet) -> list[Pod]:
        orphans = self._store.orphans(Pod, rs.metadata.namespace)
        return [p for p in orphans if p.active and not rs.spec.selector.empty and selector.matches(rs.spec.selector, p.metadata.labels)]

    def _adopted(self, rs: ReplicaSet, pod: Pod) -> Pod:
        owners = (*pod.metadata.owner_references, _controller_ref(rs))
        return self._store.update(replace(pod, metadata=replace(pod.metadata, owner_references=owners)))

    def _adopters(self, event: WatchEvent) -> Iterable[Key]:
        """ReplicaSets that may want an orphaned pod."""
        meta = event.object.metadata
        if meta.controller is not None or event.after is None:
            return ()
        candidates = self._store.list(ReplicaSet, meta.namespace)
        return [
            Key("ReplicaSet", meta.namespace, rs.metadata.name)
            for rs in candidates
            if not rs.spec.selector.empty and selector.matches(rs.spec.selector, meta.labels)
        ]


def _controller_ref(rs: ReplicaSet) -> OwnerReference:
    return OwnerReference(
        api_version=rs.api_version, kind=rs.kind, name=rs.metadata.name, uid=rs.metadata.uid, controller=True, block_owner_deletion=True
    )


def _available_in(pod: Pod, min_ready_seconds: int, now_ms: Millis) -> Millis | None:
    """0 when the pod is available, None when it is not ready (pkg/api/v1/pod/util.go:IsPodAvailable)."""
    for c in pod.status.conditions:
        if c.type == "Ready" and c.status == "True":
            return max(0, (c.last_transition_time_ms or 0) + min_ready_seconds * 1000 - now_ms) if min_ready_seconds else 0
    return None
