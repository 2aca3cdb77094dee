"""How many pods of each Deployment people want to serve at any moment, and which failures that is to hold under."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from kgate.manifest import Path
from kgate.rollout import fields
from kgate.rollout.fields import Fields

_PERCENT = re.compile(r"(\d{1,2}|100)%", re.ASCII)
_NAME = re.compile(r"\*|[a-z0-9-]+/(\*|[a-z0-9.-]+)", re.ASCII)

Floor = int | str
"""Pods, or a percentage of the replicas."""


class Failures(Struct, frozen=True, kw_only=True):
    """How many of each are lost at once, 0 or 1."""

    node: int = 1
    zone: int = 0


def read_floors(value: object, path: Path) -> dict[str, Floor]:
    """By `namespace/name`, `namespace/*` or `*`. Raises SettingError."""
    out: dict[str, Floor] = {}
    for name, floor in fields.mapping(value, path, "floors").items():
        if not _NAME.fullmatch(name):
            fields.refuse((*path, name), f"{name!r} names no Deployment", "namespace/name, namespace/* or *")
        if isinstance(floor, str):
            if not _PERCENT.fullmatch(floor):
                fields.refuse((*path, name), f"{floor!r} is no floor", "a number of pods, or a percentage of the replicas such as 80%")
            out[name] = floor
        else:
            out[name] = fields.whole(floor, (*path, name))
    return out


def read_failures(value: object, path: Path) -> Failures:
    body = Fields(value, path, ("node", "zone"), "failures")
    return Failures(node=body.whole("node", 1, most=1), zone=body.whole("zone", 0, most=1))


def floor_of(floors: Mapping[str, Floor], namespace: str, name: str, replicas: int) -> int | None:
    """In pods, percentages rounded up; None when nobody asked for any. The nearest name wins."""
    wanted = next((floors[key] for key in (f"{namespace}/{name}", f"{namespace}/*", "*") if key in floors), None)
    return -(-replicas * int(wanted[:-1]) // 100) if isinstance(wanted, str) else wanted


FLOORS_SCHEMA: Mapping[str, object] = {
    "description": "How many pods are to be available at every moment of a rollout, by namespace/name, namespace/* or *: "
    "a number, or a percentage of the replicas. Without one: the Deployment's own replicas - maxUnavailable.",
    "type": ["object", "null"],
    "propertyNames": {"pattern": f"^({_NAME.pattern})$"},
    "additionalProperties": {"oneOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": f"^({_PERCENT.pattern})$"}]},
    "examples": [{"prod/web": 4, "*": "80%"}],
}

FAILURES_SCHEMA: Mapping[str, object] = {
    "description": "What may be lost at any moment of a rollout: 1 or 0 nodes, 1 or 0 zones.",
    "type": ["object", "null"],
    "additionalProperties": False,
    "properties": {
        "node": {"description": "Nodes.", "type": ["integer", "null"], "minimum": 0, "maximum": 1, "default": 1},
        "zone": {"description": "Zones.", "type": ["integer", "null"], "minimum": 0, "maximum": 1, "default": 0},
    },
}
