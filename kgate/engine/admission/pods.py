"""What happens to a pod, and only to a pod, when it is created, whoever creates it.

Sources: SetDefaults_Pod (pkg/apis/core/v1/defaults.go), plugin/pkg/admission/{limitranger,priority,defaulttolerationseconds},
pkg/registry/core/pod/strategy.go (matchLabelKeys).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from kgate.engine.admission import limitrange
from kgate.engine.admission.priority import Priorities, Priority
from kgate.engine.api import resources, selector
from kgate.engine.api.core import (
    Affinity,
    Container,
    Pod,
    PodAffinity,
    PodAffinityTerm,
    PodSpec,
    PodStatus,
    ResourceRequirements,
    Toleration,
    TopologySpreadConstraint,
)
from kgate.engine.api.meta import FrozenMap, Labels
from kgate.engine.api.quota import LimitRange
from kgate.engine.errors import forbidden
from kgate.engine.store import Store

NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
DEFAULT_TOLERATION_SECONDS = 300


class _Known(NamedTuple):
    """What a template came to, and under which circumstances."""

    spec: PodSpec
    labels: Labels
    priority: Priority
    ranges: Sequence[LimitRange]
    done: PodSpec
    note: str


class PodAdmission:
    """Completes pods on their way into the store. Pods of one template share one completed spec object."""

    def __init__(self, store: Store, priorities: Priorities) -> None:
        self._store = store
        self._priorities = priorities
        self._known: dict[tuple[int, int], _Known] = {}

    def __call__(self, pod: Pod) -> Pod:
        """Raises ApiError 403 for an unknown priority class, and for what a LimitRange forbids."""
        ranges = self._store.list(LimitRange, pod.metadata.namespace)
        known = self._completed(pod, self._priorities.of(pod), ranges)
        for limit_range in ranges:
            if why := limitrange.pod_refused(known.done, limit_range):
                raise forbidden("pods", pod.metadata.name, why)
        status = PodStatus(phase="Pending", rest=FrozenMap(qosClass=qos_class(known.done)))
        meta = pod.metadata.annotated(limitrange.ANNOTATION, known.note) if known.note else pod.metadata
        return replace(pod, metadata=meta, spec=known.done, status=status)

    def _completed(self, pod: Pod, priority: Priority, ranges: Sequence[LimitRange]) -> _Known:
        spec, labels = pod.spec, pod.metadata.labels
        known = self._known.get((id(spec), id(labels)))
        if known is not None and known.spec is spec and known.labels is labels and (known.priority, known.ranges) == (priority, ranges):
            return known
        limited, note = limitrange.filled(defaulted(spec), ranges)
        known = _Known(spec, labels, priority, ranges, resolved(limited, labels, priority), note)
        self._known[(id(spec), id(labels))] = known
        return known


def defaulted(spec: PodSpec) -> PodSpec:
    """What pods get and templates do not, before anybody else looks at them (SetDefaults_Pod)."""
    spec = replace(
        spec,
        containers=tuple(_with_requests(c) for c in spec.containers),
        init_containers=tuple(_with_requests(c) for c in spec.init_containers),
        rest=spec.rest if "enableServiceLinks" in spec.rest else spec.rest.with_("enableServiceLinks", True),
    )
    return _with_host_ports(_with_pod_requests(spec))


def resolved(spec: PodSpec, labels: Labels, priority: Priority) -> PodSpec:
    """With the priority, the default tolerations, and selectors that name the pod's own labels."""
    return replace(
        spec,
        tolerations=with_default_tolerations(spec.tolerations),
        priority_class_name=priority.class_name,
        priority=priority.value,
        preemption_policy=priority.policy,
        topology_spread_constraints=tuple(_merged_spread(c, labels) for c in spec.topology_spread_constraints),
        affinity=_merged_affinity(spec.affinity, labels),
    )


def _with_requests(container: Container) -> Container:
    """Each limit without a request becomes the request."""
    missing = {k: v for k, v in container.resources.limits.items() if k not in container.resources.requests}
    if not missing:
        return container
    requests = FrozenMap({**container.resources.requests, **missing})
    return replace(container, resources=replace(container.resources, requests=requests))


def _with_pod_requests(spec: PodSpec) -> PodSpec:
    """Pod-level requests default from what the containers ask for together, else from the pod's limits (defaultPodRequests)."""
    if spec.resources is None or not spec.resources.limits:
        return spec
    together = resources.pod_requests(replace(spec, resources=None, overhead=FrozenMap()))
    asked = dict(spec.resources.requests)
    for name, limit in spec.resources.limits.items():
        if resources.is_pod_level(name) and name not in asked:
            asked[name] = together.get(name, limit)
    for name, amount in together.items():
        if resources.is_pod_level(name):
            asked.setdefault(name, amount)
    return replace(spec, resources=replace(spec.resources, requests=FrozenMap(asked)))


def _with_host_ports(spec: PodSpec) -> PodSpec:
    if not spec.host_network:
        return spec

    def exposed(c: Container) -> Container:
        return replace(c, ports=tuple(p if p.host_port else replace(p, host_port=p.container_port) for p in c.ports))

    return replace(spec, containers=tuple(map(exposed, spec.containers)), init_containers=tuple(map(exposed, spec.init_containers)))


def with_default_tolerations(tolerations: tuple[Toleration, ...]) -> tuple[Toleration, ...]:
    """Nodes that are not ready or unreachable are tolerated for 300 s, unless the pod says something else about them."""
    more = [
        Toleration(key=key, operator="Exists", effect="NoExecute", toleration_seconds=DEFAULT_TOLERATION_SECONDS)
        for key in (NOT_READY, UNREACHABLE)
        if not any(t.key in (key, "") and t.effect in ("NoExecute", "") for t in tolerations)
    ]
    return (*tolerations, *more)


def _merged_spread(constraint: TopologySpreadConstraint, labels: Labels) -> TopologySpreadConstraint:
    """The pod's own values of `matchLabelKeys` become part of the selector."""
    wanted = constraint.label_selector
    for key in constraint.match_label_keys:
        if wanted is not None and key in labels:
            wanted = selector.requiring(wanted, key, labels[key])
    return constraint if wanted is constraint.label_selector else replace(constraint, label_selector=wanted)


def _merged_affinity(affinity: Affinity | None, labels: Labels) -> Affinity | None:
    if affinity is None or (affinity.pod_affinity is None and affinity.pod_anti_affinity is None):
        return affinity
    near, far = _merged_pod_affinity(affinity.pod_affinity, labels), _merged_pod_affinity(affinity.pod_anti_affinity, labels)
    return replace(affinity, pod_affinity=near, pod_anti_affinity=far)


def _merged_pod_affinity(affinity: PodAffinity | None, labels: Labels) -> PodAffinity | None:
    if affinity is None:
        return None
    required = tuple(_merged_term(t, labels) for t in affinity.required)
    preferred = tuple(replace(w, pod_affinity_term=_merged_term(w.pod_affinity_term, labels)) for w in affinity.preferred)
    return replace(affinity, required=required, preferred=preferred)


def _merged_term(term: PodAffinityTerm, labels: Labels) -> PodAffinityTerm:
    wanted = term.label_selector
    if wanted is None:
        return term
    for key in term.match_label_keys:
        wanted = selector.requiring(wanted, key, labels[key]) if key in labels else wanted
    for key in term.mismatch_label_keys:
        wanted = selector.refusing(wanted, key, labels[key]) if key in labels else wanted
    return replace(term, label_selector=wanted)


def qos_class(spec: PodSpec) -> str:
    """Guaranteed, Burstable or BestEffort, by cpu and memory (pkg/apis/core/v1/helper/qos/qos.go)."""
    asked: list[ResourceRequirements] = [c.resources for c in (*spec.containers, *spec.init_containers)]
    if spec.resources is not None and (spec.resources.requests or spec.resources.limits):
        asked = [spec.resources]
    names = (resources.CPU, resources.MEMORY)
    if not any(r.requests.get(n) or r.limits.get(n) for r in asked for n in names):
        return "BestEffort"
    guaranteed = all(r.limits.get(n) and r.requests.get(n) == r.limits.get(n) for r in asked for n in names)
    return "Guaranteed" if guaranteed else "Burstable"
