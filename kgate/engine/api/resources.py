"""What a pod asks for, added up as the scheduler and the quota add it (component-helpers/resource/helpers.go).

Amounts are integers, as in `core`: cpu in thousandths of a core, everything else in its base unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from kgate.engine.api.core import Container, PodSpec
from kgate.engine.api.quantity import Notation, Quantity, milli, of, of_milli, value

Amounts: TypeAlias = Mapping[str, int]

CPU = "cpu"
MEMORY = "memory"
EPHEMERAL_STORAGE = "ephemeral-storage"
STORAGE = "storage"
PODS = "pods"

NON_ZERO: Amounts = {CPU: 100, MEMORY: 200 * 2**20}
"""For scoring only: what a container without a request for cpu or memory counts as (pkg/scheduler/util/pod_resources.go)."""


def amount(resource: str, quantity: Quantity) -> int:
    """Milli for cpu, base units for all else, rounded away from zero."""
    return milli(quantity) if resource == CPU else value(quantity)


def quantity(resource: str, amount: int) -> Quantity:
    """The way back from `amount`."""
    if resource == CPU:
        return of_milli(amount)
    # Unlike upstream: the notation is not kept. Bytes are shown in powers of 1024 or of 1000, whichever takes the smaller number.
    binary = _is_bytes(resource) and _trailing(amount, 1024) < _trailing(amount, 1000)
    return of(amount, Notation.BINARY_SI if binary else Notation.DECIMAL_SI)


def _is_bytes(resource: str) -> bool:
    return resource in (MEMORY, EPHEMERAL_STORAGE, STORAGE) or resource.startswith("hugepages-")


def _trailing(amount: int, base: int) -> int:
    """The number before the suffix: 2 for 2 Gi, 2097152 for 2Gi in powers of 1000."""
    while amount and amount % base == 0:
        amount //= base
    return abs(amount)


def pod_requests(spec: PodSpec, *, missing: Amounts | None = None) -> dict[str, int]:
    """What the pod needs at its worst moment, overhead included (PodRequests).

    `missing` stands in for what a container does not name at all (an explicit zero stays zero): `NON_ZERO` for scoring.
    """
    fill = missing or {}
    total = _at_worst(
        [{**fill, **c.resources.requests} for c in spec.containers],
        [(c, {**fill, **c.resources.requests}) for c in spec.init_containers],
    )
    total |= _pod_level(spec.resources.requests if spec.resources else {})
    _add(total, spec.overhead)
    return total


def pod_limits(spec: PodSpec) -> dict[str, int]:
    """The same over limits; overhead counts only where there is a limit to begin with (PodLimits)."""
    total = _at_worst([c.resources.limits for c in spec.containers], [(c, c.resources.limits) for c in spec.init_containers])
    total |= _pod_level(spec.resources.limits if spec.resources else {})
    _add(total, {name: more for name, more in spec.overhead.items() if total.get(name)})
    return total


def is_pod_level(resource: str) -> bool:
    """Whether `spec.resources` of a pod may speak of the resource."""
    return resource in (CPU, MEMORY) or resource.startswith("hugepages-")


def _at_worst(running: Sequence[Amounts], init: Sequence[tuple[Container, Amounts]]) -> dict[str, int]:
    """max(containers + sidecars, each ordinary init container + the sidecars started before it), resource by resource.

    Init 1cpu, sidecar 1cpu, init 2cpu, container 1cpu: running needs 1 + 1, the second init 2 + 1, so 3.
    """
    total: dict[str, int] = {}
    for amounts in running:
        _add(total, amounts)
    sidecars: dict[str, int] = {}
    starting: dict[str, int] = {}
    for container, amounts in init:
        now = dict(sidecars)
        _add(now, amounts)
        _raise_to(starting, now)
        if container.sidecar:
            _add(total, amounts)
            sidecars = now
    _raise_to(total, starting)
    return total


def _pod_level(amounts: Amounts) -> dict[str, int]:
    return {name: n for name, n in amounts.items() if is_pod_level(name)}


def _add(total: dict[str, int], amounts: Amounts) -> None:
    for name, n in amounts.items():
        total[name] = total.get(name, 0) + n


def _raise_to(total: dict[str, int], amounts: Amounts) -> None:
    for name, n in amounts.items():
        if n > total.get(name, n - 1):
            total[name] = n
