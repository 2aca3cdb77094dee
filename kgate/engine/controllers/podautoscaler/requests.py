"""What a pod asks for of one resource, in thousandths (replica_calculator.go:calculateRequests)."""

from __future__ import annotations

from collections.abc import Iterable

from kgate.engine.api import resources
from kgate.engine.api.core import Container, Pod
from kgate.engine.metrics import MetricsError


def requests(pods: Iterable[Pod], container: str, resource: str) -> dict[str, int]:
    """By pod name; with `container`, of that container alone. Raises MetricsError when a pod asks for none."""
    return {pod.metadata.name: _request(pod, container, resource) for pod in pods}


def _request(pod: Pod, container: str, resource: str) -> int:
    together = pod.spec.resources
    if not container and together is not None and any(resources.is_pod_level(name) for name in together.requests):
        amount = resources.pod_requests(pod.spec).get(resource)
        if amount is None:
            raise MetricsError(f"missing pod-level request for {resource} in Pod {pod.metadata.name}")
        return _thousandths(resource, amount)
    return _of_containers(pod, container, resource)


def _of_containers(pod: Pod, container: str, resource: str) -> int:
    """Sidecars count as containers do."""
    total = 0
    counted: list[Container] = [*pod.spec.containers, *(c for c in pod.spec.init_containers if c.sidecar)]
    for c in counted:
        if container in ("", c.name):
            if resource not in c.resources.requests:
                raise MetricsError(f"missing request for {resource} in container {c.name} of Pod {pod.metadata.name}")
            total += _thousandths(resource, c.resources.requests[resource])
        if container == c.name:
            return total
    if container:
        raise MetricsError(f"container {container} not found in Pod {pod.metadata.name}")
    return total


def _thousandths(resource: str, amount: int) -> int:
    return amount if resource == resources.CPU else amount * 1000
