"""An integer or a percentage: maxSurge, maxUnavailable, minAvailable (apimachinery/pkg/util/intstr/intstr.go)."""

from __future__ import annotations

import re
from typing import TypeAlias

IntOrString: TypeAlias = int | str

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)


def is_percent(v: IntOrString) -> bool:
    return isinstance(v, str) and v.endswith("%")


def scaled(v: IntOrString, total: int, *, round_up: bool) -> int:
    """`v` itself, or its percentage of `total` rounded as asked: 25 % of 10 is 3 up and 2 down (GetScaledValueFromIntOrPercent).

    Raises ValueError in upstream's words for a string that is no percentage.
    """
    if isinstance(v, int):
        return v
    hundredths = percent(v) * total
    return -(-hundredths // 100) if round_up else hundredths // 100


def percent(v: str) -> int:
    """25 for `25%`. A sign is allowed, a blank or a fraction is not. Raises ValueError in upstream's words."""
    if not v.endswith("%"):
        raise ValueError("invalid value for IntOrString: invalid type: string is not a percentage")
    digits = v[:-1]
    if _INTEGER.fullmatch(digits) is None:
        raise ValueError(f'invalid value for IntOrString: invalid value "{v}": strconv.Atoi: parsing "{digits}": invalid syntax')
    if len(digits) > 30 or not -(2**63) <= int(digits) < 2**63:
        raise ValueError(f'invalid value for IntOrString: invalid value "{v}": strconv.Atoi: parsing "{digits}": value out of range')
    return int(digits)
