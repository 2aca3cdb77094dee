"""Groups of equal nodes that grow when pods find no room: a model of the cluster autoscaler, not a copy of it.

Upstream is another project (kubernetes/autoscaler, cluster-autoscaler). As there, a pod helps its group to grow when the scheduler's
own filters say that a new node would take it, and nodes that are on their way are counted first. Differences:
- groups are tried in the order given (upstream: an expander, by default a random one);
- a node is there and Ready `provision_ms` after the scan that asked for it, which comes as soon as a pod is refused;
- nothing is ever scaled down.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine import nodestatus
from kgate.engine.admission.defaulting import set_defaults
from kgate.engine.api.codec import decode
from kgate.engine.api.core import Node, Pod
from kgate.engine.api.meta import FrozenMap, Key, Millis, condition
from kgate.engine.manager import Manager, Watch
from kgate.engine.scheduler.cache import HOSTNAME_LABEL, KINDS, Cache
from kgate.engine.scheduler.placement import Decision, Placement
from kgate.engine.scheduler.profile import default_profile
from kgate.engine.store import Store
from kgate.engine.trace import WatchEvent

ALL = Key("NodeGroups", "", "all")
"""The controller's only key."""

EXPENDABLE = -10
"""Pods of a lower priority get no node made for them (--expendable-pods-priority-cutoff)."""

FULL = "max node group size reached"


class NodeGroup(Struct, frozen=True, kw_only=True):
    """`node` is one of its nodes, `pods` are what runs on each from the beginning; their names become those of the new node."""

    name: str
    """Nodes are called by it and a number: `b-` has b-1, b-2."""
    size: int
    most: int
    provision_ms: Millis
    node: Node
    pods: tuple[Pod, ...] = ()

    def member(self, number: int) -> tuple[Node, tuple[Pod, ...]]:
        name = f"{self.name}{number}"
        labels = FrozenMap({**nodestatus.labels(name), **self.node.metadata.labels, HOSTNAME_LABEL: name})
        pods = (replace(p, metadata=replace(p.metadata, name=f"{name}-{i}")).bound_to(name) for i, p in enumerate(self.pods, start=1))
        return replace(self.node, metadata=replace(self.node.metadata, name=name, labels=labels)), tuple(pods)


def node_group(name: str, bodies: Sequence[dict], *, size: int, most: int, provision_ms: Millis) -> NodeGroup:  # type: ignore[type-arg]
    """From the objects as the API shows them: a Node, then pods that are bound to each node. Raises DecodeError."""
    node, *pods = (_decoded(body) for body in bodies)
    assert isinstance(node, Node)
    kept = tuple(p for p in pods if isinstance(p, Pod))
    return NodeGroup(name=name, size=size, most=most, provision_ms=provision_ms, node=node, pods=kept)


def _decoded(body: dict) -> object:  # type: ignore[type-arg]
    set_defaults(body)
    return decode(body)


class Coming(Struct, frozen=True, kw_only=True):
    """A node on its way."""

    due_ms: Millis
    group: int
    number: int


class NodeGroups:
    """Looks at the pods that no node takes whenever there is another one; adds nodes when they are due."""

    name: ClassVar[str] = "cluster-autoscaler"

    def __init__(self, store: Store, manager: Manager, groups: Iterable[NodeGroup], *, kubernetes_version: str = "1.36") -> None:
        self._store = store
        self._manager = manager
        self._groups = tuple(groups)
        self._version = kubernetes_version
        self._sizes = [g.size for g in self._groups]
        """With those that are coming."""
        self._coming: list[Coming] = []
        self._told: dict[str, str] = {}
        """Uid of a pod to what was last said of it."""
        self.watches = (Watch(Pod, _refused),)

    def reconcile(self, key: Key) -> Millis | None:
        now = self._store.now_ms
        due = [c for c in self._coming if c.due_ms <= now]
        self._coming = [c for c in self._coming if c.due_ms > now]
        for coming in due:
            self._join(coming)
        waiting = [p for p in self._store.list(Pod) if helpless(p)]
        if waiting and not due:  # those that have just come are the scheduler's to fill; who is still refused wakes us again
            self._plan(waiting)
        return min((c.due_ms - now for c in self._coming), default=None)

    def _join(self, coming: Coming) -> None:
        node, pods = self._groups[coming.group].member(coming.number)
        if self._store.get(Node, "", node.metadata.name) is not None:
            return  # somebody has made one of that name
        self._store.create(node)
        for pod in pods:
            self._store.create(pod)

    def _plan(self, waiting: list[Pod]) -> None:
        """Pods of higher priority first, then older ones."""
        trial = _Trial(self._store, self._version)
        for coming in self._coming:
            trial.add(*self._groups[coming.group].member(coming.number))
        for pod in sorted(waiting, key=lambda p: -(p.spec.priority or 0)):
            if not trial.takes(pod):
                self._help(pod, trial)

    def _help(self, pod: Pod, trial: _Trial) -> None:
        """The first group that has room to grow and whose nodes would take the pod."""
        reasons: dict[str, int] = {}
        for i, group in enumerate(self._groups):
            why = FULL if self._sizes[i] >= group.most else trial.grown(pod, *group.member(self._sizes[i] + 1))
            if not why:
                self._order(i, pod)
                return
            reasons[why] = reasons.get(why, 0) + 1
        told = ", ".join(f"{n} {why}" for why, n in sorted(reasons.items()))
        self._say(pod, "NotTriggerScaleUp", f"pod didn't trigger scale-up: {told}")

    def _order(self, i: int, pod: Pod) -> None:
        group, size = self._groups[i], self._sizes[i]
        self._sizes[i] = size + 1
        self._coming.append(Coming(due_ms=self._store.now_ms + group.provision_ms, group=i, number=size + 1))
        self._say(pod, "TriggeredScaleUp", f"pod triggered scale-up: [{{{group.name} {size}->{size + 1} (max: {group.most})}}]")

    def _say(self, pod: Pod, reason: str, message: str) -> None:
        if self._told.get(pod.metadata.uid) != message:
            self._told[pod.metadata.uid] = message
            self._manager.record(pod, "Normal", reason, message, source=self.name)


class _Trial:
    """The scheduler's view of the cluster, to try things on."""

    def __init__(self, store: Store, version: str) -> None:
        self._cache = Cache()
        for kind in KINDS:
            for obj in store.list_kind(kind):
                self._cache.observe(None, obj)
        self._placement = Placement(self._cache, default_profile(version))

    def add(self, node: Node, pods: Sequence[Pod]) -> None:
        self._cache.observe(None, node)
        for pod in pods:
            self._cache.observe(None, pod)

    def takes(self, pod: Pod) -> bool:
        """Some node takes it; there it then is."""
        return self._put(pod, self._placement.decide(pod))

    def grown(self, pod: Pod, node: Node, pods: Sequence[Pod]) -> str:
        """Why the pod finds no place with that node either; empty when it does: then the node is there, and the pod on it."""
        self.add(node, pods)
        decision = self._placement.decide(pod)
        if self._put(pod, decision):
            return ""
        for other in pods:
            self._cache.observe(other, None)
        self._cache.observe(node, None)
        rejection = decision.everywhere or decision.rejections.get(node.metadata.name)
        return ", ".join(rejection.reasons) if rejection is not None else "node(s) didn't match the pod"

    def _put(self, pod: Pod, decision: Decision) -> bool:
        if decision.node:
            self._cache.observe(pod, pod.bound_to(decision.node))
        return bool(decision.node)


def helpless(pod: Pod) -> bool:
    """The scheduler has refused it and makes no room for it by preemption."""
    said = condition(pod.status.conditions, "PodScheduled")
    refused = said is not None and said.status == "False" and said.reason == "Unschedulable"
    waits = refused and pod.active and not pod.spec.node_name and not pod.status.nominated_node_name
    return waits and (pod.spec.priority or 0) >= EXPENDABLE


def _refused(event: WatchEvent) -> Iterable[Key]:
    return (ALL,) if isinstance(event.after, Pod) and helpless(event.after) else ()
