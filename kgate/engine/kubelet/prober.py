"""When a probe comes to its verdict (pkg/kubelet/prober/{worker,prober_manager}.go).

Nothing ticks here: the verdict follows from the worker's ticks and the times at which the app answers, so a healthy pod costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from kgate.engine.api.core import Container
from kgate.engine.api.meta import Millis


class Probe(Struct, frozen=True, kw_only=True):
    """The timing of a probe; what it asks is the app's business."""

    delay_ms: Millis = 0
    period_ms: Millis = 10_000
    successes: int = 1
    failures: int = 3
    grace_ms: Millis | None = None
    """Of a container killed for it, when it is not the pod's."""


class Health(Struct, frozen=True):
    """The app answers from `from_ms` on, until `until_ms` (None: for ever)."""

    from_ms: Millis
    until_ms: Millis | None = None


def probe_of(container: Container, name: str) -> Probe | None:
    """`name` is startupProbe, livenessProbe or readinessProbe; None when the container has none."""
    said = container.rest.get(name)
    if not isinstance(said, Mapping):
        return None
    grace = said.get("terminationGracePeriodSeconds")
    return Probe(
        delay_ms=1000 * _number(said, "initialDelaySeconds", 0),
        period_ms=1000 * max(1, _number(said, "periodSeconds", 10)),
        successes=max(1, _number(said, "successThreshold", 1)),
        failures=max(1, _number(said, "failureThreshold", 3)),
        grace_ms=1000 * grace if isinstance(grace, int) else None,
    )


def verdict_ms(probe: Probe, ticks_from_ms: Millis, asked_from_ms: Millis, health: Health, *, success: bool) -> Millis | None:
    """When the probe has succeeded (or failed) as often in a row as its threshold says; None when it never will.

    The worker ticks at `ticks_from_ms` and every period after it; ticks before `asked_from_ms` are skipped.
    Period 10, delay 5, ticks from 0: the first answer counts at 10 s.
    """
    needed = (probe.successes if success else probe.failures) - 1
    heard = _tick(probe, ticks_from_ms, max(health.from_ms, asked_from_ms))
    if health.until_ms is not None and heard >= health.until_ms:  # nobody asks while it answers: one silence, not two
        return None if success else _tick(probe, ticks_from_ms, asked_from_ms) + needed * probe.period_ms
    for begin, end in _answering(health) if success else _silent(health):
        first = _tick(probe, ticks_from_ms, max(begin, asked_from_ms))
        last = first + needed * probe.period_ms
        if end is None or last < end:
            return last
    return None


def _tick(probe: Probe, from_ms: Millis, earliest_ms: Millis) -> Millis:
    """The first tick that is not before `earliest_ms`."""
    return from_ms + max(0, -(-(earliest_ms - from_ms) // probe.period_ms)) * probe.period_ms


def _answering(health: Health) -> list[tuple[Millis, Millis | None]]:
    return [(health.from_ms, health.until_ms)]


def _silent(health: Health) -> list[tuple[Millis, Millis | None]]:
    return [(0, health.from_ms), *([(health.until_ms, None)] if health.until_ms is not None else [])]


def _number(said: Mapping[str, Any], key: str, default: int) -> int:
    value = said.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else default
