"""Unquoted dates: go-yaml v3 makes times of them, and kustomize writes those out in full."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9})\d*)?(Z|[-+]\d{2}:\d{2})"
    r"| (\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9})\d*)?)"
)
"""With a `T` a zone is needed, with a space there can be none."""


def read(text: str) -> str:
    """`2026-1-2` as RFC 3339, as Go's JSON writes a time; empty when the text is no date (go.yaml.in/yaml/v3, resolve.go)."""
    found = _DATE.fullmatch(text) or _TIME.fullmatch(text)
    if found is None:
        return ""
    groups = found.groups()
    numbers = [int(n) for n in (*groups[:3], *(groups[3:6] if len(groups) > 3 and groups[3] else groups[8:11]))]
    try:
        moment = datetime(*numbers, tzinfo=UTC)  # type: ignore[arg-type, misc]
    except ValueError:
        return ""
    if len(groups) == 3:
        return moment.strftime("%Y-%m-%dT00:00:00Z")
    fraction, zone = (groups[6] or groups[11] or "").rstrip("0"), groups[7] or "Z"
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if fraction else "") + ("Z" if zone in ("Z", "+00:00") else zone)
