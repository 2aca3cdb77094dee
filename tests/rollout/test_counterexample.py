from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from kgate.rollout import simulate
from kgate.rollout.counterexample import replayed
from tests.rollout.questions.conftest import Ask, Asked, ask, deployment

__all__ = ["ask"]

ENV = "env: [{name: PASSWORD, value: hunter2}, {name: USER, value: me}]"
NEW = "env: [{name: PASSWORD, value: hunter3}, {name: USER, value: me}]"
USED = """
nodes:
  - {prefix: a-, count: 2, zone: a, cpu: 4, memory: 8Gi, labels: {disk: ssd}, used: {cpu: 3500m, memory: 1Gi, pods: 3}}
  - {prefix: b-, count: 2, zone: b, cpu: 4, memory: 8Gi, taints: [{key: old, effect: PreferNoSchedule}]}
quotas: [{name: q, namespace: prod, hard: {pods: 20}}]
"""


@pytest.mark.parametrize("failures", [{"node": 1}, {"node": 0, "zone": 1}])
@pytest.mark.parametrize("replicas", [3, 6, 9])
def test_it_replays_to_the_number_it_tells_of(ask: Ask, failures: dict[str, int], replicas: int) -> None:
    _, body = lost(ask(*versions(replicas), nodes=USED, floors={"*": "100%"}, failures=failures))
    assert f": {replayed(body, 'web')} available pods are left" in body["description"]


@pytest.mark.parametrize("replicas", [3, 6, 9])
def test_with_a_floor_in_pods_the_replicas_stay(ask: Ask, replicas: int) -> None:
    _, body = lost(ask(*versions(replicas), nodes=USED, floors={"*": replicas}))
    assert body["objects"][-1]["spec"]["replicas"] == replicas
    assert replayed(body, "web") < replicas


def test_it_is_a_scenario_that_simulate_plays(ask: Ask) -> None:
    _, body = lost(ask(*versions(6), nodes=USED, floors={"*": "100%"}))
    (played,) = simulate([("loss.yaml", body)])
    assert played.recording is not None
    node = next(s for s in played.recording["stepResults"] if s["op"] == "node")
    assert node["t"] == pytest.approx(
        next(s for s in played.recording["stepResults"] if s["op"] == "apply")["t"] + body["steps"][2]["sleep"]
    )
    assert not played.reason


def test_values_of_environment_variables_stay_at_home_and_still_differ(ask: Ask) -> None:
    _, body = lost(ask(deployment(container=NEW), deployment(container=ENV), floors={"*": "100%"}))
    text = json.dumps(body)
    assert "hunter" not in text
    base, head = body["objects"][-1], body["steps"][1]["apply"][-1]
    assert [e["value"] for e in env(base)] == ["hidden-1", "hidden-2"]
    assert [e["value"] for e in env(head)] == ["hidden-3", "hidden-2"]


def test_a_world_of_several_is_shrunk_to_the_one(ask: Ask) -> None:
    others = "---\n".join(deployment(name=f"other{i}") for i in range(3))
    head, base = versions(6)
    _, body = lost(ask(f"{head}---\n{others}", f"{base}---\n{others.replace('web:1', 'web:0')}", floors={"prod/web": "100%"}))
    assert [o["metadata"]["name"] for o in body["objects"]] == ["web"]


def versions(replicas: int) -> tuple[str, str]:
    return deployment("web:2", replicas=replicas), deployment(replicas=replicas)


def lost(asked: Asked) -> tuple[str, dict[str, Any]]:
    """What is said of the loss, and the scenario."""
    proof = next(p for p in asked.rehearsal.proofs if p.question == "below-floor" and p.counter_example)
    body = yaml.safe_load(proof.counter_example)
    assert isinstance(body, dict)
    return proof.statement, body


def env(body: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body["spec"]["template"]["spec"]["containers"][0]["env"]
    return found
