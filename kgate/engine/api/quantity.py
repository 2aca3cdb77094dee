"""resource.Quantity: exact numbers with a suffix, `250m`, `1.5Gi`, `1e3` (apimachinery/pkg/api/resource/quantity.go, suffix.go)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, TypeAlias

from kgate.engine.api.meta import FrozenMap

NANO = 10**9
MAX_BINARY = 2**63 - 1
"""A quantity with a binary suffix is capped here, whatever is written."""
MAX_EXPONENT = 300
"""Unlike upstream: an exponent beyond this is refused, so that `1e999999999` cannot eat the memory of the process."""

FORMAT_WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
NUMERIC_WRONG = "unable to parse numeric part of quantity"
SUFFIX_WRONG = "unable to parse quantity's suffix"

# Looser than the expression in the message, as the server's scanner is: a sign or a point alone is zero.
_SCANNER = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[+-]?[0-9]*)", re.ASCII)
_EXPONENT = re.compile(r"[eE]([+-]?[0-9]+)", re.ASCII)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_SUFFIX = {exponent: suffix for suffix, exponent in _BINARY.items()}


class Notation(StrEnum):
    """How a quantity was written, and so how it is written again (upstream: Format)."""

    DECIMAL_SI = "DecimalSI"
    BINARY_SI = "BinarySI"
    DECIMAL_EXPONENT = "DecimalExponent"


@dataclass(frozen=True, slots=True, order=True)
class Quantity:
    """An exact amount. `1` and `1000m` are equal, as the API machinery's semantic equality has it."""

    nano: int
    """The amount in units of 10^-9, the finest the API can say."""
    notation: Notation = field(default=Notation.DECIMAL_SI, compare=False)

    def __add__(self, other: Quantity) -> Quantity:
        """The sum, in the notation of the first that is not zero."""
        return Quantity(self.nano + other.nano, self.notation if self.nano else other.notation)

    def __sub__(self, other: Quantity) -> Quantity:
        return Quantity(self.nano - other.nano, self.notation if self.nano else other.notation)

    def __neg__(self) -> Quantity:
        return Quantity(-self.nano, self.notation)

    def __bool__(self) -> bool:
        return self.nano != 0

    def __str__(self) -> str:
        return canonical(self)


ZERO = Quantity(0)

Quantities: TypeAlias = Annotated[FrozenMap[str, Quantity], "exact quantities"]
"""A ResourceList whose amounts keep their notation and are exact to a thousandth."""

NO_QUANTITIES: FrozenMap[str, Quantity] = FrozenMap()


def parse(text: str | int | float | None) -> Quantity:
    """The quantity a manifest's string or number stands for; blanks around it are ignored and null is zero, as in the server's decoder.

    What is finer than a billionth is rounded away from zero. Raises ValueError in the server's words.
    """
    if text is None:
        return ZERO
    if isinstance(text, bool):
        raise ValueError(FORMAT_WRONG)
    return _scan(text if isinstance(text, str) else repr(text))


def of(value: int, notation: Notation = Notation.DECIMAL_SI) -> Quantity:
    """`value` whole units."""
    return Quantity(value * NANO, notation)


def of_milli(milli: int) -> Quantity:
    return Quantity(milli * 10**6)


def milli(q: Quantity) -> int:
    """Thousandths, rounded away from zero (Quantity.MilliValue)."""
    return _away_from_zero(q.nano, 10**6)


def value(q: Quantity) -> int:
    """Whole units, rounded away from zero (Quantity.Value)."""
    return _away_from_zero(q.nano, NANO)


def rounded_to_milli(q: Quantity) -> Quantity:
    """What the server's defaulting makes of every ResourceList value."""
    return q if q.nano % 10**6 == 0 else Quantity(milli(q) * 10**6, q.notation)


def canonical(q: Quantity) -> str:
    """No fraction, nothing lost, the largest suffix possible: 1.5 is `1500m`, 1.5Gi is `1536Mi` (CanonicalizeBytes)."""
    if q.nano == 0:
        return "0"
    whole, rest = divmod(abs(q.nano), NANO)
    if q.notation is Notation.BINARY_SI and rest == 0 and whole >= 1024:
        return ("-" if q.nano < 0 else "") + _in_powers_of_1024(whole)
    return _in_powers_of_1000(q.nano, q.notation)


def _scan(text: str) -> Quantity:
    text = text.strip()
    match = _SCANNER.fullmatch(text) if text else None
    if match is None:
        raise ValueError(FORMAT_WRONG)
    sign, integer, fraction, suffix = match[1], match[2], match[3] or "", match[4]
    if len(integer) + len(fraction) > 4000:
        raise ValueError(NUMERIC_WRONG)
    base, exponent, notation = _interpret(suffix)
    factor, divisor = base ** max(exponent, 0), base ** max(-exponent, 0)
    nano = _away_from_zero(int(integer + fraction or "0") * factor * NANO, divisor * 10 ** len(fraction))
    if notation is Notation.BINARY_SI:
        nano = min(nano, MAX_BINARY * NANO)
        notation = Notation.DECIMAL_SI if 0 < nano < NANO else notation
    return Quantity(-nano if sign == "-" else nano, notation)


def _interpret(suffix: str) -> tuple[int, int, Notation]:
    """Base, exponent and notation."""
    if suffix in _DECIMAL:
        return 10, _DECIMAL[suffix], Notation.DECIMAL_SI
    if suffix in _BINARY:
        return 2, _BINARY[suffix], Notation.BINARY_SI
    written = _EXPONENT.fullmatch(suffix)
    # Four digits are enough to see that an exponent is too large; int() of a megabyte of them would not be.
    digits = written[1].lstrip("+-").lstrip("0") if written else ""
    if written is None or len(digits) > 4 or int(digits or "0") > MAX_EXPONENT:
        raise ValueError(SUFFIX_WRONG)
    exponent = int(digits or "0")
    return 10, -exponent if written[1].startswith("-") else exponent, Notation.DECIMAL_EXPONENT


def _away_from_zero(number: int, divisor: int) -> int:
    return -(-number // divisor) if number >= 0 else number // divisor


def _in_powers_of_1024(whole: int) -> str:
    exponent = 0
    while whole % 1024 == 0 and exponent < 60:
        whole, exponent = whole // 1024, exponent + 10
    return f"{whole}{_BINARY_SUFFIX.get(exponent, '')}"


def _in_powers_of_1000(nano: int, notation: Notation) -> str:
    """Unlike upstream, which drops the suffix of what is a multiple of 1000E: the largest suffix stays E."""
    exponent = -9
    largest = 18 if notation is not Notation.DECIMAL_EXPONENT else 3 * MAX_EXPONENT
    while nano % 1000 == 0 and exponent < largest:
        nano, exponent = nano // 1000, exponent + 3
    if notation is Notation.DECIMAL_EXPONENT:
        return f"{nano}e{exponent}" if exponent else str(nano)
    return f"{nano}{_DECIMAL_SUFFIX[exponent]}"
