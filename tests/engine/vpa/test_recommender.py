from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate.engine.vpa.estimator import MOST, estimate
from kgate.engine.vpa.histogram import CPU, MEMORY, Buckets, DecayingHistogram
from kgate.engine.vpa.settings import DAY, HOUR, MEBI, MINUTE, Settings
from kgate.engine.vpa.usage import Container, Usage

S = Settings()
GROWING = Buckets(first=1.0, ratio=2.0, count=6)
"""0, 1, 3, 7, 15, 31."""


def test_buckets_grow_by_the_same_factor() -> None:
    assert [GROWING.start(n) for n in range(6)] == [0, 1, 3, 7, 15, 31]
    assert [GROWING.find(v) for v in (0, 0.9, 1, 2.9, 3, 14, 31, 1e9)] == [0, 0, 1, 1, 2, 3, 5, 5]
    assert (CPU.count, MEMORY.count) == (176, 176)


def test_a_percentile_is_the_end_of_its_bucket() -> None:
    h = DecayingHistogram(GROWING, DAY)
    assert (h.empty, h.percentile(0.9)) == (True, 0.0)
    h.add(2, 1, 0)
    h.add(4, 3, 0)
    assert [h.percentile(p) for p in (0.0, 0.25, 0.26, 1.0)] == [3, 3, 7, 7]


def test_a_sample_loses_half_of_its_weight_in_a_half_life() -> None:
    h = DecayingHistogram(GROWING, DAY)
    h.add(2, 3, 0)
    h.add(8, 1, 0)
    assert h.percentile(0.7) == 3
    h.add(8, 1, DAY)  # as much as two of the day before
    assert h.percentile(0.7) == 15


def test_what_was_added_can_be_taken_back() -> None:
    h = DecayingHistogram(GROWING, DAY)
    h.add(2, 1, HOUR)
    h.add(8, 1, HOUR)
    h.subtract(8, 1, HOUR)
    assert h.percentile(1.0) == 3


def test_weights_do_not_outgrow_a_float_in_a_thousand_days() -> None:
    h = DecayingHistogram(GROWING, DAY)
    for day in range(1000):
        h.add(2 if day < 990 else 8, 0.1, day * DAY)
    assert h.percentile(0.5) == 15
    assert math.isfinite(h.percentile(0.0))


def steady(milli: int, memory: int, span_ms: int) -> dict[str, Usage]:
    usage = Usage(S)
    container = Container(usage, S)
    for at in range(0, span_ms, MINUTE):
        container.add(milli, memory, at)
    return {"app": usage}


def test_a_steady_usage_is_recommended_with_a_margin_and_bounds_that_close_in() -> None:
    day, week = estimate(steady(500, 400 * MEBI, DAY), S)["app"], estimate(steady(500, 400 * MEBI, 7 * DAY), S)["app"]
    target = day.target["cpu"]
    assert 500 * 1.15 <= target <= 500 * 1.05 * 1.15 + 1
    assert 400 * MEBI * 1.15 <= day.target["memory"] <= (400 * MEBI * 1.05 + 1e7) * 1.15
    assert week.target == day.target
    assert day.upper["cpu"] == pytest.approx(2 * target, rel=0.01)
    assert week.upper["cpu"] == pytest.approx(8 / 7 * target, rel=0.01)
    assert day.lower["cpu"] == pytest.approx(0.998 * target, rel=0.01)


def test_after_the_first_sample_nothing_is_out_of_bounds() -> None:
    found = estimate(steady(500, 400 * MEBI, MINUTE), S)["app"]
    assert (found.lower["cpu"], found.upper["cpu"]) == (25, MOST)


def test_without_a_sample_the_least_is_recommended_and_shared_out() -> None:
    found = estimate({"app": Usage(S), "side": Usage(S)}, S)
    assert dict(found["app"].target) == {"cpu": 12, "memory": 125 * MEBI}
    assert found["app"].upper == found["app"].target == found["side"].lower


def test_only_the_highest_memory_of_a_day_counts() -> None:
    usage = Usage(S)
    container = Container(usage, S)
    for at, used in ((0, 300), (HOUR, 900), (2 * HOUR, 100)):
        container.add(None, used * MEBI, at)
    assert usage.memory.percentile(0.01) > 900 * MEBI
    container.add(None, 200 * MEBI, DAY + HOUR)
    assert usage.memory.percentile(0.01) < 220 * MEBI


def test_a_container_that_is_killed_for_its_memory_gets_more() -> None:
    usage = Usage(S)
    container = Container(usage, S)
    container.add(None, 300 * MEBI, 0)
    container.add_oom(400 * MEBI, HOUR)
    assert 500 * MEBI <= usage.memory.percentile(0.9) <= 500 * MEBI * 1.06
    container.add_oom(2000 * MEBI, 2 * HOUR)
    assert 2400 * MEBI <= usage.memory.percentile(0.9) <= 2400 * MEBI * 1.06


@given(st.lists(st.tuples(st.integers(0, 8000), st.integers(0, 600)), min_size=1, max_size=40))
def test_lower_bound_target_and_upper_bound_are_in_order(samples: list[tuple[int, int]]) -> None:
    usage = Usage(S)
    container = Container(usage, S)
    for milli, minute in sorted(samples, key=lambda s: s[1]):
        container.add(milli, milli * MEBI, minute * MINUTE)
    found = estimate({"app": usage}, S)["app"]
    for name in ("cpu", "memory"):
        assert found.lower[name] <= found.target[name] <= found.upper[name]
    assert found.target["cpu"] <= max(25, max(m for m, _ in samples) * 1.05 * 1.15 + 13)
