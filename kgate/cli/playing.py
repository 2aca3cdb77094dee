"""`kgate simulate`: scenario files in, what happened out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kgate.errors import UsageError

if TYPE_CHECKING:
    from kgate.manifest import Source
    from kgate.report import Style
    from kgate.rollout.simulation import Played

_ENDINGS = (".yaml", ".yml", ".json")


def text(played: Played, style: Style) -> str:
    head, *lines = played.lines()
    return style.finished([style.paint("bold", style.shown(head)), *map(style.shown, lines), ""])


def json_line(played: Played, style: Style) -> str:
    import json

    return json.dumps(played.as_json()).replace("##", "#\\u0023") + "\n"


FORMATS: Mapping[str, Callable[[Played, Style], str]] = {"text": text, "json": json_line}


def play(paths: Sequence[str]) -> Iterator[Played]:
    """Scenarios in the order given, those of a folder by name. Raises UsageError for a path that is not there, ConfigError for a fault."""
    from kgate import load, rollout, validate

    files: list[tuple[str, Any]] = []
    sources: dict[str, Source] = {}
    for path in _files(paths):
        body, sources[path] = load.settings_file(path)
        files.append((path, body))
    return rollout.simulate(files, validate=validate.causes, sources=sources)


def _files(paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        if Path(path).is_dir():
            found = sorted(str(p) for p in Path(path).iterdir() if p.suffix in _ENDINGS and p.is_file())
            if not found:
                raise UsageError(f"{path}: no scenario in this folder", hint="scenarios are .yaml, .yml or .json files")
            yield from found
        elif Path(path).exists():
            yield path
        else:
            raise UsageError(f"{path}: no such scenario")
