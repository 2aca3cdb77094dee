from __future__ import annotations

from tests.rollout.questions.conftest import Ask, deployment

NAME = "deadline-below-start"
PROBE = "startupProbe: {httpGet: {port: 80}, periodSeconds: 10, failureThreshold: 12}"


def test_a_start_that_the_probe_allows_exceeds_the_deadline(ask: Ask) -> None:
    """Two minutes are allowed; most pods answer the first probe."""
    asked = ask(deployment("web:2", spec="progressDeadlineSeconds: 60", container=PROBE), deployment(container=PROBE), nodes=None)
    proof = asked.proof(NAME)
    assert proof is not None
    assert (proof.level, proof.fix, proof.verified) == ("can-fail", "set spec.progressDeadlineSeconds to 180", True)
    assert proof.statement == "a pod that takes 120s to start, as its startupProbe allows, exceeds the progress deadline of 60s"
    assert asked.found(NAME) == ("head.yaml", 6)
    assert asked.rehearsal.verdict == "pass"


def test_the_default_deadline_is_not_written_so_the_probe_is_the_place(ask: Ask) -> None:
    long = PROBE.replace("12", "70")
    assert ask(deployment("web:2", container=long)).found(NAME) == ("head.yaml", 13)


def test_each_wave_has_the_deadline_for_itself(ask: Ask) -> None:
    """Ten waves of 40 s are no reason for a longer one."""
    short = "progressDeadlineSeconds: 60\nstrategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}"
    asked = ask(deployment("web:2", replicas=10, spec=short), deployment(replicas=10), behaviour={"default": {"startup": 40}})
    assert asked.rehearsal.completed_ms == 400_000
    assert asked.level(NAME) == ""


def test_a_quarter_slower_than_said_is_too_slow(ask: Ask) -> None:
    asked = ask(deployment("web:2", spec="progressDeadlineSeconds: 60"), behaviour={"default": {"startup": 50}})
    assert asked.level(NAME) == "can-fail"
    assert ask(deployment("web:2", spec="progressDeadlineSeconds: 90"), behaviour={"default": {"startup": 50}}).level(NAME) == ""


def test_a_short_deadline_for_pods_of_which_nothing_is_said_is_unknown(ask: Ask) -> None:
    assert ask(deployment("web:2", spec="progressDeadlineSeconds: 30")).level(NAME) == "unknown"
    assert ask(deployment("web:2")).level(NAME) == ""


def test_one_that_is_exceeded_anyway_is_not_asked(ask: Ask) -> None:
    asked = ask(deployment("web:2", spec="progressDeadlineSeconds: 60"), behaviour={"default": {"startup": 70}})
    assert asked.level(NAME) == ""
    assert asked.found("progress-deadline-exceeded") is not None
