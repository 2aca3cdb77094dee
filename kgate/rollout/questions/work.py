"""How much is played for the questions of one world, counted in writes: the same on every machine.

Of Deployments that change together only so many are played again. What is alike in all that counts is played once: then a hundred
Deployments of one shape cost as much as one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from msgspec import Struct, field

from kgate.engine import Cluster
from kgate.engine.api import resources
from kgate.engine.api.apps import Deployment
from kgate.engine.api.autoscaling import HorizontalPodAutoscaler
from kgate.engine.api.meta import Key
from kgate.engine.api.pods import PodSpec
from kgate.rollout.questions.evidence import Evidence

T = TypeVar("T")

MOST_TOGETHER = 20
"""Deployments that change together, of which each is played again whatever it takes."""
MOST_WRITES = 25_000
"""For all of them where there are more, about three seconds. Those that are alike cost next to nothing."""
_OBJECTS_A_WRITE = 40
"""To copy so many objects of a cluster takes as long as one write."""
_SIZING = ("HorizontalPodAutoscaler", "LimitRange", "ResourceQuota")
"""What makes one Deployment differ from another that is written alike."""


class Meter(Struct):
    """What is left, and the copies of the world that have not been counted yet, with the length of their traces when they were made."""

    writes: int
    out: list[tuple[Cluster, int]] = field(default_factory=list)

    def settle(self) -> int:
        for cluster, begin in self.out:
            self.writes -= len(cluster.trace) - begin + len(cluster.store) // _OBJECTS_A_WRITE
        self.out.clear()
        return self.writes


class Once(Struct, Generic[T], frozen=True, kw_only=True):
    """What came of it, and for which Deployment it was played."""

    key: Key
    result: T

    def bounds(self, evidence: Evidence) -> str:
        """Empty, or that it was another that was played."""
        return "" if self.key == evidence.key else f"played with Deployment {self.key.name}, which differs in nothing that counts"


def copy(evidence: Evidence, of: Cluster) -> Cluster:
    """A fork, of which it counts what happens to it. Where there are many, the autoscalers of others are not in it.

    They have looked at their targets already, and without any usage they would only say so again, every fifteen seconds.
    """
    cluster = of.fork()
    if evidence.crowd > MOST_TOGETHER:
        _meter(evidence).out.append((cluster, len(cluster.trace)))
        for hpa in cluster.store.list(HorizontalPodAutoscaler):
            target, meta = hpa.spec.scale_target_ref, hpa.metadata
            if (target.kind, meta.namespace, target.name) != evidence.key:
                cluster.delete("HorizontalPodAutoscaler", meta.name, meta.namespace)
    return cluster


def may_play(evidence: Evidence) -> bool:
    return evidence.crowd <= MOST_TOGETHER or _meter(evidence).settle() > 0


def once(evidence: Evidence, question: str, play: Callable[[], T]) -> Once[T] | None:
    """Played for the first Deployment of each shape; None when enough has been played."""
    known: dict[Hashable, Once[T]] = evidence.shared.setdefault(question, {})
    alike = shape(evidence)
    if alike not in known:
        if not may_play(evidence):
            return None
        known[alike] = Once(key=evidence.key, result=play())
    return known[alike]


def why_not(evidence: Evidence) -> str:
    return f"{evidence.crowd} rollouts are rehearsed together, of which only so many are played again"


def _meter(evidence: Evidence) -> Meter:
    meter: Meter = evidence.shared.setdefault("work", Meter(writes=MOST_WRITES))
    return meter


def shape(evidence: Evidence) -> Hashable:
    """What comes of playing this Deployment alone depends on nothing else; its own key where its place in the cluster may matter."""
    known: dict[Key, Hashable] = evidence.shared.setdefault("shapes", {})
    if evidence.key not in known:
        known[evidence.key] = _shape(evidence) or evidence.key
    return known[evidence.key]


def _shape(evidence: Evidence) -> Hashable | None:
    """Only of rollouts that found all the room they wanted, and whose pods go anywhere."""
    f, key = evidence.followed, evidence.key
    before = evidence.rolled.played.start.store.get(Deployment, key.namespace, key.name)
    if evidence.crowd <= MOST_TOGETHER or f.last is None or before is None or f.completed_ms is None or f.said:
        return None
    if any(m.kind in _SIZING for m in evidence.supports) or any(o["kind"] in _SIZING for o in evidence.rolled.cluster.objects):
        return None
    pods = [_pods(evidence, d.spec.template.spec) for d in (before, f.last)]
    if None in pods:
        return None
    spec = f.last.spec
    sizes = (before.spec.replicas, spec.replicas, repr(spec.strategy), spec.min_ready_seconds, repr(f.start), f.completed_ms)
    return (*sizes, spec.progress_deadline_seconds, spec.revision_history_limit, *pods)


def _pods(evidence: Evidence, spec: PodSpec) -> Hashable | None:
    """None when other pods matter to them, or what only one of them can have."""
    ports = spec.host_network or any(p.host_port for c in spec.containers for p in c.ports)
    if spec.affinity is not None or spec.topology_spread_constraints or spec.volumes or ports:
        return None
    behaves = evidence.rolled.played.behaviour.of_pod([c.image for c in (*spec.init_containers, *spec.containers)])
    where = (repr(spec.node_selector), repr(spec.tolerations), spec.priority_class_name, spec.termination_grace_period_seconds)
    return (tuple(sorted(resources.pod_requests(spec).items())), len(spec.containers), repr(behaves), *where)
