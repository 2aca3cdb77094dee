"""Versions of custom resources that their definitions call deprecated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from kgate.manifest import Manifest
from kgate.policy.nodes import entries, text


class DeprecatedVersion(Struct, frozen=True, kw_only=True):
    """pkg/apiserver/customresource_handler.go of apiextensions-apiserver: the definition's own warning, or one that names the version."""

    warning: str = ""
    """Empty where the definition has no words of its own."""
    use: str = ""
    """The apiVersion to use; empty where the definition serves nothing else."""


_Key = tuple[str, str]
"""apiVersion and kind."""


def deprecated_versions(named: Iterable[Manifest], found: Iterable[Manifest]) -> Mapping[_Key, DeprecatedVersion]:
    """What the user has `named` takes the place of others of its group and kind; of several, one that does not deprecate is enough."""
    named = tuple(named)
    by_user = {_group_kind(m) for m in named}
    said: dict[_Key, DeprecatedVersion | None] = {}
    for manifest in (*named, *(m for m in found if _group_kind(m) not in by_user)):
        for key, deprecated in _versions(manifest):
            said[key] = said.get(key, deprecated) and deprecated
    return {key: deprecated for key, deprecated in said.items() if deprecated is not None}


def _group_kind(manifest: Manifest) -> _Key:
    return text(manifest.body, "spec", "group"), text(manifest.body, "spec", "names", "kind")


def _versions(manifest: Manifest) -> Iterator[tuple[_Key, DeprecatedVersion | None]]:
    group, kind = _group_kind(manifest)
    served = [v for _, v in entries(manifest.body, "spec", "versions") if v.get("served") is True]
    others = [text(v, "name") for v in served if v.get("deprecated") is not True]
    use = f"{group}/{others[-1]}" if others else ""
    for version in served:
        yield (f"{group}/{text(version, 'name')}", kind), _deprecated(version, use)


def _deprecated(version: Mapping[str, Any], use: str) -> DeprecatedVersion | None:
    return DeprecatedVersion(warning=text(version, "deprecationWarning"), use=use) if version.get("deprecated") is True else None
