from __future__ import annotations

import pytest

from tests.rollout.questions.conftest import NODES, Ask, deployment

SURGE = "strategy: {rollingUpdate: {maxSurge: 2, maxUnavailable: 1}}"
SLOW = {"default": {"startup": 30}}


def quota(pods: int) -> str:
    return f"---\napiVersion: v1\nkind: ResourceQuota\nmetadata: {{name: small, namespace: prod}}\nspec: {{hard: {{pods: {pods}}}}}\n"


def versions(pods: int) -> tuple[str, str]:
    return deployment("web:2", replicas=6, spec=SURGE) + quota(pods), deployment(replicas=6, spec=SURGE) + quota(pods)


def test_surge_that_a_quota_refuses_for_a_while_makes_the_rollout_late(ask: Ask) -> None:
    asked = ask(*versions(7), behaviour=SLOW)
    proof = asked.proof("surge-over-quota")
    assert proof is not None
    assert (proof.level, proof.verified) == ("fails", True)
    assert proof.statement == "quota small has no room for the surge: the rollout is complete after 123.245s instead of 60s, 63.245s late"
    assert proof.evidence[0] == "exceeded quota: small, requested: pods=1, used: pods=7, limited: pods=7"
    assert proof.evidence[1].startswith("refused at 0s, 0.005s, ")
    assert asked.found("surge-over-quota") == ("head.yaml", 6)
    assert asked.rehearsal.verdict == "pass"


def test_retries_come_up_to_a_thousand_seconds_apart(ask: Ask) -> None:
    proof = ask(*versions(6), behaviour=SLOW).proof("surge-over-quota")
    assert proof is not None
    assert "1688.61s, 1718.61s, 2688.61s" in proof.evidence[1]


def test_without_surge_there_is_room(ask: Ask) -> None:
    head, base = (text.replace("maxSurge: 2", "maxSurge: 0") for text in versions(7))
    assert ask(head, base, behaviour=SLOW).level("surge-over-quota") == ""


@pytest.mark.parametrize("pods", [10, 20])
def test_a_quota_with_room_is_no_question(ask: Ask, pods: int) -> None:
    assert ask(*versions(pods), behaviour=SLOW).level("surge-over-quota") == ""


def test_a_quota_of_the_cluster_file_counts_as_well(ask: Ask) -> None:
    head, base = (deployment(image, replicas=6, spec=SURGE) for image in ("web:2", "web:1"))
    nodes = NODES + "\nquotas: [{name: small, namespace: prod, hard: {pods: 7}}]"
    proof = ask(head, base, behaviour=SLOW, nodes=nodes).proof("surge-over-quota")
    assert proof is not None
    assert "63.245s late" in proof.statement


def test_two_places_of_quotas_cannot_be_told_apart_from_the_play_without_any(ask: Ask) -> None:
    nodes = NODES + "\nquotas: [{name: other, namespace: prod, hard: {pods: 100}}]"
    proof = ask(*versions(7), behaviour=SLOW, nodes=nodes).proof("surge-over-quota")
    assert proof is not None
    assert proof.level == "unknown"
    assert "was not played" in proof.statement


def test_a_rollout_that_never_completes_has_its_own_verdict(ask: Ask) -> None:
    head, base = (deployment(image, replicas=6, spec=SURGE) + quota(5) for image in ("web:2", "web:1"))
    asked = ask(head, base, behaviour=SLOW)
    assert asked.found("pods-refused") is not None
    assert asked.level("surge-over-quota") == ""
