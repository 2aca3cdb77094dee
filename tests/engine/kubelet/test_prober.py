"""Thresholds, delays and ticks, as prober/worker_test.go has them, in closed form."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kgate.engine.api.core import Container
from kgate.engine.api.meta import FrozenMap
from kgate.engine.kubelet.prober import Health, Probe, probe_of, verdict_ms

S = 1000


def at(probe: dict[str, Any], health: Health, *, success: bool = True, ticks: int = 0, asked: int = 0) -> int | None:
    return verdict_ms(Probe(**probe), ticks, asked, health, success=success)


@pytest.mark.parametrize(
    ("probe", "health", "success", "asked", "expected"),
    [
        ({}, Health(0), True, 0, 0),
        ({}, Health(1), True, 0, 10 * S),
        ({}, Health(10 * S), True, 0, 10 * S),
        ({}, Health(0), True, 5 * S, 10 * S),  # an initial delay of 5 s is over between two ticks
        ({"period_ms": S}, Health(2500), True, 0, 3 * S),
        ({"successes": 3}, Health(0), True, 0, 20 * S),
        ({"successes": 3}, Health(0, 15 * S), True, 0, None),  # gone before it has succeeded three times
        ({"successes": 2}, Health(0, 10 * S + 1), True, 0, 10 * S),
        ({}, Health(30 * S), False, 0, 20 * S),  # three failures before the app is up
        ({}, Health(20 * S), False, 0, None),  # the third try finds it up
        ({"failures": 1}, Health(1), False, 0, 0),
        ({}, Health(0, 42 * S), False, 0, 70 * S),
        ({}, Health(20 * S, 42 * S), False, 0, 70 * S),  # two failures, then successes: counted anew
        ({}, Health(0), False, 0, None),
    ],
)
def test_a_verdict_needs_its_threshold_in_a_row(probe: dict[str, Any], health: Health, success: bool, asked: int, expected: int) -> None:
    assert at(probe, health, success=success, asked=asked) == expected


def test_ticks_are_those_of_the_worker() -> None:
    assert at({}, Health(0), ticks=3 * S, asked=4 * S) == 13 * S


def ticking(probe: Probe, ticks: int, asked: int, health: Health, *, success: bool) -> int | None:
    """What a worker does, tick by tick."""
    run, last = 0, None
    for k in range(200):
        now = ticks + k * probe.period_ms
        if now < asked:
            continue
        answer = now >= health.from_ms and (health.until_ms is None or now < health.until_ms)
        run, last = (run + 1 if answer is last else 1), answer
        if answer is success and run >= (probe.successes if success else probe.failures):
            return now
    return None


@example(1, 1, 2, 0, 0, 1, 0, False)
@given(
    st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.integers(0, 9), st.integers(0, 30), st.integers(0, 40),
    st.none() | st.integers(0, 40), st.booleans(),
)  # fmt: skip
def test_the_closed_form_is_what_ticking_comes_to(
    period: int, successes: int, failures: int, ticks: int, asked: int, begin: int, lasts: int | None, success: bool
) -> None:
    probe = Probe(period_ms=period, successes=successes, failures=failures)
    health = Health(begin, None if lasts is None else begin + lasts)
    assert verdict_ms(probe, ticks, asked, health, success=success) == ticking(probe, ticks, asked, health, success=success)


def test_a_probe_is_read_with_the_defaults_of_the_api() -> None:
    c = Container(rest=FrozenMap(readinessProbe=FrozenMap(initialDelaySeconds=3), livenessProbe=FrozenMap(terminationGracePeriodSeconds=4)))
    assert probe_of(c, "readinessProbe") == Probe(delay_ms=3000)
    assert probe_of(c, "livenessProbe") == Probe(grace_ms=4000)
    assert probe_of(c, "startupProbe") is None
