from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgate import load
from kgate.engine.errors import Cause
from kgate.errors import ConfigError
from kgate.rollout import simulate
from kgate.rollout.simulation import Played


def deployment(image: str = "web:1", replicas: int = 3, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": image}]}},
            **spec,
        },
    }


def play(*steps: Any, **more: Any) -> Played:
    (played,) = simulate([("s.yaml", {"steps": list(steps), **more})])
    return played


def recorded(*steps: Any, **more: Any) -> Mapping[str, Any]:
    recording = play(*steps, **more).recording
    assert recording is not None
    return recording


ROLL = [{"apply": deployment()}, {"wait": {"complete": "web"}}, {"apply": deployment("web:2")}, {"wait": {"complete": "web"}}]


def test_a_file_names_its_scenario() -> None:
    (played,) = simulate([("folder/night-shift.yaml", {"steps": []})])
    assert played.name == "night-shift"


def test_replica_sets_and_pods_are_called_in_order_of_creation() -> None:
    recording = recorded(*ROLL)
    assert list(recording["aliases"]) == ["web/rs1", "web/rs2"]
    assert [b["pod"] for b in recording["bindings"]][:3] == ["web/rs1/p1", "web/rs1/p2", "web/rs1/p3"]
    assert recording["final"]["distribution"] == {"web": {"n1": 1, "n2": 1, "n3": 1}}


def test_a_phase_begins_with_the_write_of_its_step_and_remembers_what_was_before() -> None:
    first, second = recorded(*ROLL)["phases"]
    assert first["pairs_new_old"][0] == [0, 0]
    assert second["pairs_new_old"][0] == [0, 3]
    assert second["pairs_new_old"][-1] == [3, 0]
    assert (second["minReady"], second["maxSpecSum"], second["newRS"]) == (3, 4, "web/rs2")


def test_a_deleted_replica_set_that_comes_back_keeps_its_alias() -> None:
    recording = recorded(*ROLL[:2], {"delete": {"pick_rs": True}}, {"wait": {"complete": "web"}})
    assert list(recording["final"]["replicasets"]) == ["web/rs1"]


def test_waits_end_at_their_timeout_and_say_so() -> None:
    step = recorded({"wait": {"complete": "web"}, "timeout": 7})["stepResults"][0]
    assert (step["ok"], step["tEnd"]) == (False, 7.15)


def test_silence_is_counted_from_the_last_change() -> None:
    steps = recorded({"apply": deployment()}, {"wait": {"quiet": 2}}, kubelet={"startup": 1})["stepResults"]
    assert (steps[1]["ok"], steps[1]["tEnd"]) == (True, 3)


def test_the_behaviour_can_change_while_it_plays() -> None:
    recording = recorded(
        {"apply": deployment()},
        {"wait": {"pods": {"total": 3, "ready": 0}}, "timeout": 1},
        {"kubelet": {"images": {"web:1": {"mode": "ok"}}}},
        {"wait": {"complete": "web"}},
        kubelet={"images": {"web:1": {"mode": "never"}}},
    )
    assert recording["stepResults"][3]["ok"]


def test_a_refusal_is_recorded_with_its_causes() -> None:
    def refuse_all(_new: Any, _old: Any) -> list[Cause]:
        return [Cause(field="spec.replicas", message="Invalid value: 3: must be less")]

    (played,) = simulate([("s", {"nodes": [], "steps": [{"create": deployment()}]})], validate=refuse_all)
    assert played.recording is not None
    (step,) = played.recording["stepResults"]
    assert step["http"] == 422
    assert step["error"]["details"]["causes"][0]["field"] == "spec.replicas"


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([{"apply": {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "s"}}}], "StatefulSet"),
    ],
)
def test_what_the_engine_cannot_play_is_not_recorded(steps: list[Any], why: str) -> None:
    played = play(*steps)
    assert played.recording is None
    assert why in played.reason
    assert played.as_json() == {"scenario": "s", "recording": None, "reason": played.reason}
    assert played.lines()[1].startswith("  not played: ")


def test_metrics_drive_an_autoscaler() -> None:
    web = deployment()
    web["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "100m"}}
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    target = {"type": "Utilization", "averageUtilization": 50}
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    spec = {"scaleTargetRef": ref, "maxReplicas": 10, "metrics": metrics}
    hpa = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "hpa"}, "spec": spec}
    wait = {"wait": {"status": {"kind": "HorizontalPodAutoscaler", "name": "hpa", "fields": {"desiredReplicas": 6}}}}
    played = play({"apply": web}, {"sleep": 301}, {"metrics": {"prefix": "web", "cpu": "100m"}}, {"apply": hpa}, wait)
    assert played.recording is not None
    assert played.recording["stepResults"][-1]["ok"] is True
    assert played.recording["final"]["HorizontalPodAutoscaler"]["hpa"]["cond.ScalingActive"]["reason"] == "ValidMetricFound"


def test_a_fault_in_the_last_file_is_raised_before_the_first_is_played() -> None:
    with pytest.raises(ConfigError) as fault:
        simulate([("a.yaml", {"steps": []}), ("b.yaml", {"steps": [{"slep": 1}]})])
    assert fault.value.message == "b.yaml: /steps/0/slep: unknown step 'slep'"
    assert fault.value.hint == "did you mean 'sleep'?"


def test_a_fault_has_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text("steps:\n  - sleep: 1\n  - wait:\n      complet: web\n")
    body, source = load.settings_file("s.yaml")
    with pytest.raises(ConfigError) as fault:
        simulate([("s.yaml", body)], sources={"s.yaml": source})
    assert fault.value.message.startswith("s.yaml:4:7: unknown key 'complet'")


def test_what_is_told_cannot_act_on_a_terminal() -> None:
    (played,) = simulate([("s", {"name": "a\x1b[31m", "description": "b\nc", "steps": [{"scale": {"name": "\x07", "replicas": 1}}]})])
    assert all(line.isprintable() for line in played.lines())


@settings(max_examples=25, deadline=None)
@given(
    replicas=st.integers(1, 12),
    surge=st.integers(0, 4),
    unavailable=st.integers(0, 4),
    serial=st.sampled_from([0, 0.25]),
)
def test_a_rolling_update_keeps_its_bounds_and_ends_with_the_new_template_alone(
    replicas: int, surge: int, unavailable: int, serial: float
) -> None:
    if surge == unavailable == 0:
        unavailable = 1
    strategy = {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    recording = recorded(
        {"apply": deployment(replicas=replicas, strategy=strategy)},
        {"wait": {"complete": "web"}},
        {"apply": deployment("web:2", replicas=replicas, strategy=strategy)},
        {"wait": {"complete": "web"}, "timeout": 600},
        kubelet={"serial": serial, "startup": 0.3},
    )
    phase = recording["phases"][1]
    assert phase["maxSpecSum"] <= replicas + surge
    assert phase["minReady"] >= replicas - min(unavailable, replicas)
    assert phase["pairs_new_old"][-1] == [replicas, 0]
    assert recording["stepResults"][3]["ok"]


def test_the_same_scenario_gives_the_same_recording() -> None:
    assert recorded(*ROLL) == recorded(*ROLL)


HOLDS = [
    {"node": {"name": "n1", "ready": "True"}},
    {"node": {"name": "n1", "taint": "k", "effect": "NoSchedule"}},
    {"node": {"name": "n1", "taint": "other", "absent": True}},
    {"gone": {"kind": "Service", "name": "web"}},
    {"status": {"name": "web", "fields": {"availableReplicas": 3, "unavailableReplicas": 0}}},
    {"status": {"name": "web", "fields": {"replicas": {"ge": 2, "le": 3}}}},
    {"pods": {"total": 3, "ready": 3, "bound": 3, "unschedulable": 0, "terminating": 0, "notOnNode": "n1"}},
    {"event": {"reason": "Scheduled", "count": 3}},
    {"complete": ["web"], "allow_terminating": True},
]

NEVER_HOLDS = [
    {"node": {"name": "n9", "ready": "True"}},
    {"node": {"name": "n1", "taint": "k", "absent": True}},
    {"gone": {"name": "web"}},
    {"status": {"name": "web", "fields": {"replicas": {"ge": 4}}}},
    {"status": {"name": "none", "fields": {"replicas": 3}}},
    {"pods": {"notOnNode": "n2"}},
    {"event": {"reason": "Scheduled", "count": 9}},
    {"condition": {"name": "web", "type": "Available", "status": "False"}},
    {"complete": "api"},
]


@pytest.mark.parametrize(("wait", "ok"), [(w, True) for w in HOLDS] + [(w, False) for w in NEVER_HOLDS])
def test_a_wait_knows_the_cluster(wait: dict[str, Any], ok: bool) -> None:
    nodes = [{"name": "n1", "taints": [{"key": "k"}]}, {"name": "n2", "images": [{"names": ["web:1"], "sizeBytes": 7}], "pods": "9"}]
    steps = recorded({"apply": deployment()}, {"wait": {"complete": "web"}}, {"wait": wait, "timeout": 1}, nodes=nodes)["stepResults"]
    assert (steps[1]["ok"], steps[2]["ok"]) == (True, ok)


def test_several_objects_of_one_step_are_one_phase() -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}}}
    recording = recorded({"apply": [service, deployment()]}, {"wait": {"complete": "web"}})
    assert [p["op"] for p in recording["phases"]] == ["apply"]
    assert recording["final"]["deployments"]["web"]["status.readyReplicas"] == 3


def test_pods_without_an_owner_keep_their_name_and_count_as_bare() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    recording = recorded({"create": pod}, {"wait": {"pods": {"ready": 1}}}, nodes=[{"name": "n", "zone": "z"}])
    assert recording["bindings"][0]["pod"] == "p"
    assert recording["final"]["distribution"] == {"(bare)": {"n": 1}}
    assert recording["final"]["zones"] == {"(bare)": {"z": 1}}


@pytest.mark.parametrize(
    ("steps", "objects", "why"),
    [
        ([{"evict": {"prefix": "web"}}], ["PodDisruptionBudget"], ""),
        ([{"sleep": 1}], ["Job"], "Job"),
    ],
)
def test_only_what_matters_and_is_not_modelled_keeps_a_scenario_from_being_played(steps: list[Any], objects: list[str], why: str) -> None:
    bodies = [{"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}} for kind in objects]
    played = play(*steps, objects=bodies)
    assert (played.recording is None, why in played.reason) == (bool(why), True)
