"""A count or a percentage: `3`, `25%` (apimachinery pkg/util/intstr and apps/validation/validation.go)."""

from __future__ import annotations

from kgate.manifest import Path
from kgate.validate import formats
from kgate.validate.cause import Body, Causes, invalid

IntOrString = int | str


def default(body: Body, name: str, value: IntOrString) -> IntOrString:
    """What stands under `name`, `value` when it is absent or null."""
    found: IntOrString | None = body.get(name)
    return value if found is None else found


def not_negative(value: IntOrString, path: Path) -> Causes:
    """ValidatePositiveIntOrPercent, which takes 0."""
    if isinstance(value, str):
        for fault in formats.percent(value):
            yield invalid(path, value, fault)
    elif value < 0:
        yield invalid(path, value, "must be greater than or equal to 0")


def at_most_all(value: IntOrString, path: Path) -> Causes:
    """IsNotMoreThan100Percent; a count may be as high as it likes."""
    if isinstance(value, str) and not formats.percent(value) and amount(value) > 100:
        yield invalid(path, value, "must not be greater than 100%")


def amount(value: IntOrString) -> int:
    """The number in it, percentages without their sign; 0 when a text is neither (getIntOrPercentValue)."""
    if isinstance(value, str):
        digits = value.removesuffix("%") if not formats.percent(value) else value
        sign, body = (-1, digits[1:]) if digits[:1] == "-" else (1, digits.removeprefix("+"))
        return sign * int(body[:19]) if body.isascii() and body.isdigit() else 0
    return value
