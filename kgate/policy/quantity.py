"""Quantities as numbers (apimachinery pkg/api/resource); what is none reads as None, validate has spoken of it."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

_QUANTITY = re.compile(r"([+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30}))(?:([eE][+-]?[0-9]{1,3})|(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?))")
_SUFFIXES = {"": Fraction(1), "n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000)}
_SUFFIXES |= {letter: Fraction(1000**power) for power, letter in enumerate("kMGTPE", 1)}
_SUFFIXES |= {f"{letter}i": Fraction(1024**power) for power, letter in enumerate("KMGTPE", 1)}


def quantity(value: object) -> Fraction | None:
    """`100m` is 1/10, `1Ki` is 1024; a number is itself."""
    if isinstance(value, bool):
        return None
    return _parsed(str(value)) if isinstance(value, int | float | str) else None


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Fraction | None:
    found = _QUANTITY.fullmatch(text)
    if found is None:
        return None
    number, exponent, suffix = found.groups()
    if exponent:
        power = int(exponent[1:])
        return Fraction(number) * (Fraction(10) ** power if abs(power) <= 30 else Fraction(0))
    return Fraction(number) * _SUFFIXES[suffix]
