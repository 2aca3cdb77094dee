"""Gets pods that ask for something else than recommended replaced, or resized in place (vertical-pod-autoscaler/pkg/updater).

A model: a resize in place succeeds at once where the node has room. Unlike upstream no container is restarted by it, and
what an autoscaler requires of an eviction (evictionRequirements) keeps all pods where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.admission.pods import qos_class
from kgate.engine.api import resources
from kgate.engine.api.apps import ReplicaSet
from kgate.engine.api.core import Node, Pod
from kgate.engine.api.meta import Condition, Millis, condition
from kgate.engine.api.verticalautoscaling import RecommendedContainerResources, VerticalPodAutoscaler
from kgate.engine.errors import ApiError
from kgate.engine.eviction import Eviction, evict
from kgate.engine.manager import Manager
from kgate.engine.store import Store
from kgate.engine.vpa import policy
from kgate.engine.vpa.recommender import killed_for_memory
from kgate.engine.vpa.settings import Settings

SOURCE = "vpa-updater (model)"
RESIZE_PENDING = "PodResizePending"
DEFERRED, INFEASIBLE = "Deferred", "Infeasible"


class Priority(Struct, frozen=True, kw_only=True):
    """How much a pod is in need of an update (PodPriority)."""

    outside: bool
    """A request is outside of the recommended bounds."""
    grows: bool
    change: float
    """Of all requests, relative to what they are, resource by resource."""


class _Group(Struct):
    """The pods of one ReplicaSet, and how many of them may be disturbed (singleGroupStats)."""

    configured: int
    running: int
    tolerance: int
    disturbed: int = 0

    @property
    def disruptable(self) -> bool:
        alone = self.configured == self.running and self.tolerance == 0 and self.disturbed == 0
        return alone or self.running - self.disturbed > self.configured - self.tolerance


class Updater:
    """Of all autoscalers."""

    def __init__(self, store: Store, manager: Manager, settings: Settings) -> None:
        self._store = store
        self._manager = manager
        self._settings = settings

    def look(self, vpa: VerticalPodAutoscaler, pods: Sequence[Pod]) -> None:
        """One round: the pods that need it most first, as long as enough of their ReplicaSet keeps running."""
        update = vpa.spec.update_policy
        if policy.mode(vpa) not in policy.UPDATING or (update is not None and update.rest.get("evictionRequirements")):
            return
        live = [p for p in pods if p.active and p.spec.node_name and policy.controlling(self._store, p) == vpa]
        groups = self._groups(vpa, live)
        in_place = policy.mode(vpa) == policy.IN_PLACE_OR_RECREATE
        for pod in self._ordered(vpa, [p for p in live if _owner(p) in groups]):
            group = groups[_owner(pod)]
            pending = pod.status.phase == "Pending"
            if in_place and (pending or self._resized(vpa, pod, group)):
                continue
            if pending or group.disruptable:
                self._evict(vpa, pod, group)

    def _groups(self, vpa: VerticalPodAutoscaler, live: Sequence[Pod]) -> dict[str, _Group]:
        """By uid of the ReplicaSet; those with too few pods are left alone."""
        own = vpa.spec.update_policy.min_replicas if vpa.spec.update_policy else None
        required = self._settings.min_replicas if own is None else own
        groups: dict[str, _Group] = {}
        for owner in dict.fromkeys(map(_owner, live)):
            mine = [p for p in live if _owner(p) == owner]
            rs = next((r for r in self._store.list(ReplicaSet, vpa.metadata.namespace) if r.metadata.uid == owner), None)
            if rs is None or rs.spec.replicas == 0 or len(mine) < required:
                continue
            running = sum(p.status.phase != "Pending" for p in mine)
            tolerance = int(rs.spec.replicas * self._settings.eviction_tolerance)
            groups[owner] = _Group(configured=rs.spec.replicas, running=running, tolerance=tolerance)
        return groups

    def _ordered(self, vpa: VerticalPodAutoscaler, pods: Sequence[Pod]) -> list[Pod]:
        """Growing pods first, then by how much they change; ties in order of creation."""
        each = [(priority(p, policy.for_pod(vpa, p)), p) for p in pods]
        wanted = [(pr, p) for pr, p in each if self._due(vpa, p, pr)]
        return [p for _, p in sorted(wanted, key=lambda w: (not w[0].grows, -w[0].change))]

    def _due(self, vpa: VerticalPodAutoscaler, pod: Pod, p: Priority) -> bool:
        if self._quick_oom(vpa, pod):
            return p.change > 0
        if p.outside:
            return True
        start = pod.status.start_time_ms
        old = start is not None and self._store.now_ms >= start + self._settings.lifetime_ms
        return old and p.change >= self._settings.threshold

    def _quick_oom(self, vpa: VerticalPodAutoscaler, pod: Pod) -> bool:
        statuses = [s for s in pod.status.container_statuses if policy.scaled(vpa, s.name)]
        return any(killed_for_memory(s) and _lived_ms(s.last_state.get("terminated")) < self._settings.quick_oom_ms for s in statuses)

    def _evict(self, vpa: VerticalPodAutoscaler, pod: Pod, group: _Group) -> None:
        """A budget may refuse it; then it is tried again in the next round."""
        try:
            evict(self._store, pod.metadata.namespace, pod.metadata.name, Eviction())
        except ApiError:
            return
        said = "Pod was evicted by VPA Updater to apply resource recommendation."
        self._manager.record(pod, "Normal", "EvictedByVPA", said, source=SOURCE)
        said = f"VPA Updater evicted Pod {pod.metadata.name} to apply resource recommendation."
        self._manager.record(vpa, "Normal", "EvictedPod", said, source=SOURCE)
        group.disturbed += pod.status.phase != "Pending"

    def _resized(self, vpa: VerticalPodAutoscaler, pod: Pod, group: _Group) -> bool:
        """Whether there is nothing more to do for the pod in this round; if not, it is to be evicted."""
        waiting = condition(pod.status.conditions, RESIZE_PENDING)
        if waiting is not None and self._gives_up(waiting):
            return False
        if waiting is None and not group.disruptable:
            return True
        spec = replace(pod.spec, containers=policy.resized(vpa, pod))
        if spec == pod.spec or qos_class(spec) != qos_class(pod.spec):
            return False  # refused: a resize cannot change the pod's QoS class
        why = self._no_room(pod, resources.pod_requests(spec))
        self._store.update(_with_resize(pod, why, self._store.now_ms) if why else replace(_with_resize(pod, "", 0), spec=spec))
        if waiting is None:
            self._manager.record(pod, "Normal", "InPlaceResizedByVPA", "Pod was resized in place by VPA Updater.", source=SOURCE)
            group.disturbed += 1
        return True

    def _gives_up(self, waiting: Condition) -> bool:
        since = self._store.now_ms - (waiting.last_transition_time_ms or 0)
        return waiting.reason == INFEASIBLE or since > self._settings.deferred_ms

    def _no_room(self, pod: Pod, wanted: Mapping[str, int]) -> str:
        """Infeasible on this node at all, Deferred as long as the others there need the room, or empty."""
        node = self._store.get(Node, "", pod.spec.node_name)
        if node is None:
            return INFEASIBLE
        others = [p for p in self._store.pods_on(pod.spec.node_name) if not p.terminal and p.metadata.uid != pod.metadata.uid]
        taken = [resources.pod_requests(p.spec) for p in others]
        for name in (resources.CPU, resources.MEMORY):
            room, need = node.status.allocatable.get(name, 0), wanted.get(name, 0)
            if need > room:
                return INFEASIBLE
            if need + sum(t.get(name, 0) for t in taken) > room:
                return DEFERRED
        return ""


def priority(pod: Pod, recommended: Mapping[str, RecommendedContainerResources]) -> Priority:
    """GetUpdatePriority. A container without a request counts as one that asks for nothing."""
    asked: dict[str, int] = {}
    wanted: dict[str, int] = {}
    outside = grows = False
    for c in pod.spec.containers:
        r = recommended.get(c.name)
        for name, target in r.target.items() if r is not None else ():
            assert r is not None
            request = c.resources.requests.get(name)
            wanted[name] = wanted.get(name, 0) + _milli(name, target)
            asked[name] = asked.get(name, 0) + _milli(name, request or 0)
            grows |= request is None or target > request
            outside |= request is None or not r.lower_bound.get(name, request) <= request <= r.upper_bound.get(name, request)
    changes = [abs(max(asked[n], 1) - wanted[n]) / max(asked[n], 1) for n in wanted]
    return Priority(outside=outside, grows=grows, change=sum(changes))


def _milli(name: str, amount: int) -> int:
    return amount if name == resources.CPU else amount * 1000


def _owner(pod: Pod) -> str:
    ref = pod.metadata.controller
    return ref.uid if ref is not None else ""


def _with_resize(pod: Pod, why: str, now_ms: Millis) -> Pod:
    """The condition that the kubelet would write; an empty `why` takes it back."""
    others = tuple(c for c in pod.status.conditions if c.type != RESIZE_PENDING)
    known = condition(pod.status.conditions, RESIZE_PENDING)
    if not why:
        return replace(pod, status=replace(pod.status, conditions=others))
    since = known.last_transition_time_ms if known is not None else now_ms // 1000 * 1000
    waiting = Condition(type=RESIZE_PENDING, status="True", reason=why, last_transition_time_ms=since)
    return replace(pod, status=replace(pod.status, conditions=(*others, waiting)))


def _lived_ms(ended: object) -> Millis:
    """From start to end of a container; 0 when its state does not say."""
    import datetime

    read: Callable[[str], datetime.datetime] = datetime.datetime.fromisoformat
    if not isinstance(ended, Mapping):
        return 0
    begun, over = ended.get("startedAt"), ended.get("finishedAt")
    if not isinstance(begun, str) or not isinstance(over, str):
        return 0
    return round((read(over) - read(begun)).total_seconds() * 1000)
