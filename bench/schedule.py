#!/usr/bin/env python3
"""How fast pods get nodes: the scheduler alone, and the whole engine with controllers and kubelets. CPU time of one process.

python3 tools/run.py python bench/schedule.py [--nodes 5000] [--pods 50000] [--classes 250]
"""

from __future__ import annotations

import argparse
import gc
import resource
import subprocess
import sys
import time
from typing import Any

from kgate.engine import Cluster
from kgate.engine.api.codec import decode
from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.placement import Placement
from kgate.engine.scheduler.profile import default_profile

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
KINDS = ("bare", "default", "soft", "hard", "anti", "mixed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--pods", type=int, default=50_000)
    parser.add_argument("--classes", type=int, default=250)
    parser.add_argument("--one", help="measure this one row in this process")
    options = parser.parse_args()
    if options.one:
        gc.disable()  # as the kgate command does
        print(row(options.one, options))
        return
    print(f"{'':58s} {'CPU s':>6s} {'us/pod':>7s} {'peak MB':>8s}")
    for name in [f"alone-{kind}" for kind in KINDS] + ["engine"]:
        argv = [sys.executable, __file__, "--one", name]
        argv += ["--nodes", str(options.nodes), "--pods", str(options.pods), "--classes", str(options.classes)]
        print(subprocess.run(argv, capture_output=True, text=True, check=True).stdout, end="", flush=True)


def row(name: str, options: Any) -> str:
    if name == "engine":
        nodes, pods = options.nodes // 5, options.pods // 10
        what, spent = f"whole engine, {pods} pods of 25 Deployments, {nodes} nodes", engine(nodes, pods)
    else:
        kind, pods = name.removeprefix("alone-"), options.pods
        what = f"scheduler alone, {kind}, {pods} pods, {options.nodes} nodes"
        spent = alone(kind, options.nodes, pods, options.classes)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{what:58s} {spent:6.2f} {1e6 * spent / pods:7.0f} {peak_mb:8.0f}"


def alone(kind: str, n_nodes: int, n_pods: int, n_classes: int) -> float:
    """`bare` pods have no owner and no wish, `default` ones a ReplicaSet; `soft`, `hard`, `anti` say so; `mixed` takes turns."""
    cache = Cache()
    for i in range(n_nodes):
        cache.observe(None, decode(node(i)))
    for i in range(n_classes if kind != "bare" else 0):
        cache.observe(None, decode(replica_set(i)))
    made = [decode(pod(i % n_classes, kind)) for i in range(n_classes)]
    order = [i % n_classes for i in range(n_pods)] if kind == "mixed" else [i * n_classes // n_pods for i in range(n_pods)]
    pods: list[Any] = [renamed(made[c], f"p{i}") for i, c in enumerate(order)]
    placement = Placement(cache, default_profile())
    begin = time.process_time()
    for each in pods:
        node_name = placement.decide(each).node
        if not node_name:
            raise SystemExit(f"{each.metadata.name} fits nowhere")
        cache.observe(each, each.bound_to(node_name))
    return time.process_time() - begin


def engine(n_nodes: int, n_pods: int) -> float:
    cluster = Cluster()
    for i in range(n_nodes):
        cluster.create(node(i))
    begin = time.process_time()
    for i in range(25):
        cluster.apply(deployment(i, n_pods // 25))
    if not cluster.run_to_rest(3_600_000):
        raise SystemExit("not at rest")
    return time.process_time() - begin


def node(i: int) -> dict[str, Any]:
    has = {"cpu": "32", "memory": "64Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    labels = {HOST: f"n{i}", ZONE: f"z{i % 3}"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"n{i}", "labels": labels},
        "status": {"capacity": has, "allocatable": has},
    }


def template(i: int, kind: str = "") -> dict[str, Any]:
    labels = {"app": f"d{i}"}
    requests = {"cpu": f"{100 + i % 7 * 50}m", "memory": f"{128 + i % 5 * 64}Mi"}
    spec: dict[str, Any] = {"containers": [{"name": "c", "image": "app:v1", "resources": {"requests": requests}}]}
    if kind in ("soft", "hard"):
        action = "DoNotSchedule" if kind == "hard" else "ScheduleAnyway"
        term = {"maxSkew": 1, "whenUnsatisfiable": action, "labelSelector": {"matchLabels": labels}}
        spec["topologySpreadConstraints"] = [{**term, "topologyKey": ZONE}, {**term, "topologyKey": HOST}]
    if kind == "anti":
        term = {"topologyKey": HOST, "labelSelector": {"matchLabels": labels}}
        spec["affinity"] = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    return {"metadata": {"labels": labels}, "spec": spec}


def pod(i: int, kind: str) -> dict[str, Any]:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"d{i}", "uid": f"u{i}", "controller": True}
    made = template(i, kind)
    meta = {"name": "", "namespace": "default", **made["metadata"]} | ({"ownerReferences": [owner]} if kind != "bare" else {})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": made["spec"]}


def replica_set(i: int) -> dict[str, Any]:
    spec = {"selector": {"matchLabels": {"app": f"d{i}"}}, "template": template(i)}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": f"d{i}", "namespace": "default", "uid": f"u{i}"},
        "spec": spec,
    }


def deployment(i: int, replicas: int) -> dict[str, Any]:
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": f"d{i}"}}, "template": template(i)}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": f"d{i}"}, "spec": spec}


def renamed(made: Any, name: str) -> Any:
    from msgspec.structs import replace

    return replace(made, metadata=replace(made.metadata, name=name))


if __name__ == "__main__":
    main()
