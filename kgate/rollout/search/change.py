"""The change of one Deployment, or of all that change together, as a search begins it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kgate.engine import Cluster
from kgate.engine.api.apps import Deployment
from kgate.engine.api.meta import Key
from kgate.engine.errors import ApiError, LivelockError
from kgate.rollout.follow import EXCEEDED, complete
from kgate.rollout.search.explore import Property
from kgate.rollout.search.world import Start, next_instant
from kgate.rollout.stage import SUPPORT, key_of

if TYPE_CHECKING:
    from kgate.rollout.questions.evidence import Edit, Evidence


def whole(evidence: Evidence) -> Start:
    """Everything of head in its order."""
    return changing(evidence, tuple(evidence.rolled.followed))


def changing(evidence: Evidence, keys: tuple[Key, ...], edits: Sequence[Edit] = ()) -> Start:
    """The change of these Deployments, and all that bears on them; others stay as they were. `edits` are of the one in question."""
    from kgate.rollout.questions.evidence import edited

    support = [m.body for m in evidence.head if m.kind in SUPPORT]
    mine = [m for m in evidence.head if m.kind == "Deployment" and key_of(m) in keys]
    bodies = [*support, *(edited(m.body, edits) if edits and key_of(m) == evidence.key else m.body for m in mine)]

    def change(cluster: Cluster) -> None:
        for body in bodies:
            try:
                cluster.apply(body)
            except ApiError:
                continue  # as in the rehearsal, which tells of it

    return Start(cluster=evidence.rolled.played.start, change=change, over=lambda c: all(over(c, k) for k in keys), deployments=keys)


def over(cluster: Cluster, key: Key) -> bool:
    """It is complete, gone, or beyond its deadline."""
    d = cluster.store.get(Deployment, key.namespace, key.name)
    return d is None or complete(d) or any(c.reason == EXCEEDED for c in d.status.conditions)


def keeps(evidence: Evidence, edits: Sequence[Edit], wanted: Property) -> bool:
    """Whether the edited Deployment completes in the nominal schedule and never violates the property, while the others rest."""
    start = changing(evidence, (evidence.key,), edits)
    if wanted.violated(start.cluster) is not None:
        return False  # before anything has changed: no edit of the change helps
    cluster = start.cluster.fork()
    try:
        start.change(cluster)
        while wanted.violated(cluster) is None:
            if start.ended(cluster) or not next_instant(cluster):
                d = cluster.store.get(Deployment, evidence.key.namespace, evidence.key.name)
                return d is not None and complete(d)
    except LivelockError:
        return False
    return False
