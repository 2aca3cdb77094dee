"""What a registry wants to see before it answers: `WWW-Authenticate: Bearer realm=...,service=...` or `Basic realm=...` (RFC 9110, 11)."""

from __future__ import annotations

import re

from msgspec import Struct

_CHALLENGE = re.compile(r'(?i)(?:^|,)\s*(bearer|basic)((?:\s*,?\s*[a-z_]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s",]+))*)')
_PARAMETER = re.compile(r'(?i)([a-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))')
MAX_CHARACTERS = 8192


class Challenge(Struct, frozen=True, kw_only=True):
    scheme: str
    """`bearer` or `basic`."""
    realm: str = ""
    service: str = ""
    error: str = ""


def challenge(header: str) -> Challenge | None:
    """The one to answer: a token rather than a password. None when there is none that kgate knows."""
    found = [_decoded(match) for match in _CHALLENGE.finditer(header[:MAX_CHARACTERS])]
    return next((c for c in found if c.scheme == "bearer" and c.realm), next((c for c in found if c.scheme == "basic"), None))


def _decoded(match: re.Match[str]) -> Challenge:
    told = {p[1].lower(): re.sub(r"\\(.)", r"\1", p[2]) if p[2] is not None else p[3] for p in _PARAMETER.finditer(match[2])}
    return Challenge(scheme=match[1].lower(), realm=told.get("realm", ""), service=told.get("service", ""), error=told.get("error", ""))
