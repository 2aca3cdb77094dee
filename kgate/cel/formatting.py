"""`"%s".format([...])` (cel-go ext/formatting_v2.go)."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

from kgate.cel.faults import EvaluationError, no_overload
from kgate.cel.function import bounded
from kgate.cel.values import Duration, Optional, Timestamp, TypeValue, Uint, type_of

_CLAUSE = re.compile(r"%(?:(%)|(?:\.([0-9]+))?(.?))", re.DOTALL)
_PLACES = 6
_MOST_PLACES = 1000


def formatted(text: str, args: list[Any]) -> str:
    if text.__class__ is not str or args.__class__ is not list:
        raise no_overload()
    out, at, taken = [], 0, 0
    for found in _CLAUSE.finditer(text):
        out.append(text[at : found.start()])
        at = found.end()
        if found[1]:
            out.append("%")
            continue
        if taken >= len(args):
            raise EvaluationError(f"index {taken} out of range")
        out.append(_clause(found[3], found[2], args[taken]))
        taken += 1
    out.append(text[at:])
    bounded(sum(map(len, out)))
    return "".join(out)


def _clause(verb: str, places: str | None, value: Any) -> str:
    if places is not None and (len(places) > 4 or int(places) > _MOST_PLACES):
        raise EvaluationError("could not parse formatting clause: precision is too large")
    precision = _PLACES if places is None else int(places)
    match verb:
        case "s":
            return shown(value)
        case "d":
            return _decimal(value)
        case "f":
            return _fixed(value, precision)
        case "e":
            return _scientific(value, precision)
        case "b":
            return _based(value, "b")
        case "x" | "X":
            return _hexadecimal(value, verb)
        case "o":
            return _based(value, "o")
    raise EvaluationError(f'could not parse formatting clause: unrecognized formatting clause "{verb}"')


def shown(value: Any) -> str:
    from kgate.cel.conversions import to_string

    match value:
        case None:
            return "null"
        case str():
            return value
        case bool() | int() | Timestamp() | Duration():
            return to_string(value)
        case bytes():
            return str(value, "utf-8", "replace")
        case float():
            return _number(value)
        case TypeValue():
            return value.name
        case list():
            return f"[{', '.join(shown(item) for item in value)}]"
        case dict():
            from kgate.cel.values import keys

            pairs = sorted((shown(key), shown(item)) for key, item in zip(keys(value), value.values(), strict=True))
            return f"{{{', '.join(f'{key}: {item}' for key, item in pairs)}}}"
        case Optional():
            raise _no_clause("%s", value)
    raise _no_clause("%s", value)


def _number(value: float) -> str:
    """As few digits as say it, never with an exponent."""
    if math.isfinite(value):
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    return _special(value)


def _special(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _no_clause(verb: str, value: Any) -> EvaluationError:
    return EvaluationError(f"error during formatting: {verb} cannot be used with {type_of(value).name}")


def _decimal(value: Any) -> str:
    if type(value) in (int, Uint):
        return str(int(value))
    if type(value) is float and not math.isfinite(value):
        return _special(value)
    if type(value) is float and value.is_integer():
        return str(int(value))
    raise EvaluationError(f"error during formatting: decimal clause can only be used on integers, was given {type_of(value).name}")


def _real(value: Any) -> float | int | Decimal:
    if type(value) in (int, Uint):
        return int(value)
    if type(value) is float:
        return value
    raise EvaluationError(f"error during formatting: only doubles and integers can be formatted, was given {type_of(value).name}")


def _fixed(value: Any, precision: int) -> str:
    if value.__class__ is str and value in ("NaN", "Infinity", "-Infinity"):
        return str(value)
    number = _real(value)
    return format(number, f".{precision}f") if math.isfinite(number) else _special(float(number))


def _scientific(value: Any, precision: int) -> str:
    if value.__class__ is str and value in ("NaN", "Infinity", "-Infinity"):
        return str(value)
    number = _real(value)
    return format(float(number), f".{precision}e") if math.isfinite(number) else _special(float(number))


def _based(value: Any, base: str) -> str:
    if type(value) is bool and base == "b":
        return str(int(value))
    if type(value) in (int, Uint):
        return format(int(value), base)
    raise _no_clause(f"%{base}", value)


def _hexadecimal(value: Any, verb: str) -> str:
    if type(value) is str:
        value = bytes(value, "utf-8", "replace")
    if type(value) is bytes:
        return value.hex().upper() if verb == "X" else value.hex()
    if type(value) in (int, Uint):
        return format(int(value), verb)
    raise _no_clause(f"%{verb}", value)
