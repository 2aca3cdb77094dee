"""Flags of kube-controller-manager, as a command line or a scenario gives them (staging/src/k8s.io/component-base/cli/flag)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kgate.engine.api.meta import Millis

_UNITS_MS = {"h": 3_600_000.0, "m": 60_000.0, "s": 1000.0, "ms": 1.0, "us": 0.001, "µs": 0.001, "ns": 0.000_001}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(h|ms|m|s|us|µs|ns)")
_LONGEST_MS = 2**63 // 1_000_000
"""A time.Duration holds no more."""


class FlagError(ValueError):
    """A flag whose value kube-controller-manager would not start with."""

    def __init__(self, flag: str, value: object, why: str) -> None:
        super().__init__(f'invalid argument "{value}" for "--{flag}" flag: {why}')
        self.flag = flag


class Flags:
    """Reads each flag by its name, without the dashes; what is absent has the default that its reader names."""

    def __init__(self, given: Mapping[str, object] | None = None) -> None:
        self._given = dict(given or {})

    def duration_ms(self, flag: str, default: Millis, *, least: Millis = 0) -> Millis:
        """Go's way of writing durations (`1m30s`, `100ms`), or a plain number of seconds. Raises FlagError."""
        value = self._given.get(flag)
        if value is None:
            return default
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        ms = float(str(value)) * 1000 if plain else _parsed_ms(str(value))
        if ms is None or ms != ms or not least <= ms <= _LONGEST_MS:
            raise FlagError(flag, value, "not a duration" if ms is None or ms != ms else f"must be from {least} ms on")
        return round(ms)

    def number(self, flag: str, default: float) -> float:
        """A number that is not negative. Raises FlagError."""
        value = self._given.get(flag)
        if value is None:
            return default
        try:
            number = float(str(value))
        except ValueError:
            raise FlagError(flag, value, "not a number") from None
        if not 0 <= number < 2**31:
            raise FlagError(flag, value, "must be a number from 0 on")
        return number


def minor(kubernetes_version: str) -> int:
    """36 of `1.36`, `v1.36.2`, ..."""
    return int(kubernetes_version.removeprefix("v").split(".")[1])


def _parsed_ms(text: str) -> float | None:
    """time.ParseDuration, without negative ones; None when it is none."""
    if text == "0":
        return 0
    if not text or _PART.sub("", text) or len(text) > 100:
        return None
    return sum(float(number) * _UNITS_MS[unit] for number, unit in _PART.findall(text))
