"""URLs (apiserver pkg/cel/library/urls.go; Go's url.ParseRequestURI)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote, unquote_plus, unquote_to_bytes

from kgate.cel.faults import EvaluationError, no_overload
from kgate.cel.function import Function, walked

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*", re.ASCII).fullmatch
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:\[\]<>\"%\x80-\U0010ffff-]*").fullmatch
_PORT = re.compile(r"(?::[0-9]*)?", re.ASCII).fullmatch
_USER = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:%@-]*", re.ASCII).fullmatch
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_KEPT = "$&+,/:;=@-_.~"


@dataclass(frozen=True, slots=True)
class URL:
    type_name: ClassVar[str] = "kubernetes.URL"
    scheme: str
    user: str
    host: str
    path: str
    query: str
    text: str


def parsed(text: Any) -> URL | None:
    """An absolute URL or an absolute path; what stands behind `#` belongs to the path, as in a request."""
    if text.__class__ is not str:
        raise no_overload()
    if not text or _CONTROL.search(text):
        return None
    before, colon, after = text.partition(":")
    scheme, rest = (before.lower(), after) if colon and _SCHEME(before) else ("", text)
    if text.startswith(":"):
        return None
    rest, _, query = rest.partition("?")
    if not rest.startswith("/"):
        return URL(scheme, "", "", "", query, text) if scheme else None
    authority = ""
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
    user, _, host = authority.rpartition("@")
    if _ESCAPE.search(rest) or not _USER(user) or not _valid_host(host):
        return None
    return URL(scheme, user, host, rest, query, text)


def _valid_host(host: str) -> bool:
    if not _HOST(host) or _ESCAPE.search(host):
        return False
    if host.startswith("["):
        end = host.rfind("]")
        return end > 0 and _PORT(host[end + 1 :]) is not None
    return "[" not in host and "]" not in host and (":" not in host or _PORT(host[host.rindex(":") :]) is not None)


def _url(text: Any) -> URL:
    found = parsed(text)
    if found is None:
        raise EvaluationError(f'URL parse error during conversion from string: parse "{text}": invalid URI for request')
    return found


def _split(url: URL) -> tuple[str, str]:
    """The host without its brackets, and the port."""
    host, port = url.host, ""
    if (colon := host.rfind(":")) >= 0 and _PORT(host[colon:]) and "]" not in host[colon:]:
        host, port = host[:colon], host[colon + 1 :]
    return host.removeprefix("[").removesuffix("]") if host.startswith("[") else host, port


def _escaped_path(url: URL) -> str:
    return url.path if re.fullmatch(r"[A-Za-z0-9$&+,/:;=@_.~!'()*%\[\]-]*", url.path) else quote(unquote_to_bytes(url.path), safe=_KEPT)


def _query(url: URL) -> dict[str, list[str]]:
    """What cannot be read is left out."""
    out: dict[str, list[str]] = {}
    for pair in url.query.split("&"):
        if pair and ";" not in pair and not _ESCAPE.search(pair):
            key, _, value = pair.partition("=")
            out.setdefault(unquote_plus(key), []).append(unquote_plus(value))
    return out


FUNCTIONS: Mapping[str, Function] = {
    "url": Function(_url, (1,), walked),
    "isURL": Function(lambda text: parsed(text) is not None, (1,), walked),
    "getScheme": Function(lambda url: url.scheme, (1,)),
    "getHost": Function(lambda url: url.host, (1,)),
    "getHostname": Function(lambda url: _split(url)[0], (1,)),
    "getPort": Function(lambda url: _split(url)[1], (1,)),
    "getEscapedPath": Function(_escaped_path, (1,)),
    "getQuery": Function(_query, (1,)),
}
