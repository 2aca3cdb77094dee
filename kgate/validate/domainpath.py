"""Names such as `example.com/controller` (apimachinery pkg/util/validation/validation.go:IsDomainPrefixedPath)."""

from __future__ import annotations

import re

from kgate.manifest import Path
from kgate.validate import formats
from kgate.validate.cause import Causes, invalid, required

_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_IS_PATH = re.compile(_PATH).fullmatch


def causes(value: str, path: Path) -> Causes:
    host, _, rest = value.partition("/")
    if not value:
        yield required(path)
    elif not host or not rest:
        yield invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')
    else:
        for fault in formats.dns1123_subdomain(host):
            yield invalid(path, host, fault)
        if not _IS_PATH(rest):
            yield invalid(path, rest, f"Invalid path (regex used for validation is '{_PATH}')")
