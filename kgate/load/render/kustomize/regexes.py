"""Regular expressions of a kustomization. Go's take linear time and Python's need not, so those that could take for ever are refused."""

from __future__ import annotations

import re

from kgate.load.render.rendering import NotRendered

MAX_PATTERN = 500
MAX_REPEATS = 3
"""Unbounded repeats in one pattern: with three, a name of 253 characters costs at most a few million steps."""

_REPEATED_GROUP = re.compile(r"\)\s*(?:[*+]|\{)")
_REPEAT = re.compile(r"(?<!\\)(?:[*+]|\{\d*,\d*\})")
_FOREIGN = re.compile(r"\(\?(?![:i)])|\\[1-9zZQCpPkg]|\[\[:|[*+?}][+]")


def compiled(pattern: str, *, own: str | None = None) -> re.Pattern[str]:
    """`pattern` with Go's meaning. `own` is the part that the user wrote.

    Raises re.error for no regular expression, and NotRendered for one that means something else in Python or could be slow.
    """
    written = pattern if own is None else own
    if len(written) > MAX_PATTERN or _REPEATED_GROUP.search(written) or len(_REPEAT.findall(written)) > MAX_REPEATS:
        raise NotRendered(f"regular expression {written[:60]!r} is too complex for kgate")
    if _FOREIGN.search(written):
        raise NotRendered(f"regular expression {written[:60]!r} uses what kgate does not read")
    return re.compile(pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern, re.ASCII)


def anchored(pattern: str) -> re.Pattern[str] | None:
    """Matches the whole of a name; None for an empty pattern, which matches anything. Raises NotRendered."""
    if not pattern:
        return None
    try:
        return compiled(f"^(?:{pattern})$", own=pattern)
    except re.error as e:
        raise NotRendered(f"{pattern[:60]!r} is no regular expression") from e
