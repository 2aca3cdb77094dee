from __future__ import annotations

from tests.rollout.questions.conftest import Ask, deployment

NAME = "scale-up-never-times-out"
LARGE = "resources: {requests: {cpu: 3}}"


def test_replicas_that_fit_nowhere_exceed_no_deadline(ask: Ask) -> None:
    asked = ask(deployment(replicas=6, container=LARGE), deployment(container=LARGE))
    proof = asked.proof(NAME)
    assert proof is not None
    assert proof.level == "fails"
    assert proof.statement.startswith("2 of 6 replicas never become available, and nothing times out")
    assert "4 Insufficient cpu" in proof.evidence[1]
    assert asked.found(NAME) == ("head.yaml", 5)
    assert [f.severity for f in asked.findings if f.name == NAME] == ["info"]


def test_replicas_that_fit_are_no_news(ask: Ask) -> None:
    assert ask(deployment(replicas=6), deployment()).level(NAME) == ""


def test_a_new_replica_set_has_a_deadline(ask: Ask) -> None:
    assert ask(deployment("web:2", replicas=6, container=LARGE), deployment(container=LARGE)).level(NAME) == ""
