"""What an update of a custom resource may leave as it is: faults in parts that did not change are taken since 1.30.

apiextensions-apiserver pkg/apiserver/validation/ratcheting.go; apimachinery-side comparison in apiserver
pkg/cel/common/equality.go:CorrelatedObject, where items of a list by key belong together and items of other lists do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kgate.validate.cause import Cause
from kgate.validate.crd.structural import Structural

SINCE = (1, 30)
"""The minor that has the gate CRDValidationRatcheting on."""
ABSENT = object()
"""There is no old value that the new one could be compared with."""


def kept(causes: Iterable[Cause], new: Any, old: Any, schema: Structural) -> Iterator[Cause]:
    """The causes of `new` (its form alone) that the change has to answer for."""
    for cause in causes:
        node = cause.path[:-1] if cause.reason == "FieldValueRequired" else cause.path
        if not _ratcheted(node, new, old, schema):
            yield cause


def _ratcheted(path: tuple[Any, ...], new: Any, old: Any, s: Structural | None) -> bool:
    """Whether the node, or one around it, is what it was."""
    for step in path:
        if same(new, old):
            return True
        if s is None or old is ABSENT:
            return False
        old, s, new = before(old, s, new, step), _child(s, step), _at(new, step)
    return same(new, old)


def same(new: Any, old: Any) -> bool:
    if old is ABSENT:
        return False
    from kgate.validate.update.equal import differences  # with all of what updates need

    return type(new) is type(old) and next(differences(new, old), None) is None


def before(old: Any, s: Structural, new: Any, step: int | str) -> Any:
    """The old value of what stands at `step` of `new`; ABSENT where there is none, or none that certainly belongs to it."""
    if isinstance(new, Mapping):
        return old.get(step, ABSENT) if isinstance(old, Mapping) else ABSENT
    if not isinstance(old, list) or not isinstance(new, list) or s.list_type != "map" or not isinstance(step, int):
        return ABSENT
    wanted = _key(_at(new, step), s)
    found = [item for item in old if _key(item, s) == wanted]
    return found[0] if len(found) == 1 else ABSENT


def _key(item: Any, s: Structural) -> tuple[str, ...] | None:
    return tuple(repr(item.get(name)) for name in s.list_keys) if isinstance(item, Mapping) else None


def _child(s: Structural, step: int | str) -> Structural | None:
    return s.items if isinstance(step, int) else s.child(step)


def _at(value: Any, step: int | str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step, None)
    return value[step] if isinstance(value, list) and isinstance(step, int) and step < len(value) else None
