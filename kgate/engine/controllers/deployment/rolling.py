"""How many pods of which ReplicaSet: the arithmetic of a rolling update (pkg/controller/deployment/rolling.go, util/deployment_util.go)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kgate.engine.api import intstr
from kgate.engine.api.apps import Deployment, ReplicaSet


class Step(NamedTuple):
    """Scale the ReplicaSet of that name to `replicas`."""

    name: str
    replicas: int


class Fenceposts(NamedTuple):
    """Pods: how many above, how many below the desired number."""

    surge: int
    unavailable: int


def resolve_fenceposts(max_surge: int | str | None, max_unavailable: int | str | None, desired: int) -> Fenceposts:
    """Surge rounds up, unavailable rounds down; when both come to 0, one may be unavailable: 3 replicas with 0 and 10% are (0, 1)."""
    surge = intstr.scaled(max_surge or 0, desired, round_up=True)
    unavailable = intstr.scaled(max_unavailable or 0, desired, round_up=False)
    return Fenceposts(surge, 1 if surge == 0 and unavailable == 0 else unavailable)


def fenceposts(d: Deployment) -> Fenceposts:
    """As the controller counts with them: nothing to spare unless the strategy is RollingUpdate, at most all replicas unavailable."""
    rolling = d.spec.strategy.rolling_update
    if d.spec.strategy.type != "RollingUpdate" or rolling is None:
        return Fenceposts(0, 0)
    surge, unavailable = resolve_fenceposts(rolling.max_surge, rolling.max_unavailable, d.spec.replicas)
    return Fenceposts(surge, min(unavailable, d.spec.replicas))


def min_available(d: Deployment) -> int:
    """So many pods must stay available while the Deployment rolls (for Recreate: all, as far as conditions are concerned)."""
    return d.spec.replicas - fenceposts(d).unavailable


def new_replicas(d: Deployment, every: Sequence[ReplicaSet], new: int) -> int:
    """The next size of the new ReplicaSet, which has `new` now: as many more as fit below replicas + surge (NewRSNewReplicas)."""
    if d.spec.strategy.type == "Recreate":
        return d.spec.replicas
    room = d.spec.replicas + fenceposts(d).surge - desired_total(every)
    return new if room <= 0 else new + min(room, d.spec.replicas - new)


def scale_up_new(d: Deployment, every: Sequence[ReplicaSet], new: ReplicaSet) -> list[Step]:
    """At most one step (reconcileNewReplicaSet). A new set that is too large shrinks at once."""
    size = new.spec.replicas
    if size == d.spec.replicas:
        return []
    wanted = d.spec.replicas if size > d.spec.replicas else new_replicas(d, every, size)
    return [Step(new.metadata.name, wanted)] if wanted != size else []


def scale_down_old(d: Deployment, old: Sequence[ReplicaSet], new: ReplicaSet) -> list[Step]:
    """Unhealthy pods of old sets first, then healthy ones down to the minimum, oldest set first (reconcileOldReplicaSets).

    10 replicas, 25% and 25%, old 10 available: 10 - 8 = 2 may go. Old 8, new 5 not ready: 13 - 8 - 5 = 0, so none.
    """
    active = sorted((rs for rs in old if rs.spec.replicas > 0), key=by_creation)
    spare = desired_total([*old, new]) - min_available(d) - (new.spec.replicas - new.status.available_replicas)
    if not active or spare <= 0:
        return []
    cleanup, conclusive = _clean_up_unhealthy(active, spare)
    if not conclusive:
        return cleanup
    sizes = {rs.metadata.name: rs.spec.replicas for rs in active} | {step.name: step.replicas for step in cleanup}
    healthy = available_total([*active, new]) - min_available(d)
    return cleanup + _scale_down_healthy(active, sizes, healthy)


def _clean_up_unhealthy(active: Sequence[ReplicaSet], spare: int) -> tuple[list[Step], bool]:
    """False as soon as a set reports more available pods than it wants: it has not caught up, so nothing may be concluded from it."""
    steps: list[Step] = []
    for rs in active:
        if spare <= 0:
            break
        unhealthy = min(spare, rs.spec.replicas - rs.status.available_replicas)
        if unhealthy < 0:
            return steps, False
        if unhealthy:
            steps.append(Step(rs.metadata.name, rs.spec.replicas - unhealthy))
            spare -= unhealthy
    return steps, True


def _scale_down_healthy(active: Sequence[ReplicaSet], sizes: dict[str, int], count: int) -> list[Step]:
    steps = []
    for rs in active:
        down = min(sizes[rs.metadata.name], count)
        if down > 0:
            steps.append(Step(rs.metadata.name, sizes[rs.metadata.name] - down))
            count -= down
    return steps


def by_creation(rs: ReplicaSet) -> tuple[int, str]:
    """Oldest first, then by name."""
    # Unlike upstream: creation times are compared in milliseconds, not truncated to seconds, so sets made within a second keep their order.
    return rs.metadata.creation_timestamp_ms or 0, rs.metadata.name


def desired_total(every: Sequence[ReplicaSet]) -> int:
    return sum(rs.spec.replicas for rs in every)


def available_total(every: Sequence[ReplicaSet]) -> int:
    return sum(rs.status.available_replicas for rs in every)
