from __future__ import annotations

import pytest

from tests.rollout.questions.conftest import Ask, deployment

NAME = "crash-damage"
ALL_AT_ONCE = "strategy: {rollingUpdate: {maxUnavailable: 100%, maxSurge: 0}}"


def test_what_keeps_serving_is_said_and_when_the_deadline_tells(ask: Ask) -> None:
    """25 % of 10 are 2 that may be away and 3 that may be more."""
    proof = ask(deployment("web:2", replicas=10), deployment(replicas=10)).proof(NAME)
    assert proof is not None
    assert proof.level == "passes"
    assert proof.statement.startswith(
        "if the new image crashes, 8 of 10 pods keep serving and 5 new ones crash; ProgressDeadlineExceeded after 60"
    )


def test_it_does_not_matter_that_old_and_new_run_the_same_image(ask: Ask) -> None:
    changed = deployment(container="env: [{name: A, value: b}]", replicas=4)
    proof = ask(changed, deployment(replicas=4), nodes=None).proof(NAME)
    assert proof is not None
    assert "3 of 4 pods keep serving and 2 new ones crash" in proof.statement


@pytest.mark.parametrize("strategy", [ALL_AT_ONCE, "strategy: {type: Recreate}"])
def test_a_strategy_that_takes_all_pods_first_leaves_nothing(ask: Ask, strategy: str) -> None:
    asked = ask(deployment("web:2", spec=strategy), deployment(spec=strategy), nodes=None)
    proof = asked.proof(NAME)
    assert proof is not None
    assert (proof.level, proof.verified) == ("can-fail", True)
    assert proof.statement.startswith("if the new image crashes, none of 4 pods keeps serving")
    assert asked.found("recreate-downtime" if "Recreate" in strategy else NAME) == ("head.yaml", 6)


def test_that_recreate_leaves_nothing_is_found_once(ask: Ask) -> None:
    recreate = "strategy: {type: Recreate}"
    asked = ask(deployment("web:2", spec=recreate), deployment(spec=recreate), nodes=None)
    assert [f.name for f in asked.findings] == ["recreate-downtime"]
    only = ask(deployment("web:2", spec=recreate), deployment(spec=recreate), nodes=None, verdicts={"recreate-downtime": "off"})
    assert [f.name for f in only.findings] == [NAME]
    worse = ask(deployment("web:2", spec=recreate), deployment(spec=recreate), nodes=None, verdicts={NAME: "error"})
    assert sorted(f.name for f in worse.findings) == [NAME, "recreate-downtime"]
    assert asked.rehearsal.verdict == "pass"


def test_of_one_replica_the_default_strategy_keeps_the_old_pod(ask: Ask) -> None:
    proof = ask(deployment("web:2", replicas=1), deployment(replicas=1)).proof(NAME)
    assert proof is not None
    assert "1 of 1 pods keep serving and 1 new one crashes" in proof.statement


def test_where_nothing_served_nothing_can_be_lost(ask: Ask) -> None:
    assert ask(deployment()).level(NAME) == ""
    assert ask(deployment(replicas=5), deployment()).level(NAME) == ""
