"""Conversions between types, and what every type has (cel-go common/stdlib, common/types)."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping
from typing import Any

from kgate.cel import times
from kgate.cel.faults import EvaluationError, UnknownError, no_overload
from kgate.cel.function import Function, walked
from kgate.cel.values import INT_MAX, INT_MIN, NANO, UINT_MAX, Duration, Timestamp, TypeValue, Uint, Unknown, natural, size, type_of, whole

_WHOLE = re.compile(r"[+-]?[0-9]+", re.ASCII).fullmatch
_NATURAL = re.compile(r"[0-9]+", re.ASCII).fullmatch
_REAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII).fullmatch
_WORDS = re.compile(r"([+-]?)(inf|infinity|nan)", re.IGNORECASE).fullmatch
_TRUE, _FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")
_LONGEST = 1000


def to_int(value: Any) -> int:
    match value:
        case bool():
            raise no_overload()
        case Uint():
            return whole(int(value))
        case int():
            return value
        case float():
            if math.isnan(value) or not -(2.0**63) < value < 2.0**63:
                raise EvaluationError("integer overflow")
            return int(value)
        case str():
            if not _WHOLE(value) or len(value) > _LONGEST or not INT_MIN <= int(value) <= INT_MAX:
                raise EvaluationError(f"type conversion error from 'string' to 'int': {value}")
            return int(value)
        case Timestamp():
            return value.ns // NANO
        case Duration():
            return value.ns
    raise no_overload()


def to_uint(value: Any) -> Uint:
    match value:
        case bool():
            raise no_overload()
        case int():
            return natural(value)
        case float():
            if math.isnan(value) or not -1.0 < value < 2.0**64 or value < 0:
                raise EvaluationError("unsigned integer overflow")
            return natural(int(value))
        case str():
            if not _NATURAL(value) or len(value) > _LONGEST or int(value) > UINT_MAX:
                raise EvaluationError(f"type conversion error from 'string' to 'uint': {value}")
            return natural(int(value))
    raise no_overload()


def to_double(value: Any) -> float:
    match value:
        case bool():
            raise no_overload()
        case int() | float():
            return float(value)
        case str():
            if _REAL(value) or _WORDS(value):
                return float(value)
            raise EvaluationError(f"type conversion error from 'string' to 'double': {value}")
    raise no_overload()


def to_string(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(int(value))
        case str():
            return value
        case float():
            return shortest(value)
        case bytes():
            try:
                return str(value, "utf-8")
            except UnicodeDecodeError:
                raise EvaluationError("invalid UTF-8 in bytes, cannot convert to string") from None
        case Timestamp():
            return times.written(value)
        case Duration():
            return times.seconds(value)
    if hasattr(value, "canonical"):
        return str(value.canonical())
    raise no_overload()


def shortest(value: float) -> str:
    """Go's `%g`: as few digits as say it, with an exponent below -4 and from 6 on."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    from decimal import Decimal

    sign, digits, _ = Decimal(repr(value)).normalize().as_tuple()
    exponent = Decimal(repr(value)).adjusted()
    if -4 <= exponent < 6:
        return format(Decimal(repr(value)).normalize(), "f")
    head, tail = str(digits[0]), "".join(map(str, digits[1:]))
    return f"{'-' if sign else ''}{head}{'.' if tail else ''}{tail}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def to_bool(value: Any) -> bool:
    if value.__class__ is bool:
        return bool(value)
    if value.__class__ is str and value in (*_TRUE, *_FALSE):
        return value in _TRUE
    raise EvaluationError(f"type conversion error from '{type_of(value).name}' to 'bool'")


def to_bytes(value: Any) -> bytes:
    if value.__class__ is bytes:
        return bytes(value)
    if value.__class__ is str:
        return bytes(value, "utf-8", "replace")
    raise no_overload()


def _type(value: Any) -> TypeValue:
    return type_of(value)


def _size(value: Any) -> int:
    return size(value)


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise EvaluationError("illegal base64 data") from None


def _encode(data: Any) -> str:
    if data.__class__ is not bytes:
        raise no_overload()
    return base64.b64encode(data).decode()


def known(value: Any) -> Any:
    """Raises UnknownError for what stands for a value that only a cluster has."""
    if value.__class__ is Unknown:
        raise UnknownError(value.why)
    return value


FUNCTIONS: Mapping[str, Function] = {
    "int": Function(to_int, (1,), walked),
    "uint": Function(to_uint, (1,), walked),
    "double": Function(to_double, (1,), walked),
    "string": Function(to_string, (1,), walked),
    "bool": Function(to_bool, (1,)),
    "bytes": Function(to_bytes, (1,), walked),
    "dyn": Function(known, (1,)),
    "type": Function(_type, (1,)),
    "size": Function(_size, (1,)),
    "base64.decode": Function(_decode, (1,), walked),
    "base64.encode": Function(_encode, (1,), walked),
}
