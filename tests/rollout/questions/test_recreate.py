from __future__ import annotations

from tests.rollout.questions.conftest import Ask, deployment

RECREATE = "strategy: {type: Recreate}"


def test_recreate_leaves_nothing_that_serves_and_says_for_how_long(ask: Ask) -> None:
    asked = ask(
        deployment("web:2", spec=RECREATE), deployment("web:1", spec=RECREATE), behaviour={"default": {"startup": 7, "termination": 3}}
    )
    proof = asked.proof("recreate-downtime")
    assert proof is not None
    assert (proof.level, proof.verified) == ("fails", True)
    assert proof.statement == "no pod is available for 10s: all 4 old pods go before a new one starts"
    assert asked.found("recreate-downtime") == ("head.yaml", 6)
    assert asked.rehearsal.verdict == "pass"


def test_as_an_error_it_fails_the_rollout(ask: Ask) -> None:
    asked = ask(deployment("web:2", spec=RECREATE), deployment(spec=RECREATE), verdicts={"recreate-downtime": "error"})
    assert asked.rehearsal.verdict == "fail"


def test_nobody_asks_when_it_is_off(ask: Ask) -> None:
    asked = ask(deployment("web:2", spec=RECREATE), deployment(spec=RECREATE), verdicts={"recreate-downtime": "off"})
    assert asked.level("recreate-downtime") == ""
    assert asked.found("recreate-downtime") is None


def test_a_rolling_update_has_no_such_gap(ask: Ask) -> None:
    assert ask(deployment("web:2"), deployment()).level("recreate-downtime") == ""


def test_what_only_scales_recreates_nothing(ask: Ask) -> None:
    assert ask(deployment(replicas=5, spec=RECREATE), deployment(spec=RECREATE)).level("recreate-downtime") == ""
