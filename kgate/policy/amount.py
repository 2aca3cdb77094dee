"""An IntOrString as a number of pods (apimachinery pkg/util/intstr, GetScaledValueFromIntOrPercent)."""

from __future__ import annotations

import re
from typing import Any

_PERCENT = re.compile(r"[0-9]{1,9}%", re.ASCII)


def amount(value: Any, total: int, *, up: bool) -> int | None:
    """`25%` of `total`, rounded up or down; an integer is itself; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not is_percent(value):
        return None
    exact = total * int(value[:-1])
    return -(-exact // 100) if up else exact // 100


def is_percent(value: Any) -> bool:
    return isinstance(value, str) and _PERCENT.fullmatch(value) is not None
