"""Looking into a body as it was written, which nobody has vouched for: what is not there or of another type is nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kgate.manifest import Path


def mapping(value: object) -> Mapping[str, Any]:
    """What is no mapping counts as an empty one; validate has said so."""
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> Sequence[Any]:
    """The same for lists."""
    return value if isinstance(value, list) else ()


def node(body: Any, path: Path) -> Any:
    """The value at `path`; None where there is none."""
    for step in path:
        if isinstance(body, list) and isinstance(step, int) and step < len(body):
            body = body[step]
        else:
            body = mapping(body).get(str(step))
    return body
