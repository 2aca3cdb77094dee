"""Optional values (cel-go cel/library.go)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kgate.cel.faults import EvaluationError, no_overload
from kgate.cel.function import Function, walked
from kgate.cel.values import NONE, Duration, Optional, Timestamp


def _value(found: Any) -> Any:
    if found.__class__ is not Optional:
        raise no_overload()
    if not found.there:
        raise EvaluationError("optional.none() dereference")
    return found.value


def _non_zero(value: Any) -> Optional:
    zero = value is None or value in (False, 0, "", b"", [], {}) or value in (Timestamp(0), Duration(0))
    return NONE if zero else Optional(value)


def _has_value(found: Any) -> bool:
    if found.__class__ is not Optional:
        raise no_overload()
    return bool(found.there)


def _unwrap(found: Any) -> list[Any]:
    if found.__class__ is not list or any(item.__class__ is not Optional for item in found):
        raise no_overload()
    return [item.value for item in found if item.there]


FUNCTIONS: Mapping[str, Function] = {
    "optional.of": Function(Optional, (1,)),
    "optional.none": Function(lambda: NONE, (0,)),
    "optional.ofNonZeroValue": Function(_non_zero, (1,)),
    "optional.unwrap": Function(_unwrap, (1,), walked),
    "unwrapOpt": Function(_unwrap, (1,), walked),
    "hasValue": Function(_has_value, (1,)),
    "value": Function(_value, (1,)),
}
