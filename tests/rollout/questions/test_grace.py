from __future__ import annotations

import pytest

from tests.rollout.questions.conftest import Ask, deployment

NAME = "grace-too-short"


def hook(command: str) -> str:
    return f"lifecycle: {{preStop: {command}}}"


@pytest.mark.parametrize(
    ("command", "seconds"),
    [
        ("{sleep: {seconds: 30}}", 30),
        ("{exec: {command: [sleep, '45']}}", 45),
        ("{exec: {command: [/bin/sh, -c, 'nginx -s quit; sleep 1m']}}", 60),
    ],
)
def test_a_hook_that_takes_the_whole_grace_period_leaves_no_time_to_stop(ask: Ask, command: str, seconds: int) -> None:
    asked = ask(deployment(container=hook(command)), nodes=None)
    proof = asked.proof(NAME)
    assert proof is not None
    assert (proof.level, proof.verified, proof.fix) == ("fails", True, f"set terminationGracePeriodSeconds to {seconds + 10}")
    assert asked.found(NAME) == ("head.yaml", 13)


def test_the_grace_period_that_is_written_is_where_it_points(ask: Ask) -> None:
    asked = ask(deployment(pod="terminationGracePeriodSeconds: 10", container=hook("{exec: {command: [sleep, '15']}}")))
    assert asked.found(NAME) == ("head.yaml", 10)


def test_hook_and_stopping_share_it(ask: Ask) -> None:
    container = hook("{sleep: {seconds: 10}}")
    proof = ask(deployment(container=container), behaviour={"default": {"termination": 25}}).proof(NAME)
    assert proof is not None
    assert proof.statement.startswith("container app is killed while it stops: its preStop hook takes 10s and stopping takes 25s")
    assert (proof.fix, proof.verified) == ("set terminationGracePeriodSeconds to 35", True)
    assert ask(deployment(container=container), behaviour={"default": {"termination": 20}}).level(NAME) == ""


def test_without_a_hook_the_time_to_stop_counts_alone(ask: Ask) -> None:
    assert ask(deployment(), behaviour={"default": {"termination": 31}}).level(NAME) == "fails"
    assert ask(deployment(pod="terminationGracePeriodSeconds: 60"), behaviour={"default": {"termination": 31}}).level(NAME) == ""


def test_a_command_that_does_not_say_how_long_it_takes_is_unknown(ask: Ask) -> None:
    assert ask(deployment(container=hook("{exec: {command: [/bin/sh, -c, ./drain.sh]}}"))).level(NAME) == "unknown"
    assert ask(deployment(container=hook("{exec: {command: [./no-sleep, '60']}}"))).level(NAME) == "unknown"


@pytest.mark.parametrize("command", ["{sleep: {seconds: 5}}", "{exec: {command: [sleep, '5']}}", "{httpGet: {port: 80}}"])
def test_a_short_hook_is_no_news(ask: Ask, command: str) -> None:
    assert ask(deployment(container=hook(command))).level(NAME) == ""
