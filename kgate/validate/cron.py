"""Schedules of CronJobs, as the parser of the server reads them (github.com/robfig/cron/v3, ParseStandard)."""

from __future__ import annotations

import re
from collections.abc import Mapping

_MONTHS = {name: i for i, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)}
_DAYS = {name: i for i, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
_NO_NAMES: Mapping[str, int] = {}
_FIELDS: tuple[tuple[int, int, Mapping[str, int]], ...] = (
    (0, 59, _NO_NAMES),
    (0, 23, _NO_NAMES),
    (1, 31, _NO_NAMES),
    (1, 12, _MONTHS),
    (0, 6, _DAYS),
)
"""Minute, hour, day of the month, month, day of the week: lowest, highest, names."""
_DESCRIPTORS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_EVERY = "@every "
_DURATION = re.compile(r"[-+]?(?:0|(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)").fullmatch
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}").fullmatch


def fault(schedule: str) -> str:
    """What the server says of a schedule that it cannot read; empty for a good one."""
    if schedule.startswith("@"):
        return _descriptor(schedule)
    fields = schedule.split()
    if len(fields) != len(_FIELDS):
        return f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]"
    for field, (low, high, names) in zip(fields, _FIELDS, strict=True):
        for expression in filter(None, field.split(",")):
            if wrong := _range(expression, low, high, names):
                return wrong
    return ""


def _descriptor(schedule: str) -> str:
    if schedule in _DESCRIPTORS or (schedule.startswith(_EVERY) and _DURATION(schedule.removeprefix(_EVERY))):
        return ""
    if schedule.startswith(_EVERY):
        return f"failed to parse duration {schedule}"
    return f"unrecognized descriptor: {schedule}"


def _range(expression: str, low: int, high: int, names: Mapping[str, int]) -> str:
    """`*`, `5`, `1-5`, `*/15`, `mon-fri/2`."""
    ends, slash, rest = expression.partition("/")
    first, *others = ends.split("-")
    begin, end = low, high
    if first not in ("*", "?"):
        if len(others) > 1:
            return f"too many hyphens: {expression}"
        numbers = [_number(part, expression, names) for part in (first, *others)]
        for number in numbers:
            if isinstance(number, str):
                return number
        begin, end = int(numbers[0]), int(numbers[-1])
    if "/" in rest:
        return f"too many slashes: {expression}"
    step = _number(rest, expression, _NO_NAMES) if slash else 1
    if isinstance(step, str):
        return step
    if slash and not others:
        end = high
    return _bounds(expression, begin, end, step, low, high)


def _bounds(expression: str, begin: int, end: int, step: int, low: int, high: int) -> str:
    if begin < low:
        return f"beginning of range ({begin}) below minimum ({low}): {expression}"
    if end > high:
        return f"end of range ({end}) above maximum ({high}): {expression}"
    if begin > end:
        return f"beginning of range ({begin}) beyond end of range ({end}): {expression}"
    return f"step of range should be a positive number: {expression}" if step == 0 else ""


def _number(part: str, expression: str, names: Mapping[str, int]) -> int | str:
    """The number, or what is wrong with it."""
    if (named := names.get(part.lower())) is not None:
        return named
    if not _INTEGER(part):
        return f'failed to parse int from {expression}: strconv.Atoi: parsing "{part}": invalid syntax'
    number = int(part)
    return number if number >= 0 else f"negative number ({number}) not allowed: {expression}"
