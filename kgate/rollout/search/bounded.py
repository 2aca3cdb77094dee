"""How many pods of a Deployment one node or zone can hold in any schedule of its change: what is known without playing it.

Hard constraints say so, and the scheduler's scores where no tie can undo them (kgate/engine/scheduler/stacking.py).
Sources: pkg/scheduler/framework/plugins/{interpodaffinity,podtopologyspread}/filtering.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from msgspec import Struct

from kgate.engine import Cluster
from kgate.engine.api import selector
from kgate.engine.api.affinity import PodAffinityTerm, TopologySpreadConstraint
from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.core import Node, Pod, PodTemplateSpec, Service
from kgate.engine.api.meta import LabelSelector
from kgate.engine.controllers.deployment.rolling import fenceposts
from kgate.engine.scheduler.stacking import Rolling
from kgate.rollout.nodes import HOSTNAME, ZONE

HASH = "pod-template-hash"


class Bound(Struct, frozen=True, kw_only=True):
    """No place holds more, and which constraint sees to it."""

    most: int
    by: str


def most_together(cluster: Cluster, after: Deployment, what: str, settled: Cluster | None = None) -> Bound | None:
    """Of pods that are not being deleted, on any one `node` or in any one `zone`. None: nothing forbids that all are there.

    `cluster` is as it is right before the change to `after`, which has been admitted; only that Deployment changes. `settled` is one
    in which it has changed, and no pod of it stopped by itself: the scores count where it is known.
    """
    world = _World.of(cluster, after, HOSTNAME if what == "node" else ZONE)
    found = [] if world is None else [*_apart(world), *_spread(world), *(_scored(world, settled, what) if settled is not None else ())]
    return min(found, key=lambda bound: bound.most, default=None)


class _World(Struct, frozen=True, kw_only=True):
    cluster: Cluster
    after: Deployment
    key: str
    before: PodTemplateSpec
    going: ReplicaSet
    """Whose pods are there right before the change."""
    old: Mapping[str, int]
    """Its pods right before the change, by place."""

    @classmethod
    def of(cls, cluster: Cluster, after: Deployment, key: str) -> _World | None:
        """None when pods of more than one template run, or none."""
        meta = after.metadata
        known = cluster.store.get(Deployment, meta.namespace, meta.name)
        sets = [] if known is None else [rs for rs in cluster.store.owned_by(known.metadata.uid, ReplicaSet) if rs.spec.replicas]
        if len(sets) != 1:
            return None
        pods = [p for p in cluster.store.owned_by(sets[0].metadata.uid, Pod) if p.active]
        old = _by_place(cluster, pods, key)
        return cls(cluster=cluster, after=after, key=key, before=sets[0].spec.template, going=sets[0], old=old)

    def selects_both(self, wanted: LabelSelector | None) -> bool:
        """Old pods and new ones, whatever their hash."""
        if wanted is None or HASH in wanted.match_labels or any(e.key == HASH for e in wanted.match_expressions):
            return False
        return all(selector.matches(wanted, t.metadata.labels) for t in (self.before, self.after.spec.template))

    @property
    def held(self) -> int:
        return max(self.old.values(), default=0)


def _by_place(cluster: Cluster, pods: list[Pod], key: str) -> Counter[str]:
    nodes = {n.metadata.name: n.metadata.labels.get(key, "") for n in cluster.store.list(Node)}
    return Counter(nodes.get(p.spec.node_name, "") for p in pods)


def _apart(world: _World) -> Iterator[Bound]:
    """Anti-affinity of old pods keeps new ones away as well; so it is enough that both have it."""
    if all(any(_separates(world, term) for term in _terms(t)) for t in (world.before, world.after.spec.template)):
        yield Bound(most=max(1, world.held), by="required anti-affinity")


def _terms(template: PodTemplateSpec) -> tuple[PodAffinityTerm, ...]:
    affinity = template.spec.affinity
    anti = None if affinity is None else affinity.pod_anti_affinity
    return () if anti is None else anti.required


def _separates(world: _World, term: PodAffinityTerm) -> bool:
    plain = not (term.namespaces or term.namespace_selector or term.match_label_keys or term.mismatch_label_keys)
    return plain and term.topology_key == world.key and world.selects_both(term.label_selector)


def _spread(world: _World) -> Iterator[Bound]:
    """A new pod goes where afterwards at most `maxSkew` more are than in the emptiest place, which holds at most the average."""
    spec = world.after.spec.template.spec
    hard = [c for c in spec.topology_spread_constraints if c.when_unsatisfiable == "DoNotSchedule"]
    if spec.node_selector or (spec.affinity is not None and spec.affinity.node_affinity is not None):
        return  # the emptiest place is then one of those that the pods may go to
    places = _places(world, [c.topology_key for c in hard])
    for c in hard:
        if c.topology_key == world.key and places and c.node_taints_policy != "Honor":
            yield from _of_constraint(world, c, places)


def _of_constraint(world: _World, c: TopologySpreadConstraint, places: int) -> Iterator[Bound]:
    replicas, by = world.after.spec.replicas, "required spread"
    if tuple(c.match_label_keys) == (HASH,) and selector.matches(c.label_selector, world.after.spec.template.metadata.labels):
        yield Bound(most=world.held + (replicas - 1) // places + c.max_skew, by=by)
    elif not c.match_label_keys and world.selects_both(c.label_selector):
        pods = world.cluster.store.list(Pod, world.after.metadata.namespace)
        others = sum(selector.matches(c.label_selector, p.metadata.labels) for p in pods if p.active) - sum(world.old.values())
        alive = max(replicas + fenceposts(world.after).surge, sum(world.old.values())) + others
        yield Bound(most=max(world.held, (alive - 1) // places + c.max_skew), by=by)


def _scored(world: _World, settled: Cluster, what: str) -> Iterator[Bound]:
    """Only where the old ReplicaSet gets no new pods, and nobody else's come or go."""
    going, meta = world.going, world.after.metadata
    rs = next((rs for rs in settled.store.owned_by(meta.uid, ReplicaSet) if rs.spec.replicas), None)
    pod = next(iter(settled.store.owned_by(rs.metadata.uid, Pod)), None) if rs is not None else None
    if rs is None or pod is None or rs.metadata.name == going.metadata.name or world.after.spec.replicas > going.spec.replicas:
        return
    if not all(map(_rests, world.cluster.store.list(Pod))):
        return
    old = next((p for p in world.cluster.store.owned_by(going.metadata.uid, Pod)), None)
    services = settled.store.list(Service, meta.namespace)
    replicas, uid = max(rs.spec.replicas, world.after.spec.replicas), going.metadata.uid
    rolling = Rolling(pod=pod, selector=rs.spec.selector, replicas=replicas, old_uid=uid, old=old, services=services)
    found = world.cluster.stacked(rolling)
    most = None if found is None else found.node if what == "node" else found.zone
    if most is not None:
        yield Bound(most=most, by="the scheduler's scores")


def _rests(pod: Pod) -> bool:
    return pod.terminal or (bool(pod.spec.node_name) and not pod.metadata.deleting)


def _places(world: _World, keys: list[str]) -> int:
    """Of the nodes that have all the labels by which pods are spread."""
    nodes = [n.metadata.labels for n in world.cluster.store.list(Node)]
    return len({labels[world.key] for labels in nodes if all(labels.get(k) for k in (*keys, world.key))})
