"""`exclude` patterns, read as in a .gitignore: `**`, a trailing `/` for folders, anchored when a `/` stands inside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    any_kind: re.Pattern[str] | None
    folders: re.Pattern[str] | None

    @classmethod
    def of(cls, patterns: Sequence[str]) -> Patterns:
        both = [_expression(p) for p in patterns if p.strip("/") and not p.endswith("/")]
        folders = [_expression(p.rstrip("/")) for p in patterns if p.strip("/") and p.endswith("/")]
        return cls(any_kind=_union(both), folders=_union(folders))

    def match(self, path: str, *, folder: bool) -> bool:
        """Whether `path` (relative, with `/`) or one of the folders above it is excluded."""
        if self.any_kind is None and self.folders is None:
            return False
        parts = path.removeprefix("./").split("/")
        prefixes = ["/".join(parts[: n + 1]) for n in range(len(parts))]
        above = prefixes if folder else prefixes[:-1]
        return _any(self.any_kind, prefixes) or _any(self.folders, above)


def _any(expression: re.Pattern[str] | None, paths: list[str]) -> bool:
    return expression is not None and any(expression.fullmatch(p) for p in paths)


def _union(expressions: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(f"(?:{e})" for e in expressions), re.S) if expressions else None


def _expression(pattern: str) -> str:
    pattern = pattern.removeprefix("./")
    anchored = "/" in pattern
    tokens = re.split(r"(\*\*/|/\*\*$|\*+|\?|\[!?[^\]/]+\])", pattern.removeprefix("/"))
    body = "".join(_translated(t) for t in tokens)
    return body if anchored else f"(?:.*/)?{body}"


def _translated(part: str) -> str:
    if part == "**/":
        return "(?:[^/]+/)*"
    if part == "/**":
        return "/.*"
    if part.startswith("*"):
        return "[^/]*"
    if part == "?":
        return "[^/]"
    if part.startswith("[") and part.endswith("]") and len(part) > 2:
        return "[" + part[1:-1].replace("\\", "\\\\").replace("!", "^", 1 if part[1] == "!" else 0).replace("[", r"\[") + "]"
    return re.escape(part)
