"""Did you mean: the known name nearest to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable


def name(written: str, known: Iterable[str]) -> str:
    """The known name nearest to `written`, empty when none is near. Equal but for capitals is nearest."""
    from difflib import get_close_matches

    candidates = {k.lower(): k for k in sorted(known, reverse=True)}
    lowered = written[:100].strip().lower()
    if lowered in candidates:
        return candidates[lowered]
    near = get_close_matches(lowered, sorted(candidates), n=1, cutoff=0.7)
    return candidates[near[0]] if near else ""
