from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import ClassVar

import pytest

from kgate.engine.api.core import Event, Pod
from kgate.engine.api.meta import Key, Millis, ObjectMeta
from kgate.engine.errors import ApiError, LivelockError
from kgate.engine.manager import Manager, Watch
from kgate.engine.store import Store

P = Key("Pod", "default", "p")
Q = Key("Pod", "default", "q")


class Scripted:
    """Notes when it was called for what, and answers as told."""

    name: ClassVar[str] = "scripted"

    def __init__(self, answer: Callable[[Key, Millis], Millis | None] = lambda key, now: None) -> None:
        self.watches = (Watch(Pod),)
        self.calls: list[tuple[Millis, str]] = []
        self._answer = answer
        self.manager = Manager(Store())
        self.manager.add(self)

    def reconcile(self, key: Key) -> Millis | None:
        self.calls.append((self.manager.now_ms, key.name))
        return self._answer(key, self.manager.now_ms)


def create(c: Scripted, name: str) -> Pod:
    return c.manager.store.create(Pod(metadata=ObjectMeta(name=name, namespace="default")))


def test_a_key_waits_in_the_queue_once() -> None:
    c = Scripted()
    for _ in range(3):
        c.manager.enqueue("scripted", P)
    c.manager.enqueue("scripted", Q)
    c.manager.settle()
    assert c.calls == [(0, "p"), (0, "q")]


def test_a_write_wakes_whoever_watches_its_kind() -> None:
    c = Scripted()
    create(c, "p")
    c.manager.settle()
    assert c.calls == [(0, "p")]


def test_time_jumps_from_timer_to_timer_in_order_of_time_then_of_setting() -> None:
    c = Scripted()
    c.manager.enqueue_after("scripted", P, 50)
    c.manager.enqueue_after("scripted", Q, 20)
    c.manager.enqueue_after("scripted", Key("Pod", "default", "r"), 50)
    assert not c.manager.run_until(100)
    assert c.calls == [(20, "q"), (50, "p"), (50, "r")]
    assert c.manager.now_ms == 100


def test_of_two_timers_for_a_key_the_earlier_counts() -> None:
    c = Scripted()
    c.manager.enqueue_after("scripted", P, 50)
    c.manager.enqueue_after("scripted", P, 20)
    c.manager.enqueue_after("scripted", P, 30)
    c.manager.run_until(100)
    assert c.calls == [(20, "p")]


def test_a_reconcile_may_ask_to_be_woken_and_the_next_one_may_take_it_back() -> None:
    c = Scripted(lambda key, now: 1000 if now == 0 else None)
    create(c, "p")
    c.manager.settle()
    assert c.manager.next_timer_ms() == 1000
    c.manager.run_until(10)
    c.manager.enqueue("scripted", P)
    c.manager.settle()
    assert c.manager.next_timer_ms() is None


def test_failures_are_retried_after_5_ms_doubling_up_to_1000_seconds() -> None:
    def fail(key: Key, now: Millis) -> None:
        raise ApiError(500, "down")

    c = Scripted(fail)
    c.manager.enqueue("scripted", P)
    c.manager.run_until(3_000_000)
    times = [t for t, _ in c.calls]
    gaps = [b - a for a, b in pairwise(times)]
    assert gaps[:4] == [5, 10, 20, 40]
    assert gaps[-1] == 1_000_000


def test_success_forgets_earlier_failures() -> None:
    def answer(key: Key, now: Millis) -> None:
        if now not in (15, 20):
            raise ApiError(500, "down")

    c = Scripted(answer)
    c.manager.enqueue("scripted", P)
    c.manager.run_until(16)
    assert [t for t, _ in c.calls] == [0, 5, 15]
    c.manager.run_until(30)
    c.manager.enqueue("scripted", P)
    c.manager.run_until(36)
    assert [t for t, _ in c.calls][3:] == [30, 35]


def test_keys_dropped_after_so_many_retries_stay_dropped() -> None:
    class Impatient(Scripted):
        max_retries: ClassVar[int] = 2

    def fail(key: Key, now: Millis) -> None:
        raise ApiError(500, "down")

    c = Impatient(fail)
    c.manager.enqueue("scripted", P)
    c.manager.run_until(1_000_000)
    assert len(c.calls) == 3


def test_the_predicate_is_asked_at_the_end_of_every_instant() -> None:
    c = Scripted(lambda key, now: 10)
    c.manager.enqueue("scripted", P)
    assert c.manager.run_until(1000, lambda: len(c.calls) >= 4)
    assert c.manager.now_ms == 30
    assert c.manager.run_until(1000, lambda: True)
    assert c.manager.now_ms == 30


def test_controllers_that_fight_without_time_passing_are_named() -> None:
    c = Scripted()
    c._answer = lambda key, now: c.manager.enqueue("scripted", Q if key == P else P)
    c.manager.enqueue("scripted", P)
    with pytest.raises(LivelockError) as stuck:
        c.manager.settle()
    assert set(stuck.value.keys) == {"scripted Pod default/p", "scripted Pod default/q"}
    assert "0 ms" in str(stuck.value)


def test_a_controller_that_creates_objects_without_end_is_stopped_too() -> None:
    c = Scripted()
    c._answer = lambda key, now: create(c, f"{key.name}x") and None
    create(c, "p")
    with pytest.raises(LivelockError):
        c.manager.settle()


def test_what_is_said_again_is_counted() -> None:
    c = Scripted()
    pod = create(c, "p")
    for text in ("a", "b", "a"):
        c.manager.record(pod, "Warning", "Failed", text, source="kubelet")
    assert [(e.message, e.count) for e in c.manager.store.list(Event)] == [("a", 2), ("b", 1)]


def test_who_is_enqueued_last_waits_until_the_others_have_nothing_left_and_goes_alone() -> None:
    manager, seen = Manager(Store()), []

    class Follower:
        name = "follower"
        watches = ()

        def reconcile(self, key: Key) -> None:
            seen.append(key.name)
            if key.name in ("a", "b"):
                manager.enqueue("follower", Key("Pod", "", f"{key.name} noticed"))

    manager.add(Follower())
    for name in ("a", "b"):
        manager.enqueue_last("follower", Key("Pod", "", name))
    manager.enqueue("follower", Key("Pod", "", "first"))
    manager.settle()
    assert seen == ["first", "a", "a noticed", "b", "b noticed"]


def test_a_crowd_is_let_in_by_quarters() -> None:
    manager, rounds = Manager(Store()), []

    class Follower:
        name = "follower"
        watches = ()

        def reconcile(self, key: Key) -> None:
            if key.name == "noticed":
                rounds.append(0)
            else:
                rounds[-1] += 1
                manager.enqueue("follower", Key("Pod", "", "noticed"))

    manager.add(Follower())
    manager.enqueue("follower", Key("Pod", "", "noticed"))
    for n in range(400):
        manager.enqueue_last("follower", Key("Pod", "", str(n)))
    manager.settle()
    assert rounds[:3] == [100, 75, 56]
    assert rounds[-13:] == [1] * 12 + [0]
