"""What a trace says about one Deployment: the moves of its step table, its bounds, and where its pods were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from msgspec import Struct, field

from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.core import Event, Pod
from kgate.engine.api.meta import Condition, Key, condition
from kgate.engine.trace import WatchEvent
from kgate.rollout import refusals
from kgate.rollout.rows import Move, Pods
from kgate.rollout.timeline import REVISION

_RANKS = {"new ready": 0, "old ready": 0, "new available": 1, "new": 2, "old": 2, "unschedulable": 3, "waiting": 3, "said": 4}


class Followed(Struct, frozen=True, kw_only=True):
    """One Deployment from the moment the change was applied (time 0) to the end of the trace."""

    start: Pods
    moves: tuple[Move, ...]
    completed_ms: int | None
    lowest_available: int
    peak_pods: int
    peak_at_ms: int
    """In the time of the trace: the first moment with `peak_pods`."""
    exceeded: bool
    """The progress deadline was exceeded, even if all went well later."""
    said: tuple[str, ...]
    """Warnings about it, in order of appearance."""
    refused: str
    """What the API server last objected to in its pods, when the rollout did not complete in time; else empty."""
    before: Mapping[str, int]
    """Pods by node, terminating ones included, which still hold their room."""
    peak: Mapping[str, int]
    end: Mapping[str, int]
    """The same without those that are being deleted."""
    unschedulable: int
    """Pods that no node had taken at the end."""
    placed: int
    """New pods that a node had taken at the end."""
    last: Deployment | None


class _Seen(Struct):
    """A pod of the Deployment, as far as it is followed."""

    new: bool
    ready: bool
    deleting: bool
    node: str
    unschedulable: bool
    waiting: str


class Follower(Struct):
    """Fed with every event of the trace; those before `begin` only say how things stood."""

    key: Key
    begin: int
    """Index, in the trace, of the first write of the change."""
    begin_ms: int
    new: str
    """uid of the ReplicaSet of the new template; empty when there is none."""
    pods: dict[Key, _Seen] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    before: dict[str, int] = field(default_factory=dict)
    peak: dict[str, int] = field(default_factory=dict)
    start: Pods | None = None
    lowest: int | None = None
    peak_pods: int = 0
    peak_at_ms: int = 0
    completed_ms: int | None = None
    exceeded: bool = False
    last: Deployment | None = None
    _available: int = 0
    _at_once: bool = True
    _by_node: dict[str, int] = field(default_factory=dict)
    _refused: dict[str, None] = field(default_factory=dict)

    def see(self, index: int, event: WatchEvent) -> None:
        if index >= self.begin and self.start is None:
            self.arrive()
        if isinstance(event.object, Pod):
            self._pod(event, index >= self.begin)
        elif isinstance(event.object, ReplicaSet):
            self._replica_set(event, index >= self.begin)
        elif isinstance(event.object, Deployment):
            self._deployment(event, index >= self.begin)
        elif isinstance(event.after, Event) and index >= self.begin and event.after.type == "Warning":
            self._say(event, event.after)

    def _say(self, event: WatchEvent, warning: Event) -> None:
        """Pods that were refused for one and the same reason are told of once, whatever their names."""
        if warning.reason == REFUSED:
            about = refusals.words(warning.message)
            if about in self._refused:
                return
            self._refused[about] = None
            self._move(event, Move(at_ms=0, what="said", text=REFUSED))
        self.said.append(warning.message)

    def arrive(self) -> None:
        """The change is about to be applied: this is how things stand."""
        alive = [p for p in self.pods.values() if not p.deleting]
        old, new = [p for p in alive if not p.new], [p for p in alive if p.new]
        self.start = Pods(
            old_ready=sum(p.ready for p in old),
            old_unready=sum(not p.ready for p in old),
            new_ready=sum(p.ready for p in new),
            new_starting=sum(not p.ready for p in new),
            old_available=sum(p.ready for p in old),
            new_available=sum(p.ready for p in new),
        )
        self.before = dict(self._by_node)
        self.peak = dict(self._by_node)
        self.peak_pods, self.peak_at_ms = len(self.pods), self.begin_ms
        self.lowest = self._available if not self._at_once else sum(p.ready for p in alive)

    def followed(self) -> Followed:
        if self.start is None:
            self.arrive()
        assert self.start is not None
        pending = [p for p in self.pods.values() if not p.node and not p.deleting]
        return Followed(
            start=self.start,
            moves=causal(self.start, self.moves),
            completed_ms=self._completed_ms(),
            lowest_available=self.lowest or 0,
            peak_pods=self.peak_pods,
            peak_at_ms=self.peak_at_ms,
            exceeded=self.exceeded,
            said=tuple(dict.fromkeys(self.said)),
            refused=self._refusal(),
            before=self.before,
            peak=self.peak,
            end=Counter(p.node for p in self.pods.values() if p.node and not p.deleting),
            unschedulable=sum(p.unschedulable for p in pending),
            placed=sum(1 for p in self.pods.values() if p.new and p.node and not p.deleting),
            last=self.last,
        )

    def _completed_ms(self) -> int | None:
        """What was complete when the change came, and never was anything else, has nothing to wait for."""
        stayed = self.completed_ms is None and self.last is not None and complete(self.last)
        return 0 if stayed else self.completed_ms

    def _refusal(self) -> str:
        """At the end, or before the deadline passed."""
        if self.completed_ms is not None and not self.exceeded:
            return ""
        failure = condition(self.last.status.conditions, "ReplicaFailure") if self.last is not None else None
        if failure is not None and failure.reason == REFUSED:
            return failure.message
        return next(reversed(self._refused), "") if self.exceeded else ""

    def _move(self, event: WatchEvent, move: Move) -> None:
        self.moves.append(Move(at_ms=event.time_ms - self.begin_ms, what=move.what, n=move.n, text=move.text))

    def _pod(self, event: WatchEvent, live: bool) -> None:
        was = self.pods.get(event.key)
        pod = event.after
        if isinstance(pod, Pod) and not pod.terminal:
            now = _seen(pod, self.new)
            self.pods[event.key] = now
            self._on_node(was.node if was else "", now.node)
        else:
            now = None
            self.pods.pop(event.key, None)
            self._on_node(was.node if was else "", "")
        if live:
            self._pod_moves(event, was, now)
            self._bounds(event)

    def _on_node(self, was: str, now: str) -> None:
        for node, by in ((was, -1), (now, 1)):
            if node and was != now:
                self._by_node[node] = self._by_node.get(node, 0) + by
                self.peak[node] = max(self.peak.get(node, 0), self._by_node[node])

    def _pod_moves(self, event: WatchEvent, was: _Seen | None, now: _Seen | None) -> None:
        if now is None or now.deleting:
            return
        if was is not None and was.ready != now.ready:
            self._move(event, Move(at_ms=0, what="new ready" if now.new else "old ready", n=1 if now.ready else -1))
        if now.unschedulable and not (was and was.unschedulable):
            self._move(event, Move(at_ms=0, what="unschedulable"))
        if now.waiting and not (was and was.waiting == now.waiting):
            self._move(event, Move(at_ms=0, what="waiting", text=now.waiting))

    def _bounds(self, event: WatchEvent) -> None:
        if len(self.pods) > self.peak_pods:
            self.peak_pods, self.peak_at_ms = len(self.pods), event.time_ms
        if self._at_once:
            self._low(sum(p.ready and not p.deleting for p in self.pods.values()))

    def _low(self, available: int) -> None:
        self.lowest = available if self.lowest is None else min(self.lowest, available)

    def _replica_set(self, event: WatchEvent, live: bool) -> None:
        if not live:
            return
        before = event.before if isinstance(event.before, ReplicaSet) else None
        after = event.after if isinstance(event.after, ReplicaSet) else None
        new = event.object.metadata.uid == self.new
        grown = (after.spec.replicas if after else 0) - (before.spec.replicas if before else 0)
        if grown:
            self._move(event, Move(at_ms=0, what="new" if new else "old", n=grown))
        more = (after.status.available_replicas if after else 0) - (before.status.available_replicas if before else 0)
        if new and more > 0 and not self._at_once:
            self._move(event, Move(at_ms=0, what="new available", n=more))

    def _deployment(self, event: WatchEvent, live: bool) -> None:
        after = event.after
        if not isinstance(after, Deployment):
            return
        was_complete = self.last is not None and complete(self.last)
        was = condition(self.last.status.conditions, "Progressing") if self.last else None
        self.last = after
        self._at_once = after.spec.min_ready_seconds == 0
        self._available = after.status.available_replicas
        if not live:
            return
        if not self._at_once:
            self._low(self._available)
        if complete(after) and not was_complete:
            self.completed_ms = event.time_ms - self.begin_ms
            self._move(event, Move(at_ms=0, what="said", text="complete"))
        elif not complete(after):
            self.completed_ms = None
        self._progress(event, was, condition(after.status.conditions, "Progressing"))

    def _progress(self, event: WatchEvent, was: Condition | None, now: Condition | None) -> None:
        if now is not None and now.reason == EXCEEDED and (was is None or was.reason != EXCEEDED):
            self.exceeded = True
            self._move(event, Move(at_ms=0, what="said", text=EXCEEDED))
            self.said.append(now.message)


EXCEEDED = "ProgressDeadlineExceeded"
REFUSED = "FailedCreate"


def causal(start: Pods, moves: Sequence[Move]) -> tuple[Move, ...]:
    """In the order to tell them: of one instant readiness comes first, for it is the cause of all else.

    Unless pods are ready in the instant they were asked for: then all stays as it was written.
    """
    out: list[Move] = []
    pods = start
    for _, instant in groupby(moves, key=lambda m: m.at_ms):
        written = list(instant)
        ready = sum(m.n for m in written if m.what == "new ready")
        told = written if ready > pods.new_starting else sorted(written, key=lambda m: _RANKS[m.what])
        for move in told:
            pods = pods.after(move, at_once=True)
        out += told
    return tuple(out)


def complete(d: Deployment) -> bool:
    """All replicas are updated and available, none is left over (util/deployment_util.go:DeploymentComplete)."""
    wanted, status = d.spec.replicas, d.status
    sizes = (status.updated_replicas, status.replicas, status.available_replicas)
    return all(n == wanted for n in sizes) and status.observed_generation >= d.metadata.generation


def follow(events: Sequence[WatchEvent], begin: int, begin_ms: int, deployments: Iterable[Key]) -> dict[Key, Followed]:
    """All Deployments in one pass over the trace; `begin` is the index of the first write of the change."""
    newest = _newest(events)
    followers = {key: Follower(key=key, begin=begin, begin_ms=begin_ms, new=newest.get(key, "")) for key in deployments}
    owners: dict[str, Key] = {}
    for index, event in enumerate(events):
        whose = owner_of(event, owners)
        follower = followers.get(whose) if whose is not None else None
        if follower is not None:
            follower.see(index, event)
    return {key: follower.followed() for key, follower in followers.items()}


def _newest(events: Sequence[WatchEvent]) -> dict[Key, str]:
    """The uid of the ReplicaSet with the highest revision at the end, by Deployment."""
    revisions: dict[str, tuple[Key, int]] = {}
    for event in events:
        rs = event.object
        ref = rs.metadata.controller if isinstance(rs, ReplicaSet) else None
        if ref is not None and ref.kind == "Deployment":
            revision = int(rs.metadata.annotations.get(REVISION, "0"))
            revisions[rs.metadata.uid] = (Key("Deployment", event.key.namespace, ref.name), revision)
    best: dict[Key, tuple[int, str]] = {}
    for uid, (key, revision) in revisions.items():
        best[key] = max(best.get(key, (-1, "")), (revision, uid))
    return {key: uid for key, (_, uid) in best.items()}


def owner_of(event: WatchEvent, owners: dict[str, Key]) -> Key | None:
    """The Deployment an object belongs to: itself, the owner of a ReplicaSet, of a pod's ReplicaSet, of what an Event is about.

    `owners` starts empty and grows, by uid, as the trace is read from its beginning.
    """
    obj = event.object
    if isinstance(obj, Event):
        return owners.get(obj.involved_object.uid)
    if isinstance(obj, Deployment):
        owners[obj.metadata.uid] = event.key
        return event.key
    if not isinstance(obj, ReplicaSet | Pod):
        return None
    ref = obj.metadata.controller
    owner = owners.get(ref.uid) if ref is not None else None
    if owner is not None:
        owners[obj.metadata.uid] = owner
    return owner


def _seen(pod: Pod, new: str) -> _Seen:
    ref = pod.metadata.controller
    scheduled = condition(pod.status.conditions, "PodScheduled")
    waiting = ""
    for status in pod.status.container_statuses:
        state = status.state.get("waiting") or {}
        reason = state.get("reason", "")
        waiting = waiting or (reason if reason != "ContainerCreating" else "")
    return _Seen(
        new=ref is not None and ref.uid == new,
        ready=pod.ready,
        deleting=pod.metadata.deleting,
        node=pod.spec.node_name,
        unschedulable=scheduled is not None and scheduled.status == "False",
        waiting=waiting,
    )
