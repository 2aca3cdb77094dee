from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kgate import load
from kgate.errors import ConfigError
from kgate.rollout import read_cluster
from kgate.rollout.cluster import ASSUMED, Used
from kgate.rollout.nodes import NodeSpec


def test_the_assumed_cluster_has_a_node_in_each_of_three_zones() -> None:
    assert [(n.name, n.zone, n.cpu, n.memory) for n in ASSUMED.nodes] == [
        ("n1", "a", "4", "16Gi"),
        ("n2", "b", "4", "16Gi"),
        ("n3", "c", "4", "16Gi"),
    ]
    assert ASSUMED.assumed


def test_a_group_becomes_that_many_nodes_and_keeps_what_others_use() -> None:
    used = {"cpu": 1, "memory": "2Gi", "pods": 3}
    spec = read_cluster({"nodes": [{"prefix": "a", "count": 2, "zone": "z", "used": used}, {"name": "b"}]}, file="c.yaml")
    assert [n.name for n in spec.nodes] == ["a1", "a2", "b"]
    assert spec.used == {"a1": Used(cpu="1", memory="2Gi", pods=3), "a2": Used(cpu="1", memory="2Gi", pods=3)}
    assert not spec.assumed


def test_a_node_has_the_labels_its_kubelet_would_give_it() -> None:
    body = NodeSpec(name="n", zone="z", labels={"disk": "ssd"}, extended={"example.com/gpu": "2"}, allocatable={"cpu": "3"}).body()
    assert body["metadata"]["labels"] == {
        "kubernetes.io/hostname": "n",
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/zone": "z",
        "disk": "ssd",
    }
    assert body["status"]["allocatable"]["cpu"] == "3"
    assert body["status"]["capacity"]["cpu"] == "4"
    assert body["status"]["allocatable"]["example.com/gpu"] == "2"


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("nodes: []\n", "1:1", "needs nodes"),
        ("nodes:\n  - name: a\n    zon: x\n", "3:5", "unknown key 'zon'"),
        ("nodes:\n  - {name: a, used: {cpu: lots}}\n", "2:27", "quantity"),
        ("nodes:\n  - {count: 2, prefix: a}\n  - {name: a1}\n", "3:5", "two nodes 'a1'"),
        ("nodes:\n  - {name: a, taints: [{key: k, effect: NoSchedul}]}\n", "2:41", "NoSchedul"),
        ("node: []\n", "1:1", "unknown key 'node'"),
    ],
)
def test_a_fault_has_file_line_and_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, place: str, says: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cluster.yaml").write_text(text)
    body, source = load.settings_file("cluster.yaml")
    with pytest.raises(ConfigError) as fault:
        read_cluster(body, file="cluster.yaml", source=source)
    assert fault.value.message.startswith(f"cluster.yaml:{place}: ")
    assert says in fault.value.message


@pytest.mark.parametrize("body", [None, {}, [], "nodes", {"nodes": "many"}, {"nodes": [7]}, {"nodes": [{"name": 5}]}, {1: 2}])
def test_whatever_the_file_holds_it_is_read_or_refused(body: Any) -> None:
    with pytest.raises(ConfigError):
        read_cluster(body, file="c.yaml")
