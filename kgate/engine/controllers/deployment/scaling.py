"""A Deployment whose replicas changed: who grows and who shrinks (pkg/controller/deployment/sync.go:scale)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.controllers.deployment.rolling import Step, by_creation, desired_total, fenceposts

DESIRED, MAX = "deployment.kubernetes.io/desired-replicas", "deployment.kubernetes.io/max-replicas"


def scale(d: Deployment, old: Sequence[ReplicaSet], new: ReplicaSet | None) -> list[Step]:
    """The steps for one sync; a step may keep the size, then only the set's annotations are brought up to date."""
    newest_first = sorted(old, key=by_creation, reverse=True)
    active = [rs for rs in (*newest_first, *([new] if new else [])) if rs.spec.replicas > 0]
    if len(active) <= 1:
        only = next(iter((*active, *([new] if new else []), *newest_first)), None)
        return [Step(only.metadata.name, d.spec.replicas)] if only is not None and only.spec.replicas != d.spec.replicas else []
    if new is not None and saturated(d, new):
        return [Step(rs.metadata.name, 0) for rs in active if rs is not new]
    return proportional(d, active) if d.spec.strategy.type == "RollingUpdate" else []


def saturated(d: Deployment, new: ReplicaSet) -> bool:
    """The new set has and knows its full size, and all of it is available."""
    full = d.spec.replicas
    return new.spec.replicas == full and count_in(new, DESIRED) == full and new.status.available_replicas == full


def proportional(d: Deployment, active: Sequence[ReplicaSet]) -> list[Step]:
    """Mid-rollout, every set takes its share of the change; the largest first, and what is left over goes to the largest.

    10 replicas and surge 3 at old 8, new 5, scaled to 15: 18 - 13 = 5 to add, shares round(8*18/13) - 8 = 3 and 2.
    """
    allowed = d.spec.replicas + fenceposts(d).surge if d.spec.replicas > 0 else 0
    to_add = allowed - desired_total(active)
    ordered = _by_size(active, newest_first=to_add > 0) if to_add else active
    sizes, added = {}, 0
    for rs in ordered:
        share = _share(d, rs, to_add, added)
        sizes[rs.metadata.name] = rs.spec.replicas + share
        added += share
    largest = ordered[0].metadata.name
    sizes[largest] = max(0, sizes[largest] + to_add - added)
    return [Step(name, size) for name, size in sizes.items()]


def _by_size(active: Sequence[ReplicaSet], *, newest_first: bool) -> list[ReplicaSet]:
    """Largest first; among equals the newest first when growing, the oldest first when shrinking."""
    by_age = sorted(active, key=by_creation, reverse=newest_first)
    return sorted(by_age, key=lambda rs: -rs.spec.replicas)


def _share(d: Deployment, rs: ReplicaSet, to_add: int, added: int) -> int:
    """GetReplicaSetProportion: never more than what is left, in either direction."""
    left = to_add - added
    if rs.spec.replicas == 0 or to_add == 0 or left == 0:
        return 0
    return min(_fraction(d, rs), left) if to_add > 0 else max(_fraction(d, rs), left)


def _fraction(d: Deployment, rs: ReplicaSet) -> int:
    """The set's part of the new maximum, measured against the maximum it was last scaled under (getReplicaSetFraction)."""
    size = rs.spec.replicas
    if d.spec.replicas == 0:
        return -size
    before = count_in(rs, MAX) or d.status.replicas
    if before == 0:
        return 0
    exact = size * (d.spec.replicas + fenceposts(d).surge) / before
    return math.floor(exact + 0.5) - size


def count_in(rs: ReplicaSet, annotation: str) -> int | None:
    """The number in one of the annotations above, None when there is none."""
    text = rs.metadata.annotations.get(annotation, "")
    return int(text) if text.isascii() and text.isdigit() and int(text) < 2**31 else None
