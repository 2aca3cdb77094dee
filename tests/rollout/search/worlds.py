"""Small clusters right before a change."""

from __future__ import annotations

from typing import Any

from kgate.engine import Behaviour, Cluster
from kgate.engine.api.apps import Deployment
from kgate.engine.api.meta import Key
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


def start(nodes: dict[str, str], before: Json, after: Json) -> Start:
    """`nodes`: zone by name."""
    cluster = Cluster(behaviour=Behaviour(startup_ms=2000, termination_ms=1000))
    for name, zone in nodes.items():
        labels = {HOSTNAME: name, ZONE: zone}
        capacity = {"cpu": "4", "memory": "8Gi", "pods": "20"}
        cluster.add_node({"metadata": {"name": name, "labels": labels}, "status": {"capacity": capacity}})
    cluster.apply(before)
    cluster.run_for(60_000)
    return Start(cluster=cluster, change=lambda c: c.apply(after), over=over, deployments=(WEB,))


def over(cluster: Cluster) -> bool:
    d = cluster.store.get(Deployment, "default", "web")
    return d is None or complete(d)
