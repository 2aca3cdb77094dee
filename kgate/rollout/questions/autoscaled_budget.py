"""Budgets that a drain cannot pass once an autoscaler is down at its minimum."""

from __future__ import annotations

from collections.abc import Iterator

from kgate.engine import Cluster
from kgate.finding import Rule, Severity, Stage
from kgate.rollout.questions.autoscalers import Autoscaler, after, autoscalers, scaled, too_many
from kgate.rollout.questions.budgets import (
    DISRUPTIONS,
    amended,
    covering,
    drains,
    expected,
    field_of,
    needed,
    one_away,
    refusal_of,
    stored,
)
from kgate.rollout.questions.evidence import Answer, Evidence, Level

AGAINST = Rule(
    id="KG5147",
    name="budget-against-autoscaler",
    stage=Stage.ROLLOUT,
    severity=Severity.WARNING,
    summary="at the autoscaler's minimum a PodDisruptionBudget lets no node drain",
    why="A budget that asks for as many pods as the autoscaler keeps at night allows no eviction then, which is when nodes are upgraded.",
    remediation="use maxUnavailable, or a minAvailable below minReplicas",
    references=(DISRUPTIONS,),
)


def against(evidence: Evidence) -> Iterator[Answer]:
    """Where it would pass at the present size: else it is blocked anyway, which is another finding."""
    budgets, scalers = covering(evidence), autoscalers(evidence)
    d = evidence.followed.last
    if len(budgets) != 1 or not scalers or d is None or evidence.followed.completed_ms is None:
        return
    manifest, budget, scaler = budgets[0], stored(evidence, budgets[0]), scalers[0]
    pods = expected(evidence, budget)
    least = pods - d.spec.replicas + scaler.least
    if least < 1 or scaler.least >= d.spec.replicas or needed(budget, pods) >= pods or needed(budget, least) < least:
        return
    if (unknown := too_many(evidence, AGAINST)) is not None:
        yield unknown
        return
    yield Answer(
        rule=AGAINST,
        level=Level.CAN_FAIL,
        statement=f"when HorizontalPodAutoscaler {scaler.manifest.name} is down to {scaler.least}, no node with a pod drains: "
        f"PodDisruptionBudget {manifest.name} needs {needed(budget, least)} healthy pods of {least}",
        bounds="any cluster, at the autoscaler's minimum",
        evidence=refusal_of(_at_least(evidence, scaler), evidence),
        path=("spec", field_of(manifest)),
        where=manifest,
        fix="set spec.maxUnavailable to 1 instead of minAvailable",
        verified=_cured(evidence, scaler),
    )


def _at_least(evidence: Evidence, scaler: Autoscaler) -> Cluster:
    cluster = after(evidence)
    scaled(cluster, evidence.key, scaler.least)
    return cluster


def _cured(evidence: Evidence, scaler: Autoscaler) -> bool:
    """A node drains at the minimum, under the budget that always lets one go."""
    (manifest,) = covering(evidence)
    cluster = after(evidence)
    if not amended(cluster, one_away(manifest)):
        return False
    scaled(cluster, evidence.key, scaler.least)
    return drains(cluster, evidence)
