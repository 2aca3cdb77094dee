"""How images behave, step by step, as settings and scenarios say it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kgate import load
from kgate.errors import ConfigError
from kgate.rollout import simulate
from kgate.rollout.fields import SettingError
from kgate.rollout.kubelet import image_behaviour
from kgate.rollout.pods import PodManners, merged, read_kubelet, read_manners
from kgate.rollout.settings import from_config
from kgate.rollout.startup import startups
from tests.rollout.questions.conftest import NODES, Ask, ask, deployment

__all__ = ["ask"]

ALL = {"pull": 20, "create": 0.5, "healthy": 4, "unhealthy_after": 60, "exit_after": 90, "exit_code": 137, "pre_stop": 3}


def test_every_step_reaches_the_kubelet_in_milliseconds() -> None:
    behaviour = image_behaviour(read_manners({**ALL, "pull_error": "denied", "termination": 2}, ()))
    assert behaviour.played
    told = {name: getattr(behaviour, f"{name}_ms") for name in ("pull", "start", "healthy", "unhealthy_after", "exit_after", "pre_stop")}
    assert told == {"pull": 20_000, "start": 500, "healthy": 4000, "unhealthy_after": 60_000, "exit_after": 90_000, "pre_stop": 3000}
    assert (behaviour.pull_error, behaviour.exit_code, behaviour.termination_ms) == ("denied", 137, 2000)


@pytest.mark.parametrize(
    ("said", "path", "words"),
    [
        ({"pull": -1}, ("pull",), ""),
        ({"healthy": "soon"}, ("healthy",), ""),
        ({"exit_after": 1, "exit_code": 256}, ("exit_code",), ""),
        ({"exit_code": 1}, ("exit_code",), "exit_code without exit_after"),
        ({"pull": 1, "startup": 2}, ("startup",), "only one of them can count"),
        ({"exit_after": 1, "mode": "crash"}, ("mode",), "only one of them can count"),
        ({"pulls": 1}, ("pulls",), "unknown key 'pulls'"),
    ],
)
def test_a_wrong_value_is_refused_where_it_stands(said: dict[str, Any], path: tuple[str, ...], words: str) -> None:
    with pytest.raises(SettingError, match=words or None) as fault:
        read_manners(said, ("images", "web"))
    assert fault.value.path == ("images", "web", *path)


def test_a_fault_in_a_scenario_has_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(NODES + '\nsteps: [{sleep: 1}]\nkubelet:\n  images:\n    "web:1":\n      pull: never\n')
    body, source = load.settings_file("s.yaml")
    with pytest.raises(ConfigError, match=r"s\.yaml:6:13"):
        list(simulate([("s.yaml", body)], sources={"s.yaml": source}))


def test_steps_of_a_scenario_lay_images_over_each_other() -> None:
    first = {"images": {"web:1": {"pull": 5}}}
    assert read_kubelet(merged(first, {"images": {"web:2": {"healthy": 1}}}), ()).images == {
        "web:1": PodManners(pull_ms=5000),
        "web:2": PodManners(healthy_ms=1000),
    }


def test_what_is_played_takes_as_long_as_its_steps_and_probes() -> None:
    behaviour = from_config({"behaviour": {"images": {"web": {"pull": 20, "create": 1, "healthy": 4}}}}).behaviour
    probe = {"readinessProbe": {"periodSeconds": 5}}
    (bare,), (probed,) = (startups({"spec": {"containers": [{"image": "web:1", **more}]}}, behaviour) for more in ({}, probe))
    assert (bare.ms, probed.ms, probed.source, probed.assumed) == (25_000, 30_000, "settings", "")


def test_a_rollout_waits_for_pulls_and_answers(ask: Ask) -> None:
    probe = "readinessProbe: {httpGet: {port: 80}, periodSeconds: 2}"
    both = (deployment("web:2", container=probe), deployment("web:1", container=probe))
    slow = ask(*both, behaviour={"images": {"web:2": {"pull": 30, "healthy": 10}, "web:1": {"startup": 1}}}).rehearsal
    assert slow.verdict == "pass"
    assert slow.completed_ms is not None
    assert slow.completed_ms >= 40_000


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"pull_error": "manifest unknown"}, "never become ready: the settings say that image 'web:2' cannot be pulled: manifest unknown"),
        ({"exit_after": 0, "exit_code": 1}, "the settings say that image 'web:2' exits after 0s with code 1"),
    ],
)
def test_an_image_that_is_said_to_fail_fails_for_that_reason(ask: Ask, said: dict[str, Any], words: str) -> None:
    asked = ask(deployment("web:2"), deployment("web:1"), behaviour={"images": {"web:2": said}})
    assert asked.rehearsal.verdict == "fail"
    assert words in asked.rehearsal.reason
    assert asked.found("pods-never-ready") == ("head.yaml", 12)
