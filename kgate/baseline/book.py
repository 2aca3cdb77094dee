"""The baseline file: JSON, sorted, one entry a line, so that two people who change it meet in a merge only where they must."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from kgate.errors import SettingError
from kgate.finding import Finding, Stage

SCHEMA = "kgate.baseline/1"


class Entry(Struct, frozen=True, kw_only=True, order=True):
    """A finding that is known. What it says is left out: messages may quote what should not be kept."""

    file: str
    """From the folder of the baseline. Empty for what is about an image: that is known wherever it is used."""
    object: str
    """`Deployment prod/web`, for the reader."""
    rule: str
    name: str
    identity: str
    """`Finding.identity`."""
    count: int = 1
    """How often: several of one identity cannot be told apart."""

    @property
    def key(self) -> tuple[str, str]:
        return (self.file, self.identity)


def place_of(finding: Finding, home: Callable[[str], str]) -> str:
    """The file of a finding as a baseline names it."""
    return "" if finding.stage is Stage.IMAGES and finding.detail else home(finding.file)


def taken(findings: Iterable[Finding], home: Callable[[str], str]) -> tuple[Entry, ...]:
    """The findings as entries. `home` says how a file is called from the folder of the baseline."""
    counted: Counter[Entry] = Counter()
    for f in findings:
        file = place_of(f, home)
        named = str(f.object) if f.object is not None and file else ""
        counted[Entry(file=file, object=named, rule=f.rule, name=f.name, identity=f.identity)] += 1
    return tuple(
        sorted(Entry(file=e.file, object=e.object, rule=e.rule, name=e.name, identity=e.identity, count=n) for e, n in counted.items())
    )


def written(entries: Iterable[Entry]) -> str:
    rows = ",\n  ".join(json.dumps(_row(e)) for e in sorted(entries))
    return f'{{"schema": {json.dumps(SCHEMA)},\n "entries": ' + (f"[\n  {rows}]" if rows else "[]") + "}\n"


def _row(e: Entry) -> Mapping[str, object]:
    row: dict[str, object] = {"file": e.file, "object": e.object, "rule": e.rule, "name": e.name, "identity": e.identity}
    return {**row, "count": e.count} if e.count != 1 else row


def read(body: Any) -> tuple[Entry, ...]:
    """In the order of the file. Raises SettingError."""
    if not isinstance(body, Mapping) or body.get("schema") != SCHEMA:
        raise SettingError((), f"this is no baseline: a mapping with schema {SCHEMA} is expected", "write one with --write-baseline")
    entries = body.get("entries")
    if not isinstance(entries, list):
        raise SettingError(("entries",), "must be a list")
    return tuple(_entry(row, ("entries", i)) for i, row in enumerate(entries))


_TEXTS = ("file", "object", "rule", "name", "identity")


def _entry(row: Any, path: tuple[str | int, ...]) -> Entry:
    if not isinstance(row, Mapping) or set(row) - {*_TEXTS, "count"} or not all(isinstance(row.get(key), str) for key in _TEXTS):
        raise SettingError(
            path, f"an entry has {', '.join(_TEXTS)}, and a count where it is not 1", "write the baseline anew with --write-baseline"
        )
    count = row.get("count", 1)
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise SettingError((*path, "count"), "must be a number from 1")
    return Entry(**{key: row[key] for key in _TEXTS}, count=count)
