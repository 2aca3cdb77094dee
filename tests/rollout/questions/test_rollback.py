from __future__ import annotations

import pytest

from tests.rollout.questions.conftest import Ask, deployment

NAME = "rollback"


def test_going_back_takes_the_old_replica_set_again(ask: Ask) -> None:
    """One pod more than four, one less: two new ones at once, ten seconds a wave. From a crash only one old pod is missing."""
    proof = ask(deployment("web:2"), deployment()).proof(NAME)
    assert proof is not None
    assert proof.level == "passes"
    assert proof.statement.startswith(
        "kubectl rollout undo brings the old ReplicaSet back: complete after 20s once all is rolled out, and 10s when"
    )


def test_without_a_history_there_is_nothing_to_go_back_to(ask: Ask) -> None:
    none = "revisionHistoryLimit: 0"
    asked = ask(deployment("web:2", spec=none), deployment(spec=none), nodes=None)
    proof = asked.proof(NAME)
    assert proof is not None
    assert (proof.level, proof.verified) == ("fails", True)
    assert proof.evidence == ('no rollout history found for deployment "web"',)
    assert asked.found(NAME) == ("head.yaml", 6)


@pytest.mark.parametrize("limit", [1, 2])
def test_one_old_revision_is_enough(ask: Ask, limit: int) -> None:
    kept = f"revisionHistoryLimit: {limit}"
    assert ask(deployment("web:2", spec=kept), deployment(spec=kept)).level(NAME) == "passes"


def test_where_nothing_is_replaced_there_is_nothing_to_undo(ask: Ask) -> None:
    assert ask(deployment()).level(NAME) == ""
    assert ask(deployment(replicas=5), deployment()).level(NAME) == ""
