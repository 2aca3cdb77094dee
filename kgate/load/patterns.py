"""`exclude` patterns, read as in a .gitignore: `**`, a trailing `/` for folders, anchored when a `/` stands inside, `!` takes back."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence

from msgspec import Struct


class Pattern(Struct, frozen=True, kw_only=True):
    """One line of an exclude list."""

    steps: tuple[re.Pattern[str] | None, ...]
    """One for each part of a path; None is `**`, any number of parts."""
    folders_only: bool
    takes_back: bool

    @classmethod
    def of(cls, text: str) -> Pattern:
        takes_back, text = text.startswith("!"), text.removeprefix("!").removeprefix("./")
        bare = text.rstrip("/")
        names = bare.strip("/").split("/") if "/" in bare else ["**", bare]
        steps = [
            None if s == "**" else re.compile(fnmatch.translate(s)) for n, s in enumerate(names) if s != "**" or names[n - 1 : n] != ["**"]
        ]
        return cls(steps=tuple(steps), folders_only=text.endswith("/"), takes_back=takes_back)

    def matches(self, parts: Sequence[str]) -> list[bool]:
        """For each part, whether the path up to it matches. All states at once, in one pass: no pattern makes a path expensive."""
        states, answer = self._past_star({0}), []
        for part in parts:
            states = self._past_star({n for s in states if (n := self._next(s, part)) is not None})
            answer.append(len(self.steps) in states)
        return answer

    def _next(self, state: int, part: str) -> int | None:
        if state == len(self.steps):
            return None
        step = self.steps[state]
        if step is None:
            return state
        return state + 1 if step.fullmatch(part) else None

    def _past_star(self, states: set[int]) -> set[int]:
        """`**` may also stand for nothing. There are never two in a row."""
        return states | {s + 1 for s in states if s < len(self.steps) and self.steps[s] is None}


class Patterns(Struct, frozen=True, kw_only=True):
    """An exclude list: the last line that fits decides."""

    patterns: tuple[Pattern, ...]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Patterns:
        return cls(patterns=tuple(Pattern.of(t) for t in texts if t.strip("/! ")))

    def match(self, path: str, *, folder: bool) -> bool:
        """Whether `path` (relative, with `/`) or a folder above it is excluded; of the patterns that match one, the last decides."""
        if not self.patterns:
            return False
        parts = path.removeprefix("./").split("/")
        tried = [(p, p.matches(parts)) for p in reversed(self.patterns)]
        for n in range(len(parts)):
            is_folder = folder or n + 1 < len(parts)
            last = next((p for p, matched in tried if matched[n] and (is_folder or not p.folders_only)), None)
            if last is not None and not last.takes_back:
                return True
        return False
