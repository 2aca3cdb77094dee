"""A fault of the text, before it is known whether the text is meant for Kubernetes at all."""

from __future__ import annotations

from dataclasses import dataclass

from kgate.finding import Rule
from kgate.manifest import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`place` is relative to the text that was read, 1-based."""

    rule: Rule
    message: str
    place: Location
    remediation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a text means. With `broken`, it could not be read to its end and `data` is None."""

    data: object = None
    faults: tuple[Fault, ...] = ()
    broken: bool = False
