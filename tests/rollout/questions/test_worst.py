from __future__ import annotations

from typing import Any

import pytest
import yaml

from kgate.engine.api.meta import Key
from kgate.outcome import Proof
from kgate.rollout import simulate
from kgate.rollout.questions.evidence import Level
from kgate.rollout.search.shown import replayed
from tests.rollout.questions.conftest import Ask, Asked, deployment

BY_NODE = (
    "topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, "
    "labelSelector: {matchLabels: {app: web}}}]"
)
STRATEGY = "strategy: {{rollingUpdate: {{maxSurge: {}, maxUnavailable: {}}}}}"
ZONE = {"node": 0, "zone": 1}
WEB = Key("Deployment", "prod", "web")


def change(replicas: int, surge: int, unavailable: int, pod: str = "") -> tuple[str, str]:
    spec = STRATEGY.format(surge, unavailable)
    return deployment("web:2", replicas=replicas, spec=spec, pod=pod), deployment(replicas=replicas, spec=spec, pod=pod)


def last(asked: Asked) -> Proof:
    return [p for p in asked.rehearsal.proofs if p.question == "below-floor"][-1]


def test_ties_that_end_differently_are_found_and_replayed(ask: Ask) -> None:
    asked = ask(*change(2, 1, 0, BY_NODE), floors={"*": 1}, failures=ZONE)
    proof = last(asked)
    assert proof.level == Level.CAN_FAIL
    assert proof.statement.startswith("when ")
    assert "no pods of 2 available without zone" in proof.statement
    body = yaml.safe_load(proof.counter_example)
    assert [len(step["schedule"]) for step in body["steps"] if "schedule" in step] == [1]
    (played,) = simulate([("worst.yaml", body)], validate=None, sources={})
    assert played.recording is not None
    assert replayed(body, WEB) == 0
    assert asked.found("below-floor") is not None


REQUIRED = BY_NODE.replace("ScheduleAnyway", "DoNotSchedule").replace("kubernetes.io/hostname", "topology.kubernetes.io/zone")
BY_REVISION = REQUIRED.replace("labelSelector", "matchLabelKeys: [pod-template-hash], labelSelector")


def test_where_the_spread_is_required_it_holds_in_all_schedules(ask: Ask) -> None:
    proof = last(ask(*change(4, 1, 0, BY_REVISION), floors={"*": 1}, failures=ZONE, budget=20_000))
    assert (proof.level, "however ties are broken" in proof.statement) == (Level.PASSES, True)
    assert "pods of a wave ready in any order, up to a second apart" in proof.bounds


def test_who_is_ready_first_may_decide(ask: Ask) -> None:
    """Two new pods in two zones: the one that is ready first lets an old pod go, and the one that stays may be its neighbour."""
    proof = last(ask(*change(2, 2, 0, BY_REVISION), floors={"*": 1}, failures=ZONE))
    assert proof.level == Level.CAN_FAIL
    assert "pods of a wave become ready at other times" in proof.statement
    assert replayed(yaml.safe_load(proof.counter_example), WEB) == 0


def test_what_a_loss_leads_to_is_told_with_both_moments(ask: Ask) -> None:
    nodes = "nodes: [{prefix: n, count: 6, cpu: 4, memory: 8Gi}]"
    proof = last(ask(*change(6, 0, 2, BY_NODE), nodes=nodes, floors={"*": 3}))
    assert proof.level in (Level.PASSES, Level.CAN_FAIL)
    if proof.level == Level.CAN_FAIL:
        assert proof.counter_example


@pytest.mark.parametrize("budget", [1, 3])
def test_with_too_small_a_budget_nobody_knows(ask: Ask, budget: int) -> None:
    proof = last(ask(*change(4, 1, 0), floors={"*": 2}, budget=budget))
    assert proof.level == Level.UNKNOWN
    assert f"a budget of {budget} is used up" in proof.statement


@pytest.mark.parametrize("settings", [{"floors": {"*": 1}, "budget": 0}, {}])
def test_nobody_looks_where_nobody_asks(ask: Ask, settings: dict[str, Any]) -> None:
    asked = ask(*change(4, 1, 0), **settings)
    assert len([p for p in asked.rehearsal.proofs if p.question == "below-floor"]) == 1


def test_what_constraints_prove_needs_no_search(ask: Ask) -> None:
    apart = (
        "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
        "[{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: web}}}]}}"
    )
    nodes = "nodes: [{prefix: n-, count: 60}]"
    proof = last(ask(*change(20, 5, 2, apart), nodes=nodes, floors={"*": 17}, budget=1))
    assert proof.level == Level.PASSES
    assert proof.statement.endswith("the strategy keeps 18 available and no node holds more than 1 of them (required anti-affinity)")


def test_without_losses_the_strategy_alone_proves_it(ask: Ask) -> None:
    proof = last(ask(*change(20, 5, 2), nodes="nodes: [{prefix: n-, count: 60}]", floors={"*": 18}, failures={"node": 0}, budget=1))
    assert (proof.level, proof.statement.endswith(": the strategy keeps 18 available")) == (Level.PASSES, True)
