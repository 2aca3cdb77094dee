"""Quantities: `500m`, `1.5`, `128Mi`, `1e3` (apimachinery pkg/api/resource/quantity.go). The schema has vouched for their form."""

from __future__ import annotations

import re
from functools import lru_cache

Quantity = str | int | float
NANO = 10**9
MAX = (2**63 - 1) * NANO
"""The largest amount, in billionths: what lies above is cut down to it."""

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
# Possessive: no text, however long, is read twice.
_PARTS = re.compile(r"\s*+([+-]?)([0-9]*+)\.?([0-9]*+)([KMGTPE]i|[eE][+-]?[0-9]++|[numkMGTPE]?)\s*+").fullmatch
_TOO_MANY_DIGITS = 60


def nano(value: Quantity | None) -> int:
    """The amount in billionths, rounded away from zero; null is 0, and so is what is no quantity."""
    return _measured(value) if not isinstance(value, str) or len(value) <= _TOO_MANY_DIGITS else _measured.__wrapped__(value)


@lru_cache(maxsize=4096)
def _measured(value: Quantity | None) -> int:
    match = _PARTS(str(value)) if value is not None else None
    if match is None or not (match[2] or match[3]):
        return 0
    size = _size(match[2].lstrip("0"), match[3], match[4])
    return -size if match[1] == "-" else size


def _size(whole: str, fraction: str, suffix: str) -> int:
    if len(whole) > _TOO_MANY_DIGITS:
        return MAX
    digits, scale = int((whole + fraction[:_TOO_MANY_DIGITS]) or "0"), -len(fraction[:_TOO_MANY_DIGITS])
    if suffix in _BINARY:
        return min(_divided(digits * NANO << _BINARY[suffix], -scale), MAX)
    power = _power(suffix) + scale + 9
    if not digits or power < -2 * _TOO_MANY_DIGITS:
        return 1 if digits else 0
    if power > 2 * _TOO_MANY_DIGITS:
        return MAX
    return min(digits * int(10**power) if power >= 0 else _divided(digits, -power), MAX)


def _power(suffix: str) -> int:
    if suffix in _DECIMAL:
        return _DECIMAL[suffix]
    digits = suffix[1:].lstrip("+-0")
    exponent = int(digits[:4] or "0") if len(digits) <= 4 else 9999
    return -exponent if suffix[1:2] == "-" else exponent


def _divided(amount: int, places: int) -> int:
    """Rounded up: a quantity is never less than what was written."""
    return -(-amount // int(10**places))


def text(value: Quantity | None) -> str:
    """As the server prints it: `0.5` is `500m`, `1024Mi` is `1Gi`."""
    amount = nano(value)
    written = str(value)
    if written.strip().endswith("i") and amount % NANO == 0 and abs(amount) >= 1024 * NANO:
        return _binary(amount // NANO)
    return _decimal(amount, exponent=re.search(r"[0-9.][eE][+-]?[0-9]", written) is not None)


def amount(size: int) -> str:
    """So many billionths, printed in the units of ten."""
    return _decimal(size, exponent=False)


def _binary(amount: int) -> str:
    suffixes, step = ["", *_BINARY], 0
    while amount % 1024 == 0 and step < len(suffixes) - 1:
        amount, step = amount // 1024, step + 1
    return f"{amount}{suffixes[step]}"


def _decimal(amount: int, *, exponent: bool) -> str:
    if amount == 0:
        return "0"
    power = -9
    while amount % 1000 == 0 and power < 18:
        amount, power = amount // 1000, power + 3
    if exponent:
        return f"{amount}e{power}" if power else str(amount)
    return f"{amount}{next(s for s, p in _DECIMAL.items() if p == power)}"
