"""How many pods a PodDisruptionBudget expects, and how many of them healthy (getExpectedPodCount, getExpectedScale)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from kgate.engine.api import intstr
from kgate.engine.api.core import Pod
from kgate.engine.api.policy import PodDisruptionBudgetSpec
from kgate.engine.controllers.disruption.scale import Scales, UnknownScaleError


class Expectation(Struct, frozen=True, kw_only=True):
    """What the budget measures the healthy pods against."""

    pods: int = 0
    desired_healthy: int = 0
    unmanaged: tuple[str, ...] = ()
    """Names of pods without a controller: they are in no sum, and so make the budget count wrongly."""


def expectation(spec: PodDisruptionBudgetSpec, pods: Sequence[Pod], scales: Scales) -> Expectation:
    """A plain number of available pods is measured against the pods there are, everything else against what their controllers want.

    Percentages round up: at most 30 % unavailable of 4 are 2, at least 50 % available of 3 are 2. Raises UnknownScaleError.
    """
    if spec.max_unavailable is not None:
        wanted, unmanaged = _wanted(pods, scales)
        desired = max(0, wanted - _scaled(spec.max_unavailable, wanted))
    elif isinstance(spec.min_available, str):
        wanted, unmanaged = _wanted(pods, scales)
        desired = _scaled(spec.min_available, wanted)
    elif spec.min_available is not None:
        wanted, unmanaged, desired = len(pods), (), spec.min_available
    else:
        return Expectation()
    return Expectation(pods=wanted, desired_healthy=desired, unmanaged=unmanaged)


def _wanted(pods: Sequence[Pod], scales: Scales) -> tuple[int, tuple[str, ...]]:
    """The sum of the sizes of all controllers of these pods, each counted once; and who has none."""
    sizes: dict[str, int] = {}
    unmanaged: list[str] = []
    seen: set[str] = set()
    for pod in pods:
        ref = pod.metadata.controller
        if ref is None:
            unmanaged.append(pod.metadata.name)
        elif ref.uid not in seen:
            seen.add(ref.uid)
            found = scales.of(ref, pod.metadata.namespace)
            if found is None:
                raise UnknownScaleError(f'found no controllers for pod "{pod.metadata.name}"')
            sizes[found.uid] = found.replicas
    return sum(sizes.values()), tuple(unmanaged)


def _scaled(v: int | str, total: int) -> int:
    try:
        return intstr.scaled(v, total, round_up=True)
    except ValueError as e:
        raise UnknownScaleError(str(e)) from e
