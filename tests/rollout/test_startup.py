from __future__ import annotations

from typing import Any

import pytest

from kgate.rollout.pods import PodManners
from kgate.rollout.settings import Behaviour
from kgate.rollout.startup import startups


def template(**container: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "c", "image": "web:1", **container}]}}


@pytest.mark.parametrize(
    ("container", "ms", "source"),
    [
        ({}, 10_000, "assumed"),
        ({"livenessProbe": {"initialDelaySeconds": 99}}, 10_000, "assumed"),
        ({"readinessProbe": {"httpGet": {"port": 80}}}, 10_000, "readinessProbe"),
        ({"readinessProbe": {"initialDelaySeconds": 5, "periodSeconds": 2}}, 7_000, "readinessProbe"),
        ({"readinessProbe": {"periodSeconds": 2, "successThreshold": 3}}, 6_000, "readinessProbe"),
        ({"startupProbe": {"initialDelaySeconds": 20, "periodSeconds": 5}}, 25_000, "startupProbe"),
        ({"startupProbe": {"periodSeconds": 5}, "readinessProbe": {"initialDelaySeconds": 3, "periodSeconds": 1}}, 6_000, "readinessProbe"),
        ({"readinessProbe": {"initialDelaySeconds": "soon", "periodSeconds": True}}, 10_000, "readinessProbe"),
        ({"readinessProbe": {"initialDelaySeconds": 10**30}}, (10**7 + 10) * 1000, "readinessProbe"),
    ],
)
def test_a_container_is_ready_when_its_probes_have_answered(container: dict[str, Any], ms: int, source: str) -> None:
    (startup,) = startups(template(**container), Behaviour())
    assert (startup.ms, startup.source) == (ms, source)


def test_what_the_settings_say_is_not_assumed() -> None:
    (startup,) = startups(template(readinessProbe={"initialDelaySeconds": 60}), Behaviour(default=PodManners(startup_ms=500)))
    assert (startup.ms, startup.assumed) == (500, "")


def test_what_is_assumed_is_said() -> None:
    assert startups(template(), Behaviour())[0].assumed == "web:1 ready after 10s"
    assert startups(template(startupProbe={}), Behaviour())[0].assumed == "web:1 ready after 10s"
    assert startups(template(startupProbe={"periodSeconds": 3}), Behaviour())[0].assumed == "web:1 ready after 3s (from its startupProbe)"


@pytest.mark.parametrize("broken", [{}, {"spec": None}, {"spec": {"containers": None}}, {"spec": {"containers": ["x"]}}])
def test_a_template_without_containers_has_no_startups(broken: dict[str, Any]) -> None:
    assert startups(broken, Behaviour()) == ()
