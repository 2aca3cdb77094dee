"""Clusters whose nodes die, and what is seen of it."""

from __future__ import annotations

from typing import Any

from kgate.engine import Cluster
from kgate.engine.api.core import Node, Pod
from tests.engine.worlds import BEHAVIOUR, deployment

FAST = {"node-monitor-period": "1s", "node-monitor-grace-period": "6s", "node-eviction-rate": 10, "secondary-node-eviction-rate": 10}
CAPACITY = {"capacity": {"cpu": "32", "memory": "64Gi", "pods": "110"}}
NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"


def world(zones: str = "aaa", settings: dict[str, Any] | None = None, **kwargs: Any) -> Cluster:
    """A node for each letter, in the zone of that letter; n1, n2, ..."""
    cluster = Cluster(behaviour=BEHAVIOUR, settings=FAST if settings is None else settings, **kwargs)
    for n, zone in enumerate(zones, 1):
        labels = {"topology.kubernetes.io/zone": zone}
        cluster.add_node({"metadata": {"name": f"n{n}", "labels": labels}, "status": CAPACITY})
    return cluster


def bearing(seconds: int | None, replicas: int = 3, **spec: Any) -> dict[str, Any]:
    """A Deployment whose pods bear lost nodes for so many seconds, or for ever."""
    body = deployment(replicas=replicas, **spec)
    limit = {} if seconds is None else {"tolerationSeconds": seconds}
    tolerations = [{"key": key, "operator": "Exists", "effect": "NoExecute"} | limit for key in (NOT_READY, UNREACHABLE)]
    body["spec"]["template"]["spec"]["tolerations"] = tolerations
    return body


def bare(name: str, node: str, **spec: Any) -> dict[str, Any]:
    """A pod without an owner that is on that node already."""
    containers = [{"name": "app", "image": "app:v1"}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"nodeName": node, "containers": containers} | spec}


def taints(cluster: Cluster, node: str) -> list[str]:
    found = cluster.store.get(Node, "", node)
    assert found is not None
    return [f"{t.key.removeprefix('node.kubernetes.io/')}:{t.effect}" for t in found.spec.taints]


def ready(cluster: Cluster, node: str) -> str:
    found = cluster.store.get(Node, "", node)
    assert found is not None
    return next((c.status for c in found.status.conditions if c.type == "Ready"), "")


def pods_on(cluster: Cluster, node: str) -> list[Pod]:
    return list(cluster.store.pods_on(node))


def said(cluster: Cluster, reason: str) -> list[str]:
    """Messages of the events with that reason, in order."""
    return [e.message for e in cluster.events if e.reason == reason]


def first_ms(cluster: Cluster, holds: Any, kind: str) -> int:
    """When an object of the kind was first written as it should be."""
    return next(e.time_ms for e in cluster.trace if e.key.kind == kind and e.after is not None and holds(e.after))
