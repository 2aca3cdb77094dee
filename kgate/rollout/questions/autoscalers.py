"""The autoscalers of a Deployment, and what it does at another size: all of it on forks of the cluster after the rollout."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from kgate.engine import ApiError, Cluster, LivelockError
from kgate.engine.api.apps import Deployment
from kgate.engine.api.autoscaling import HorizontalPodAutoscaler
from kgate.engine.api.meta import Key
from kgate.finding import Rule
from kgate.manifest import Manifest
from kgate.rollout.follow import complete
from kgate.rollout.questions import work
from kgate.rollout.questions.evidence import Answer, Evidence, Level

DOCS = "https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/"
SCALER = "kube-controller-manager"
"""The field manager that an autoscaler writes replicas as."""
MOST_PODS = 200
"""More pods of one Deployment are not played for a question."""
_LIMIT_MS = 3_600_000


class Autoscaler(Struct, frozen=True, kw_only=True):
    """As it is written, and as the cluster has it, with defaults."""

    manifest: Manifest
    stored: HorizontalPodAutoscaler

    @property
    def least(self) -> int:
        return 1 if self.stored.spec.min_replicas is None else self.stored.spec.min_replicas

    @property
    def most(self) -> int:
        return self.stored.spec.max_replicas


def autoscalers(evidence: Evidence) -> list[Autoscaler]:
    """Those of head that scale the Deployment and that the API server takes."""
    store, namespace = evidence.rolled.played.cluster.store, evidence.key.namespace
    found = ((m, store.get(HorizontalPodAutoscaler, namespace, m.name)) for m in evidence.of_kind("HorizontalPodAutoscaler"))
    return [Autoscaler(manifest=m, stored=hpa) for m, hpa in found if hpa is not None]


def too_many(evidence: Evidence, rule: Rule) -> Answer | None:
    """The answer where more rollouts are rehearsed together than can be asked."""
    if work.may_play(evidence):
        return None
    return Answer(rule=rule, level=Level.UNKNOWN, statement=f"{rule.summary}: not asked, {work.why_not(evidence)}")


def after(evidence: Evidence) -> Cluster:
    """The cluster after the rollout, to do with as one likes."""
    return work.copy(evidence, evidence.rolled.played.cluster)


def scaled(cluster: Cluster, key: Key, replicas: int) -> bool:
    """As an autoscaler does it; whether all those replicas become available."""
    try:
        cluster.patch("Deployment", key.name, {"spec": {"replicas": replicas}}, namespace=key.namespace, manager=SCALER)
        return cluster.run_until(lambda: settled(cluster, [key]), cluster.now_ms + _LIMIT_MS) and is_complete(cluster, key)
    except (ApiError, LivelockError):
        return False


def settled(cluster: Cluster, keys: Sequence[Key]) -> bool:
    return all(is_complete(cluster, key) for key in keys) or cluster.at_rest()


def is_complete(cluster: Cluster, key: Key) -> bool:
    d = deployment(cluster, key)
    return d is not None and complete(d)


def deployment(cluster: Cluster, key: Key) -> Deployment | None:
    return cluster.store.get(Deployment, key.namespace, key.name)
