"""What a pod asks for, added up as the scheduler and the quota add it (component-helpers/resource/helpers.go)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from kgate.engine.api.quantity import ZERO, Quantity, of, of_milli

ResourceList = Mapping[str, Quantity]

CPU = "cpu"
MEMORY = "memory"
EPHEMERAL_STORAGE = "ephemeral-storage"
PODS = "pods"

NON_ZERO: ResourceList = {CPU: of_milli(100), MEMORY: of(200 * 2**20)}
"""For scoring only: what a container without a request for cpu or memory counts as (pkg/scheduler/util/pod_resources.go)."""


class Requirements(Protocol):
    @property
    def requests(self) -> ResourceList: ...
    @property
    def limits(self) -> ResourceList: ...


class AskingContainer(Protocol):
    @property
    def resources(self) -> Requirements: ...
    @property
    def restart_policy(self) -> str | None: ...


class AskingPodSpec(Protocol):
    @property
    def containers(self) -> Sequence[AskingContainer]: ...
    @property
    def init_containers(self) -> Sequence[AskingContainer]: ...
    @property
    def overhead(self) -> ResourceList: ...
    @property
    def resources(self) -> Requirements | None: ...


def pod_requests(spec: AskingPodSpec, *, missing: ResourceList | None = None) -> dict[str, Quantity]:
    """What the pod needs at its worst moment, overhead included (PodRequests).

    `missing` stands in for what a container does not name at all (an explicit zero stays zero): `NON_ZERO` for scoring.
    """
    asking = [(c, _filled(c.resources.requests, missing)) for c in (*spec.init_containers, *spec.containers)]
    total = _at_worst(asking, len(spec.init_containers))
    total |= _pod_level(spec.resources.requests if spec.resources else {})
    for name, amount in spec.overhead.items():
        total[name] = total.get(name, ZERO) + amount
    return total


def pod_limits(spec: AskingPodSpec) -> dict[str, Quantity]:
    """The same over limits; overhead counts only where there is a limit to begin with (PodLimits)."""
    asking = [(c, c.resources.limits) for c in (*spec.init_containers, *spec.containers)]
    total = _at_worst(asking, len(spec.init_containers))
    total |= _pod_level(spec.resources.limits if spec.resources else {})
    for name, amount in spec.overhead.items():
        if total.get(name, ZERO):
            total[name] = total[name] + amount
    return total


def is_pod_level(name: str) -> bool:
    """Whether `spec.resources` of a pod may speak of the resource."""
    return name in (CPU, MEMORY) or name.startswith("hugepages-")


def is_sidecar(container: AskingContainer) -> bool:
    """An init container that keeps running beside the containers."""
    return container.restart_policy == "Always"


def _at_worst(asking: Sequence[tuple[AskingContainer, ResourceList]], n_init: int) -> dict[str, Quantity]:
    """max(containers + sidecars, each ordinary init container + the sidecars started before it), resource by resource.

    Init 1cpu, sidecar 1cpu, init 2cpu, container 1cpu: running needs 1 + 1, the second init 2 + 1, so 3.
    """
    running: dict[str, Quantity] = {}
    for _, amounts in asking[n_init:]:
        _add(running, amounts)
    sidecars: dict[str, Quantity] = {}
    starting: dict[str, Quantity] = {}
    for container, amounts in asking[:n_init]:
        if is_sidecar(container):
            _add(running, amounts)
            _add(sidecars, amounts)
            _raise_to(starting, sidecars)
        else:
            now = dict(amounts)
            _add(now, sidecars)
            _raise_to(starting, now)
    _raise_to(running, starting)
    return running


def _filled(requests: ResourceList, missing: ResourceList | None) -> ResourceList:
    return requests if missing is None else {**missing, **requests}


def _pod_level(amounts: ResourceList) -> dict[str, Quantity]:
    return {name: amount for name, amount in amounts.items() if is_pod_level(name)}


def _add(total: dict[str, Quantity], amounts: ResourceList) -> None:
    for name, amount in amounts.items():
        total[name] = total[name] + amount if name in total else amount


def _raise_to(total: dict[str, Quantity], amounts: ResourceList) -> None:
    for name, amount in amounts.items():
        if name not in total or amount > total[name]:
            total[name] = amount
