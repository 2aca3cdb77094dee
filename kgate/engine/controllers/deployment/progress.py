"""Is the rollout getting anywhere (pkg/controller/deployment/progress.go)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from kgate.engine.api.apps import Deployment, DeploymentStatus, ReplicaSet
from kgate.engine.api.meta import Condition, Millis, condition
from kgate.engine.controllers.deployment import status as st

NEW_RS_AVAILABLE, TIMED_OUT = "NewReplicaSetAvailable", "ProgressDeadlineExceeded"


def rollout_status(
    d: Deployment, every: Sequence[ReplicaSet], new: ReplicaSet | None, status: DeploymentStatus, now_ms: Millis
) -> DeploymentStatus:
    """The whole status during a rollout: the counts and Available as in `status`, Progressing, ReplicaFailure (syncRolloutStatus)."""
    status = _progressing(d, status, new, now_ms) if st.has_deadline(d) else st.without(status, st.PROGRESSING)
    failure = _replica_failure(every, new)
    return st.with_condition(status, failure) if failure is not None else st.without(status, st.REPLICA_FAILURE)


def _progressing(d: Deployment, status: DeploymentStatus, new: ReplicaSet | None, now_ms: Millis) -> DeploymentStatus:
    """A rollout that was once complete is not judged again: losing pods or scaling up never times out."""
    current = condition(d.status.conditions, st.PROGRESSING)
    if current is not None and current.reason == NEW_RS_AVAILABLE and status.replicas == status.updated_replicas:
        return status
    subject = f'ReplicaSet "{new.metadata.name}"' if new else f'Deployment "{d.metadata.name}"'
    if st.complete(d, status):
        return st.with_condition(
            status, st.made(st.PROGRESSING, "True", NEW_RS_AVAILABLE, f"{subject} has successfully progressed.", now_ms)
        )
    if progressed(d.status, status):
        return _with_fresh_progress(
            status, current, st.made(st.PROGRESSING, "True", "ReplicaSetUpdated", f"{subject} is progressing.", now_ms)
        )
    if timed_out(d, status, now_ms):
        return st.with_condition(status, st.made(st.PROGRESSING, "False", TIMED_OUT, f"{subject} has timed out progressing.", now_ms))
    return status


def _with_fresh_progress(status: DeploymentStatus, current: Condition | None, new: Condition) -> DeploymentStatus:
    """Progress sets the clock back even when status and reason stay the same."""
    if current is not None and current.status == "True":
        new = replace(new, last_transition_time_ms=current.last_transition_time_ms)
    return st.with_condition(st.without(status, st.PROGRESSING), new)


def progressed(before: DeploymentStatus, after: DeploymentStatus) -> bool:
    """More new pods, fewer old ones, more ready or more available ones (DeploymentProgressing)."""
    old_before, old_after = before.replicas - before.updated_replicas, after.replicas - after.updated_replicas
    return (
        after.updated_replicas > before.updated_replicas
        or old_after < old_before
        or after.ready_replicas > before.ready_replicas
        or after.available_replicas > before.available_replicas
    )


def timed_out(d: Deployment, status: DeploymentStatus, now_ms: Millis) -> bool:
    """The deadline has passed since the last progress; once exceeded it stays so until there is progress (DeploymentTimedOut)."""
    current = condition(status.conditions, st.PROGRESSING)
    if current is None or current.reason == NEW_RS_AVAILABLE:
        return False
    return current.reason == TIMED_OUT or _deadline_ms(d, current) < now_ms


def recheck_in(d: Deployment, status: DeploymentStatus, now_ms: Millis) -> Millis | None:
    """When to look at the deadline again, if it still runs (requeueStuckDeployment)."""
    current = condition(d.status.conditions, st.PROGRESSING)
    if not st.has_deadline(d) or current is None or st.complete(d, status):
        return None
    # Unlike upstream: once the rollout was complete, which can never time out, it does not keep looking either.
    if current.reason in (TIMED_OUT, NEW_RS_AVAILABLE):
        return None
    after = _deadline_ms(d, current) - now_ms
    # Unlike upstream: in the last second it does not poll every 5 ms but looks once, right after the deadline.
    return max(0, after) + 1 if after < 1000 else after + 1000


def _deadline_ms(d: Deployment, current: Condition) -> Millis:
    return (current.last_update_time_ms or 0) + (d.spec.progress_deadline_seconds or 0) * 1000


def _replica_failure(every: Sequence[ReplicaSet], new: ReplicaSet | None) -> Condition | None:
    """The first ReplicaSet's that cannot create or delete pods; the new one goes first."""
    for rs in (*([new] if new else []), *every):
        failure = condition(rs.status.conditions, st.REPLICA_FAILURE)
        if failure is not None:
            return replace(failure, last_update_time_ms=failure.last_transition_time_ms)
    return None
