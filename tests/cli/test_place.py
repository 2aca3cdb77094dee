"""`kgate place`: how many fit, what is in the way, which nodes would do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kgate.cli import run

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 20
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "web:1", resources: {requests: {cpu: 700m, memory: 1Gi}}}]
"""
CLUSTER = """\
nodes:
  - {prefix: a-, count: 3, zone: a, cpu: 4, memory: 16Gi, used: {cpu: 1500m, memory: 6Gi, pods: 12}}
  - {name: big, zone: b, cpu: 8, memory: 16Gi}
  - {name: gpu, zone: b, cpu: 16, memory: 64Gi, taints: [{key: g, effect: NoSchedule}]}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "web.yaml").write_text(WEB)
    (tmp_path / "cluster.yaml").write_text(CLUSTER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def placed(*args: str) -> tuple[int, dict[str, Any]]:
    code = run(["place", *args, "--report", "json:out.json"])
    return code, json.loads(Path("out.json").read_text())


def test_as_many_as_wanted_fit_and_the_next_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["place", "web.yaml", "--cluster", "cluster.yaml", "--color", "never"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:5] == [
        "on 5 nodes of cluster.yaml",
        "",
        "Deployment shop/web  web.yaml:1",
        "  20 wanted, 20 fit",
        "  big 11, a-1 3, a-3 3, a-2 3",
    ]
    assert lines[5].startswith("  in the way of the next: 0/5 nodes are available: 1 node(s) had untolerated taint(s), 4 Insufficient cpu.")
    assert lines[6:] == ["       4 nodes: Insufficient cpu", "       1 node: node(s) had untolerated taint(s)", "", "verdict: pass"]


def test_too_few_fit_and_the_nodes_that_would_do_are_named() -> None:
    code, report = placed("web.yaml", "--cluster", "cluster.yaml", "--replicas", "40")
    assert (code, report["schema"], report["verdict"], report["exit_code"]) == (1, "kgate.place/1", "fail", 1)
    (web,) = report["placed"]
    assert (web["wanted"], web["fit"], web["reasons"]["Insufficient cpu"]) == (40, 20, 4)
    # 11 fit on another big one, 5 on another of zone a, none on another one with the taint.
    assert [(g["nodes"][0]["like"], g["total"]) for g in web["growths"]] == [("big", 2), ("a-1", 4)]


def test_a_pod_that_no_node_is_large_enough_for_is_not_helped_by_more_of_them() -> None:
    Path("web.yaml").write_text(WEB.replace("700m", "17"))
    code, report = placed("web.yaml", "--cluster", "cluster.yaml")
    assert code == 1 and report["placed"][0]["fit"] == 0 and report["placed"][0]["growths"] == []


def test_spread_over_zones_may_need_nodes_in_all_of_them() -> None:
    spread = "topologySpreadConstraints: [{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule, "
    spread += "labelSelector: {matchLabels: {app: web}}}]"
    Path("web.yaml").write_text(WEB.replace("    spec:\n", f"    spec:\n      {spread}\n"))
    Path("cluster.yaml").write_text("nodes: [{name: a, zone: a, cpu: 4, memory: 16Gi}, {name: b, zone: b, cpu: 4, memory: 16Gi}]")
    _, report = placed("web.yaml", "--cluster", "cluster.yaml")
    (web,) = report["placed"]
    assert web["fit"] == 10
    assert web["growths"] == [{"nodes": [{"like": "a", "count": 1}, {"like": "b", "count": 1}], "total": 2}]


def test_an_assumed_cluster_that_is_too_small_proves_nothing() -> None:
    code, report = placed("web.yaml")
    assert (code, report["verdict"], report["cluster"]["assumed"]) == (3, "incomplete", True)
    assert placed("web.yaml", "--replicas", "15")[0] == 0


def test_other_kinds_with_pods_are_placed_too_and_each_by_itself() -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: one}\nspec: {containers: [{name: c, image: i}]}\n"
    job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: sums}\nspec:\n  parallelism: 2\n  template:\n"
    job += "    spec: {restartPolicy: Never, containers: [{name: c, image: i, resources: {requests: {cpu: 4}}}]}\n"
    Path("more.yaml").write_text(f"{pod}---\n{job}---\n{WEB}")
    _, report = placed("more.yaml", "--cluster", "cluster.yaml")
    assert [(p["object"]["kind"], p["wanted"], p["fit"] >= p["wanted"]) for p in report["placed"]] == [
        ("Pod", 1, True),
        ("Job", 2, True),
        ("Deployment", 20, True),
    ]


def test_a_quota_that_lets_no_pod_in_is_told() -> None:
    Path("cluster.yaml").write_text(f"{CLUSTER}quotas: [{{name: none, namespace: shop, hard: {{pods: 0}}}}]\n")
    code, report = placed("web.yaml", "--cluster", "cluster.yaml")
    assert (code, report["placed"][0]["fit"]) == (3, 0)
    assert "exceeded quota: none" in report["placed"][0]["message"]


@pytest.mark.parametrize(("file", "said"), [("nothing.yaml", "nothing to place"), ("missing.yaml", "missing.yaml")])
def test_nothing_to_place_is_a_fault_of_the_run(file: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("nothing.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n")
    assert run(["place", file]) == 2
    assert said in capsys.readouterr().err
