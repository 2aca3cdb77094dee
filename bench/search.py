"""How long the worst case is looked for: `python bench/search.py`. Real milliseconds; what is found is printed beside them."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kgate import load
from kgate.engine import Behaviour, Cluster
from kgate.manifest import Manifest
from kgate.rollout import read_cluster, rehearse
from kgate.rollout.settings import from_config

RUNS = 3
Json = dict[str, Any]


def deployment(name: str, image: str, replicas: int, *, spread: bool = False) -> Json:
    """`spread`: over nodes, as far as possible, and required."""
    container = {"name": "app", "image": image, "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}}}
    pod: Json = {"containers": [container]}
    if spread:
        selector = {"matchLabels": {"app": name}}
        by_node = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector}
        pod["topologySpreadConstraints"] = [by_node]
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def manifests(folder: Path, deployments: int, image: str, replicas: int, *, spread: bool) -> Sequence[Manifest]:
    folder.mkdir()
    for n in range(deployments):
        (folder / f"d{n}.json").write_text(json.dumps(deployment(f"d{n}", image, replicas, spread=spread)))
    return load.manifests([str(folder)]).manifests


def rehearsed(deployments: int, replicas: int, nodes: int, settings: Json, *, spread: bool = False) -> tuple[float, Counter[str]]:
    """Milliseconds, and how often each level was the last word on the floor."""
    with tempfile.TemporaryDirectory() as folder:
        base, head = (manifests(Path(folder) / image, deployments, f"app:{image}", replicas, spread=spread) for image in ("v1", "v2"))
        spec = read_cluster({"nodes": _nodes(nodes)}, file="cluster.yaml")
        began = time.perf_counter()
        done = rehearse(head, from_config(settings).on(spec), base=base)
        took = (time.perf_counter() - began) * 1000
    return took, Counter([p.level for p in r.proofs if p.question == "below-floor"][-1:][0] for r in done.rollouts)


def _nodes(count: int) -> list[Json]:
    return [{"prefix": f"{zone}-", "count": count // 3 + (i < count % 3), "zone": zone, "cpu": "8"} for i, zone in enumerate("abc")]


def forked(nodes: int, pods: int) -> float:
    """Milliseconds for one fork, the best of many."""
    cluster = Cluster(behaviour=Behaviour(startup_ms=1000, termination_ms=500))
    for n in range(nodes):
        cluster.add_node({"metadata": {"name": f"n{n}"}, "status": {"capacity": {"cpu": "64", "memory": "256Gi", "pods": "110"}}})
    for n in range(pods // 20):
        cluster.apply(deployment(f"d{n}", "app:v1", 20))
    cluster.run_for(30_000)
    took = []
    for _ in range(10):
        began = time.perf_counter()
        cluster.fork()
        took.append(time.perf_counter() - began)
    return min(took) * 1000


BOTH = {"node": 1, "zone": 1}
CASES = [  # Deployments, replicas, nodes, spread, settings of `rollout:`, the bound in milliseconds
    (50, 10, 100, False, {"budget": 0}, None),
    (50, 10, 100, True, {"floors": {"*": "60%"}}, 10_000),
    (50, 10, 100, False, {"floors": {"*": "60%"}}, 10_000),
    (50, 10, 100, False, {"floors": {"*": "20%"}, "failures": BOTH}, 10_000),
    (50, 10, 100, False, {"floors": {"*": "80%"}, "failures": BOTH}, 10_000),
    (1, 10, 12, False, {"floors": {"*": "60%"}}, 10_000),
    (1, 6, 30, False, {"floors": {"*": "50%"}}, 10_000),
    (1, 4, 6, False, {"floors": {"*": 1}, "failures": BOTH}, 10_000),
]


def main() -> None:
    fork_ms = forked(100, 1000)
    print(f"a fork of 100 nodes and 1,000 pods: {fork_ms:.1f} ms\n")
    print("| Deployments | replicas | nodes | spread | settings | ms | levels |")
    print("|---|---|---|---|---|---|---|")
    late = []
    for deployments, replicas, nodes, spread, settings, bound in CASES:
        runs = [rehearsed(deployments, replicas, nodes, settings, spread=spread) for _ in range(RUNS)]
        took, levels = min(runs, key=lambda found: found[0])
        told = ", ".join(f"{n} {level}" for level, n in sorted(levels.items()))
        how = "required" if spread else ""
        print(f"| {deployments} | {replicas} | {nodes} | {how} | `{json.dumps(settings)}` | {took:.0f} | {told} |", flush=True)
        if bound is not None and took > bound:
            late.append(f"{deployments} x {replicas} on {nodes} nodes: {took:.0f} ms, allowed {bound}")
    if late:
        sys.exit("\n".join(late))


if __name__ == "__main__":
    main()
