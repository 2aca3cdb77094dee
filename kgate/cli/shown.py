"""`kgate config show`: every setting that holds, and who says so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kgate.manifest import Path, Source
from kgate.report import Style
from kgate.report.style import columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One leaf of the settings."""

    name: str
    """`policy.rules.image-tag-floating`."""
    value: Any
    origin: str
    """`.kgate.yaml:12`, or `default`."""


def settings(file: str | None) -> tuple[Setting, ...]:
    """Those of the file in its order, then the defaults of all that it leaves open. Raises ConfigError for a file that is wrong."""
    from kgate import config, load

    config.settled(file)
    body, source = load.settings_file(file) if file else (None, None)
    written = tuple(_written(body or {}, (), source))
    names = [s.name for s in written]
    open_ = (s for s in _defaults(config.schema(), ()) if not any(n == s.name or n.startswith(f"{s.name}.") for n in names))
    return (*written, *open_)


def _written(value: Any, path: Path, source: Source | None) -> Iterator[Setting]:
    if isinstance(value, Mapping) and value:
        for key, inside in value.items():
            yield from _written(inside, (*path, key), source)
    elif path:
        place = source.locate(0, path, key=True) if source else None
        origin = f"{source.file}:{place.line}" if source and place else "settings"
        yield Setting(name=".".join(map(str, path)), value=value, origin=origin)


def _defaults(schema: Mapping[str, Any], path: Path) -> Iterator[Setting]:
    for key, inside in schema.get("properties", {}).items():
        if "default" in inside:
            yield Setting(name=".".join(map(str, (*path, key))), value=inside["default"], origin="default")
        else:
            yield from _defaults(inside, (*path, key))


def as_text(file: str | None, shown: tuple[Setting, ...], style: Style) -> str:
    rows = [(style.shown(s.name), style.shown(json.dumps(s.value, ensure_ascii=False)), style.shown(s.origin)) for s in shown]
    return style.finished([f"settings: {style.shown(file) if file else 'none, the defaults hold'}", "", *columns(rows)])


def as_json(file: str | None, shown: tuple[Setting, ...]) -> str:
    told = [{"name": s.name, "value": s.value, "origin": s.origin} for s in shown]
    return json.dumps({"schema": "kgate.settings/1", "file": file, "settings": told}, indent=1) + "\n"
