"""What a Deployment says about itself (pkg/controller/deployment/sync.go:calculateStatus, util/deployment_util.go)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from kgate.engine.api.apps import Deployment, DeploymentStatus, ReplicaSet
from kgate.engine.api.meta import Condition, Millis, condition
from kgate.engine.controllers.deployment.rolling import available_total, desired_total, min_available

AVAILABLE, PROGRESSING, REPLICA_FAILURE = "Available", "Progressing", "ReplicaFailure"
NEVER = 2**31 - 1
"""A deadline or history limit of this size means none."""


def calculate(
    d: Deployment, every: Sequence[ReplicaSet], new: ReplicaSet | None, now_ms: Millis, *, terminating: bool = True
) -> DeploymentStatus:
    """Counts from the ReplicaSets' statuses, and the Available condition. `terminating` says whether that count exists at all."""
    available = available_total(every)
    status = DeploymentStatus(
        observed_generation=d.metadata.generation,
        replicas=sum(rs.status.replicas for rs in every),
        updated_replicas=new.status.replicas if new else 0,
        ready_replicas=sum(rs.status.ready_replicas for rs in every),
        available_replicas=available,
        unavailable_replicas=max(0, desired_total(every) - available),
        terminating_replicas=_terminating(every) if terminating else None,
        collision_count=d.status.collision_count,
        conditions=d.status.conditions,
    )
    if available >= min_available(d):
        said = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        said = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    return with_condition(status, made(AVAILABLE, *said, now_ms))


def _terminating(every: Sequence[ReplicaSet]) -> int | None:
    """Unknown as soon as one ReplicaSet that was looked at does not know."""
    known = [rs.status.terminating_replicas for rs in every if rs.status.observed_generation or rs.status.terminating_replicas is not None]
    return None if None in known else sum(n for n in known if n is not None)


def made(type_: str, status: str, reason: str, message: str, now_ms: Millis) -> Condition:
    """A condition as of now; the API keeps whole seconds."""
    now = now_ms // 1000 * 1000
    return Condition(type=type_, status=status, reason=reason, message=message, last_update_time_ms=now, last_transition_time_ms=now)


def with_condition(status: DeploymentStatus, new: Condition) -> DeploymentStatus:
    """Sets the condition, unless one with the same status and reason is there; the transition time survives an unchanged status."""
    current = condition(status.conditions, new.type)
    if current is not None and (current.status, current.reason) == (new.status, new.reason):
        return status
    if current is not None and current.status == new.status:
        new = replace(new, last_transition_time_ms=current.last_transition_time_ms)
    return replace(status, conditions=(*without(status, new.type).conditions, new))


def without(status: DeploymentStatus, type_: str) -> DeploymentStatus:
    """Without any condition of that type."""
    if condition(status.conditions, type_) is None:
        return status
    return replace(status, conditions=tuple(c for c in status.conditions if c.type != type_))


def complete(d: Deployment, status: DeploymentStatus) -> bool:
    """All replicas are of the new template and available, and none of an old one is left."""
    counts = (status.updated_replicas, status.replicas, status.available_replicas)
    return counts == (d.spec.replicas,) * 3 and status.observed_generation >= d.metadata.generation


def has_deadline(d: Deployment) -> bool:
    """Whether progress is watched at all."""
    return d.spec.progress_deadline_seconds not in (None, NEVER)
