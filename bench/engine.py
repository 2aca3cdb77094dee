"""How long the engine takes for whole rollouts: `python bench/engine.py`. Real milliseconds, the best of several runs."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from typing import Any

from kgate.engine import Behaviour, Cluster

RUNS = 3
Json = dict[str, Any]


def world(nodes: int) -> Cluster:
    cluster = Cluster(behaviour=Behaviour(startup_ms=1000, termination_ms=500))
    for n in range(nodes):
        cluster.add_node({"metadata": {"name": f"n{n}"}, "status": {"capacity": {"cpu": "64", "memory": "256Gi", "pods": "110"}}})
    return cluster


def deployment(name: str, image: str, replicas: int) -> Json:
    container = {"name": "app", "image": image, "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}}}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def created(nodes: int, deployments: int, replicas: int) -> Cluster:
    cluster = world(nodes)
    for n in range(deployments):
        cluster.apply(deployment(f"d{n}", "app:v1", replicas))
    rested(cluster)
    return cluster


def rolled(cluster: Cluster, deployments: int, replicas: int) -> None:
    for n in range(deployments):
        cluster.apply(deployment(f"d{n}", "app:v2", replicas))
    rested(cluster)


def rested(cluster: Cluster) -> None:
    if not cluster.run_to_rest(limit_ms=10_000_000):
        raise SystemExit("the cluster does not come to rest")


def best(prepare: Callable[[], Cluster], work: Callable[[Cluster], object]) -> tuple[float, int]:
    """Milliseconds of the fastest run, and how many writes it made."""
    found: list[tuple[float, int]] = []
    for _ in range(RUNS):
        cluster = prepare()
        gc.collect()
        before, began = len(cluster.trace), time.perf_counter()
        work(cluster)
        found.append(((time.perf_counter() - began) * 1000, len(cluster.trace) - before))
    return min(found)


CASES = [  # nodes, Deployments, replicas of each, the bound in milliseconds for creation and rollout together
    (3, 1, 10, None),
    (10, 1, 100, None),
    (100, 1, 300, None),
    (100, 1, 1000, None),
    (100, 100, 50, 5000),
]
ROLLING = {(3, 1, 10): 10, (100, 1, 1000): 1500}
"""Bounds of the rolling update alone."""


def main() -> None:
    gc.disable()  # as the command line does: otherwise a cluster with ten times the objects pays a fifth more a write, to the collector
    print("| what | creation ms | rolling update ms | writes of the update | microseconds a write |")
    print("|---|---|---|---|---|")
    late = []
    for nodes, deployments, replicas, bound in CASES:
        born, _ = best(lambda n=nodes: world(n), lambda c, d=deployments, r=replicas: born_into(c, d, r))
        took, writes = best(lambda c=(nodes, deployments, replicas): created(*c), lambda c, d=deployments, r=replicas: rolled(c, d, r))
        what = f"{deployments} x {replicas} on {nodes} nodes"
        print(f"| {what} | {born:.0f} | {took:.1f} | {writes} | {took * 1000 / writes:.0f} |", flush=True)
        limit = ROLLING.get((nodes, deployments, replicas))
        if (limit is not None and took > limit) or (bound is not None and took > bound):
            late.append(f"{what}: {took:.0f} ms, allowed {limit or bound}")
    if late:
        sys.exit("\n".join(late))


def born_into(cluster: Cluster, deployments: int, replicas: int) -> None:
    for n in range(deployments):
        cluster.apply(deployment(f"d{n}", "app:v1", replicas))
    rested(cluster)


if __name__ == "__main__":
    main()
