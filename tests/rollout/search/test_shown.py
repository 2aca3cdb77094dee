"""Counter-examples: each replays to its failure, whatever the world; they are small, and hold groups of nodes that grow."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgate.engine.api.meta import Key
from kgate.outcome import Proof
from kgate.rollout import read_cluster, rehearse, simulate
from kgate.rollout.search.shown import replayed
from kgate.rollout.settings import from_config
from tests.rollout.questions.conftest import deployment
from tests.rollout.worlds import manifests

WEB = Key("Deployment", "prod", "web")
ZONES = "nodes: [{prefix: a-, count: 3, zone: a}, {prefix: b-, count: 3, zone: b}, {prefix: c-, count: 3, zone: c}]"


def proofs(head: str, base: str, nodes: str, **config: object) -> list[Proof]:
    spec = read_cluster(yaml.safe_load(nodes), file="cluster.yaml")
    done = rehearse(manifests(head), from_config(config).on(spec), base=manifests(base))
    return [p for r in done.rollouts if r.object.name == "web" for p in r.proofs if p.question == "below-floor"]


def failing(found: list[Proof]) -> list[tuple[Proof, dict[str, Any]]]:
    return [(p, yaml.safe_load(p.counter_example)) for p in found if p.counter_example]


def fewest(body: dict[str, Any]) -> tuple[int, int]:
    """How many the replay leaves, and the floor that its description tells of."""
    left = replayed(body, WEB)
    assert left is not None
    return left, int(body["description"].rpartition("the floor is ")[2])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    zones=st.lists(st.sampled_from("ab"), min_size=1, max_size=5),
    replicas=st.integers(1, 6),
    surge=st.integers(0, 2),
    unavailable=st.integers(0, 2),
    floor=st.sampled_from([1, 2, 3, "50%", "80%"]),
    failures=st.sampled_from([{"node": 1}, {"node": 0, "zone": 1}, {"node": 1, "zone": 1}]),
    startup=st.sampled_from([5, [2, 9]]),
    other=st.booleans(),
)
def test_every_counter_example_replays_to_its_failure(
    zones: list[str], replicas: int, surge: int, unavailable: int, floor: Any, failures: dict[str, int], startup: Any, other: bool
) -> None:
    nodes = yaml.safe_dump({"nodes": [{"name": f"n{i}", "zone": zone} for i, zone in enumerate(zones)]})
    spec = f"strategy: {{rollingUpdate: {{maxSurge: {surge}, maxUnavailable: {max(unavailable, 1 - min(1, surge))}}}}}"
    base, head = (deployment(f"web:{v}", replicas=replicas, spec=spec) for v in (1, 2))
    if other:
        base, head = (f"{text}---\n{deployment(f'o:{v}', name='other', replicas=3)}" for v, text in ((1, base), (2, head)))
    behaviour = {"default": {"startup": startup}}
    found = proofs(head, base, nodes, floors={"*": floor}, failures=failures, behaviour=behaviour, budget=300)
    for proof, body in failing(found):
        left, wanted = fewest(body)
        assert left < wanted, (proof.statement, proof.counter_example)
    for proof in found:
        assert proof.counter_example or proof.level not in ("can-fail",) or "without" not in proof.statement, proof.statement


@pytest.mark.parametrize("startup", [10, [5, 20]])
def test_what_simulate_plays_is_what_was_found(startup: Any) -> None:
    spec = "strategy: {rollingUpdate: {maxSurge: 2, maxUnavailable: 0}}"
    found = proofs(
        deployment("web:2", replicas=2, spec=spec),
        deployment(replicas=2, spec=spec),
        ZONES,
        floors={"*": 1},
        failures={"node": 0, "zone": 1},
        behaviour={"default": {"startup": startup}},
    )
    ((proof, body),) = failing(found)
    (played,) = simulate([("worst.yaml", body)], validate=None, sources={})
    assert (played.recording is not None, played.reason) == (True, "")
    assert fewest(body)[0] < fewest(body)[1], proof.statement


def test_fewer_nodes_replicas_and_pods_of_others_do() -> None:
    others = "---\n".join(deployment(f"o{i}:1", name=f"o{i}") for i in range(4))
    base, head = deployment(replicas=10), deployment("web:2", replicas=10)
    nodes = ZONES.replace("count: 3", "count: 8, used: {cpu: 1, memory: 1Gi, pods: 4}")
    found = proofs(f"{head}---\n{others}", f"{base}---\n{others}", nodes, floors={"prod/web": "80%"}, failures={"node": 0, "zone": 1})
    ((_, body),) = failing(found)
    assert len(body["nodes"]) == 3
    assert [(o["metadata"]["name"], o["spec"]["replicas"]) for o in body["objects"]] == [("web", 5)]
    assert list(body["kubelet"]["images"]) == ["web:2", "web:1"]


def test_groups_that_grow_grow_in_the_counter_example_too() -> None:
    nodes = "nodes: [{prefix: a-, min: 1, max: 4, provision: 30, cpu: 2, memory: 8Gi, used: {cpu: 500m}}]"
    requests = "resources: {requests: {cpu: 500m}}"
    base, head = (deployment(f"web:{v}", replicas=4, container=requests) for v in (1, 2))
    ((proof, body),) = failing(proofs(head, base, nodes, floors={"*": 4}))
    assert body["nodes"][0] | {"allocatable": None} == {
        "prefix": "a-", "min": 1, "max": 4, "provision": 30.0, "cpu": "2", "memory": "8Gi", "allocatable": None,
    }  # fmt: skip
    assert fewest(body)[0] < 4, proof.statement


def test_the_same_change_has_the_same_counter_example() -> None:
    base, head = deployment(replicas=4), deployment("web:2", replicas=4)
    said = [[p.counter_example for p in proofs(head, base, ZONES, floors={"*": "75%"}, failures={"zone": 1})] for _ in range(2)]
    assert said[0] == said[1]


SPAN = st.sampled_from([None, 1, 4])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps=st.fixed_dictionaries(dict.fromkeys(("pull", "create", "healthy", "pre_stop", "termination"), SPAN)),
    fails=st.sampled_from([{}, {"unhealthy_after": 30}, {"exit_after": 25, "exit_code": 3}, {"pull_error": "no such image"}]),
    zones=st.lists(st.sampled_from("ab"), min_size=1, max_size=4),
    floor=st.sampled_from([1, 2, "80%"]),
)
def test_counter_examples_of_pods_that_are_played_step_by_step_replay(
    steps: dict[str, Any], fails: dict[str, Any], zones: list[str], floor: Any
) -> None:
    manners = {name: seconds for name, seconds in steps.items() if seconds is not None} | fails | {"pull": steps["pull"] or 2}
    nodes = yaml.safe_dump({"nodes": [{"name": f"n{i}", "zone": zone} for i, zone in enumerate(zones)]})
    base, head = (deployment(f"web:{v}", replicas=3) for v in (1, 2))
    behaviour = {"images": {"web:2": manners, "web:1": {"pull": 1, "healthy": 2}}}
    failures = {"node": 1, "zone": 1}
    for proof, body in failing(proofs(head, base, nodes, floors={"*": floor}, failures=failures, behaviour=behaviour, budget=100)):
        assert body["kubelet"]["images"]["web:2"] == {name: pytest.approx(said) for name, said in manners.items()}
        if "the floor is" in body["description"]:
            left, wanted = fewest(body)
            assert left < wanted, (proof.statement, proof.counter_example)
