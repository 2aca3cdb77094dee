"""The kubelets of all nodes: they start bound pods, report on them, and stop them (pkg/kubelet).

Unlike upstream: processes do not exist; `behaviour` says when they are ready, and where it tells more (ImageBehaviour.played),
pulls, starts, probes, exits and restarts are played.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api.core import ContainerStatus, Node, Pod, PodStatus
from kgate.engine.api.meta import Condition, FrozenMap, Key, Millis, condition
from kgate.engine.behaviour import Behaviour, ImageBehaviour
from kgate.engine.choices import Choices
from kgate.engine.kubelet import attachments
from kgate.engine.kubelet.images import Images
from kgate.engine.kubelet.podworker import PodWorker
from kgate.engine.leases import Leases
from kgate.engine.manager import Manager, Watch
from kgate.engine.nodestatus import posted, ready
from kgate.engine.store import Store, key_of
from kgate.engine.trace import WatchEvent

SOURCE = "kubelet"
CRASH_BACKOFF_MS, CRASH_BACKOFF_CAP_MS = 10_000, 300_000
"""Before the second restart, doubling until the cap; the first is immediate, so a crash is told with one restart."""


class _Run(Struct):
    """What a kubelet remembers of a pod."""

    bound_ms: Millis
    reported: str = ""
    """What the pod's status tells: empty, ready, unready, never, crash or notready."""
    since_ms: Millis = 0
    restarts: int = 0
    stopping_ms: Millis | None = None
    due: bool = False
    """Whether its turn to report ready comes next time."""
    worker: PodWorker | None = None
    """Of a pod that is played step by step."""
    attached: bool = False
    """Its node has its volumes."""
    startup_ms: Millis | None = None
    """As somebody chose it for this pod."""


class Kubelet:
    """One controller stands for the kubelets of every node."""

    name: ClassVar[str] = "kubelet"

    def __init__(self, store: Store, manager: Manager, behaviour: Behaviour, leases: Leases) -> None:
        self._store = store
        self._manager = manager
        self._behaviour = behaviour
        self._leases = leases
        leases.subscribe(self._switched)
        self._runs: dict[str, _Run] = {}
        self._waiting: dict[str, Key] = {}
        """Pods that are to become ready, by uid, in order of binding."""
        self._last_ready_ms: Millis | None = None
        self._images = Images()
        self._fates: dict[tuple[str, ...], tuple[bool, ImageBehaviour]] = {}
        self._choices: Choices | None = None
        self.watches = (Watch(Pod, self._bound), Watch(Node))

    def behave(self, behaviour: Behaviour) -> None:
        """From now on; pods whose fate changes with it start anew."""
        self._behaviour = behaviour
        self._fates.clear()
        for pod in self._store.list(Pod):
            run = self._runs.get(pod.metadata.uid)
            if run is not None and run.reported not in ("ready", "unready") and not (run.worker is not None and pod.ready):
                run.reported, run.worker, run.startup_ms = "", None, None
                self._manager.enqueue(self.name, key_of(pod))

    def choose_with(self, choices: Choices | None) -> None:
        """How long pods take that are bound from now on; None: as their images do."""
        self._choices = choices

    def chosen_ms(self, pod: Pod) -> Millis | None:
        """How long somebody chose that this pod is to take; None: nobody did."""
        run = self._runs.get(pod.metadata.uid)
        return None if run is None else run.startup_ms

    def reconcile(self, key: Key) -> Millis | None:
        if key.kind == "Node":
            self._register(key)
            return None
        pod = self._store.get(Pod, key.namespace, key.name)
        if pod is None or not pod.spec.node_name or pod.terminal or not self._leases.alive(pod.spec.node_name):
            return None
        run = self._runs.setdefault(pod.metadata.uid, _Run(bound_ms=self._store.now_ms))
        if not run.attached and not pod.metadata.deleting and not self._attach(pod, run):
            return None
        played, behaviour = self._fate(pod)
        if run.worker is not None or played:
            return self._play(pod, run)
        return self._stop(pod, run, behaviour) if pod.metadata.deleting else self._start(pod, run, behaviour)

    def _attach(self, pod: Pod, run: _Run) -> bool:
        """False as long as another node has one of its volumes. Its start counts from then on."""
        held = attachments.exclusive(self._store, pod) if pod.spec.volumes else {}
        if held:
            runs, here = self._runs, self._store.list(Pod, pod.metadata.namespace)
            others = [p for p in here if not p.terminal and (r := runs.get(p.metadata.uid)) is not None and r.attached]
            for claim, volume in held.items():
                if users := attachments.holders(pod, claim, others):
                    said = attachments.refusal(volume, users)
                    self._manager.record(pod, "Warning", attachments.FAILED, said, source=attachments.SOURCE)
                    return False
            run.bound_ms = self._store.now_ms
        run.attached = True
        return True

    def _detached(self, pod: Pod) -> None:
        """Whoever waits for one of its volumes looks again."""
        mine = set(attachments.claims(pod))
        for other in self._store.list(Pod, pod.metadata.namespace) if mine else ():
            run = self._runs.get(other.metadata.uid)
            if run is not None and not run.attached and not mine.isdisjoint(attachments.claims(other)):
                self._manager.enqueue(self.name, key_of(other))

    def _fate(self, pod: Pod) -> tuple[bool, ImageBehaviour]:
        """Whether it is played step by step, and how it behaves otherwise; worked out once for all pods of the same images."""
        images = _images(pod)
        fate = self._fates.get(images)
        if fate is None:
            fate = self._fates[images] = (self._behaviour.plays(images), self._behaviour.of_pod(images))
        return fate

    def _play(self, pod: Pod, run: _Run) -> Millis | None:
        """A pod that is played step by step: whatever changed is written once, with the Events that tell of it."""
        now = self._store.now_ms
        if run.worker is None:
            run.worker = PodWorker(pod, self._behaviour, self._images, now)
        if pod.metadata.deleting:
            due = run.worker.stop(pod.metadata.deletion_timestamp_ms or 0, now)
        else:
            due = run.worker.work(now)
        status = run.worker.status(pod, now)
        becomes_ready = not pod.ready and replace(pod, status=status).ready
        if becomes_ready and not run.due:
            run.due = True
            self._manager.enqueue_last(self.name, key_of(pod))
            return None
        run.due = False
        self._store.update_status(replace(pod, status=status))
        for said in run.worker.news():
            self._manager.record(pod, said.type, said.reason, said.message, source=SOURCE)
        if pod.metadata.deleting and due is None:
            self._store.delete(key_of(pod), grace_seconds=0)
        return None if due is None else due - now

    def _bound(self, event: WatchEvent) -> Iterable[Key]:
        """A pod was bound, is being deleted, or is gone; a pod's other changes are mostly the kubelet's own."""
        before: Any = event.before
        after: Any = event.after
        if after is None:
            self._forget(before)
            return ()
        if after.spec.volumes and before is not None and after.terminal and not before.terminal:
            self._detached(after)
        news = (
            before is None
            or before.spec.node_name != after.spec.node_name
            or before.metadata.deletion_timestamp_ms != after.metadata.deletion_timestamp_ms
            or ("readinessGates" in after.spec.rest and before.status.conditions is not after.status.conditions)
        )
        return (event.key,) if news and after.spec.node_name else ()

    def _forget(self, pod: Pod) -> None:
        self._runs.pop(pod.metadata.uid, None)
        self._no_longer_waiting(pod)
        if pod.spec.volumes:
            self._detached(pod)

    def _start(self, pod: Pod, run: _Run, behaviour: ImageBehaviour) -> Millis | None:
        if run.reported == "crash":
            return self._restart(pod, run)
        if run.reported:
            return self._turn_unready(pod, run, behaviour)
        if behaviour.mode in ("ok", "flaky"):
            return self._await_ready(pod, run, behaviour)
        self._no_longer_waiting(pod)
        return self._due(pod, run, behaviour) or self._report(pod, run, behaviour)

    def _due(self, pod: Pod, run: _Run, behaviour: ImageBehaviour) -> Millis | None:
        takes_ms = behaviour.startup_ms or 0
        if self._choices is not None and run.startup_ms is None:
            run.startup_ms = self._choices.startup(pod, takes_ms, behaviour.startup_least_ms)
        left = run.bound_ms + (takes_ms if run.startup_ms is None else run.startup_ms) - self._store.now_ms
        return left if left > 0 else None

    def _await_ready(self, pod: Pod, run: _Run, behaviour: ImageBehaviour) -> Millis | None:
        """One after another when the behaviour is serial; whoever is next is woken by the one before."""
        self._waiting.setdefault(pod.metadata.uid, key_of(pod))
        left = self._due(pod, run, behaviour)
        if left is not None:
            return left
        if self._behaviour.serial_ms > 0:
            if next(iter(self._waiting)) != pod.metadata.uid:
                return None
            if self._last_ready_ms is not None and self._store.now_ms < self._last_ready_ms + self._behaviour.serial_ms:
                return self._last_ready_ms + self._behaviour.serial_ms - self._store.now_ms
        if not run.due:
            # Pods that become ready at the same instant report one after another, and controllers work between two reports.
            run.due = True
            self._manager.enqueue_last(self.name, key_of(pod))
            return None
        run.due = False
        self._last_ready_ms = self._store.now_ms
        again = self._report(pod, run, behaviour)
        self._no_longer_waiting(pod)
        return again

    def _no_longer_waiting(self, pod: Pod) -> None:
        if self._waiting.pop(pod.metadata.uid, None) is not None and self._waiting and self._behaviour.serial_ms > 0:
            self._manager.enqueue(self.name, next(iter(self._waiting.values())))

    def _report(self, pod: Pod, run: _Run, behaviour: ImageBehaviour) -> Millis | None:
        """Writes the status the behaviour comes to, and says when it changes again."""
        run.reported = "ready" if behaviour.mode in ("ok", "flaky") else behaviour.mode
        run.since_ms = self._store.now_ms
        state = _STATES[run.reported]
        self._store.update_status(replace(pod, status=_status(pod, state, self._store.now_ms)))
        if run.reported == "never":
            for c in pod.spec.containers:
                self._manager.record(pod, "Warning", "Failed", f'Failed to pull image "{c.image}"', source=SOURCE)
        if run.reported == "crash":
            return self._crashed(pod, run)
        return behaviour.unready_after_ms if behaviour.mode == "flaky" else None

    def _restart(self, pod: Pod, run: _Run) -> Millis | None:
        """The container is started again after its pause, and crashes again."""
        left = run.since_ms + _backoff_ms(run.restarts) - self._store.now_ms
        if left > 0:
            return left
        run.since_ms = self._store.now_ms
        return self._crashed(pod, run)

    def _crashed(self, pod: Pod, run: _Run) -> Millis:
        """Counts the restart and says how long the next one waits."""
        run.restarts += 1
        current = self._store.get(Pod, pod.metadata.namespace, pod.metadata.name) or pod
        statuses = tuple(replace(s, restart_count=run.restarts) for s in current.status.container_statuses)
        self._store.update_status(replace(current, status=replace(current.status, container_statuses=statuses)))
        for c in pod.spec.containers[:1]:
            where = f"{pod.metadata.name}_{pod.metadata.namespace}({pod.metadata.uid})"
            self._manager.record(pod, "Warning", "BackOff", f"Back-off restarting failed container {c.name} in pod {where}", source=SOURCE)
        return _backoff_ms(run.restarts)

    def _turn_unready(self, pod: Pod, run: _Run, behaviour: ImageBehaviour) -> Millis | None:
        if run.reported != "ready" or behaviour.mode != "flaky" or behaviour.unready_after_ms is None:
            return None
        left = run.since_ms + behaviour.unready_after_ms - self._store.now_ms
        if left > 0:
            return left
        run.reported = "unready"
        self._store.update_status(replace(pod, status=_status(pod, _STATES["notready"], self._store.now_ms)))
        return None

    def _stop(self, pod: Pod, run: _Run, behaviour: ImageBehaviour) -> Millis | None:
        """The pod's processes end, at the latest by SIGKILL at the end of the grace period; then the object goes."""
        self._no_longer_waiting(pod)
        if run.stopping_ms is None:
            run.stopping_ms = self._store.now_ms
        killed = pod.metadata.deletion_timestamp_ms or 0
        if killed < run.stopping_ms:  # nobody was there to begin in time
            killed = run.stopping_ms + 1000 * (pod.metadata.deletion_grace_period_seconds or 0)
        left = min(run.stopping_ms + (behaviour.termination_ms or 0), killed) - self._store.now_ms
        if left > 0:
            return left
        self._store.delete(key_of(pod), grace_seconds=0)
        return None

    def _register(self, key: Key) -> None:
        """A node's kubelet says that all is well, once."""
        node = self._store.get(Node, "", key.name)
        if node is None:
            self._images.forget(key.name)
            return
        self._images.seen(key.name, (name for image in node.status.images for name in image.names))
        if self._leases.alive(key.name) and condition(node.status.conditions, "Ready") is None:
            self._store.update_status(posted(node, self._store.now_ms))

    def _switched(self, name: str) -> None:
        """The kubelet of that node has stopped, and with it every report on its pods; or it is back."""
        if not self._leases.alive(name):
            for pod in self._store.pods_on(name):
                self._no_longer_waiting(pod)
            return
        node = self._store.get(Node, "", name)
        if node is not None:
            if not ready(node):
                self._manager.record(node, "Normal", "NodeReady", f"Node {name} status is now: NodeReady", source=SOURCE)
            self._store.update_status(posted(node, self._store.now_ms))
        for pod in self._store.pods_on(name):
            self._take_up(pod)

    def _take_up(self, pod: Pod) -> None:
        """Containers went on running without their kubelet; what had not begun begins now."""
        run = self._runs.setdefault(pod.metadata.uid, _Run(bound_ms=self._store.now_ms))
        if not run.reported:
            run.bound_ms = self._store.now_ms
        elif run.reported in _STATES and not pod.terminal and not pod.metadata.deleting:
            self._store.update_status(replace(pod, status=_status(pod, _STATES[run.reported], self._store.now_ms)))
        self._manager.enqueue(self.name, key_of(pod))


def _images(pod: Pod) -> tuple[str, ...]:
    return tuple([c.image for c in (*pod.spec.init_containers, *pod.spec.containers)])


def _backoff_ms(restarts: int) -> Millis:
    """After 1 restart 10 s, after 2 20 s, ..."""
    return min(CRASH_BACKOFF_MS << min(restarts - 1, 10), CRASH_BACKOFF_CAP_MS)


class _State(Struct, frozen=True):
    """How a pod in that state shows itself."""

    phase: str
    ready: bool
    waiting: str = ""


_STATES = {
    "ready": _State("Running", True),
    "notready": _State("Running", False),
    "crash": _State("Running", False, "CrashLoopBackOff"),
    "never": _State("Pending", False, "ImagePullBackOff"),
}


def _status(pod: Pod, state: _State, now_ms: Millis) -> PodStatus:
    """The pod's status with its kubelet's conditions; a condition that stays keeps its transition time."""
    now = now_ms // 1000 * 1000
    why = "" if state.ready else "ContainersNotReady"
    conditions = pod.status.conditions
    for type_, true in (("Initialized", True), ("Ready", state.ready), ("ContainersReady", state.ready)):
        conditions = _with(conditions, _condition(type_, "True" if true else "False", now, reason="" if true else why))
    running: FrozenMap[str, Any] = FrozenMap(waiting=FrozenMap(reason=state.waiting)) if state.waiting else FrozenMap(running=FrozenMap())
    statuses = tuple(
        ContainerStatus(name=c.name, image=c.image, ready=state.ready, started=state.phase == "Running", state=running)
        for c in pod.spec.containers
    )
    start = pod.status.start_time_ms if pod.status.start_time_ms is not None else now
    return replace(pod.status, phase=state.phase, conditions=conditions, container_statuses=statuses, start_time_ms=start)


def _condition(type_: str, status: str, now_ms: Millis, *, reason: str = "", message: str = "") -> Condition:
    return Condition(type=type_, status=status, reason=reason, message=message, last_transition_time_ms=now_ms // 1000 * 1000)


def _with(conditions: tuple[Condition, ...], new: Condition) -> tuple[Condition, ...]:
    current = condition(conditions, new.type)
    if current is None:
        return (*conditions, new)
    if current.status == new.status:
        return conditions
    return tuple(new if c.type == new.type else c for c in conditions)
