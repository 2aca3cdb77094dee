"""From usage to requests: percentiles, a margin, and bounds that are wide while little is known (pkg/recommender/logic)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from msgspec import Struct

from kgate.engine.api.meta import FrozenMap
from kgate.engine.api.resources import CPU, MEMORY
from kgate.engine.vpa.settings import Settings
from kgate.engine.vpa.usage import Usage

MOST = 10**14
Amounts = FrozenMap[str, int]


class Estimate(Struct, frozen=True, kw_only=True):
    """Thousandths of a core and bytes."""

    target: Amounts
    lower: Amounts
    upper: Amounts


def estimate(usages: Mapping[str, Usage], settings: Settings) -> dict[str, Estimate]:
    """By container name. The least that a pod is given is shared out to its containers."""
    share = 1 / len(usages) if usages else 1.0
    least = {CPU: _amount(settings.min_cpu * share), MEMORY: _amount(settings.min_memory * share)}
    return {name: _estimate(usage, least, settings) for name, usage in usages.items()}


def _estimate(usage: Usage, least: Mapping[str, int], settings: Settings) -> Estimate:
    """Upper bound times 1 + 1/days, lower bound times (1 + 0.001/days)^-2: after a day twice and 0.998 of the percentile."""
    days = usage.confidence(settings.confidence_ms)

    def at(percentile: float, factor: float) -> Amounts:
        found = {CPU: usage.cpu.percentile(percentile) * 1000, MEMORY: usage.memory.percentile(percentile)}
        return FrozenMap({name: max(least[name], _scaled(_with_margin(value, settings.margin), factor)) for name, value in found.items()})

    return Estimate(
        target=at(settings.target, 1.0),
        lower=at(settings.lower, (1 + 0.001 / days) ** -2 if days else 0.0),
        upper=at(settings.upper, 1 + 1 / days if days else math.inf),
    )


def _with_margin(value: float, margin: float) -> int:
    base = _amount(value)
    return base + _scaled(base, margin)


def _scaled(amount: int, factor: float) -> int:
    """Without any usage there is no upper bound to be widened: nothing times infinity is nothing."""
    return 0 if amount == 0 else _amount(amount * factor)


def _amount(value: float) -> int:
    return MOST if value > MOST else max(0, int(value))
