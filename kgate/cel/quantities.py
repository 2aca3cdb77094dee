"""Quantities of resources, exact (apiserver pkg/cel/library/quantity.go, apimachinery pkg/api/resource/quantity.go)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from kgate.cel.faults import EvaluationError, no_overload
from kgate.cel.function import Function, walked
from kgate.cel.semver import Semver
from kgate.cel.values import INT_MAX, INT_MIN

_PARTS = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([KMGTPE]i|[eE][+-]?[0-9]{1,4}|[numkMGTPE]?)", re.ASCII).fullmatch
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_LONGEST = 200
_FINEST = 10**9
_NONE = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


@dataclass(frozen=True, slots=True)
class Quantity:
    type_name: ClassVar[str] = "kubernetes.Quantity"
    amount: Fraction


def parsed(text: Any) -> Quantity | None:
    """What is finer than a billionth is rounded up, away from zero."""
    if text.__class__ is not str:
        raise no_overload()
    found = _PARTS(text) if len(text) <= _LONGEST else None
    if found is None or not (found[2] or found[3]):
        return None
    amount = Fraction(f"{found[2] or 0}.{found[3] or 0}") * _unit(found[4])
    nanos = -(-amount.numerator * _FINEST // amount.denominator)
    return Quantity(Fraction(-nanos if found[1] == "-" else nanos, _FINEST))


def _unit(suffix: str) -> Fraction:
    if suffix in _BINARY:
        return Fraction(2 ** _BINARY[suffix])
    power = _DECIMAL[suffix] if suffix in _DECIMAL else max(-1000, min(1000, int(suffix[1:])))
    return Fraction(10) ** power


def _quantity(text: Any) -> Quantity:
    found = parsed(text)
    if found is None:
        raise EvaluationError(_NONE)
    return found


def _as_integer(q: Quantity) -> int:
    if not _is_integer(q):
        raise EvaluationError("cannot convert value to integer")
    return int(q.amount)


def _is_integer(q: Quantity) -> bool:
    return q.amount.denominator == 1 and INT_MIN <= q.amount <= INT_MAX


def _sum(sign: int) -> Callable[[Any, Any], Quantity]:
    def total(q: Quantity, other: Any) -> Quantity:
        if type(other) not in (Quantity, int):
            raise no_overload()
        return Quantity(q.amount + sign * (other.amount if type(other) is Quantity else other))

    return total


def _order(a: Any, b: Any) -> int:
    """Of two quantities, or of two semantic versions."""
    if type(a) is not type(b) or type(a) not in (Quantity, Semver):
        raise no_overload()
    one, other = (a.amount, b.amount) if type(a) is Quantity else (a.key(), b.key())
    return int(one > other) - int(one < other)


FUNCTIONS: Mapping[str, Function] = {
    "quantity": Function(_quantity, (1,), walked),
    "isQuantity": Function(lambda text: parsed(text) is not None, (1,), walked),
    "isInteger": Function(_is_integer, (1,)),
    "asInteger": Function(_as_integer, (1,)),
    "asApproximateFloat": Function(lambda q: float(q.amount), (1,)),
    "sign": Function(lambda q: int(q.amount > 0) - int(q.amount < 0), (1,)),
    "add": Function(_sum(1), (2,)),
    "sub": Function(_sum(-1), (2,)),
    "compareTo": Function(_order, (2,)),
    "isLessThan": Function(lambda a, b: _order(a, b) < 0, (2,)),
    "isGreaterThan": Function(lambda a, b: _order(a, b) > 0, (2,)),
}


def canonical(value: Any) -> Any:
    """As the server writes it: `0.5` is `500m`, 1 is `1`, `1024Mi` is `1Gi`; what is no quantity stays as it is."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    text = str(value)
    found = parsed(text)
    if found is None:
        return value
    if text.endswith("i") and found.amount.denominator == 1 and abs(found.amount) >= 1024:
        return _binary(int(found.amount))
    return _decimal(int(found.amount * _FINEST), exponent=re.search(r"[eE]", text[:-1]) is not None)


def _binary(amount: int) -> str:
    suffixes, step = ["", *_BINARY], 0
    while amount % 1024 == 0 and step < len(suffixes) - 1:
        amount, step = amount // 1024, step + 1
    return f"{amount}{suffixes[step]}"


def _decimal(nanos: int, *, exponent: bool) -> str:
    if nanos == 0:
        return "0"
    power = -9
    while nanos % 1000 == 0 and power < 18:
        nanos, power = nanos // 1000, power + 3
    if exponent:
        return f"{nanos}e{power}" if power else str(nanos)
    return f"{nanos}{next(s for s, p in _DECIMAL.items() if p == power)}"
