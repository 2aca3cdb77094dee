from __future__ import annotations

from typing import Any

import pytest

from kgate.rollout.fields import SettingError
from kgate.rollout.scenario import read_scenario
from kgate.rollout.steps import Apply, Complete, Delete, Drain, Evict, NodeStep, PodsCount, Quiet, Schedule, Sleep, Wait

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}


def scenario(*steps: Any, **more: Any) -> dict[str, Any]:
    return {"steps": list(steps), **more}


def only(step: Any) -> Any:
    return read_scenario(scenario(step), name="s").steps[0].action


def test_without_nodes_there_are_three_large_ones() -> None:
    nodes = read_scenario(scenario(), name="s").nodes
    assert [(n.name, n.cpu, n.memory) for n in nodes] == [("n1", "32", "64Gi"), ("n2", "32", "64Gi"), ("n3", "32", "64Gi")]


def test_ties_that_end_differently_are_told_by_their_number() -> None:
    assert only({"schedule": [{"tie": 4, "node": "b"}, {"tie": 0, "node": "a"}]}) == Schedule(told={("tie", 4): "b", ("tie", 0): "a"})
    told = only({"schedule": [{"deletion": 1, "node": "b"}, {"start": 3, "after": 2.5}]})
    assert told == Schedule(told={("deletion", 1): "b", ("start", 3): "2500"})
    with pytest.raises(SettingError, match="a start has no node"):
        only({"schedule": [{"start": 1, "node": "b"}]})
    with pytest.raises(SettingError, match="a choice is one thing, not 2"):
        only({"schedule": [{"start": 1, "tie": 2}]})
    with pytest.raises(SettingError, match="tie 4 is there twice"):
        only({"schedule": [{"tie": 4, "node": "b"}, {"tie": 4, "node": "a"}]})


def test_a_recorded_file_is_played_from_its_input() -> None:
    read = read_scenario({"name": "r", "recording": {}, "runs": [], "kubernetes": "v1.36.2", "input": scenario({"sleep": 1})}, name="s")
    assert (read.name, read.kubernetes, read.steps[0].action) == ("r", "1.36", Sleep(ms=1000))


def test_a_scenario_that_does_not_name_itself_is_called_by_its_file() -> None:
    assert read_scenario(scenario(), name="from-file").name == "from-file"


def test_spans_have_their_defaults() -> None:
    wait = only({"wait": {"complete": "web"}})
    assert wait == Wait(until=Complete(names=("web",), allow_terminating=False), settle_ms=150, timeout_ms=60_000)
    assert only({"wait": {"quiet": 0.4}, "timeout": 30}) == Wait(until=Quiet(ms=400), settle_ms=0, timeout_ms=30_000)
    assert only({"drain": {"node": "n1"}}) == Drain(node="n1", timeout_ms=30_000, retry_ms=500)


def test_null_counts_as_absent() -> None:
    assert only({"delete": {"kind": "ReplicaSet", "pick_rs": True, "name": None}}).newest_replica_set


@pytest.mark.parametrize(
    ("step", "action"),
    [
        ({"apply": POD}, Apply(objects=(POD,), listed=False)),
        ({"apply": [POD, POD]}, Apply(objects=(POD, POD), listed=True)),
        ({"evict": {"prefix": "web", "count": 2}}, Evict(prefix="web", node="", unready=None, count=2)),
        ({"node": {"cordon": "n1"}}, NodeStep(verb="cordon", name="n1")),
        ({"node": {"taint": {"name": "n", "key": "k"}}}, NodeStep(verb="taint", name="n", taint={"key": "k", "effect": "NoSchedule"})),
        (
            {"delete": {"pick": {"prefix": "w", "ready": False}}},
            Delete(kind="Pod", name="", propagation="", grace_s=None, pick=True, prefix="w", ready=False),
        ),
    ],
)
def test_steps_are_read(step: Any, action: Any) -> None:
    assert only(step) == action


def test_a_wait_for_pods_leaves_open_what_it_does_not_name() -> None:
    until = only({"wait": {"pods": {"ready": 3, "notOnNode": "n1"}}}).until
    assert until == PodsCount(prefix="", total=None, ready=3, bound=None, unschedulable=None, terminating=None, not_on_node="n1")


@pytest.mark.parametrize(
    ("body", "path", "says"),
    [
        ({"stepz": []}, ("stepz",), "unknown key 'stepz'"),
        ({}, (), "needs steps"),
        (scenario({"aply": POD}), ("steps", 0, "aply"), "unknown step 'aply'"),
        (scenario({"apply": POD, "sleep": 1}), ("steps", 0), "one thing"),
        (scenario({}), ("steps", 0), "one thing"),
        (scenario({"sleep": 1, "timeout": 3}), ("steps", 0, "timeout"), "only a wait"),
        (scenario({"sleep": "1s"}), ("steps", 0, "sleep"), "number of seconds"),
        (scenario({"sleep": -1}), ("steps", 0, "sleep"), "between"),
        (scenario({"apply": {"kind": "Pod"}}), ("steps", 0, "apply"), "metadata.name"),
        (scenario({"scale": {"name": "web"}}), ("steps", 0, "scale"), "replicas is missing"),
        (scenario({"patch": {"name": "w", "patch": {}, "type": "mergee"}}), ("steps", 0, "patch", "type"), "mergee"),
        (scenario({"wait": {"complete": "w", "quiet": 1}}), ("steps", 0, "wait"), "one thing"),
        (scenario({"wait": {"pods": {"redy": 1}}}), ("steps", 0, "wait", "pods", "redy"), "unknown key"),
        (scenario({"node": {"stop": "a", "start": "b"}}), ("steps", 0, "node"), "one thing"),
        (scenario(kubelet={"images": {"a": {"mode": "crsh"}}}), ("kubelet", "images", "a", "mode"), "crsh"),
        (scenario(settings={"node-monitor-grace-perod": "6s"}), ("settings", "node-monitor-grace-perod"), "unknown flag"),
        (scenario(nodes=[{"name": "a"}, {"name": "a"}]), ("nodes", 1), "two nodes"),
        (scenario(nodes=[{"name": "a", "cpu": "4 cores"}]), ("nodes", 0, "cpu"), "quantity"),
        (scenario(nodes=[{"prefix": "a", "count": 99999}]), ("nodes", 0, "count"), "between"),
        ([], (), "mapping"),
    ],
)
def test_a_fault_is_named_with_its_place(body: Any, path: tuple[Any, ...], says: str) -> None:
    with pytest.raises(SettingError) as fault:
        read_scenario(body, name="s")
    assert fault.value.path == path
    assert says in fault.value.message


def test_a_typing_error_gets_a_suggestion() -> None:
    with pytest.raises(SettingError) as fault:
        read_scenario(scenario({"wiat": {}}), name="s")
    assert fault.value.hint == "did you mean 'wait'?"
