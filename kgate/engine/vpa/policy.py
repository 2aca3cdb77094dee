"""What an autoscaler's policies allow (vertical-pod-autoscaler/pkg/utils/vpa: api, capping, limit_and_request_scaling)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from kgate.engine.api.core import Container, Pod
from kgate.engine.api.meta import FrozenMap
from kgate.engine.api.resources import CPU, MEMORY
from kgate.engine.api.verticalautoscaling import ContainerResourcePolicy, RecommendedContainerResources, VerticalPodAutoscaler
from kgate.engine.store import Store

OFF, INITIAL, RECREATE, IN_PLACE_OR_RECREATE, AUTO = "Off", "Initial", "Recreate", "InPlaceOrRecreate", "Auto"
UPDATING = (RECREATE, AUTO, IN_PLACE_OR_RECREATE)
EVERY = "*"

Amounts = FrozenMap[str, int]


def mode(vpa: VerticalPodAutoscaler) -> str:
    return (vpa.spec.update_policy.update_mode if vpa.spec.update_policy else None) or RECREATE


def container_policy(vpa: VerticalPodAutoscaler, name: str) -> ContainerResourcePolicy:
    """The container's own, else the one for all; where neither is there, an empty one."""
    policies = vpa.spec.resource_policy.container_policies if vpa.spec.resource_policy else ()
    own = next((p for p in policies if p.container_name == name), None)
    return own or next((p for p in reversed(policies) if p.container_name == EVERY), ContainerResourcePolicy(container_name=name))


def scaled(vpa: VerticalPodAutoscaler, name: str) -> bool:
    return container_policy(vpa, name).mode != OFF


def capped(amounts: Mapping[str, int], policy: ContainerResourcePolicy) -> Amounts:
    """Only what the policy controls, within what it allows; the maximum has the last word."""
    controlled = (CPU, MEMORY) if policy.controlled_resources is None else policy.controlled_resources
    out = {}
    for name, amount in amounts.items():
        if name in controlled:
            low, high = policy.min_allowed.get(name) or amount, policy.max_allowed.get(name)
            out[name] = min(max(amount, low), high) if high else max(amount, low)
    return FrozenMap(out)


def for_pod(vpa: VerticalPodAutoscaler, pod: Pod) -> dict[str, RecommendedContainerResources]:
    """The recommendation as this pod's limits leave it, by container name. Unlike upstream, limit ranges do not bear on it."""
    recommendation = vpa.status.recommendation
    known = {r.container_name: r for r in recommendation.container_recommendations} if recommendation else {}
    return {c.name: _for_container(vpa, c, known[c.name]) for c in pod.spec.containers if c.name in known}


def _for_container(vpa: VerticalPodAutoscaler, container: Container, r: RecommendedContainerResources) -> RecommendedContainerResources:
    policy = container_policy(vpa, container.name)

    def fit(amounts: Amounts) -> Amounts:
        within = capped(amounts, policy)
        if policy.controlled_values != "RequestsOnly":
            return within
        limits = container.resources.limits
        return FrozenMap({name: min(amount, limits.get(name, amount)) for name, amount in within.items()})

    return replace(r, target=fit(r.target), lower_bound=fit(r.lower_bound), upper_bound=fit(r.upper_bound))


def resized(vpa: VerticalPodAutoscaler, pod: Pod) -> tuple[Container, ...]:
    """The pod's containers with the recommended requests, and limits in the same proportion to them as before."""
    fitting = for_pod(vpa, pod)
    return tuple(_resized(vpa, c, fitting[c.name].target) if c.name in fitting else c for c in pod.spec.containers)


def _resized(vpa: VerticalPodAutoscaler, container: Container, target: Amounts) -> Container:
    resources = container.resources
    limits = dict(resources.limits)
    if container_policy(vpa, container.name).controlled_values != "RequestsOnly":
        limits |= {n: _proportional(n, container, target[n]) for n in target if resources.limits.get(n) and target[n]}
    changed = replace(resources, requests=FrozenMap({**resources.requests, **target}), limits=FrozenMap(limits))
    return container if changed == resources else replace(container, resources=changed)


def _proportional(name: str, container: Container, target: int) -> int:
    """1 : 2 stays 1 : 2. A limit without a request, or equal to it, becomes the request."""
    limit, request = container.resources.limits[name], container.resources.requests.get(name, 0)
    return target if request in (0, limit) else limit * target // request


def controlling(store: Store, pod: Pod) -> VerticalPodAutoscaler | None:
    """Of those that name the pod's topmost controller the oldest, ties by name."""
    vpas = store.list(VerticalPodAutoscaler, pod.metadata.namespace)
    if not vpas:
        return None
    top = _top(store, pod)
    mine = [v for v in vpas if v.spec.target_ref is not None and (v.spec.target_ref.kind, v.spec.target_ref.name) == top]
    return min(mine, key=lambda v: (v.metadata.creation_timestamp_ms or 0, v.metadata.name), default=None)


def _top(store: Store, pod: Pod) -> tuple[str, str] | None:
    obj: Any = pod
    top: tuple[str, str] | None = None
    while obj is not None and (ref := obj.metadata.controller) is not None:
        top = (ref.kind, ref.name)
        obj = next((o for o in store.list_kind(ref.kind, pod.metadata.namespace) if o.metadata.uid == ref.uid), None)
    return top
