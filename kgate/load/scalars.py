"""Plain YAML scalars as Kubernetes reads them (sigs.k8s.io/yaml: go-yaml v2, resolve.go, then JSON): YAML 1.1 words, no sexagesimals."""

from __future__ import annotations

import math
import re
import struct

Scalar = str | int | float | bool | None

WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}

NUMERIC = frozenset("0123456789+-.")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_POINT_FIRST = re.compile(r"\.[0-9](?:_?[0-9])*(?:[eE][-+]?[0-9](?:_?[0-9])*)?")
"""Here an underscore must stand between digits (strconv.ParseFloat); elsewhere go-yaml takes all of them out first."""
_INT = re.compile(r"([-+]?)(?:0([xXbBoO])([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))")
_BASES = {"x": 16, "b": 2, "o": 8}

_MAX_UINT64 = 2**64 - 1
_MAX_INT64 = 2**63 - 1
_MIN_INT64 = -(2**63)


def plain(text: str) -> Scalar:
    """The value of an unquoted scalar. Timestamps, `22:22` and `=` stay text; the float `3.0` stays a float (see `as_json`)."""
    if text in WORDS:
        return WORDS[text]
    return number(text) if text[0] in NUMERIC else text


def number(text: str) -> str | int | float:
    """An int, a float, or the text itself when it is neither. `0777` and `0o777` are octal, `0899` and `1e3` are floats."""
    if text[0] == ".":
        return _float(text.replace("_", ""), text) if _POINT_FIRST.fullmatch(text) else text
    digits = text.replace("_", "") if "_" in text else text
    whole = _int(digits)
    return _float(digits, text) if whole is None else whole


def _int(digits: str) -> int | None:
    """strconv.ParseInt(digits, 0, 64), then ParseUint: anything beyond 64 bits is no int (and becomes a float)."""
    match = _INT.fullmatch(digits)
    if match is None:
        return None
    sign, base, based, octal, decimal = match.groups()
    try:
        if base:
            value = int(based, _BASES[base.lower()])
        elif octal:
            value = int(octal, 8)
        else:
            value = int(decimal) if len(decimal) <= 20 else _MAX_UINT64 + 1
    except ValueError:  # a digit that its base does not have: 0b12
        return None
    if sign:  # ParseUint takes no sign
        value = -value if sign == "-" else value
        return value if _MIN_INT64 <= value <= _MAX_INT64 else None
    return value if value <= _MAX_UINT64 else None


def _float(digits: str, text: str) -> str | float:
    """A number beyond float64 (`1234e5678`) stays text."""
    if not _FLOAT.fullmatch(digits):
        return text
    value = float(digits)
    return text if math.isinf(value) else value


def as_json(value: float) -> int | float:
    """Go's encoder writes 3.0 as `3`, and no exponent below 1e21: such a float reaches the API server as an integer.

    Raises ValueError for what JSON has no number for, `.nan` and `.inf`.
    """
    if not math.isfinite(value):
        raise ValueError(value)
    if not value.is_integer() or abs(value) >= 1e21:
        return value
    return int(value) if abs(value) < 2**53 else _shortest(value)


def _shortest(value: float) -> int:
    """Go writes the fewest digits that read back as the same float, then zeros: 2**64 is 18446744073709552000."""
    mantissa, _, exponent = f"{value!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = fraction.rstrip("0")
    return int(whole + fraction + "0" * (int(exponent or 0) - len(fraction)))


def key(value: Scalar) -> str | None:
    """A mapping key as JSON writes it: `y` is "true", `1.5` is "1.5". None when it cannot be a key (null, integers beyond int64)."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value <= _MAX_INT64 else None
    return None if value is None else _float_key(value)


def _float_key(value: float) -> str:
    """strconv.FormatFloat(value, 'g', -1, 32): the shortest digits that read back as the same 32-bit float; `1e6` is "1e+06"."""
    if math.isnan(value):
        return ".nan"
    try:
        single = struct.pack("<f", value)
    except OverflowError:
        return "-.inf" if value < 0 else ".inf"
    if math.isinf(value):
        return "-.inf" if value < 0 else ".inf"
    value = struct.unpack("<f", single)[0]
    mantissa, _, exponent = next(s for p in range(9) if struct.pack("<f", float(s := f"{value:.{p}e}")) == single).partition("e")
    if -4 <= int(exponent) < 6:
        places = max(len(mantissa.partition(".")[2]) - int(exponent), 0)
        return f"{float(f'{mantissa}e{exponent}'):.{places}f}"
    return f"{mantissa}e{exponent}"
