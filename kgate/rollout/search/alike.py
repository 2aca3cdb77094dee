"""When the worst cases of two Deployments of one cluster are the same question: then it is answered once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.core import Event, Namespace, Node, Pod
from kgate.engine.api.meta import Key
from kgate.engine.canonical import ZONE, Symmetry
from kgate.rollout.search.world import Start

_THEIRS = (Deployment.kind, ReplicaSet.kind, Pod.kind, Event.kind, Node.kind, Namespace.kind)


def question(start: Start, after: Deployment, bodies: Iterable[Mapping[str, Any] | None], *said: object) -> int:
    """Equal for those that differ in names alone: of themselves, of nodes and of zones. `said` is all else that is asked.

    `bodies` are the Deployment before and after its change, of which `after` is what the API server makes.
    """
    cluster, subject = start.cluster, Key(after.kind, after.metadata.namespace, after.metadata.name)
    symmetry = Symmetry(cluster, subject, after=after, follow=False)
    zones: dict[str, list[int]] = {}
    for node in cluster.store.list(Node):
        zones.setdefault(node.metadata.labels.get(ZONE, ""), []).append(symmetry.of_node(node.metadata.name))
    nodes = tuple(sorted((zone != "", *sorted(tokens)) for zone, tokens in zones.items()))
    kinds = [kind for kind in cluster.store.kinds() if kind not in _THEIRS]
    beside = tuple(symmetry.facts(obj) for kind in kinds for obj in cluster.store.list_kind(kind, subject.namespace))
    written = tuple(nameless(body, subject.name) for body in bodies)
    return hash((nodes, beside, written, subject.namespace, _sizes(start, subject), repr(said)))


def nameless(body: Mapping[str, Any] | None, name: str) -> str:
    """Its own name is not what it is about."""
    text = json.dumps(body, sort_keys=True, default=str)
    return re.sub(rf"(?<![A-Za-z0-9-]){re.escape(name)}(?![A-Za-z0-9-])", "@", text)


def _sizes(start: Start, subject: Key) -> tuple[object, ...]:
    store = start.cluster.store
    d = store.get(Deployment, subject.namespace, subject.name)
    sets = [] if d is None else store.owned_by(d.metadata.uid, ReplicaSet)
    return tuple((rs.spec.replicas, rs.status.ready_replicas, rs.status.available_replicas) for rs in sets if rs.spec.replicas)
