"""The scheduler as a controller: takes pods from its queue, binds them, or says why not (pkg/scheduler/{scheduler,schedule_one}.go)."""

from __future__ import annotations

from collections import deque
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Condition, Key, Millis, Resource, condition
from kgate.engine.manager import Manager, Watch
from kgate.engine.scheduler.cache import KINDS, Cache
from kgate.engine.scheduler.framework import Change, PreEnqueue, Retry, offering
from kgate.engine.scheduler.nodeinfo import PodInfo
from kgate.engine.scheduler.placement import Choose, Decision, Placement
from kgate.engine.scheduler.preemption import Candidate, DefaultPreemption, NoRoom
from kgate.engine.scheduler.profile import Profile, default_profile
from kgate.engine.scheduler.queue import Queue, Queued
from kgate.engine.store import Store
from kgate.engine.trace import WatchEvent

QUEUE = Key("Queue", "", "default-scheduler")
"""The scheduler's only key: what is next is its queue's business."""

MAX_NOTE = 1024
"""Characters of an Event's message; the pod's condition has all of it."""


ASYNC_PREEMPTION_MS = 1
"""Victims are deleted beside the scheduling cycle (KEP-4832), a moment later: what else happens at the same time comes first."""


class Doomed(Struct, frozen=True, kw_only=True):
    """Victims whose deletion is under way."""

    due_ms: Millis
    preemptor: Pod
    candidate: Candidate


class Scheduler:
    """Gives every pod that has none a node. Hears the store itself, so it wakes only when there is a pod to try."""

    name: ClassVar[str] = "scheduler"
    watches: tuple[Watch, ...] = ()

    def __init__(
        self,
        store: Store,
        manager: Manager,
        *,
        kubernetes_version: str = "1.36",
        profile: Profile | None = None,
        choose: Choose | None = None,
    ) -> None:
        """`choose` decides between nodes that share the best score; without it the one that kube-scheduler takes wins."""
        self._store = store
        self._manager = manager
        self._profile = profile or default_profile(kubernetes_version)
        self._gates = offering(self._profile.plugins, PreEnqueue)
        self._retries = {p.name: p for p in offering(self._profile.plugins, Retry)}
        self.cache = Cache()
        self.placement = Placement(self.cache, self._profile, choose)
        self._preemption = DefaultPreemption(self.cache, self.placement)
        self._doomed: deque[Doomed] = deque()
        self._queue = Queue(pops_from_backoff=self._profile.pops_from_backoff)
        manager.add(Leftovers(self))
        for kind in KINDS:
            for obj in store.list_kind(kind):
                self._observe(None, obj)
        store.subscribe(self._on_event)

    @property
    def profile(self) -> Profile:
        return self._profile

    def tied_nodes(self, pod: Pod) -> tuple[str, ...]:
        """All nodes that share the best score for the pod as the cluster is now, in the node tree's order; none when it fits nowhere."""
        return self.placement.decide(pod).ties

    def reconcile(self, key: Key) -> Millis | None:
        """Deletes the victims that are due, then tries every pod that is waiting now, each once."""
        while self._doomed and self._doomed[0].due_ms <= self._now_ms:
            self._carry_out(self._doomed.popleft())
        for _ in range(len(self._queue)):
            queued = self._queue.pop(self._now_ms)
            if queued is None:
                break
            self._try(queued)
        # What has become active meanwhile has already woken this controller.
        dues = [self._queue.due_ms(self._now_ms), self._doomed[0].due_ms - self._now_ms if self._doomed else None]
        return min((due for due in dues if due), default=None)

    def flush_left_behind(self) -> Millis | None:
        """Has pods tried that no change has helped for five minutes. Returns when to ask again."""
        self._queue.flush_left_behind(self._now_ms)
        if self._queue.due_ms(self._now_ms) == 0:
            self._manager.enqueue(self.name, QUEUE)
        return self._queue.left_behind_ms(self._now_ms)

    @property
    def _now_ms(self) -> Millis:
        return self._manager.now_ms

    def _try(self, queued: Queued) -> None:
        pod = queued.info.pod
        if pod.metadata.deleting:
            self._say(pod, "Warning", "FailedScheduling", f"skip schedule deleting pod: {pod.metadata.namespace}/{pod.metadata.name}")
            return
        decision = self.placement.decide(pod)
        if decision.node:
            self._bind(pod, decision)
        else:
            self._refuse(queued, decision)

    def _bind(self, pod: Pod, decision: Decision) -> None:
        """As the binding subresource does: the node's name, the condition, and no nomination any more."""
        node = decision.node
        for obj in self.placement.before_binding(pod, decision):
            self._store.update(obj)
        bound = pod.bound_to(node)
        scheduled = self._conditions(pod, Condition(type="PodScheduled", status="True"))
        status = replace(bound.status, conditions=scheduled, nominated_node_name="")
        self._store.update(replace(bound, status=status))
        name = f"{pod.metadata.namespace}/{pod.metadata.name}"
        self._say(pod, "Normal", "Scheduled", f"Successfully assigned {name} to {node}")

    def _refuse(self, queued: Queued, decision: Decision) -> None:
        """Back to the queue first: the preemption's own deletions may wake the pod again."""
        found = self._make_room(queued.info, decision)
        message = failure(decision, found, len(self.cache.nodes()), self._profile)
        self._queue.refuse(queued, decision.refused_by, self._now_ms)
        self._manager.enqueue_after(Leftovers.name, QUEUE, self._queue.left_behind_ms(self._now_ms) or 0)
        pod = queued.info.pod
        failed = Condition(type="PodScheduled", status="False", reason="Unschedulable", message=message)
        status = replace(pod.status, conditions=self._conditions(pod, failed), nominated_node_name=self._nominated(pod, decision, found))
        pod = self._store.update_status(replace(pod, status=status))
        self._say(pod, "Warning", "FailedScheduling", message if len(message) <= MAX_NOTE else f"{message[: MAX_NOTE - 4]} ...")
        if isinstance(found, Candidate):
            self._preempt(queued.info, found)

    def _make_room(self, info: PodInfo, decision: Decision) -> Candidate | NoRoom | None:
        """None when nobody was asked: without nodes, or when a plugin refused before it came to nodes."""
        if not self.cache.nodes() or decision.everywhere is not None:
            return None
        return self._preemption.find(info, decision, self._now_ms)

    def _nominated(self, pod: Pod, decision: Decision, found: Candidate | NoRoom | None) -> str:
        """A failed attempt to make room ends an earlier nomination; where none was made, it stands."""
        if isinstance(found, Candidate):
            return found.node
        stands = found.keeps_nomination if found is not None else decision.everywhere is not None
        return pod.status.nominated_node_name if stands else ""

    def _preempt(self, info: PodInfo, candidate: Candidate) -> None:
        """Ends the nominations of lesser pods on that node, and has the victims deleted."""
        for lesser in self.placement.nominations.lesser(info, candidate.node):
            self._store.update_status(replace(lesser.pod, status=replace(lesser.pod.status, nominated_node_name="")))
        delay_ms = ASYNC_PREEMPTION_MS if self._profile.preempts_asynchronously else 0
        doomed = Doomed(due_ms=self._now_ms + delay_ms, preemptor=info.pod, candidate=candidate)
        if delay_ms:
            self._doomed.append(doomed)
        else:
            self._carry_out(doomed)

    def _carry_out(self, doomed: Doomed) -> None:
        """Each victim is deleted with its own grace period, unless it is already on its way out."""
        why = f"{self._profile.scheduler_name}: preempting to accommodate a higher priority pod"
        target = Condition(type="DisruptionTarget", status="True", reason="PreemptionByScheduler", message=why)
        for victim in doomed.candidate.victims:
            pod = self._store.get(Pod, victim.pod.metadata.namespace, victim.pod.metadata.name)
            if pod is None or pod.metadata.deleting or pod.metadata.uid != victim.pod.metadata.uid:
                continue
            pod = self._store.update_status(replace(pod, status=replace(pod.status, conditions=self._conditions(pod, target))))
            self._store.delete(victim.key)
            self._say(pod, "Normal", "Preempted", f"Preempted by pod {doomed.preemptor.metadata.uid} on node {doomed.candidate.node}")

    def _conditions(self, pod: Pod, new: Condition) -> tuple[Condition, ...]:
        """With the condition set. Its transition time changes only with its status."""
        old = condition(pod.status.conditions, new.type)
        since = old.last_transition_time_ms if old is not None and old.status == new.status else self._now_ms
        dated = replace(new, last_transition_time_ms=since)
        if old is None:
            return (*pod.status.conditions, dated)
        return tuple(dated if c.type == new.type else c for c in pod.status.conditions)

    def _say(self, pod: Pod, type_: str, reason: str, message: str) -> None:
        self._manager.record(pod, type_, reason, message, source=self._profile.scheduler_name)

    # What the store tells.

    def _on_event(self, event: WatchEvent) -> None:
        if event.key.kind in KINDS:
            self._observe(event.before, event.after)

    def _observe(self, old: Resource | None, new: Resource | None) -> None:
        self.cache.observe(old, new)
        if isinstance(old or new, Pod):
            self._observe_pod(old if isinstance(old, Pod) else None, new if isinstance(new, Pod) else None)
        else:
            self._wake(old, new)
        due_ms = self._queue.due_ms(self._now_ms)
        if due_ms == 0:
            self._manager.enqueue(self.name, QUEUE)
        elif due_ms is not None:
            self._manager.enqueue_after(self.name, QUEUE, due_ms)

    def _observe_pod(self, old: Pod | None, new: Pod | None) -> None:
        """A pod is in the queue or in the cache, never in both."""
        was, now = (old if _holds_a_node(old) else None), (new if _holds_a_node(new) else None)
        if new is not None and self._is_mine(new):
            self._observe_waiting(old, new)
        elif old is not None and was is None:
            self._forget(old, bound=now is not None)
        if (was or now) and (was is None or now is None or was.metadata.labels != now.metadata.labels or was.spec != now.spec):
            self._wake(was, now)

    def _observe_waiting(self, old: Pod | None, new: Pod) -> None:
        info = self.cache.infos.of(new)
        self.placement.nominations.put(info, new.status.nominated_node_name)
        if info.key in self._queue:
            changed = old is not None and (old.spec != new.spec or old.metadata.labels != new.metadata.labels)
            self._queue.refresh(info, retry=changed, now_ms=self._now_ms)
        elif old is None or not self._is_mine(old):
            self._queue.add(info, self._now_ms)

    def _forget(self, pod: Pod, *, bound: bool) -> None:
        """A nomination that ends without the pod being bound leaves room, as if a bound pod had been deleted."""
        key = Key("Pod", pod.metadata.namespace, pod.metadata.name)
        self._queue.remove(key)
        self.placement.nominations.drop(key)
        if pod.status.nominated_node_name and not bound:
            self._wake(pod.bound_to(pod.status.nominated_node_name), None)

    def _wake(self, old: Resource | None, new: Resource | None) -> None:
        if self._queue.anybody_waits:
            before, after = (PodInfo.of(obj) if isinstance(obj, Pod) else obj for obj in (old, new))
            change = Change(old=before, new=after)
            self._queue.wake(lambda queued: self._helps(queued, change), self._now_ms)

    def _helps(self, queued: Queued, change: Change) -> bool:
        """Any change helps a pod that met no node at all."""
        asked = [self._retries[name] for name in queued.refused_by if name in self._retries]
        return not queued.refused_by or any(plugin.worth_retrying(queued.info, change, self.cache) for plugin in asked)

    def _is_mine(self, pod: Pod) -> bool:
        """To be scheduled here and now: no node, not ended, this scheduler's name (or none), and no plugin keeps it from the queue."""
        if pod.spec.node_name or pod.terminal or pod.spec.scheduler_name not in ("", self._profile.scheduler_name):
            return False
        return not any(gate.preenqueue(pod) for gate in self._gates)


def _holds_a_node(pod: Pod | None) -> bool:
    return pod is not None and bool(pod.spec.node_name) and not pod.terminal


def failure(decision: Decision, found: Candidate | NoRoom | None, n_nodes: int, profile: Profile) -> str:
    """What FailedScheduling and the pod's condition say."""
    said = decision.reasons(n_nodes)
    if decision.everywhere is not None and profile.has_resource_claims:
        # The plugin for resource claims misses what it would have prepared, and its error ends the matter.
        return f"{said} not found"
    if not isinstance(found, NoRoom):
        return said
    claims = "no new claims to deallocate, " if profile.has_resource_claims else ""
    return f"{said} {claims}preemption: {found.message}" + "." * (profile.final_dots - 1)


class Leftovers:
    """Looks for pods that nothing has helped for long. It looks for ever, so it does not keep a cluster from rest."""

    name: ClassVar[str] = "scheduler-leftovers"
    background: ClassVar[bool] = True
    watches: tuple[Watch, ...] = ()

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def reconcile(self, key: Key) -> Millis | None:
        return self._scheduler.flush_left_behind()
