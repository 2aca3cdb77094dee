"""What a change of a Deployment sets off, and which of its fields is the cause.

A new ReplicaSet is made when the template differs as the API shows it, defaults included
(pkg/controller/deployment/util/deployment_util.go:EqualIgnoreHash); nothing else rolls pods.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from msgspec import Struct

from kgate.engine.admission.defaulting import set_defaults
from kgate.engine.api.codec import decode, encode
from kgate.manifest import Manifest, Path
from kgate.rollout.causes import TEMPLATE
from kgate.rollout.written import mapping, node

SELECTOR: Path = ("spec", "selector")

_LONGEST = 60
"""Characters of a value that are shown."""


_HIDDEN = "(hidden)"


class Effect(StrEnum):
    """What becomes of the pods."""

    NEW = "new"
    SAME = "unchanged"
    NO_ROLLOUT = "no rollout"
    ROLLS = "rolls pods"
    RECREATES = "recreates pods"
    REFUSED = "refused"
    DELETED = "deleted"


class Difference(Struct, frozen=True, kw_only=True):
    """One field that is not what it was."""

    path: Path
    """In the version of head; a field that is no longer there is located at its parent."""
    field: str
    """`spec.template.spec.containers[app].image`: items of a list by their name where they have one."""
    was: str
    now: str
    """As JSON, shortened; empty when there is none."""

    def __str__(self) -> str:
        return f"{self.field}: {self.was or 'nothing'} -> {self.now or 'nothing'}"


class Change(Struct, frozen=True, kw_only=True):
    """From base to head."""

    effect: Effect
    causes: tuple[Difference, ...] = ()
    """The differences that have this effect, in the order of the API's fields."""


def change(before: Manifest | None, after: Manifest | None) -> Change:
    """Of one Deployment; one of the two may be absent. Raises ValueError when a version is none that the engine can read."""
    if before is None:
        return Change(effect=Effect.NEW)
    if after is None:
        return Change(effect=Effect.DELETED)
    if before.body == after.body:
        return Change(effect=Effect.SAME)
    was, now = _shown(before.body), _shown(after.body)
    found = [d for part in ("spec", "metadata") for d in differences(was.get(part), now.get(part), (part,))]
    return _judged(found, now)


def _judged(found: Sequence[Difference], now: Mapping[str, Any]) -> Change:
    selector = tuple(d for d in found if d.path[:2] == SELECTOR)
    template = tuple(d for d in found if d.path[:2] == TEMPLATE)
    if selector:
        return Change(effect=Effect.REFUSED, causes=selector)
    if not template:
        return Change(effect=Effect.NO_ROLLOUT, causes=tuple(found)) if found else Change(effect=Effect.SAME)
    recreate = mapping(node(now, ("spec", "strategy"))).get("type") == "Recreate"
    return Change(effect=Effect.RECREATES if recreate else Effect.ROLLS, causes=template)


def _shown(body: Mapping[str, Any]) -> dict[str, Any]:
    """As the API would show it: with defaults, quantities in canonical form, without what nobody set."""
    private = copy.deepcopy(dict(body))
    set_defaults(private)
    return encode(decode(private))


def differences(was: Any, now: Any, path: Path = (), field: str = "") -> Iterator[Difference]:
    """The innermost fields that differ. Items of lists are compared by `name` where all have one, else by their place."""
    field = field or ".".join(map(str, path))
    if was == now:
        return
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for key in [*now, *(k for k in was if k not in now)]:
            yield from differences(was.get(key), now.get(key), (*path, key), f"{field}.{key}")
    elif isinstance(was, list) and isinstance(now, list) and (named := _by_name(was)) is not None and (new := _by_name(now)) is not None:
        for name in [*new, *(n for n in named if n not in new)]:
            index = list(new).index(name) if name in new else len(now)
            yield from differences(named.get(name), new.get(name), (*path, index), f"{field}[{name}]")
        if list(named) != list(new) and sorted(named) == sorted(new):
            yield Difference(path=path, field=field, was=_text(list(named)), now=_text(list(new)))
    else:
        hide = "env" in path
        yield Difference(path=path, field=field, was=_text(was, hide=hide), now=_text(now, hide=hide))


def _by_name(items: Sequence[Any]) -> dict[str, Any] | None:
    """None when an item has no name, or two have the same."""
    names = [item.get("name") if isinstance(item, Mapping) else None for item in items]
    if not all(isinstance(n, str) for n in names) or len(set(names)) < len(names):
        return None
    return dict(zip(names, items, strict=True))  # type: ignore[arg-type]


def _text(value: Any, *, hide: bool = False) -> str:
    """Values of environment variables are not repeated: reports go to logs and comments, where a password stays for ever."""
    if value is None:
        return ""
    if hide:
        return _HIDDEN
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
