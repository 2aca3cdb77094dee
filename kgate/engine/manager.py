"""The only loop: controllers take turns while there is work, then time jumps to the next timer.

Sources: client-go/util/workqueue (queue.go, delaying_queue.go, default_rate_limiters.go).
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Protocol

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api.apps import ReplicaSet
from kgate.engine.api.core import Event, ObjectReference, Pod
from kgate.engine.api.meta import Key, Millis, ObjectMeta, Resource
from kgate.engine.errors import ApiError, LivelockError
from kgate.engine.store import Store
from kgate.engine.trace import WatchEvent

# Unlike upstream: without the overall limit of 10 retries a second (burst 100), which no single rollout reaches.
BACKOFF_MS, BACKOFF_CAP_MS = 5, 1_000_000

STEPS = 5_000
"""So many reconciles at one instant are never questioned."""


def itself(event: WatchEvent) -> Iterable[Key]:
    """The key of the object that changed."""
    return (event.key,)


def controlled_by(kind: str) -> Callable[[WatchEvent], Iterable[Key]]:
    """The key of the changed object's controller, and of the one it had until now, when they are of `kind`."""

    def owner(event: WatchEvent) -> Iterable[Key]:
        ref = event.object.metadata.controller
        keys = (Key(kind, event.key.namespace, ref.name),) if ref is not None and ref.kind == kind else ()
        if event.before is None or event.before.metadata.owner_references is event.object.metadata.owner_references:
            return keys
        former = event.before.metadata.controller
        if former is None or former == ref or former.kind != kind:
            return keys
        return (Key(kind, event.key.namespace, former.name), *keys)

    return owner


CROWD = 16
"""Fewer that wait for their turn are let in one by one. Of more, a quarter: while controllers work, others report, too."""


class Watch(Struct, frozen=True):
    """Which writes wake a controller, and for which of its keys."""

    resource: type[Any]
    keys: Callable[[WatchEvent], Iterable[Key]] = itself


class Controller(Protocol):
    """Brings the cluster one step nearer to what an object wants.

    `reconcile` is level-triggered: it looks at the store, never at what woke it. It returns after how many milliseconds it wants
    to look again if nothing else wakes it; None takes an earlier wish back. An ApiError from it is retried: after 5 ms, 10 ms,
    ... up to 1000 s. One that looks again for ever (`background = True`) does not by itself keep a cluster from rest.
    """

    @property
    def name(self) -> str: ...
    @property
    def watches(self) -> tuple[Watch, ...]: ...

    def reconcile(self, key: Key) -> Millis | None: ...


Item = tuple[str, Key]
"""A controller's name and one of its keys."""


class Manager:
    """Owns virtual time. One FIFO for all controllers with one entry per key, and one heap of timers."""

    fork_holds: ClassVar[tuple[str, ...]] = ("_queue", "_queued", "_turns", "_timers", "_due", "_failures", "_events")

    def __init__(self, store: Store) -> None:
        self.store = store
        self._controllers: dict[str, Controller] = {}
        self._routes: dict[str, list[tuple[str, Callable[[WatchEvent], Iterable[Key]]]]] = {}
        self._queue: deque[Item] = deque()
        self._queued: set[Item] = set()
        self._turns: deque[Item] = deque()
        self._timers: list[tuple[Millis, int, Item]] = []
        self._due: dict[Item, Millis] = {}
        self._failures: dict[Item, int] = {}
        self._events: dict[tuple[str, ...], Key] = {}
        self._serial = 0
        self._steps = 0
        self._budget = STEPS
        store.subscribe(self._route)

    @property
    def now_ms(self) -> Millis:
        return self.store.now_ms

    def add(self, controller: Controller) -> None:
        """Registration order is the order in which controllers see one and the same write."""
        self._controllers[controller.name] = controller
        for watch in controller.watches:
            self._routes.setdefault(watch.resource.kind, []).append((controller.name, watch.keys))

    def enqueue(self, controller: str, key: Key) -> None:
        """Adds the key to the end of the queue, unless it is already waiting there."""
        item = (controller, key)
        if item not in self._queued:
            self._queued.add(item)
            self._queue.append(item)

    def enqueue_last(self, controller: str, key: Key) -> None:
        """Like `enqueue`, but the key's turn comes when the queue is empty, and the queue empties again before the next one's turn.

        So what many machines do at the same instant is seen one by one. O(1) each.
        """
        item = (controller, key)
        if item not in self._queued:
            self._queued.add(item)
            self._turns.append(item)

    def enqueue_after(self, controller: str, key: Key, delay_ms: Millis) -> None:
        """One timer per key: the earliest wins until the key is reconciled, whose answer then counts alone."""
        item, due = (controller, key), self.now_ms + max(0, delay_ms)
        if due >= self._due.get(item, due + 1):
            return
        self._serial += 1
        self._due[item] = due
        heapq.heappush(self._timers, (due, self._serial, item))

    def settle(self) -> None:
        """Works until nothing is left to do at this instant. Raises LivelockError."""
        while self._queue or self._turns:
            if not self._queue:
                self._next_turn()
            self._step()

    def _next_turn(self) -> None:
        waiting = len(self._turns)
        for _ in range(1 if waiting < CROWD else waiting // 4):
            self._queue.append(self._turns.popleft())

    def run_until(self, deadline_ms: Millis, predicate: Callable[[], bool] | None = None) -> bool:
        """Works and lets time pass until `predicate` holds at the end of an instant (True) or the deadline is reached."""
        self.settle()
        while not (predicate is not None and predicate()):
            due = self.next_timer_ms()
            if due is None or due > deadline_ms:
                self._advance(max(self.now_ms, deadline_ms))
                return predicate is not None and predicate()
            self._advance(due)
            self.settle()
        return True

    def next_timer_ms(self) -> Millis | None:
        """When the next timer is due; None when no timer is set."""
        while self._timers and self._due.get(self._timers[0][2]) != self._timers[0][0]:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def timers(self) -> list[tuple[Millis, str, Key]]:
        """When which controller looks again at which of its keys, in no particular order."""
        return [(due, name, key) for (name, key), due in self._due.items()]

    def due_ms(self, controller: str, key: Key) -> Millis | None:
        """When the controller looks at that key again; None: only when something wakes it."""
        return self._due.get((controller, key))

    def waiting(self) -> tuple[Item, ...]:
        """Whose turn comes next at this instant, in order; then those that come one by one."""
        return (*self._queue, *self._turns)

    def record(self, about: Resource, type_: str, reason: str, message: str, *, source: str) -> None:
        """Writes a core/v1 Event, or counts up the one that already says so (client-go/tools/record/events_cache.go)."""
        # Unlike upstream: similar events are never aggregated, and none is dropped for being one of many.
        meta = about.metadata
        said = (meta.uid, type_, reason, message, source)
        known = self._events.get(said)
        event = self.store.find(known) if known else None
        if event is not None:
            self.store.update_status(replace(event, count=event.count + 1, last_timestamp_ms=self.now_ms))
            return
        ref = ObjectReference(api_version=about.api_version, kind=about.kind, namespace=meta.namespace, name=meta.name, uid=meta.uid)
        named = ObjectMeta(name=f"{meta.name}.{len(self._events):x}", namespace=meta.namespace or "default")
        created = self.store.create(
            Event(
                metadata=named,
                involved_object=ref,
                type=type_,
                reason=reason,
                message=message,
                reporting_component=source,
                count=1,
                first_timestamp_ms=self.now_ms,
                last_timestamp_ms=self.now_ms,
            )
        )
        self._events[said] = Key("Event", created.metadata.namespace, created.metadata.name)

    def next_work_ms(self) -> Millis | None:
        """When the next timer is due that somebody set because there is something left to do; None when only the periodic ones are."""
        waiting = (due for (name, _), due in self._due.items() if not getattr(self._controllers[name], "background", False))
        return min(waiting, default=None)

    def _route(self, event: WatchEvent) -> None:
        for controller, keys in self._routes.get(event.key.kind, ()):
            for key in keys(event):
                self.enqueue(controller, key)

    def _step(self) -> None:
        self._steps += 1
        if self._steps > self._budget:
            self._budget = self._allowed_steps()
        if self._steps > self._budget:
            raise LivelockError(self.now_ms, self._restless())
        item = self._queue.popleft()
        self._queued.discard(item)
        name, key = item
        try:
            again = self._controllers[name].reconcile(key)
        except ApiError:
            self._retry(item)
            return
        self._failures.pop(item, None)
        self._due.pop(item, None)
        if again is not None:
            self.enqueue_after(name, key, again)

    def _allowed_steps(self) -> int:
        """What honest work at one instant can take: by the objects there are and the pods they want, not by those they have made."""
        wanted = sum(rs.spec.replicas for rs in self.store.list(ReplicaSet))
        others = len(self.store) - len(self.store.list(Pod)) - len(self.store.list(Event))
        return STEPS + 200 * others + 50 * wanted

    def _retry(self, item: Item) -> None:
        failures = self._failures.get(item, 0)
        limit = getattr(self._controllers[item[0]], "max_retries", None)
        if limit is not None and failures >= limit:
            self._failures.pop(item, None)
            return
        self._failures[item] = failures + 1
        self.enqueue_after(*item, min(BACKOFF_MS << min(failures, 30), BACKOFF_CAP_MS))

    def _advance(self, to_ms: Millis) -> None:
        """Moves the clock and wakes every timer that is due, in order of time, then of setting."""
        if to_ms > self.store.now_ms:
            self.store.now_ms = to_ms
            self._steps = 0
            self._budget = STEPS
        while (due := self.next_timer_ms()) is not None and due <= to_ms:
            _, _, item = heapq.heappop(self._timers)
            del self._due[item]
            self.enqueue(*item)

    def _restless(self) -> list[str]:
        """The keys that are woken most during a further thousand steps, most restless first, ties by name."""
        woken: Counter[str] = Counter()
        for _ in range(1000):
            if not self._queue and not self._turns:
                break
            if not self._queue:
                self._next_turn()
            item = self._queue.popleft()
            self._queued.discard(item)
            woken[f"{item[0]} {item[1]}"] += 1
            self._controllers[item[0]].reconcile(item[1])
        return [key for key, _ in sorted(woken.items(), key=lambda kv: (-kv[1], kv[0]))[:5]]
