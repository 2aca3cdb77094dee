"""What a scenario does to nodes is played, to the end."""

from __future__ import annotations

from typing import Any

from kgate.rollout import simulate

FAST = {"node-monitor-period": "1s", "node-monitor-grace-period": "6s", "node-eviction-rate": 10}


def played(*steps: Any, nodes: int = 3, settings: Any = FAST, **more: Any) -> Any:
    body = {
        "name": "s",
        "nodes": [{"count": nodes, "prefix": "n"}],
        "kubelet": {"startup": 0.1},
        "settings": settings,
        "steps": list(steps),
    }
    (done,) = simulate([("s.yaml", body | more)])
    return done


def deployment(seconds: int = 2, replicas: int = 3) -> dict[str, Any]:
    lost = [
        {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}
        for key in ("not-ready", "unreachable")
    ]
    spec = {"containers": [{"name": "app", "image": "app:v1"}], "tolerations": lost}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": spec}
    body = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": body}


START = ({"apply": deployment()}, {"wait": {"complete": "web"}})


def spread(done: Any) -> dict[str, int]:
    found: dict[str, int] = done.recording["final"]["distribution"]["web"]
    return found


def told(done: Any, kind: str) -> list[Any]:
    """What changed of objects of the kind, in order."""
    return [e["set"] for e in done.recording["timeline"] if e["o"].startswith(kind) and e["op"] == "MOD"]


def test_pods_of_a_stopped_node_are_replaced_and_wait_there() -> None:
    done = played(*START, {"node": {"stop": "n1"}}, {"wait": {"node": {"name": "n1", "ready": "Unknown"}}}, {"wait": {"quiet": 5}})
    assert spread(done) == {"n2": 2, "n3": 1}
    assert [p["node"] for p in done.recording["final"]["pods"] if p.get("deleting")] == ["n1"]
    assert told(done, "Node/n1")[0] == {"ready": ["True", "Unknown"]}
    assert told(done, "Node/n1")[1]["taints"][1] == ["node.kubernetes.io/unreachable=:NoSchedule"]


def test_a_node_that_is_started_again_sends_its_deleted_pods_away() -> None:
    done = played(*START, {"node": {"stop": "n1"}}, {"sleep": 12}, {"node": {"start": "n1"}}, {"wait": {"quiet": 2}})
    assert not any(p.get("deleting") for p in done.recording["final"]["pods"])
    assert told(done, "Node/n1")[-1]["taints"][1] == []


def test_a_node_that_comes_back_in_time_keeps_its_pods() -> None:
    steps = ({"apply": deployment(60)}, {"wait": {"complete": "web"}}, {"node": {"stop": "n1"}}, {"sleep": 12}, {"node": {"start": "n1"}})
    done = played(*steps, {"wait": {"pods": {"ready": 3}}})
    assert spread(done) == {"n1": 1, "n2": 1, "n3": 1}
    said = [e["message"] for e in done.recording["events"] if e["reason"] == "TaintManagerEviction"]
    assert said == ["Cancelling deletion of Pod NS/web/rs1/p1"]
    assert done.recording["stepResults"][-1]["ok"]


def test_pods_of_a_deleted_node_are_replaced_within_a_minute() -> None:
    done = played(*START, {"node": {"delete": "n1"}}, {"sleep": 30}, {"sleep": 31})
    assert spread(done) == {"n2": 2, "n3": 1}
    assert done.recording["deletionOrder"] == ["Node/n1", "Pod/web/rs1/p1"]


def test_a_node_that_joins_takes_pods() -> None:
    steps = ({"apply": deployment()}, {"sleep": 1}, {"node": {"add": [{"name": "n9"}]}}, {"wait": {"complete": "web"}})
    assert spread(played(*steps, nodes=0)) == {"n9": 3}


def test_taints_come_and_go() -> None:
    taint = {"name": "n1", "key": "maint", "value": "x", "effect": "NoExecute"}
    done = played(*START, {"node": {"taint": taint}}, {"node": {"untaint": {"name": "n1", "key": "maint"}}}, {"wait": {"complete": "web"}})
    assert told(done, "Node/n1") == [{"taints": [[], ["maint=x:NoExecute"]]}, {"taints": [["maint=x:NoExecute"], []]}]
    assert len(done.recording["deletionOrder"]) == 1


def test_events_about_nodes_are_not_part_of_a_recording() -> None:
    done = played(*START, {"node": {"stop": "n1"}}, {"wait": {"event": {"reason": "NodeNotReady"}}})
    assert [e["object"] for e in done.recording["events"] if e["reason"] == "NodeNotReady"] == ["Pod/web/rs1/p1"]


def test_a_flag_that_is_no_duration_keeps_a_scenario_from_being_played() -> None:
    done = played(settings={"node-monitor-grace-period": "soon"})
    assert done.recording is None
    assert done.reason == 'invalid argument "soon" for "--node-monitor-grace-period" flag: not a duration'
