"""Times and durations, in nanoseconds (cel-go common/types/{timestamp,duration}.go; Go's time package for their texts)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from fractions import Fraction
from typing import Any

from kgate.cel.faults import EvaluationError, UnknownError, no_overload
from kgate.cel.function import Function
from kgate.cel.operators import duration, timestamp
from kgate.cel.values import NANO, Duration, Timestamp

_INSTANT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]+))?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII
).fullmatch
_SPAN = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_OFFSET = re.compile(r"([+-]?)([0-9]{2}):([0-9]{2})", re.ASCII).fullmatch
_UNITS = {"ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 10**6, "s": NANO, "m": 60 * NANO, "h": 3600 * NANO}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_timestamp(value: Any) -> Timestamp:
    match value:
        case Timestamp():
            return value
        case str():
            return _instant(value)
        case int() if type(value) is int:
            return timestamp(value * NANO)
    raise no_overload()


def _instant(text: str) -> Timestamp:
    found = _INSTANT(text)
    if found is None:
        raise EvaluationError(f'parsing time "{text}" as RFC3339')
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    fraction = (found[7] or "")[:9].ljust(9, "0")
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise EvaluationError(f'parsing time "{text}": out of range') from None
    zone = found[8]
    away = 0 if zone == "Z" else (1 if zone[0] == "+" else -1) * (int(zone[1:3]) * 60 + int(zone[4:6])) * 60
    return timestamp((_seconds(moment) - away) * NANO + int(fraction))


def _seconds(moment: datetime) -> int:
    since = moment - _EPOCH
    return since.days * 86400 + since.seconds


def to_duration(value: Any) -> Duration:
    if type(value) is Duration:
        return value
    if type(value) is str:
        return _span(value)
    raise no_overload()


def _span(text: str) -> Duration:
    """Go's time.ParseDuration."""
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    wrong = EvaluationError(f'time: invalid duration "{text}"')
    if rest == "0":
        return Duration(0)
    at, total = 0, Fraction(0)
    while at < len(rest):
        found = _SPAN.match(rest, at)
        if found is None or not (found[1] or found[2]) or len(found[0]) > 64:
            raise wrong
        total += Fraction(f"{found[1] or 0}.{found[2] or 0}") * _UNITS[found[3]]
        at = found.end()
    if not rest:
        raise wrong
    return duration(sign * int(total))


def written(value: Timestamp) -> str:
    """RFC 3339 with as many digits of a second as it has."""
    seconds, nanos = divmod(value.ns, NANO)
    moment = _EPOCH + timedelta(seconds=seconds)
    fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
    return f"{moment.year:04d}-{moment:%m-%dT%H:%M:%S}{fraction}Z"


def seconds(value: Duration) -> str:
    whole, nanos = divmod(abs(value.ns), NANO)
    fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
    return f"{'-' if value.ns < 0 else ''}{whole}{fraction}s"


def _zone(name: str) -> tzinfo:
    if name in ("", "UTC", "Z"):
        return UTC
    if found := _OFFSET(name):
        away = timedelta(hours=int(found[2]), minutes=int(found[3]))
        return timezone(-away if found[1] == "-" else away)
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownError(f"the time zone {name} is not known here") from None


def _part(of_time: Callable[[datetime], int], of_span: Callable[[int], int] | None = None) -> Callable[..., int]:
    def part(value: Any, zone: str = "UTC") -> int:
        if type(value) is Duration and of_span is not None:
            return of_span(value.ns)
        if type(value) is not Timestamp or type(zone) is not str:
            raise no_overload()
        seconds, nanos = divmod(value.ns, NANO)
        moment = _EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1000)
        return of_time(moment.astimezone(_zone(zone)))

    return part


def _towards_zero(unit: int) -> Callable[[int], int]:
    return lambda ns: ns // unit if ns >= 0 else -(-ns // unit)


def _milliseconds(ns: int) -> int:
    """Of a duration: those beyond its whole seconds."""
    return abs(ns) % NANO // 10**6 * (1 if ns >= 0 else -1)


_PARTS: Mapping[str, Callable[..., int]] = {
    "getFullYear": _part(lambda t: t.year),
    "getMonth": _part(lambda t: t.month - 1),
    "getDayOfYear": _part(lambda t: t.timetuple().tm_yday - 1),
    "getDayOfMonth": _part(lambda t: t.day - 1),
    "getDate": _part(lambda t: t.day),
    "getDayOfWeek": _part(lambda t: t.isoweekday() % 7),
    "getHours": _part(lambda t: t.hour, _towards_zero(3600 * NANO)),
    "getMinutes": _part(lambda t: t.minute, _towards_zero(60 * NANO)),
    "getSeconds": _part(lambda t: t.second, _towards_zero(NANO)),
    "getMilliseconds": _part(lambda t: t.microsecond // 1000, _milliseconds),
}

FUNCTIONS: Mapping[str, Function] = {
    "timestamp": Function(to_timestamp, (1,)),
    "duration": Function(to_duration, (1,)),
    **{name: Function(do, (1, 2)) for name, do in _PARTS.items()},
}
