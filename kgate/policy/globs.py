"""Path and repository patterns: `*` stays between slashes, `**` does not."""

from __future__ import annotations

import re
from functools import lru_cache

MAX_TEXT = 1024
"""Characters of a text from a manifest that a user's pattern is tried on; patterns are trusted, texts are not."""


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """`prod/**`, `**/web.yaml`, `registry.example.com/team/*`; a pattern that ends with a slash means everything below."""
    pattern = pattern.removeprefix("./")
    if pattern.endswith("/"):
        pattern += "**"
    parts = re.split(r"(\*\*/|/\*\*$|\*\*|\*|\?)", pattern)
    translated = {"**/": "(?:[^/]+/)*", "/**": "/.+", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(translated.get(part) or re.escape(part) for part in parts), re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """Whether the whole of `text` is what `pattern` says. Never true for texts longer than MAX_TEXT."""
    text = text.replace("\\", "/").removeprefix("./")
    return len(text) <= MAX_TEXT and compiled(pattern).fullmatch(text) is not None


def any_matches(patterns: tuple[str, ...], text: str) -> bool:
    return any(matches(pattern, text) for pattern in patterns)
