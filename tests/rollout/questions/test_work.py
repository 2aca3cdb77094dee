"""Many Deployments that change together: what is alike is played once, and there is an end to it."""

from __future__ import annotations

import pytest

from tests.rollout.questions.conftest import NODES, Ask, deployment

MANY = 24
PLAYED_AGAIN = ("crash-damage", "rollback")


def set_of(image: str, *, different: bool = False, container: str = "") -> str:
    """Where they are different, each has a grace period of its own."""
    each = (
        deployment(
            image, name=f"d{i}", replicas=2, pod=f"terminationGracePeriodSeconds: {30 + i}" if different else "", container=container
        )
        for i in range(MANY)
    )
    return "---\n".join(each)


@pytest.mark.parametrize("question", PLAYED_AGAIN)
def test_of_deployments_that_are_alike_one_is_played_and_all_are_answered(ask: Ask, question: str) -> None:
    first, last = (ask(set_of("web:2"), set_of("web:1"), name=name).proof(question) for name in ("d0", f"d{MANY - 1}"))
    assert first is not None
    assert last is not None
    assert (first.level, first.statement) == (last.level, last.statement) == ("passes", first.statement)
    assert "played with Deployment d0, which differs in nothing that counts" in last.bounds
    assert "played with" not in first.bounds


@pytest.mark.parametrize("question", PLAYED_AGAIN)
def test_the_answer_is_the_one_that_it_has_alone(ask: Ask, question: str) -> None:
    alone = ask(deployment("web:2", replicas=2), deployment(replicas=2)).proof(question)
    among = ask(set_of("web:2"), set_of("web:1"), name="d7").proof(question)
    assert alone is not None
    assert among is not None
    assert alone.statement == among.statement


@pytest.mark.parametrize("question", PLAYED_AGAIN)
def test_those_that_differ_are_each_played(ask: Ask, question: str) -> None:
    proof = ask(set_of("web:2", different=True), set_of("web:1", different=True), name=f"d{MANY - 1}").proof(question)
    assert proof is not None
    assert (proof.level, "played with" in proof.bounds) == ("passes", False)


@pytest.mark.parametrize("question", PLAYED_AGAIN)
def test_when_enough_has_been_played_the_others_are_unknown(ask: Ask, monkeypatch: pytest.MonkeyPatch, question: str) -> None:
    monkeypatch.setattr("kgate.rollout.questions.work.MOST_WRITES", 600)
    first, last = (
        ask(set_of("web:2", different=True), set_of("web:1", different=True), name=name).proof(question) for name in ("d0", f"d{MANY - 1}")
    )
    assert first is not None
    assert last is not None
    assert (first.level, last.level) == ("passes", "unknown")
    assert f"{MANY} rollouts are rehearsed together" in last.statement


def test_pods_that_ask_for_particular_places_are_not_taken_to_be_like_others(ask: Ask) -> None:
    ports = "ports: [{containerPort: 80}]"
    assert "played with" in str(ask(set_of("web:2", container=ports), set_of("web:1", container=ports), name="d9").proof("crash-damage"))
    nodes = NODES.replace("count: 2", f"count: {3 * MANY}")
    hosts = "ports: [{containerPort: 80, hostPort: 8080}]"
    proof = ask(set_of("web:2", container=hosts), set_of("web:1", container=hosts), nodes=nodes, name="d9").proof("crash-damage")
    assert proof is not None
    assert "played with" not in proof.bounds


def test_nodes_that_were_not_lost_go_by_one_that_is_alike(ask: Ask) -> None:
    nodes = NODES.replace("count: 2", f"count: {MANY}")
    proofs = [ask(set_of("web:2"), set_of("web:1"), nodes=nodes, name=f"d{i}").proof("node-loss-replacement") for i in range(0, MANY, 6)]
    assert all(p is not None and p.level == "passes" for p in proofs)


def test_and_are_unknown_where_none_is(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kgate.rollout.questions.node_loss.MOST_PLAYED", 0)
    monkeypatch.setattr("kgate.rollout.questions.work.MOST_WRITES", 0)
    nodes = NODES.replace("count: 2", f"count: {MANY}")
    proof = ask(set_of("web:2"), set_of("web:1"), nodes=nodes, name="d3").proof("node-loss-replacement")
    assert proof is not None
    assert (proof.level, "was not played: 0 nodes were lost in turn" in proof.statement) == ("unknown", True)
