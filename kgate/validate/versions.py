"""Which Kubernetes versions kgate knows, and how users write them."""

from __future__ import annotations

import re

from kgate.errors import UsageError

VERSIONS: tuple[str, ...] = tuple(f"1.{minor}" for minor in range(25, 38))
"""Oldest first. The embedded schemas hold exactly these (a test says so)."""
NEWEST = VERSIONS[-1]


def minor(version: str) -> str:
    """`1.31` of `1.31`, `v1.31`, `v1.31.4`, `1.31.4-gke.100` or `1.31+`. Raises UsageError naming the known versions."""
    match = re.fullmatch(r"v?(\d{1,3}\.\d{1,3})(?:\.\d{1,5})?\+?(?:[-+][0-9A-Za-z.+-]{0,80})?", version.strip())
    if match and match[1] in VERSIONS:
        return match[1]
    raise UsageError(
        f"Kubernetes version {version[:40]!r} is not known",
        hint=f"known versions: {', '.join(VERSIONS)}",
    )
