"""One sync of one Deployment: its objects as last written, and the writes a sync is made of (pkg/controller/deployment/sync.go)."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api.apps import Deployment, DeploymentStatus, ReplicaSet
from kgate.engine.api.meta import Millis, condition
from kgate.engine.controllers.deployment import revisions, scaling
from kgate.engine.controllers.deployment import status as st
from kgate.engine.controllers.deployment.rolling import Step, by_creation, new_replicas
from kgate.engine.errors import NAMESPACE_TERMINATING, ApiError
from kgate.engine.manager import Manager
from kgate.engine.store import Store, key_of

SOURCE = "deployment-controller"


class Sync(Struct):
    """`old` and `new` are fresh after every method; `new` is None until there is a ReplicaSet with the Deployment's template."""

    store: Store
    manager: Manager
    d: Deployment
    old: list[ReplicaSet]
    new: ReplicaSet | None = None
    counts_terminating: bool = True

    @property
    def every(self) -> list[ReplicaSet]:
        return [*self.old, self.new] if self.new is not None else self.old

    @property
    def now_ms(self) -> Millis:
        return self.store.now_ms

    def find_new(self) -> None:
        """Separates the new ReplicaSet from the old ones and keeps revisions in step (getAllReplicaSetsAndSyncRevision)."""
        every = self.every
        found = revisions.find_new(self.d, every)
        self.old = sorted((rs for rs in every if rs is not found), key=by_creation)
        if found is None:
            return
        renewed = revisions.annotated(self.d, found, self._next_revision())
        if renewed.spec.min_ready_seconds != self.d.spec.min_ready_seconds:
            renewed = replace(renewed, spec=replace(renewed.spec, min_ready_seconds=self.d.spec.min_ready_seconds))
        self.new = self.store.update(renewed)
        said = f'Found new replica set "{self.new.metadata.name}"'
        self._note_new("FoundNewReplicaSet", said, unless_any=True)

    def create_new(self) -> None:
        """Creates the ReplicaSet at the size there is room for. A name that is taken counts as a collision and is tried anew."""
        number = self._next_revision()
        size = new_replicas(self.d, self.old, 0)
        wanted = revisions.first_set(self.d, number, size)
        try:
            self.new = self.store.create(wanted)
        except ApiError as e:
            if not e.has_cause(NAMESPACE_TERMINATING):
                self._creation_failed(wanted, e)
            raise
        if size > 0:
            self._tell(f"Scaled up replica set {self.new.metadata.name} from 0 to {size}")
        self._note_new("NewReplicaSetCreated", f'Created new replica set "{self.new.metadata.name}"', unless_any=False)

    def apply(self, steps: Iterable[Step]) -> bool:
        """Whether any ReplicaSet changed its size (scaleReplicaSet)."""
        scaled = False
        for step in steps:
            rs = next(r for r in self.every if r.metadata.name == step.name)
            self._replace(self.store.update(revisions.sized(self.d, rs, step.replicas)))
            if rs.spec.replicas != step.replicas:
                direction = "up" if rs.spec.replicas < step.replicas else "down"
                self._tell(f"Scaled {direction} replica set {step.name} from {rs.spec.replicas} to {step.replicas}")
                scaled = True
        return scaled

    def is_scaling_event(self) -> bool:
        """An active ReplicaSet was last scaled for another number of replicas than the Deployment has now."""
        wanted = self.d.spec.replicas
        return any(rs.spec.replicas > 0 and scaling.count_in(rs, scaling.DESIRED) not in (None, wanted) for rs in self.every)

    def clean_up(self) -> None:
        """Deletes the oldest empty ReplicaSets beyond the history limit (cleanupDeployment)."""
        limit = self.d.spec.revision_history_limit
        if limit in (None, st.NEVER):
            return
        alive = sorted((rs for rs in self.old if not rs.metadata.deleting), key=lambda rs: (revisions.revision(rs), *by_creation(rs)))
        for rs in alive[: max(0, len(alive) - (limit or 0))]:
            if rs.status.replicas == 0 and rs.spec.replicas == 0 and rs.metadata.generation <= rs.status.observed_generation:
                self.store.delete(key_of(rs))

    def counted(self) -> DeploymentStatus:
        """The counts and the Available condition as of now (calculateStatus)."""
        return st.calculate(self.d, self.every, self.new, self.now_ms, terminating=self.counts_terminating)

    def write_status(self, status: DeploymentStatus) -> None:
        """Nothing is written when nothing changed."""
        if status != self.d.status:
            self._write(replace(self.d, status=status))

    def _next_revision(self) -> int:
        return max((revisions.revision(rs) for rs in self.old), default=0) + 1

    def _note_new(self, reason: str, message: str, *, unless_any: bool) -> None:
        """The Deployment takes over the new set's revision, and says how it came by the set."""
        assert self.new is not None
        number = self.new.metadata.annotations.get(revisions.REVISION)
        d = self.d
        if d.metadata.annotations.get(revisions.REVISION) != number:
            d = replace(d, metadata=d.metadata.annotated(revisions.REVISION, number))
        if st.has_deadline(d) and not (unless_any and condition(d.status.conditions, st.PROGRESSING)):
            d = replace(d, status=st.with_condition(d.status, st.made(st.PROGRESSING, "True", reason, message, self.now_ms)))
        if d != self.d:
            self._write(d)

    def _write(self, d: Deployment) -> None:
        """As upstream, the copy at hand keeps its version: a second write in one sync is a conflict, and the sync is tried again."""
        self.store.update_status(d)
        self.d = d

    def _creation_failed(self, wanted: ReplicaSet, error: ApiError) -> None:
        if error.reason == "AlreadyExists":
            status = replace(self.d.status, collision_count=(self.d.status.collision_count or 0) + 1)
            self.write_status(status)
            return
        said = f'Failed to create new replica set "{wanted.metadata.name}": {error.message}'
        if st.has_deadline(self.d):
            self.write_status(
                st.with_condition(self.d.status, st.made(st.PROGRESSING, "False", "ReplicaSetCreateError", said, self.now_ms))
            )
        self.manager.record(self.d, "Warning", "ReplicaSetCreateError", said, source=SOURCE)

    def _replace(self, rs: ReplicaSet) -> None:
        if self.new is not None and rs.metadata.uid == self.new.metadata.uid:
            self.new = rs
        self.old = [rs if rs.metadata.uid == o.metadata.uid else o for o in self.old]

    def _tell(self, message: str) -> None:
        self.manager.record(self.d, "Normal", "ScalingReplicaSet", message, source=SOURCE)
