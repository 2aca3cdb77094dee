"""A Change: the stored object before and after an apply, both with the server's defaults; and the words of most update rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kgate.manifest import Path
from kgate.validate import schemas
from kgate.validate.cause import Body, Cause, Causes, dotted, shown
from kgate.validate.gates import Gates
from kgate.validate.schemas import Schema
from kgate.validate.update.equal import canonical, differences
from kgate.validate.update.merge import child_of

IMMUTABLE = "field is immutable"
MOST_NAMED = 3
"""Differences that a remediation lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    head: Body
    """As the file has it."""
    new: Body
    old: Body
    root: Schema
    """The schema of the kind, with all its definitions."""
    on: Gates
    minor: str

    @property
    def number(self) -> int:
        """36 of 1.36."""
        return int(self.minor.partition(".")[2])

    @property
    def named(self) -> str:
        """`Deployment web`."""
        metadata = self.new.get("metadata") or {}
        return f"{self.new.get('kind')} {metadata.get('name')}"

    def plain(self, body: Body, path: Path) -> Any:
        """The canonical value at `path` of `body`: equal values are the same to the server."""
        return canonical(value_at(body, path), self.root, self._schema(path))

    def differences(self, path: Path = (), adjust: Callable[[Any, Any], tuple[Any, Any]] | None = None) -> list[Path]:
        """Where new and old differ at or below `path`; `adjust` takes out of the canonical values what may differ."""
        new, old = self.plain(self.new, path), self.plain(self.old, path)
        if adjust is not None:
            new, old = adjust(new, old)
        return list(differences(new, old, path))

    def _schema(self, path: Path) -> Schema:
        schema = self.root
        for step in path:
            found = schemas.resolved(self.root, schema)
            schema = found.get("items", {}) if isinstance(step, int) else child_of(self.root, schema, step)
        return schema


def value_at(body: Any, path: Path) -> Any:
    """None where there is nothing."""
    for step in path:
        if isinstance(step, int):
            body = body[step] if isinstance(body, list) and step < len(body) else None
        else:
            body = body.get(step) if isinstance(body, dict) else None
    return body


def immutable(change: Change, path: Path, *, at: Path = (), detail: str = IMMUTABLE, remediation: str = "") -> Causes:
    """field.Invalid of the new value where it is not the old one (ValidateImmutableField)."""
    if found := change.differences(path):
        yield refused(change, found, at or path, detail, remediation=remediation)


def refused(change: Change, found: list[Path], at: Path, detail: str, *, value: Any = None, remediation: str = "") -> Cause:
    """One cause for all differences, at the first of them. A large value is shown no further than the first difference."""
    value = value_at(change.new, at) if value is None else value
    if value is None or len(shown(value)) > 300:
        value = value_at(change.new, found[0])
    message = f"Invalid value: {shown(value)}: {detail}"
    return Cause(path=found[0], reason="FieldValueInvalid", message=message, at=at, remediation=remediation or anew(change, found))


def forbidden(change: Change, found: list[Path], at: Path, detail: str, *, remediation: str = "") -> Cause:
    return Cause(
        path=found[0], reason="FieldValueForbidden", message=f"Forbidden: {detail}", at=at, remediation=remediation or anew(change, found)
    )


def anew(change: Change, found: list[Path]) -> str:
    """What to do about a change that the server will never make in place."""
    return f"keep {listed(found)} as in the base, or delete {change.named} and create it anew"


def listed(found: list[Path]) -> str:
    named = list(dict.fromkeys(dotted(path) for path in found))
    rest = len(named) - MOST_NAMED
    return ", ".join(named[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
