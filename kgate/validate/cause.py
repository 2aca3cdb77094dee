"""A Cause: one reason for which the API server refuses an object, in its words. And how the server's rules read a body."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kgate.manifest import Path


class Key(str):
    """A step of a path that is the key of a map, not the name of a field: the server writes it in brackets."""

    __slots__ = ()


class Cause(Struct, frozen=True, kw_only=True):
    """What a `StatusCause` of the server says (apimachinery pkg/util/validation/field/errors.go), and where it stands in the body."""

    path: Path
    """The exact node. The last step may be absent from the body: then the fault is that it is missing."""
    reason: str
    """`FieldValueInvalid`, `FieldValueRequired`, ... or `BadRequest` for what the server cannot even decode."""
    message: str
    at: Path = ()
    """The path as the server names it, where that is another one: some of its rules name a neighbour."""
    key: bool = False
    """The fault is the key itself, not the value behind it."""
    remediation: str = ""

    @property
    def field(self) -> str:
        """`spec.containers[0].resources.limits[cpu]`; empty for the whole object."""
        return dotted(self.at or self.path)

    def named(self, at: Path) -> Cause:
        """The same fault at the same node, called `at` by the server."""
        return replace(self, at=at)

    def moved(self, old: Path, new: Path) -> Cause:
        """The same fault with `new` for `old` at the beginning of its path; the server goes on naming the old one."""
        return replace(self, path=(*new, *self.path[len(old) :]), at=self.at or self.path) if self.path[: len(old)] == old else self


Causes = Iterator[Cause]


def dotted(path: Path) -> str:
    """The server's notation of a path; field/path.go."""
    text = ""
    for step in path:
        if isinstance(step, (int, Key)):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


def shown(value: object) -> str:
    """A value as the server prints it: strings quoted, the rest as JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def invalid(path: Path, value: object, detail: str, *, at: Path = (), key: bool = False, remediation: str = "") -> Cause:
    message = f"Invalid value: {shown(value)}: {detail}"
    return Cause(path=path, reason="FieldValueInvalid", message=message, at=at, key=key, remediation=remediation)


def required(path: Path, detail: str = "", *, at: Path = ()) -> Cause:
    return Cause(path=path, reason="FieldValueRequired", message=f"Required value: {detail}" if detail else "Required value", at=at)


def duplicate(path: Path, value: object, *, at: Path = ()) -> Cause:
    return Cause(path=path, reason="FieldValueDuplicate", message=f"Duplicate value: {shown(value)}", at=at)


def not_supported(path: Path, value: object, valid: Iterable[str], *, at: Path = ()) -> Cause:
    listed = ", ".join(f'"{v}"' for v in valid)
    remediation = f"write one of {listed}" if listed else ""
    message = f"Unsupported value: {shown(value)}: supported values: {listed}"
    return Cause(path=path, reason="FieldValueNotSupported", message=message, at=at, remediation=remediation)


def forbidden(path: Path, detail: str, *, at: Path = (), key: bool = False) -> Cause:
    return Cause(path=path, reason="FieldValueForbidden", message=f"Forbidden: {detail}", at=at, key=key)


def not_found(path: Path, value: object, *, at: Path = ()) -> Cause:
    return Cause(path=path, reason="FieldValueNotFound", message=f"Not found: {shown(value)}", at=at)


def too_long(path: Path, limit: int, *, at: Path = ()) -> Cause:
    """`limit` in bytes."""
    return Cause(path=path, reason="FieldValueTooLong", message=f"Too long: may not be more than {limit} bytes", at=at)


def too_many(path: Path, count: int, limit: int) -> Cause:
    return Cause(path=path, reason="FieldValueTooMany", message=f"Too many: {count}: must have at most {limit} items")


# Reading a body. The schema has vouched for the types; null is the zero value wherever it stands.

Body = Mapping[str, Any]
_NOTHING: Body = {}


def part(body: Body, name: str) -> Body:
    """The object under `name`, empty when it is absent or null."""
    return body.get(name) or _NOTHING


def text(body: Body, name: str) -> str:
    """The string under `name`, empty when it is absent or null."""
    return body.get(name) or ""


def number(body: Body, name: str, default: int = 0) -> int:
    """The integer under `name`, `default` when it is absent or null."""
    value = body.get(name)
    return default if value is None else value


def items(body: Body, name: str, path: Path) -> Iterator[tuple[Path, Body]]:
    """Each object of the list under `name`, with its path; a null item is an empty object."""
    for i, item in enumerate(body.get(name) or ()):
        yield (*path, name, i), item or _NOTHING


def strings(body: Body, name: str, path: Path) -> Iterator[tuple[Path, str]]:
    """Each string of the list under `name`, with its path."""
    for i, item in enumerate(body.get(name) or ()):
        yield (*path, name, i), item or ""
