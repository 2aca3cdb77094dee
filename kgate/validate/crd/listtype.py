"""Lists that are sets or maps hold nothing twice (pkg/apiserver/schema/listtype/validation.go)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kgate.manifest import Path
from kgate.validate.cause import Causes, Key, duplicate, invalid
from kgate.validate.crd.structural import Structural


def causes(x: Any, s: Structural, path: Path = ()) -> Causes:
    if isinstance(x, Mapping):
        for key, value in x.items():
            if (child := s.properties.get(key)) is not None:
                yield from causes(value, child, (*path, key))
            elif isinstance(s.additional, Structural):
                yield from causes(value, s.additional, (*path, Key(key)))
    elif isinstance(x, list):
        yield from _list(x, s, path)
        for i, value in enumerate(x) if s.items is not None else ():
            yield from causes(value, s.items, (*path, i))  # type: ignore[arg-type]


def _list(x: list[Any], s: Structural, path: Path) -> Causes:
    if s.list_type == "set":
        for i in _repeated(x):
            yield duplicate((*path, i), x[i])
    elif s.list_type == "map":
        wrong = next((i for i, v in enumerate(x) if v is not None and not isinstance(v, Mapping)), None)
        if wrong is not None:
            yield invalid((*path, wrong), x[wrong], "must be an object for an array of list-type map")
            return
        keys = [{k: v[k] for k in s.list_keys if k in v} if v is not None else {} for v in x]
        for i in _repeated(keys):
            yield duplicate((*path, i), keys[i])


def _repeated(values: Iterable[Any]) -> Iterator[int]:
    """The place at which a value is met for the second time; a third time is not told."""
    seen: dict[str, int] = {}
    for i, value in enumerate(values):
        text = json.dumps(value, sort_keys=True, default=str)
        seen[text] = seen.get(text, 0) + 1
        if seen[text] == 2:
            yield i
