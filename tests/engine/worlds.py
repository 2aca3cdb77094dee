"""Small clusters and the Deployments that the tests roll on them."""

from __future__ import annotations

from typing import Any

from kgate.engine import Behaviour, Cluster, ImageBehaviour
from kgate.engine.api.apps import ReplicaSet
from kgate.engine.api.meta import FrozenMap

BEHAVIOUR = Behaviour(
    startup_ms=200,
    termination_ms=100,
    images=FrozenMap(
        {
            "bad": ImageBehaviour(mode="never"),
            "crash": ImageBehaviour(mode="crash"),
            "flaky": ImageBehaviour(mode="flaky", unready_after_ms=1000),
            "notready": ImageBehaviour(mode="notready"),
        }
    ),
)


def cluster(behaviour: Behaviour = BEHAVIOUR, nodes: int = 3, **kwargs: Any) -> Cluster:
    world = Cluster(behaviour=behaviour, **kwargs)
    for n in range(1, nodes + 1):
        world.add_node({"metadata": {"name": f"n{n}"}, "status": {"capacity": {"cpu": "32", "memory": "64Gi", "pods": "110"}}})
    return world


def deployment(image: str = "app:v1", *, name: str = "web", replicas: int | None = 3, **spec: Any) -> dict[str, Any]:
    """`surge` and `unavailable` make a rollingUpdate; everything else goes into the spec as it is."""
    rolling = {k: spec.pop(v) for k, v in (("maxSurge", "surge"), ("maxUnavailable", "unavailable")) if v in spec}
    body: dict[str, Any] = {
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": image}]}},
        **spec,
    }
    if replicas is not None:
        body["replicas"] = replicas
    if rolling:
        body["strategy"] = {"type": "RollingUpdate", "rollingUpdate": rolling}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": body}


def conditions(world: Cluster, name: str = "web") -> dict[str, tuple[str, str]]:
    found = world.get("Deployment", name)["status"].get("conditions", [])
    return {c["type"]: (c["status"], c["reason"]) for c in found}


def progress(world: Cluster, name: str = "web") -> str:
    return conditions(world, name)["Progressing"][1]


def sets(world: Cluster) -> list[ReplicaSet]:
    """In order of creation."""
    return list(world.store.list(ReplicaSet))


def sizes(world: Cluster) -> list[int]:
    return [rs.spec.replicas for rs in sets(world)]


def pairs(world: Cluster, since: int = 0) -> list[list[int]]:
    """[size of the newest set, sum of the others] before and after every change from trace position `since` on."""
    now: dict[str, int] = {}
    seen: list[list[int]] = []
    newest = max(sets(world), key=lambda rs: int(rs.metadata.annotations["deployment.kubernetes.io/revision"])).metadata.name
    for n, event in enumerate(world.trace):
        if event.key.kind == "ReplicaSet":
            now[event.key.name] = event.after.spec.replicas if isinstance(event.after, ReplicaSet) else 0
        pair = [now.get(newest, 0), sum(v for k, v in now.items() if k != newest)]
        seen = [*seen, pair] if n >= since and seen[-1:] != [pair] else seen
    return seen


def rest(world: Cluster, limit_ms: int = 1_000_000) -> Cluster:
    assert world.run_to_rest(limit_ms)
    return world
