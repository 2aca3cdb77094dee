from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate.engine.api.autoscaling import HorizontalPodAutoscalerBehavior, HPAScalingPolicy, HPAScalingRules
from kgate.engine.controllers.podautoscaler import behavior
from kgate.engine.controllers.podautoscaler.behavior import Bounds, Dated, History

NOW = 1_000_000_000
MINUTE = 60_000
WINDOW = 5 * MINUTE


def rules(
    pods: int = 0, pods_s: int = 0, percent: int = 0, percent_s: int = 0, window: int | None = 0, select: str = "Max"
) -> HPAScalingRules:
    policies = [HPAScalingPolicy(type="Pods", value=pods, period_seconds=pods_s)] if pods else []
    policies += [HPAScalingPolicy(type="Percent", value=percent, period_seconds=percent_s)] if percent else []
    return HPAScalingRules(stabilization_window_seconds=window, select_policy=select, policies=tuple(policies))


UP, DOWN = rules(4, 15, 100, 15), rules(percent=100, percent_s=15)
"""What the server fills in."""


def spread(values: tuple[int, ...], period_s: int = 120) -> list[Dated]:
    """In the middle of equal parts of the period, the first one longest ago."""
    part = period_s / len(values)
    return [Dated(v, NOW - 1000 * int(period_s - part * (n + 1) + part / 2)) for n, v in enumerate(values)]


WITHIN, UP_LIMIT, DOWN_LIMIT, MANY, FEW = "DesiredWithinRange", "ScaleUpLimit", "ScaleDownLimit", "TooManyReplicas", "TooFewReplicas"

# (current, desired, min, max), up, down, added, removed, replicas, reason
RATES = [
    ((5, 7, 3, 8), UP, DOWN, (), (), 7, WITHIN),
    ((3, 1, 2, 8), UP, DOWN, (), (), 2, FEW),
    ((1, 0, 0, 10), UP, DOWN, (), (), 0, WITHIN),
    ((20, 1000, 1, 10), UP, DOWN, (), (), 10, MANY),
    ((100, 1000, 100, 150), UP, DOWN, (), (), 150, MANY),
    ((3, 1000, 1, 2000), rules(percent=1, percent_s=60), DOWN, (), (), 4, UP_LIMIT),
    ((1000, 3, 3, 2000), UP, rules(20, 60), (), (), 980, DOWN_LIMIT),
    ((10, 50, 1, 1000), UP, DOWN, (), (), 20, UP_LIMIT),
    ((10, 500, 1, 1000), rules(100, 60, 100, 60), DOWN, (), (), 110, UP_LIMIT),
    ((10, 500, 1, 1000), rules(2, 60, 100, 60), DOWN, (), (), 20, UP_LIMIT),
    ((10, 50, 1, 1000), rules(100, 60), DOWN, (), (), 50, WITHIN),
    ((10, 50, 1, 1000), rules(30, 60), DOWN, (), (), 40, UP_LIMIT),
    ((10, 50, 1, 1000), rules(percent=200, percent_s=60), DOWN, (), (), 30, UP_LIMIT),
    ((100, 2, 1, 1000), UP, rules(20, 60, 1, 60, 300), (), (), 80, DOWN_LIMIT),
    ((100, 2, 1, 1000), UP, rules(2, 60, 1, 60, 300), (), (), 98, DOWN_LIMIT),
    ((10, 0, 1, 1000), UP, rules(100, 60), (), (), 1, FEW),
    ((10, 2, 5, 1000), UP, rules(percent=100, percent_s=60), (), (), 5, FEW),
    ((10, 2, 1, 1000), UP, rules(5, 60), (), (), 5, DOWN_LIMIT),
    ((10, 5, 1, 1000), UP, rules(percent=50, percent_s=60), (), (), 5, WITHIN),
    ((100, 500, 1, 200), rules(300, 60), DOWN, (1, 5, 9), (), 200, MANY),
    ((100, 500, 1, 200), rules(percent=10_000, percent_s=60), DOWN, (1, 5, 9), (), 200, MANY),
    # 15 were added in the period: the policy alone would take ten of them back.
    ((100, 500, 1, 1000), rules(5, 120), DOWN, (1, 5, 9), (), 100, UP_LIMIT),
    ((100, 500, 1, 1000), rules(150, 120), DOWN, (1, 5, 9), (), 235, UP_LIMIT),
    ((100, 500, 1, 1000), rules(percent=200, percent_s=120), DOWN, (1, 5, 9), (), 255, UP_LIMIT),
    ((6, 24, 1, 1000), rules(percent=300, percent_s=300), DOWN, (4,), (2,), 16, UP_LIMIT),
    ((10, 5, 1, 1000), UP, DOWN, (), (1, 5, 9), 5, WITHIN),
    ((100, 0, 1, 1000), UP, rules(115, 120), (), (1, 5, 9), 1, FEW),
    ((100, 0, 5, 1000), UP, rules(130, 120), (), (1, 5, 9), 5, FEW),
    ((100, 2, 5, 1000), UP, rules(percent=100, percent_s=120), (), (1, 5, 9), 5, FEW),
    ((100, 2, 1, 1000), UP, rules(5, 120), (), (1, 5, 9), 100, DOWN_LIMIT),
    ((100, 0, 1, 1000), UP, rules(percent=50, percent_s=120), (), (2, 4, 6), 56, DOWN_LIMIT),
    ((10, 1, 1, 1000), UP, rules(percent=50, percent_s=180), (2,), (4,), 6, DOWN_LIMIT),
    ((100, 0, 1, 1000), UP, rules(percent=10, percent_s=120), (), (10, 10, 10), 100, DOWN_LIMIT),
    ((10, 50, 1, 1000), rules(4, 15, select="Disabled"), DOWN, (), (), 10, UP_LIMIT),
    ((10, 1, 1, 1000), UP, rules(4, 15, select="Disabled"), (), (), 10, DOWN_LIMIT),
]


@pytest.mark.parametrize(("bounds", "up", "down", "added", "removed", "replicas", "reason"), RATES)
def test_policies_bound_how_much_is_scaled_at_once(
    bounds: tuple[int, int, int, int],
    up: HPAScalingRules,
    down: HPAScalingRules,
    added: tuple[int, ...],
    removed: tuple[int, ...],
    replicas: int,
    reason: str,
) -> None:
    history = History(added=spread(added) if added else [], removed=spread(removed) if removed else [])
    current, desired, low, high = bounds
    no_wait = HorizontalPodAutoscalerBehavior(
        scale_up=HPAScalingRules(policies=up.policies, select_policy=up.select_policy, stabilization_window_seconds=0),
        scale_down=HPAScalingRules(policies=down.policies, select_policy=down.select_policy, stabilization_window_seconds=0),
    )
    done = behavior.with_behavior(history, Bounds(current=current, desired=desired, minimum=low, maximum=high), no_wait, WINDOW, NOW)
    assert (done.replicas, done.limited[0], done.is_limited) == (replicas, reason, reason != WITHIN)


def test_min_selects_the_policy_that_changes_least() -> None:
    assert behavior.scale_up_limit(1, History(), rules(2, 60, 50, 60, select="Min"), NOW) == 2
    assert behavior.scale_down_limit(5, History(), rules(2, 60, 50, 60, select="Min"), NOW) == 3


@pytest.mark.parametrize(
    ("past", "desired", "stabilized", "kept"),
    [
        ([], 5, 5, 1),
        ([(4, 2), (5, 1)], 3, 5, 3),
        ([(1, 2), (2, 1)], 3, 3, 3),
        ([(10, 10), (9, 9)], 3, 3, 2),
        ([(10, 10), (4, 1), (5, 2), (9, 9)], 3, 5, 4),
    ],
)
def test_without_behavior_it_comes_down_to_the_highest_recommendation_of_the_window(
    past: list[tuple[int, int]], desired: int, stabilized: int, kept: int
) -> None:
    history = History(recommendations=[Dated(v, NOW - m * MINUTE) for v, m in past])
    done = behavior.plain(history, Bounds(current=100, desired=desired, minimum=1, maximum=1000), WINDOW, NOW)
    assert done.replicas == stabilized
    assert done.able[0] == ("ReadyForNewScale" if stabilized == desired else "ScaleDownStabilized")
    assert len(history.recommendations) == kept


@pytest.mark.parametrize(
    ("current", "desired", "low", "high", "replicas", "reason"),
    [
        (5, 7, 3, 8, 7, WITHIN),
        (3, 1, 2, 8, 2, FEW),
        (1, 0, 0, 10, 0, WITHIN),
        (20, 1000, 1, 10, 10, MANY),
        (3, 1000, 1, 2000, 6, UP_LIMIT),
        (1, 1000, 1, 2000, 4, UP_LIMIT),
    ],
)
def test_without_behavior_it_at_most_doubles(current: int, desired: int, low: int, high: int, replicas: int, reason: str) -> None:
    done = behavior.plain(History(), Bounds(current=current, desired=desired, minimum=low, maximum=high), WINDOW, NOW)
    assert (done.replicas, done.limited[0], done.is_limited) == (replicas, reason, reason != WITHIN)


@pytest.mark.parametrize(
    ("past", "current", "desired", "up_s", "down_s", "stabilized", "kept"),
    [
        ([], 100, 5, 0, 0, 5, [5]),
        ([(4, 2), (5, 1)], 100, 3, 0, 180, 5, [4, 5, 3]),
        ([(4, 2), (5, 1)], 1, 7, 300, 0, 4, [4, 5, 7]),
        ([(1, 2), (2, 1)], 100, 3, 300, 0, 3, [1, 2, 3]),
        ([(4, 2), (5, 1)], 1, 3, 0, 300, 3, [4, 5, 3]),
        ([(10, 10), (9, 9)], 100, 3, 0, 0, 3, [10, 3]),
        ([(10, 10), (9, 9)], 1, 100, 0, 0, 100, [10, 100]),
        ([(10, 10), (4, 1), (5, 2), (9, 9)], 100, 3, 0, 180, 5, [10, 4, 5, 3]),
        ([(10, 100), (6, 1), (5, 2), (9, 3)], 1, 100, 300, 0, 5, [100, 6, 5, 9]),
        ([(2, 100), (3, 3)], 2, 1, 300, 300, 2, [1, 3]),
        ([(2, 100), (1, 3)], 2, 3, 300, 300, 2, [3, 1]),
    ],
)
def test_windows_hold_it_between_recent_recommendations(
    past: list[tuple[int, int]], current: int, desired: int, up_s: int, down_s: int, stabilized: int, kept: list[int]
) -> None:
    history = History(recommendations=[Dated(v, NOW - m * MINUTE) for v, m in past])
    fast = (1000, 15)
    both = HorizontalPodAutoscalerBehavior(scale_up=rules(*fast, window=up_s), scale_down=rules(*fast, window=down_s))
    done = behavior.with_behavior(history, Bounds(current=current, desired=desired, minimum=1, maximum=1000), both, WINDOW, NOW)
    assert done.replicas == stabilized
    assert [r.value for r in history.recommendations] == kept


def test_what_was_scaled_longer_ago_than_any_policy_looks_is_forgotten() -> None:
    history = History(added=[Dated(7, NOW - 61_000), Dated(8, NOW - 59_000)])
    both = HorizontalPodAutoscalerBehavior(scale_up=rules(4, 60, 100, 15), scale_down=DOWN)
    behavior.store_scale_event(history, both, 2, 5, NOW)
    assert history.added == [Dated(3, NOW), Dated(8, NOW - 59_000)]
    behavior.store_scale_event(history, both, 5, 4, NOW)
    assert history.removed == [Dated(1, NOW)]
    behavior.store_scale_event(history, None, 5, 4, NOW)
    assert len(history.removed) == 1


policies = st.builds(
    lambda kind, value, period: HPAScalingPolicy(type=kind, value=value, period_seconds=period),
    st.sampled_from(["Pods", "Percent"]),
    st.integers(1, 200),
    st.integers(1, 300),
)
scaling = st.builds(
    lambda p, select, window: HPAScalingRules(policies=tuple(p), select_policy=select, stabilization_window_seconds=window),
    st.lists(policies, min_size=1, max_size=3),
    st.sampled_from(["Max", "Min", "Disabled"]),
    st.integers(0, 600),
)


@given(
    up=scaling, down=scaling, low=st.integers(1, 20), more=st.integers(0, 80), wanted=st.lists(st.integers(0, 200), min_size=1, max_size=30)
)
def test_whatever_the_metrics_say_it_stays_within_its_bounds_and_its_rate(
    up: HPAScalingRules, down: HPAScalingRules, low: int, more: int, wanted: list[int]
) -> None:
    both, history, current, now = HorizontalPodAutoscalerBehavior(scale_up=up, scale_down=down), History(), low, NOW
    at: list[tuple[int, int]] = [(NOW, current)]
    for desired in wanted:
        now += 15_000
        done = behavior.with_behavior(history, Bounds(current=current, desired=desired, minimum=low, maximum=low + more), both, WINDOW, now)
        assert low <= done.replicas <= low + more
        if done.replicas < current and down.select_policy == "Max":
            assert any(done.replicas >= _floor(p, at, now) for p in down.policies)
        if done.replicas != current:
            behavior.store_scale_event(history, both, current, done.replicas, now)
        current = done.replicas
        at.append((now, current))


def _floor(policy: HPAScalingPolicy, at: list[tuple[int, int]], now: int) -> int:
    """How many a policy leaves at least, of what there was when its period began."""
    began = [n for t, n in at if t <= now - 1000 * policy.period_seconds]
    start = began[-1] if began else at[0][1]
    return start - policy.value if policy.type == "Pods" else int(start * (1 - policy.value / 100))
