"""Small clusters right before a change."""

from __future__ import annotations

from typing import Any

from kgate.engine import Behaviour, Cluster
from kgate.engine.api.apps import Deployment
from kgate.engine.api.meta import FrozenMap, Key
from kgate.engine.behaviour import ImageBehaviour
from kgate.rollout.follow import complete
from kgate.rollout.nodes import HOSTNAME, ZONE
from kgate.rollout.search import Start

WEB = Key("Deployment", "default", "web")
Json = dict[str, Any]


def deployment(image: str, replicas: int, *, surge: int = 1, unavailable: int = 0, name: str = "web", **pod: Any) -> Json:
    """Its pods are spread over nodes, and zones do not matter to them."""
    spread = {"maxSkew": 1, "topologyKey": HOSTNAME, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": {"app": name}}}
    spec = {"containers": [{"name": "app", "image": image}], "topologySpreadConstraints": [spread]} | pod
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": spec},
        },
    }


def start(nodes: dict[str, str], before: Json, after: Json, *, least_ms: int | None = None, others: dict[str, int] | None = None) -> Start:
    """`nodes`: zone by name. `least_ms`: new pods may be ready as early. `others`: pods of somebody else, by node."""
    images = FrozenMap({"app:2": ImageBehaviour(startup_ms=4000, startup_least_ms=least_ms)})
    cluster = Cluster(behaviour=Behaviour(startup_ms=2000, termination_ms=1000, images=images))
    for name, zone in nodes.items():
        labels = {HOSTNAME: name, ZONE: zone}
        capacity = {"cpu": "4", "memory": "8Gi", "pods": "20"}
        cluster.add_node({"metadata": {"name": name, "labels": labels}, "status": {"capacity": capacity}})
    for name, count in (others or {}).items():
        for n in range(count):
            cluster.create(pod_on(name, f"{name}-{n}"))
    cluster.apply(before)
    cluster.run_for(60_000)
    return Start(cluster=cluster, change=lambda c: c.apply(after), over=over, deployments=(WEB,))


def pod_on(node: str, name: str) -> Json:
    container = {"name": "other", "image": "other", "resources": {"requests": {"cpu": "500m", "memory": "512Mi"}}}
    metadata = {"name": name, "namespace": "default", "labels": {"app": "other"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"nodeName": node, "containers": [container]}}


def over(cluster: Cluster) -> bool:
    d = cluster.store.get(Deployment, "default", "web")
    return d is None or complete(d)
