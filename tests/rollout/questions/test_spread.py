from __future__ import annotations

import pytest

from tests.rollout.questions.conftest import Ask, deployment

ZONES = "nodes: [" + ", ".join(f"{{prefix: {z}-, count: 2, zone: {z}, cpu: 4, memory: 8Gi}}" for z in "abc") + "]"
SURGE = "strategy: {rollingUpdate: {maxSurge: 2, maxUnavailable: 1}}"


def spread(action: str = "DoNotSchedule", more: str = "", key: str = "topology.kubernetes.io/zone") -> str:
    return (
        f"topologySpreadConstraints:\n  - {{maxSkew: 1, topologyKey: {key}, whenUnsatisfiable: {action}, "
        f"labelSelector: {{matchLabels: {{app: web}}}}{more}}}"
    )


@pytest.mark.parametrize("action", ["DoNotSchedule", "ScheduleAnyway"])
def test_old_pods_that_counted_leave_the_new_ones_skewed(ask: Ask, action: str) -> None:
    pod = spread(action)
    asked = ask(deployment("web:2", replicas=6, spec=SURGE, pod=pod), deployment(replicas=6, spec=SURGE, pod=pod), nodes=ZONES)
    proof = asked.proof("spread-skewed-after-rollout")
    assert proof is not None
    assert (proof.level, proof.verified) == ("can-fail", True)
    assert "apply" in proof.counter_example
    assert proof.statement.startswith("the pods end with skew 2 over zones, and maxSkew is 1: a 1, b ")
    assert proof.fix == "add matchLabelKeys: [pod-template-hash] to the constraint"
    assert asked.found("spread-skewed-after-rollout") == ("head.yaml", 12)


def test_revisions_that_are_counted_apart_end_even(ask: Ask) -> None:
    pod = spread(more=", matchLabelKeys: [pod-template-hash]")
    asked = ask(deployment("web:2", replicas=6, spec=SURGE, pod=pod), deployment(replicas=6, spec=SURGE, pod=pod), nodes=ZONES)
    proof = asked.proof("spread-skewed-after-rollout")
    assert proof is not None
    assert (proof.level, proof.statement) == ("passes", "spread over 3 zones with skew 0 (maxSkew 1): a 2, b 2, c 2")


def test_a_label_that_no_node_has_is_nothing_to_spread_over(ask: Ask) -> None:
    proof = ask(deployment(pod=spread("ScheduleAnyway", key="rack")), nodes=ZONES).proof("spread-skewed-after-rollout")
    assert proof is not None
    assert proof.level == "unknown"


def test_where_nothing_is_asked_nothing_is_skewed(ask: Ask) -> None:
    assert ask(deployment("web:2"), deployment(), nodes=ZONES).level("spread-skewed-after-rollout") == ""


def test_an_assumed_cluster_has_zones_that_prove_nothing(ask: Ask) -> None:
    asked = ask(deployment("web:2", pod=spread()), deployment(pod=spread()), nodes=None)
    assert asked.level("spread-skewed-after-rollout") == ""
