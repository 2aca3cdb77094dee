"""Pod Security Standards as they are named: a level, and the Kubernetes minor whose controls hold."""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct

_VERSION = re.compile(r"v?1\.(0|[1-9][0-9]{0,3})")


class Level(StrEnum):
    """From the mildest to the strictest; each holds all that the one before it demands."""

    PRIVILEGED = "privileged"
    BASELINE = "baseline"
    RESTRICTED = "restricted"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {level: rank for rank, level in enumerate(Level)}


class Standard(Struct, frozen=True, kw_only=True):
    """`restricted:1.30`. Without a minor, the controls of the API server's own version hold."""

    level: Level
    minor: int | None = None
    """30 of v1.30; None is `latest`."""

    def __str__(self) -> str:
        return str(self.level) if self.minor is None else f"{self.level}:1.{self.minor}"


def parse(text: str) -> Standard:
    """`LEVEL[:VERSION]`: baseline, restricted:1.30, restricted:latest. Raises ValueError with what is wrong."""
    level, colon, version = text.partition(":")
    if level not in _RANKS:
        raise ValueError(f'"{level}" is no level: {", ".join(Level)}')
    return Standard(level=Level(level), minor=minor_of(version) if colon else None)


def minor_of(version: str) -> int | None:
    """30 of `1.30` or `v1.30`, None of `latest`. Raises ValueError."""
    if version == "latest":
        return None
    found = _VERSION.fullmatch(version)
    if found is None:
        raise ValueError(f'"{version}" is no version: write latest, or 1.30 and the like')
    return int(found[1])
