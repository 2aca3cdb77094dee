"""Semantic versions (apiserver pkg/cel/library/semverlib.go; blang/semver's reading of them)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from kgate.cel.faults import EvaluationError, no_overload
from kgate.cel.function import Function, walked

_PART = r"(0|[1-9][0-9]*)"
_VERSION = re.compile(
    rf"{_PART}\.{_PART}\.{_PART}(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?", re.ASCII
).fullmatch
_MOST = 2**64


@dataclass(frozen=True, slots=True, eq=False)
class Semver:
    type_name: ClassVar[str] = "kubernetes.Semver"
    major: int
    minor: int
    patch: int
    pre: tuple[str, ...]

    def __eq__(self, other: object) -> bool:
        """What was built is not compared."""
        return isinstance(other, Semver) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())

    def key(self) -> tuple[Any, ...]:
        """Numbers before texts, and a release after all that precedes it."""
        parts = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in self.pre)
        return (self.major, self.minor, self.patch, not self.pre, parts)


def parsed(text: Any, normalize: bool = False) -> Semver | None:
    if text.__class__ is not str or normalize.__class__ is not bool:
        raise no_overload()
    found = _VERSION(_normalized(text) if normalize else text)
    if found is None or any(int(found[i][:30]) >= _MOST for i in (1, 2, 3)):
        return None
    pre = tuple(found[4].split(".")) if found[4] else ()
    if any(p.isdigit() and len(p) > 1 and p[0] == "0" for p in pre):
        return None
    return Semver(int(found[1]), int(found[2]), int(found[3]), pre)


def _normalized(text: str) -> str:
    """Without a leading v, with three numbers, and no zeros before them."""
    text = text.removeprefix("v")
    numbers, mark, rest = text, "", ""
    if found := re.search(r"[-+]", text):
        numbers, mark, rest = text[: found.start()], found[0], text[found.end() :]
    parts = numbers.split(".", 2)
    parts = [p.lstrip("0") or "0" if p.isdigit() else p for p in parts]
    if mark and len(parts) < 3:
        return text
    return ".".join([*parts, *["0"] * (3 - len(parts))]) + mark + rest


def _semver(text: Any, normalize: bool = False) -> Semver:
    found = parsed(text, normalize)
    if found is None:
        raise EvaluationError(f"error parsing version {text!r}")
    return found


FUNCTIONS: Mapping[str, Function] = {
    "semver": Function(_semver, (1, 2), walked),
    "isSemver": Function(lambda text, normalize=False: parsed(text, normalize) is not None, (1, 2), walked),
    "major": Function(lambda v: v.major, (1,)),
    "minor": Function(lambda v: v.minor, (1,)),
    "patch": Function(lambda v: v.patch, (1,)),
}
