"""The extension `math` (cel-go ext/math.go): no part of the server's CEL, but of policies of kgate's own form."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

from kgate.cel.faults import EvaluationError, no_overload
from kgate.cel.function import Function
from kgate.cel.values import NUMBERS, Uint, compared, natural, whole

_BITS = 64


def _extreme(name: str, sign: int) -> Callable[..., Any]:
    def found(*values: Any) -> Any:
        items = values[0] if len(values) == 1 and values[0].__class__ is list else values
        if not items:
            raise EvaluationError(f"math.@{name}(list) argument must not be empty")
        for item in items:
            _number(item)
        return functools.reduce(lambda a, b: b if ((compared(b, a) or 0) * sign) > 0 else a, items)

    return found


def _number(value: Any) -> Any:
    if type(value) not in NUMBERS:
        raise no_overload()
    return value


def _real(do: Callable[[float], Any]) -> Function:
    def called(value: Any) -> Any:
        if type(value) is not float:
            raise no_overload()
        return do(value)

    return Function(called, (1,))


def _round(value: float) -> float:
    """Halves away from zero."""
    return value if not math.isfinite(value) else math.copysign(math.floor(abs(value) + 0.5), value)


def _finite(do: Callable[[float], int]) -> Callable[[float], float]:
    return lambda value: math.copysign(float(do(value)), value) if math.isfinite(value) else value


def _abs(value: Any) -> Any:
    return whole(abs(value)) if type(_number(value)) is int else type(value)(abs(value))


def _sign(value: Any) -> Any:
    if value != value:
        return value
    return type(_number(value))(int(value > 0) - int(value < 0))


def _root(value: Any) -> float:
    return math.sqrt(_number(value)) if value >= 0 else math.nan


def _bits(do: Callable[[int, int], int]) -> Function:
    def called(a: Any, b: Any) -> Any:
        if type(a) is not type(b) or type(a) not in (int, Uint):
            raise no_overload()
        return _of(type(a), do(int(a), int(b)))

    return Function(called, (2,))


def _of(kind: type, value: int) -> Any:
    """The low bits, as that type reads them."""
    value &= 2**_BITS - 1
    return natural(value) if kind is Uint else value - 2**_BITS if value >= 2 ** (_BITS - 1) else value


def _not(value: Any) -> Any:
    if type(value) not in (int, Uint):
        raise no_overload()
    return _of(type(value), ~int(value))


def _shift(do: Callable[[int, int], int]) -> Function:
    def called(value: Any, by: Any) -> Any:
        if type(value) not in (int, Uint) or type(by) is not int:
            raise no_overload()
        if by < 0:
            raise EvaluationError(f"math.bitShift() negative offset: {by}")
        unsigned = int(value) & (2**_BITS - 1)
        return _of(type(value), do(unsigned, by)) if by < _BITS else type(value)(0)

    return Function(called, (2,))


FUNCTIONS: Mapping[str, Function] = {
    "math.@max": Function(_extreme("max", 1), tuple(range(1, 64))),
    "math.@min": Function(_extreme("min", -1), tuple(range(1, 64))),
    "math.ceil": _real(_finite(math.ceil)),
    "math.floor": _real(_finite(math.floor)),
    "math.trunc": _real(_finite(math.trunc)),
    "math.round": _real(_round),
    "math.isInf": _real(math.isinf),
    "math.isNaN": _real(math.isnan),
    "math.isFinite": _real(math.isfinite),
    "math.abs": Function(_abs, (1,)),
    "math.sign": Function(_sign, (1,)),
    "math.sqrt": Function(_root, (1,)),
    "math.bitAnd": _bits(lambda a, b: a & b),
    "math.bitOr": _bits(lambda a, b: a | b),
    "math.bitXor": _bits(lambda a, b: a ^ b),
    "math.bitNot": Function(_not, (1,)),
    "math.bitShiftLeft": _shift(lambda a, by: a << by),
    "math.bitShiftRight": _shift(lambda a, by: a >> by),
}
