"""Node groups and single pods of a cluster file: read, and played under a rehearsal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kgate import load, rollout
from kgate.errors import ConfigError
from kgate.outcome import Rehearsal
from kgate.rollout import RolloutSettings, read_cluster

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 4
  progressDeadlineSeconds: 600
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1", resources: {requests: {cpu: 1, memory: 1Gi}}}]}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def rehearsed(cluster: str, deployment: str = DEPLOYMENT) -> Rehearsal:
    Path("deploy.yaml").write_text(deployment)
    spec = read_cluster(yaml.safe_load(cluster), file="cluster.yaml")
    (one,) = rollout.rehearse(load.manifests(["deploy.yaml"]).manifests, RolloutSettings().on(spec)).rollouts
    return one


def places(r: Rehearsal) -> dict[str, int]:
    return {row.node: row.pods_end for row in r.placement if row.pods_end}


def test_a_group_grows_under_a_rollout_and_the_report_says_what_is_assumed_of_it() -> None:
    r = rehearsed("nodes: [{prefix: a-, min: 1, max: 3, provision: 45, cpu: 2, memory: 8Gi}]")
    assert r.verdict == "pass", r.reason
    assert r.completed_ms == 45_000 + 10_000
    assert "nodes a-*: grow from 1 to 3, each 45s after a pod found no room; groups in the order of the file" in r.assumed
    assert places(r) == {"a-1": 2, "a-2": 2}


def test_a_group_that_may_not_grow_far_enough_is_no_way_out() -> None:
    r = rehearsed("nodes: [{prefix: a-, min: 1, max: 1, cpu: 2, memory: 8Gi}]")
    assert r.verdict == "fail"


def test_what_others_use_is_used_on_new_nodes_as_well() -> None:
    r = rehearsed("nodes: [{prefix: a-, min: 1, max: 4, cpu: 2, memory: 8Gi, used: {cpu: 1}}]")
    assert r.verdict == "pass", r.reason
    assert set(places(r).values()) == {1}


def test_a_pod_on_a_node_takes_its_room_and_keeps_others_away() -> None:
    anti = {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "kubernetes.io/hostname", "namespaces": ["shop"], "labelSelector": {"matchLabels": {"app": "web"}}}
            ]
        }
    }
    pods = [{"name": "loner", "namespace": "infra", "node": "a", "affinity": anti, "requests": {"cpu": "100m"}}]
    r = rehearsed(yaml.safe_dump({"nodes": [{"name": n, "cpu": 8, "memory": "8Gi"} for n in "ab"], "pods": pods}))
    assert places(r) == {"b": 4}


def test_pods_without_a_node_are_placed_before_anything_is_rolled_out() -> None:
    pods = [{"name": "cache", "count": 2, "namespace": "infra", "requests": {"cpu": 3}, "labels": {"app": "cache"}}]
    r = rehearsed(yaml.safe_dump({"nodes": [{"name": n, "cpu": 4, "memory": "8Gi"} for n in "abc"], "pods": pods}))
    assert r.verdict == "pass", r.reason
    assert sorted(places(r).values()) == [1, 1, 2]


def test_pods_of_a_deployment_that_is_rehearsed_do_not_count_twice() -> None:
    pods = [{"name": "web-old", "count": 4, "namespace": "shop", "deployment": "web", "node": "a", "requests": {"cpu": 1}}]
    text = yaml.safe_dump({"nodes": [{"name": "a", "cpu": 5, "memory": "8Gi"}], "pods": pods})
    assert rehearsed(text).verdict == "pass"
    assert rehearsed(text.replace("deployment: web", "deployment: other")).verdict == "fail"


def test_a_pod_of_a_lower_class_gives_way() -> None:
    pods = [{"name": "batch", "namespace": "infra", "node": "a", "requests": {"cpu": 4}, "priorityClass": "low"}]
    text = yaml.safe_dump(
        {"nodes": [{"name": "a", "cpu": 4, "memory": "8Gi"}], "pods": pods, "priorityClasses": [{"name": "low", "value": -5}]}
    )
    assert rehearsed(text).verdict == "pass"
    assert rehearsed(text.replace("  priorityClass: low\n", "")).verdict == "fail"


def test_a_host_port_is_taken_once_on_a_node() -> None:
    with_port = DEPLOYMENT.replace('image: "web:1"', 'image: "web:1", ports: [{containerPort: 80, hostPort: 80}]').replace(
        "replicas: 4", "replicas: 1"
    )
    pods = [{"name": "proxy", "node": "a", "hostPorts": [80, "53/UDP"]}]
    r = rehearsed(yaml.safe_dump({"nodes": [{"name": n, "cpu": 4, "memory": "8Gi"} for n in "ab"], "pods": pods}), with_port)
    assert places(r) == {"b": 1}


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("nodes: [{prefix: a, min: 3, max: 2}]", "1:26", "min is 3, more than max"),
        ("nodes: [{prefix: a, min: 3}]", "1:9", "max is missing"),
        ("nodes: [{prefix: a, count: 3, max: 4}]", "1:28", "max excludes count"),
        ("nodes: [{max: 4}]", "1:9", "prefix is missing"),
        ("nodes: [{prefix: a, min: 0, max: 2}, {prefix: a, min: 0, max: 2}]", "1:38", "two groups 'a'"),
        ("nodes: [{name: a}]\npods: [{name: p, node: b}]", "2:24", "there is no node 'b'"),
        ("nodes: [{name: a}]\npods: [{name: p, priorityClass: gold}]", "2:33", "no priority class 'gold'"),
        ("nodes: [{name: a}]\npods: [{name: p}, {name: p}]", "2:19", "two pods 'p'"),
        ("nodes: [{name: a}]\npods: [{name: p, hostPorts: [http]}]", "2:30", "no port"),
        ("nodes: [{name: a}]\npods: [{name: p, env: []}]", "2:18", "unknown key 'env'"),
        ("nodes: [{name: a}]\ntaken: yesterday", "2:8", "is no time"),
    ],
)
def test_a_fault_has_its_place(text: str, place: str, says: str) -> None:
    Path("cluster.yaml").write_text(text + "\n")
    body, source = load.settings_file("cluster.yaml")
    with pytest.raises(ConfigError) as fault:
        read_cluster(body, file="cluster.yaml", source=source)
    assert fault.value.message.startswith(f"cluster.yaml:{place}: "), fault.value.message
    assert says in fault.value.message


def test_a_pod_that_the_api_server_refuses_is_a_fault_of_the_file() -> None:
    from kgate import validate

    spec = read_cluster({"nodes": [{"name": "a"}], "pods": [{"name": "No_Name"}]}, file="cluster.yaml")
    Path("deploy.yaml").write_text(DEPLOYMENT)
    manifests: Any = load.manifests(["deploy.yaml"]).manifests
    with pytest.raises(ConfigError, match=r"cluster.yaml: the API server refuses Pod 'No_Name'"):
        rollout.rehearse(manifests, RolloutSettings().on(spec), validate=validate.causes)
