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


NO_SURGE = "strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}"


def cpu(n: int) -> str:
    return f"resources: {{requests: {{cpu: {n}}}}}"


def test_old_pods_whose_room_is_taken_do_not_come_back(ask: Ask) -> None:
    """Four nodes hold one large old pod each. The new ones are small, and another Deployment grows into what they leave."""
    nodes = "nodes: [{prefix: a-, count: 4, cpu: 5, memory: 8Gi}]"
    new, old = deployment("web:2", spec=NO_SURGE, container=cpu(1)), deployment(spec=NO_SURGE, container=cpu(3))
    assert ask(new, old, nodes=nodes).level(NAME) == "passes"
    asked = ask(new + "---\n" + deployment(name="api", replicas=8, container=cpu(1)), old, nodes=nodes)
    assert asked.rehearsal.completed_ms is not None
    assert asked.level(NAME) == "can-fail"
    assert asked.found(NAME) == ("head.yaml", 4)


def test_a_version_that_was_never_complete_is_nothing_to_go_back_to(ask: Ask) -> None:
    huge = "resources: {requests: {cpu: 30}}"
    assert ask(deployment("web:2"), deployment(container=huge)).level(NAME) == ""
    assert ask(deployment("web:2"), deployment(container=huge), nodes=None).level(NAME) == ""


def test_of_no_replicas_nothing_is_asked(ask: Ask) -> None:
    assert ask(deployment("web:2", replicas=0), deployment(replicas=0)).level(NAME) == ""
