"""A fault of the text, before it is known whether the text is meant for Kubernetes at all."""

from __future__ import annotations

from msgspec import Struct

from kgate.finding import Rule
from kgate.manifest import Location


class Fault(Struct, frozen=True, kw_only=True):
    """`place` is relative to the text that was read, 1-based."""

    rule: Rule
    message: str
    place: Location
    remediation: str | None = None


class Parsed(Struct, frozen=True, kw_only=True):
    """What a text means. With `broken`, it could not be read to its end and `data` is None."""

    data: object = None
    faults: tuple[Fault, ...] = ()
    broken: bool = False
