"""Everything that is asked of a Deployment that an autoscaler scales."""

from __future__ import annotations

import pytest

from tests.rollout.questions.conftest import Ask, deployment
from tests.rollout.questions.test_budgets import budget

CPU = "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}"
REQUESTS = "resources: {requests: {cpu: 100m}}"


def hpa(least: int = 2, most: int = 10, metric: str = CPU) -> str:
    target = "{apiVersion: apps/v1, kind: Deployment, name: web}"
    return (
        "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web, namespace: prod}\nspec:\n"
        f"  scaleTargetRef: {target}\n  minReplicas: {least}\n  maxReplicas: {most}\n  metrics: [{metric}]\n"
    )


def unsized(image: str = "web:1") -> str:
    return deployment(image, container=REQUESTS).replace("  replicas: 4\n", "")


def test_replicas_in_git_fall_on_every_apply(ask: Ask) -> None:
    asked = ask(deployment("web:2", container=REQUESTS) + hpa(), deployment(container=REQUESTS) + hpa(), nodes=None)
    proof = asked.proof("replicas-against-autoscaler")
    assert proof is not None
    assert (proof.level, proof.verified) == ("can-fail", True)
    assert proof.statement.startswith("applied while HorizontalPodAutoscaler web runs 8 replicas, the Deployment falls to 4 at once")
    assert asked.found("replicas-against-autoscaler") == ("head.yaml", 5)


def test_replicas_below_the_minimum_fall_whatever_the_load(ask: Ask) -> None:
    proof = ask(deployment(container=REQUESTS) + hpa(least=6)).proof("replicas-against-autoscaler")
    assert proof is not None
    assert (proof.level, proof.verified) == ("fails", True)
    assert "falls to 4 at once, below the minimum of 6" in proof.statement


@pytest.mark.parametrize("most", [4, 3])
def test_replicas_at_the_maximum_take_nothing_away(ask: Ask, most: int) -> None:
    assert ask(deployment(container=REQUESTS) + hpa(most=most)).level("replicas-against-autoscaler") == ""


def test_without_replicas_in_git_there_is_nothing_to_fall_to(ask: Ask) -> None:
    assert ask(unsized("web:2") + hpa(), unsized() + hpa()).level("replicas-against-autoscaler") == ""


def test_taking_them_out_before_the_autoscaler_owns_them_is_a_fall_to_one(ask: Ask) -> None:
    asked = ask(unsized("web:2") + hpa(), deployment(container=REQUESTS))
    proof = asked.proof("replicas-against-autoscaler")
    assert proof is not None
    assert proof.level == "can-fail"
    assert proof.statement.startswith("without spec.replicas the Deployment falls from 4 to 1")
    assert asked.found("replicas-against-autoscaler") == ("head.yaml", 4)


QUOTA = "---\napiVersion: v1\nkind: ResourceQuota\nmetadata: {name: small, namespace: prod}\nspec: {hard: {pods: 7}}\n"
LINE = unsized().count("\n") + 8


@pytest.mark.parametrize("nodes", [None, "nodes: [{prefix: a-, count: 4, cpu: 4, memory: 8Gi}]"])
def test_a_maximum_above_the_quota_is_never_reached(ask: Ask, nodes: str | None) -> None:
    asked = ask(unsized() + hpa() + QUOTA, nodes=nodes)
    proof = asked.proof("autoscaler-over-capacity")
    assert proof is not None
    assert (proof.level, proof.fix, proof.verified) == ("can-fail", "set spec.maxReplicas to 7, or make room for 3 more", True)
    assert "7 become available: exceeded quota: small, requested: pods=1, used: pods=7, limited: pods=7" in proof.statement
    assert asked.found("autoscaler-over-capacity") == ("head.yaml", LINE)


def test_a_maximum_above_what_the_nodes_hold_is_never_reached(ask: Ask) -> None:
    large = unsized().replace("100m", "1500m")
    asked = ask(large + hpa())
    proof = asked.proof("autoscaler-over-capacity")
    assert proof is not None
    assert (proof.level, proof.verified) == ("can-fail", True)
    assert "of the 10 replicas that HorizontalPodAutoscaler web may ask for, 8 become available" in proof.statement
    assert ask(large + hpa(most=8)).level("autoscaler-over-capacity") == ""


def test_what_the_assumed_cluster_holds_proves_nothing(ask: Ask) -> None:
    assert ask(unsized().replace("100m", "1500m") + hpa(), nodes=None).level("autoscaler-over-capacity") == "unknown"
    assert ask(unsized() + hpa(), nodes=None).level("autoscaler-over-capacity") == ""


def test_more_than_can_be_played_is_unknown(ask: Ask) -> None:
    assert ask(unsized() + hpa(most=1000)).level("autoscaler-over-capacity") == "unknown"


def test_utilization_of_what_is_not_requested_cannot_be_measured(ask: Ask) -> None:
    asked = ask(deployment() + hpa(), nodes=None)
    proof = asked.proof("autoscaler-without-requests")
    assert proof is not None
    assert (proof.level, proof.verified) == ("fails", True)
    assert "missing request for cpu in container app of Pod" in proof.evidence[0]
    assert asked.found("autoscaler-without-requests") == ("head.yaml", 11)


@pytest.mark.parametrize("container", [REQUESTS, "resources: {limits: {cpu: 100m}}"])
def test_a_request_can_also_come_from_a_limit(ask: Ask, container: str) -> None:
    assert ask(deployment(container=container) + hpa()).level("autoscaler-without-requests") == ""


def test_a_request_can_also_come_from_the_namespace(ask: Ask) -> None:
    meta = "{name: sizes, namespace: prod}"
    ranges = (
        f"---\napiVersion: v1\nkind: LimitRange\nmetadata: {meta}\nspec: {{limits: [{{type: Container, defaultRequest: {{cpu: 50m}}}}]}}\n"
    )
    assert ask(deployment() + hpa() + ranges).level("autoscaler-without-requests") == ""


def test_a_target_per_pod_needs_no_request(ask: Ask) -> None:
    average = "{type: Resource, resource: {name: cpu, target: {type: AverageValue, averageValue: 500m}}}"
    assert ask(deployment() + hpa(metric=average)).level("autoscaler-without-requests") == ""


def test_a_budget_of_the_minimum_lets_nothing_go_at_night(ask: Ask) -> None:
    asked = ask(deployment(container=REQUESTS) + hpa() + budget("minAvailable: 2"), nodes=None)
    proof = asked.proof("budget-against-autoscaler")
    assert proof is not None
    assert (proof.level, proof.verified) == ("can-fail", True)
    assert proof.evidence[-1] == "The disruption budget web needs 2 healthy pods and has 2 currently"
    assert asked.found("budget-against-autoscaler") == ("head.yaml", deployment(container=REQUESTS).count("\n") + 9 + 6)
    assert asked.level("drain-blocked") == ""


@pytest.mark.parametrize("rule", ["minAvailable: 1", "maxUnavailable: 1", "minAvailable: 50%"])
def test_a_budget_that_scales_with_it_is_none_of_it(ask: Ask, rule: str) -> None:
    assert ask(deployment(container=REQUESTS) + hpa() + budget(rule)).level("budget-against-autoscaler") == ""


def test_a_drain_that_is_blocked_anyway_is_told_once(ask: Ask) -> None:
    asked = ask(deployment(container=REQUESTS) + hpa() + budget("maxUnavailable: 0"))
    assert (asked.level("drain-blocked"), asked.level("budget-against-autoscaler")) == ("fails", "")


def vpa(mode: str, policy: str = "") -> str:
    return (
        "---\napiVersion: autoscaling.k8s.io/v1\nkind: VerticalPodAutoscaler\nmetadata: {name: web, namespace: prod}\nspec:\n"
        f"  targetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}\n  updatePolicy: {{updateMode: {mode}}}\n{policy}"
    )


@pytest.mark.parametrize("mode", ["Auto", "Recreate", "Initial", "InPlaceOrRecreate"])
def test_two_autoscalers_of_one_metric_fight(ask: Ask, mode: str) -> None:
    text = deployment(container=REQUESTS) + hpa()
    asked = ask(text + vpa(mode), nodes=None)
    proof = asked.proof("autoscalers-fight")
    assert proof is not None
    assert (proof.level, proof.fix) == (
        "can-fail",
        "set spec.updatePolicy.updateMode to Off, or controlledResources of spec.resourcePolicy to [memory]",
    )
    assert asked.found("autoscalers-fight") == ("head.yaml", text.count("\n") + 7)


@pytest.mark.parametrize(
    ("mode", "policy"),
    [
        ("'Off'", ""),
        ("Auto", "  resourcePolicy: {containerPolicies: [{containerName: '*', controlledResources: [memory]}]}\n"),
        ("Auto", "  resourcePolicy: {containerPolicies: [{containerName: '*', mode: 'Off'}]}\n"),
    ],
)
def test_one_that_only_recommends_or_steers_by_another_does_not(ask: Ask, mode: str, policy: str) -> None:
    assert ask(deployment(container=REQUESTS) + hpa() + vpa(mode, policy)).level("autoscalers-fight") == ""


@pytest.mark.parametrize(("mode", "said"), [("Auto", True), ("Initial", True), ("'Off'", False)])
def test_that_a_vertical_autoscaler_does_nothing_here_is_said_to_be_assumed(ask: Ask, mode: str, said: bool) -> None:
    assumed = ask(deployment() + vpa(mode)).rehearsal.assumed
    sentence = "no usage of the pods is known: VerticalPodAutoscaler web leaves their requests as they are"
    assert (sentence in assumed) is said
