"""Whether an autoscaler's maximum can be reached at all."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from kgate.engine.api.core import Pod
from kgate.engine.api.meta import condition
from kgate.finding import Rule, Severity, Stage
from kgate.rollout.causes import cause
from kgate.rollout.follow import REFUSED
from kgate.rollout.questions.autoscalers import DOCS, MOST_PODS, Autoscaler, after, autoscalers, deployment, scaled, too_many
from kgate.rollout.questions.budgets import labels_of
from kgate.rollout.questions.evidence import Answer, Evidence, Level
from kgate.rollout.refusals import words

OVER = Rule(
    id="KG5145",
    name="autoscaler-over-capacity",
    stage=Stage.ROLLOUT,
    severity=Severity.WARNING,
    summary="an autoscaler's maximum is more than quota or nodes have room for",
    why="Under the load the maximum is meant for, pods stay Pending or are refused, and the application is slower than planned.",
    remediation="lower maxReplicas to what fits, or make room",
    references=(f"{DOCS}#how-does-a-horizontalpodautoscaler-work",),
)


class _Full(Struct, frozen=True, kw_only=True):
    """How far it got. Empty texts: that was not the reason."""

    available: int
    refused: str
    unschedulable: str


def over(evidence: Evidence) -> Iterator[Answer]:
    """Only where it may grow beyond what the rollout has shown to fit."""
    for scaler in autoscalers(evidence)[:1]:
        if evidence.followed.completed_ms is None or evidence.followed.last is None or scaler.most <= evidence.followed.last.spec.replicas:
            return
        if (unknown := too_many(evidence, OVER)) is not None:
            yield unknown
        elif scaler.most > MOST_PODS:
            yield Answer(
                rule=OVER, level=Level.UNKNOWN, statement=f"whether {scaler.most} replicas fit was not asked: more than {MOST_PODS}"
            )
        else:
            yield from _at_most(evidence, scaler)


def _at_most(evidence: Evidence, scaler: Autoscaler) -> Iterator[Answer]:
    full = _played(evidence, scaler.most)
    if full is None:
        return
    if evidence.assumed_cluster and not full.refused:
        said = (
            f"whether the {scaler.most} replicas of HorizontalPodAutoscaler {scaler.manifest.name} fit is not known: the cluster is assumed"
        )
        yield Answer(rule=OVER, level=Level.UNKNOWN, statement=said)
        return
    why = words(full.refused) if full.refused else cause(full.unschedulable, evidence.manifest.body, placed=full.available).reason
    yield Answer(
        rule=OVER,
        level=Level.CAN_FAIL,
        statement=f"of the {scaler.most} replicas that HorizontalPodAutoscaler {scaler.manifest.name} may ask for, "
        f"{full.available} become available: {why}",
        bounds="nothing else grows at the same time",
        evidence=(full.refused or full.unschedulable,),
        path=("spec", "maxReplicas"),
        where=scaler.manifest,
        fix=f"set spec.maxReplicas to {full.available}, or make room for {scaler.most - full.available} more",
        verified=scaled(after(evidence), evidence.key, full.available),
    )


def _played(evidence: Evidence, replicas: int) -> _Full | None:
    """None when all of them become available."""
    cluster = after(evidence)
    if scaled(cluster, evidence.key, replicas):
        return None
    d = deployment(cluster, evidence.key)
    failure = condition(d.status.conditions, "ReplicaFailure") if d is not None else None
    refused = failure.message if failure is not None and failure.reason == REFUSED else ""
    wanted = labels_of(evidence.manifest)
    pods = (p for p in cluster.store.list(Pod, evidence.key.namespace) if not p.spec.node_name)
    mine = (p for p in pods if all(p.metadata.labels.get(k) == v for k, v in wanted.items()))
    scheduled = (condition(p.status.conditions, "PodScheduled") for p in mine)
    waiting = next((c.message for c in scheduled if c is not None and c.status == "False"), "")
    if d is None or not (refused or waiting):
        return None
    return _Full(available=d.status.available_replicas, refused=refused, unschedulable=waiting)
