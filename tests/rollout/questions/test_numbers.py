from __future__ import annotations

from tests.rollout.questions.conftest import Ask, deployment

REQUESTS = "resources: {requests: {cpu: 500m, memory: 1Gi}}"


def test_the_numbers_of_a_rollout_are_a_proof_and_no_finding(ask: Ask) -> None:
    asked = ask(deployment("web:2", container=REQUESTS), deployment(container=REQUESTS))
    proof = asked.proof("rollout-numbers")
    assert proof is not None
    assert proof.level == "passes"
    assert proof.statement == "complete after 20s; at most 7 pods at once, terminating ones included, which request 3.5 cpu and 7Gi memory"
    assert asked.rehearsal.peak_pods == 7
    assert asked.found("rollout-numbers") is None


def test_pods_that_ask_for_nothing_need_nothing(ask: Ask) -> None:
    proof = ask(deployment(replicas=1)).proof("rollout-numbers")
    assert proof is not None
    assert proof.statement == "complete after 10s; at most 1 pod at once, terminating ones included, which request no cpu and no memory"


def test_a_rollout_that_never_completes_has_no_such_numbers(ask: Ask) -> None:
    assert ask(deployment("web:2", container="resources: {requests: {cpu: 64}}")).level("rollout-numbers") == ""
