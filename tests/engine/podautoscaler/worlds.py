"""A Deployment `web` with an autoscaler `hpa`, and what is said of its pods' usage."""

from __future__ import annotations

from typing import Any

from kgate.engine import Cluster
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import FrozenMap
from tests.engine.worlds import cluster, deployment

SETTINGS = {
    "horizontal-pod-autoscaler-sync-period": "2s",
    "horizontal-pod-autoscaler-downscale-stabilization": "5s",
    "horizontal-pod-autoscaler-cpu-initialization-period": "5s",
    "horizontal-pod-autoscaler-initial-readiness-delay": "1s",
}
PERCENT_50 = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}


def web(replicas: int | None = 2, image: str = "app:v1", requests: dict[str, str] | None = None) -> dict[str, Any]:
    body = deployment(image, replicas=replicas)
    asked = {"cpu": "100m"} if requests is None else requests
    body["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": asked}
    return body


def hpa(low: int = 1, high: int = 10, *metrics: dict[str, Any], name: str = "hpa", target: str = "web", **spec: Any) -> dict[str, Any]:
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    body = {"scaleTargetRef": ref, "minReplicas": low, "maxReplicas": high, "metrics": list(metrics or (PERCENT_50,)), **spec}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name}, "spec": body}


def world(replicas: int = 2, **kwargs: Any) -> Cluster:
    """The Deployment has run for ten seconds: its pods are past their start."""
    made = cluster(settings=SETTINGS, **kwargs)
    made.apply(web(replicas))
    made.run_for(10_000)
    return made


def use(of: Cluster, milli: int, memory: int = 10 * 2**20, prefix: str = "web") -> None:
    """Every container of the pods there are."""
    for pod in of.store.list(Pod):
        if pod.metadata.name.startswith(prefix):
            of.metrics.of_pod(pod, {c.name: FrozenMap(cpu=milli, memory=memory * 1000) for c in pod.spec.containers})


def replicas(of: Cluster) -> int:
    found: int = of.get("Deployment", "web")["spec"]["replicas"]
    return found


def status(of: Cluster, name: str = "hpa") -> dict[str, Any]:
    found: dict[str, Any] = of.get("HorizontalPodAutoscaler", name)["status"]
    return found


def reasons(of: Cluster, name: str = "hpa") -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in status(of, name).get("conditions", [])}


def said(of: Cluster, name: str = "hpa") -> list[tuple[str, str]]:
    return [
        (e.reason, e.message) for e in of.events if (e.involved_object.kind, e.involved_object.name) == ("HorizontalPodAutoscaler", name)
    ]
