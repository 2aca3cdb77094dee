"""Reading a body that may have any shape: what is missing or of the wrong kind reads as empty, validate has spoken of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kgate.manifest import Path

_NOTHING: Mapping[str, Any] = {}


def at(body: Any, *path: str) -> Any:
    """The value under the keys `path`, None when one of them is missing."""
    for key in path:
        if not isinstance(body, dict):
            return None
        body = body.get(key)
    return body


def mapping(body: Any, *path: str) -> Mapping[str, Any]:
    """The mapping under `path`, empty when there is none."""
    value = at(body, *path)
    return value if isinstance(value, dict) else _NOTHING


def text(body: Any, *path: str) -> str:
    """The string under `path`, empty when there is none."""
    value = at(body, *path)
    return value if isinstance(value, str) else ""


def whole(body: Any, *path: str) -> int | None:
    """The integer under `path`; True is none."""
    value = at(body, *path)
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)  # the API server reads `3.0` as 3
    return value if isinstance(value, int) else None


def entries(body: Any, *path: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Index and mapping of each item of the list under `path`."""
    value = at(body, *path)
    if isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict):
                yield index, item


def deepest(body: Any, path: Path) -> Path:
    """The longest part of `path` that exists in `body`."""
    for depth, step in enumerate(path):
        there = step in body if isinstance(body, dict) else isinstance(body, list) and isinstance(step, int) and step < len(body)
        if not there:
            return path[:depth]
        body = body[step]
    return path
