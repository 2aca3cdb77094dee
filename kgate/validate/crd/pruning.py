"""Fields that the schema does not know (pkg/apiserver/schema/pruning/algorithm.go), and what the server makes of the others.

A server without strict validation would drop unknown fields; with it they are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kgate.manifest import Path
from kgate.validate import nearest
from kgate.validate.cause import Cause, Causes, dotted
from kgate.validate.crd.structural import Structural

_META = ("apiVersion", "kind", "metadata")
_LISTED = 20


def unknown(body: Any, schema: Structural) -> Causes:
    """Each unknown field once; what is below it is not looked at."""
    for path, known in _unknown(body, schema, (), root=True):
        guess = nearest.name(str(path[-1]), known)
        listed = ", ".join(known[:_LISTED]) or "nothing"
        remediation = f'did you mean "{guess}"?' if guess else f"remove it, or move it to where it belongs; known here: {listed}"
        yield Cause(path=path, reason="BadRequest", message=f'unknown field "{dotted(path)}"', key=True, remediation=remediation)


def _unknown(x: Any, s: Structural | None, path: Path, *, root: bool = False, preserved: bool = False) -> Iterator[tuple[Path, list[str]]]:
    preserves = s.preserves if s is not None else False
    if isinstance(x, Mapping):
        for key, value in x.items():
            if key in _META and (root or (s is not None and s.embedded)):
                continue
            step = (*path, key)
            if s is not None and (child := s.properties.get(key)) is not None:
                yield from _unknown(value, child, step)
            elif s is not None and s.additional is not None:
                yield from _unknown(value, s.additional if isinstance(s.additional, Structural) else None, step)
            elif not preserves and not preserved:
                yield step, sorted(s.properties) if s is not None else []
    elif isinstance(x, list):
        if preserves or preserved:
            # Below a list that keeps what it does not know, its items keep theirs (skipPrune).
            for i, value in enumerate(x) if s is not None and s.items is not None else ():
                yield from _unknown(value, s.items if s else None, (*path, i), preserved=True)
            return
        for i, value in enumerate(x):
            yield from _unknown(value, s.items if s is not None else None, (*path, i))


def effective(x: Any, s: Structural) -> Any:
    """What the server validates: nulls that may not be null dropped, defaults filled in (defaulting/{algorithm,prunenulls}.go)."""
    return _effective(x, s, {})


def _effective(x: Any, s: Structural, made: dict[int, Any]) -> Any:
    """`made`: the defaults so far, by identity of their schema. Thousands of items share one, however large it is."""
    if isinstance(x, Mapping):
        return _filled(x, s, made)
    if isinstance(x, list) and s.items is not None:
        items = s.items
        return [_default(items, made) if v is None and not items.nullable else _effective(v, items, made) for v in x]
    return x


def _filled(x: Mapping[str, Any], s: Structural, made: dict[int, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in x.items():
        child = s.child(key)
        if child is None:
            out[key] = value
        elif value is not None or child.nullable:
            out[key] = _effective(value, child, made)
        elif child.default is not None:
            out[key] = _default(child, made)
    for key, child in s.properties.items():
        if child.default is not None and key not in x:
            out[key] = _default(child, made)
    return out


def _default(s: Structural, made: dict[int, Any]) -> Any:
    if id(s) not in made:
        made[id(s)] = _effective(s.default, s, made)
    return made[id(s)]
