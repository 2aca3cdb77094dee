"""Who is tried next, and who is tried again when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate.engine.api.meta import Key
from kgate.engine.scheduler.nodeinfo import PodInfo
from kgate.engine.scheduler.queue import Queue, Queued
from tests.engine.scheduler.objects import pod


def info(name: str, priority: int = 0) -> PodInfo:
    return PodInfo.of(pod(name, priority=priority))


def popped(queue: Queue, now_ms: int = 0) -> Queued:
    queued = queue.pop(now_ms)
    assert queued is not None
    return queued


def names(queue: Queue, now_ms: int = 0) -> list[str]:
    out = []
    while (queued := queue.pop(now_ms)) is not None:
        out.append(queued.info.pod.metadata.name)
    return out


def test_priority_comes_first_then_time_then_arrival() -> None:
    queue = Queue(pops_from_backoff=True)
    for name, priority, now_ms in (("late", 0, 5), ("a", 0, 1), ("b", 0, 1), ("vip", 9, 7)):
        queue.add(info(name, priority), now_ms)
    assert names(queue) == ["vip", "a", "b", "late"]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3))))
def test_the_queue_gives_back_all_pods_in_order(arrivals: list[tuple[int, int]]) -> None:
    queue = Queue(pops_from_backoff=True)
    for n, (priority, now_ms) in enumerate(arrivals):
        queue.add(info(f"p{n}", priority), now_ms)
    expected = sorted(range(len(arrivals)), key=lambda n: (-arrivals[n][0], arrivals[n][1], n))
    assert names(queue) == [f"p{n}" for n in expected]


def test_a_pod_that_was_removed_or_changed_is_not_given_as_it_was() -> None:
    queue = Queue(pops_from_backoff=True)
    for name in ("a", "b", "c"):
        queue.add(info(name), 0)
    queue.remove(Key("Pod", "default", "a"))
    queue.refresh(info("c", priority=5), retry=True, now_ms=0)
    assert names(queue) == ["c", "b"]
    assert len(queue) == 0


@pytest.mark.parametrize(
    ("refusals", "ends_ms"),
    [(1, 3_000), (2, 4_000), (3, 6_000), (4, 10_000), (5, 12_000), (50, 12_000)],
)
def test_a_back_off_doubles_up_to_ten_seconds_and_ends_at_a_whole_second(refusals: int, ends_ms: int) -> None:
    queued = Queued(info=info("p"), since_ms=2_300, serial=1, refusals=refusals)
    assert queued.backoff_ends_ms == ends_ms


def test_what_was_refused_waits_for_a_change_that_helps() -> None:
    queue = Queue(pops_from_backoff=True)
    queue.add(info("p"), 0)
    queue.refuse(popped(queue), ("NodeResourcesFit",), 0)
    assert queue.due_ms(0) is None and queue.pop(60_000) is None
    queue.wake(lambda _: False, 60_000)
    assert queue.pop(60_000) is None
    queue.wake(lambda queued: queued.refused_by == ("NodeResourcesFit",), 60_000)
    assert names(queue, 60_000) == ["p"]


def test_an_idle_queue_gives_what_backs_off_the_earliest_first() -> None:
    queue = Queue(pops_from_backoff=True)
    for name in ("tried-twice", "tried-once"):
        queue.add(info(name), 0)
    twice, once = popped(queue), popped(queue)
    queue.refuse(twice, ("x",), 0)
    queue.wake(lambda _: True, 0)
    queue.refuse(popped(queue), ("x",), 0)
    queue.refuse(once, ("x",), 0)
    queue.wake(lambda _: True, 0)
    assert names(queue) == ["tried-once", "tried-twice"]


def test_a_queue_that_keeps_to_the_back_off_says_when_it_ends() -> None:
    queue = Queue(pops_from_backoff=False)
    queue.add(info("p"), 300)
    queue.refuse(popped(queue, 300), ("x",), 300)
    queue.wake(lambda _: True, 400)
    assert queue.pop(400) is None
    assert queue.due_ms(400) == 1_600
    assert names(queue, 2_000) == ["p"]


def test_a_pod_that_nothing_has_helped_for_five_minutes_is_tried_all_the_same() -> None:
    queue = Queue(pops_from_backoff=False)
    queue.add(info("p"), 0)
    queue.refuse(popped(queue), ("NodeAffinity",), 1_000)
    assert queue.left_behind_ms(1_000) == 330_000 - 1_000  # more than five minutes, and then the next look, every thirty seconds
    queue.flush_left_behind(301_000)
    assert names(queue, 301_000) == []
    queue.flush_left_behind(330_000)
    assert names(queue, 330_000) == ["p"]
    assert queue.left_behind_ms(330_000) is None
