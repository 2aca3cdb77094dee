"""A client of the distribution API that takes only a registry's own word for an answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from threading import Event, Lock
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from msgspec import Struct

from kgate.images.registry import manifests
from kgate.images.registry.addresses import Guard
from kgate.images.registry.answers import Missing, NotChecked, Present
from kgate.images.registry.challenge import challenge
from kgate.images.registry.credentials import Credentials, credentials_for
from kgate.images.registry.wire import Reply, Wire, beside
from kgate.reference import DEFAULT_REGISTRY, ImageReference

ATTEMPTS = 4
BACK_OFF_S = 0.25
"""Before the second attempt; doubled before each further one, unless the registry says how long."""
MAX_PAGES = 200
PAGE = 1000
_AGAIN = (429, 500, 502, 503, 504)
_MISSING = {"MANIFEST_UNKNOWN": "", "NAME_UNKNOWN": "repository", "NOT_FOUND": "", "NAME_INVALID": "repository"}
"""Error codes of a registry that has no such thing; empty: what was asked for."""
_API = "docker-distribution-api-version"
_HUB = "registry-1.docker.io"


class Access(Struct, frozen=True, kw_only=True):
    """How registries may be asked."""

    guard: Guard = Guard()
    insecure: frozenset[str] = frozenset()
    """`host[:port]` without TLS; the machine itself never needs it."""
    ca_file: str = ""
    timeout_s: float = 30
    """For one image."""


class Registry:
    """All registries of a run: tokens and credentials are asked for once. May be used from several threads."""

    def __init__(self, access: Access, stop: Event) -> None:
        self._access = access
        self._stop = stop
        self._lock = Lock()
        self._headers: dict[tuple[str, str], str] = {}
        self._credentials: dict[str, Credentials | NotChecked | None] = {}

    def look_up(self, reference: ImageReference, *, known: Mapping[str, Present] | None = None) -> Present | Missing:
        """Raises NotChecked. `known`: what former runs learnt, by digest; a digest's content never changes."""
        name = reference.digest or reference.effective_tag or ""
        with self._wire() as wire:
            head = self._manifest(wire, "HEAD", reference, name)
            if head.status == HTTPStatus.NOT_FOUND:
                return self._missing(self._manifest(wire, "GET", reference, name), reference)
            digest = head.headers.get("docker-content-digest", "")
            body = b""
            if head.status != HTTPStatus.OK or not manifests.DIGEST.fullmatch(digest):
                got = self._manifest(wire, "GET", reference, name)
                if got.status == HTTPStatus.NOT_FOUND:
                    return self._missing(got, reference)
                body = _whole(got)
                digest = _digest_of(body, reference.digest or "")
            if reference.digest and digest != reference.digest:
                raise NotChecked(f"the registry answers with {digest} instead of the digest that was asked for")
            if known and (found := known.get(digest)):
                return found
            return self._described(wire, reference, digest, body)

    def tags(self, reference: ImageReference) -> tuple[str, ...]:
        """All tags of the repository, sorted. Raises NotChecked."""
        found: set[str] = set()
        with self._wire() as wire:
            url = f"{self._base(reference)}/tags/list?n={PAGE}"
            for _ in range(MAX_PAGES):
                reply = self._get(wire, "GET", reference, url, "application/json")
                told = manifests.decode(_whole(reply)).get("tags")
                found.update(t for t in told if isinstance(t, str)) if isinstance(told, list) else None
                following = _next(reply, url)
                if not following:
                    return tuple(sorted(found))
                url = following
        raise NotChecked(f"{reference.familiar_name} has more than {MAX_PAGES} pages of tags")

    def document(self, reference: ImageReference, digest: str) -> Mapping[str, Any]:
        """The manifest or index of that digest. Raises NotChecked."""
        with self._wire() as wire:
            return manifests.decode(manifests.checked(_whole(self._manifest(wire, "GET", reference, digest)), digest))

    def blob_url(self, reference: ImageReference, digest: str) -> str:
        return f"{self._base(reference)}/blobs/{digest}"

    def authorization(self, reference: ImageReference) -> str:
        """What was shown for the last question about its repository; empty when nothing had to be."""
        return self._header(reference).get("Authorization", "")

    def credentials(self, reference: ImageReference) -> Credentials | None:
        """Docker's for this registry. Raises NotChecked."""
        with self._lock:
            if reference.registry not in self._credentials:
                try:
                    self._credentials[reference.registry] = credentials_for(reference.registry, stop=self._stop)
                except NotChecked as e:
                    self._credentials[reference.registry] = e
            told = self._credentials[reference.registry]
        if isinstance(told, NotChecked):
            raise told
        return told

    def _wire(self) -> Wire:
        return Wire(self._access.guard, deadline_s=self._access.timeout_s, stop=self._stop, ca_file=self._access.ca_file)

    def _base(self, reference: ImageReference) -> str:
        host = _HUB if reference.registry == DEFAULT_REGISTRY else reference.registry
        return f"{scheme(reference.registry, self._access.insecure)}://{host}/v2/{reference.repository}"

    def _manifest(self, wire: Wire, method: str, reference: ImageReference, name: str) -> Reply:
        return self._get(wire, method, reference, f"{self._base(reference)}/manifests/{name}", manifests.ACCEPT)

    def _described(self, wire: Wire, reference: ImageReference, digest: str, body: bytes) -> Present:
        body = body or manifests.checked(_whole(self._manifest(wire, "GET", reference, digest)), digest)
        manifest = manifests.decode(body)
        if isinstance(manifest.get("manifests"), list):
            return Present(digest=digest, platforms=manifests.platforms_of_index(manifest), index=True)
        config = manifests.config_digest(manifest)
        if not config:
            return Present(digest=digest)
        blob = self._get(wire, "GET", reference, f"{self._base(reference)}/blobs/{config}", "*/*")
        told = manifests.platform(manifests.decode(manifests.checked(_whole(blob), config)))
        return Present(digest=digest, platforms=(told,) if told else ())

    def _missing(self, reply: Reply, reference: ImageReference) -> Missing:
        """A 404 of a proxy, a portal or a web site is none of a registry."""
        asked = "digest" if reference.digest else "tag"
        for code in _codes(reply):
            if code in _MISSING:
                return Missing(what=_MISSING[code] or asked)
        if reply.status == HTTPStatus.NOT_FOUND and reply.headers.get(_API, "").startswith("registry/2"):
            return Missing(what=asked)
        raise NotChecked(
            f"{reference.registry} answers with status {reply.status}, but not as a registry does", "check the name of the registry"
        )

    def _get(self, wire: Wire, method: str, reference: ImageReference, url: str, accept: str) -> Reply:
        """An answer of 200, 404 or another that means something; faults that pass are asked about again. Raises NotChecked."""
        shown = False
        attempt = 0
        while True:
            reply: Reply | NotChecked
            try:
                reply = wire.send(method, url, self._header(reference) | {"Accept": accept})
            except NotChecked as e:
                if not e.passing:
                    raise
                reply = e
            if isinstance(reply, Reply) and reply.status == HTTPStatus.UNAUTHORIZED and not shown:
                shown = True
                self._authorize(wire, reply, reference)
                continue
            attempt += 1
            if isinstance(reply, Reply) and reply.status not in _AGAIN:
                return _allowed(reply, reference, shown=self._shows(reference))
            pause = retry_after(reply) or BACK_OFF_S * 2 ** (attempt - 1)
            if attempt >= ATTEMPTS or pause >= wire.left_s:
                raise reply if isinstance(reply, NotChecked) else _refusal(reply, reference, shown=False)
            wire.wait(pause)

    def _shows(self, reference: ImageReference) -> bool:
        return bool(self.credentials(reference)) if self._header(reference) else False

    def _header(self, reference: ImageReference) -> dict[str, str]:
        with self._lock:
            header = self._headers.get((reference.registry, reference.repository), "")
        return {"Authorization": header} if header else {}

    def _authorize(self, wire: Wire, reply: Reply, reference: ImageReference) -> None:
        """Raises NotChecked when there is nothing to show."""
        wanted = challenge(reply.headers.get("www-authenticate", ""))
        if wanted is None:
            raise NotChecked(f"{reference.registry} wants to know who asks, in a way that kgate does not know")
        told = self.credentials(reference)
        if wanted.scheme == "basic":
            if told is None or not told.basic:
                raise NotChecked(f"{reference.registry} wants credentials", f"give them with `docker login {reference.registry}`")
            header = told.basic
        else:
            header = f"Bearer {self._token(wire, wanted.realm, wanted.service, reference, told)}"
        with self._lock:
            self._headers[(reference.registry, reference.repository)] = header

    def _token(self, wire: Wire, realm: str, service: str, reference: ImageReference, told: Credentials | None) -> str:
        """distribution, docs/spec/auth/token.md and oauth.md. Only for what is asked here: reading this repository."""
        there = urlsplit(beside(self._base(reference), realm))
        if there.scheme != "https" and scheme(reference.registry, self._access.insecure) == "https":
            raise NotChecked(f"{reference.registry} sends to a token service without TLS")
        query = {"service": service} if service else {}
        query["scope"] = f"repository:{reference.repository}:pull"
        if told and told.identity_token:
            form = {"grant_type": "refresh_token", "client_id": "kgate", "refresh_token": told.identity_token, **query}
            reply = wire.send("POST", realm, {"Accept": "application/json"}, form)
        else:
            url = urlunsplit(there._replace(query=urlencode([*parse_qsl(there.query), *query.items()]), fragment=""))
            basic = {"Authorization": told.basic} if told and told.basic else {}
            reply = self._patiently(wire, url, basic | {"Accept": "application/json"}, reference)
        if reply.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            whose = "refuses the credentials that Docker has for it" if told else "gives no token without credentials"
            raise NotChecked(f"{reference.registry} {whose}", f"give new ones with `docker login {reference.registry}`")
        document = manifests.decode(_whole(reply))
        token = document.get("token") or document.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise NotChecked(f"the token service of {reference.registry} gives no token")
        return token

    def _patiently(self, wire: Wire, url: str, headers: Mapping[str, str], reference: ImageReference) -> Reply:
        for attempt in range(ATTEMPTS):
            reply = wire.send("GET", url, headers)
            pause = retry_after(reply) or BACK_OFF_S * 2**attempt
            if reply.status not in _AGAIN:
                return reply
            if pause >= wire.left_s:
                break
            wire.wait(pause)
        raise _refusal(reply, reference, shown=False)


def scheme(registry: str, insecure: frozenset[str]) -> str:
    """`http` for the machine itself, as container runtimes have it, and for what the settings say has no TLS."""
    from ipaddress import ip_address

    host = registry if registry.endswith("]") else registry.rpartition(":")[0] or registry
    if registry in insecure or host in insecure or host == "localhost":
        return "http"
    try:
        return "http" if ip_address(host.strip("[]")).is_loopback else "https"
    except ValueError:
        return "https"


def _allowed(reply: Reply, reference: ImageReference, *, shown: bool) -> Reply:
    if reply.status in (HTTPStatus.OK, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED):
        return reply
    if reply.status == HTTPStatus.BAD_REQUEST and not reply.body:
        return reply  # HEAD: the body of a GET says why
    if reply.status == HTTPStatus.BAD_REQUEST and set(_codes(reply)) & set(_MISSING):
        return reply
    raise _refusal(reply, reference, shown=shown)


def _refusal(reply: Reply, reference: ImageReference, *, shown: bool) -> NotChecked:
    host, status = reference.registry, reply.status
    if status == HTTPStatus.UNAUTHORIZED and shown:
        return NotChecked(f"{host} refuses the credentials that Docker has for it", f"give new ones with `docker login {host}`")
    if status == HTTPStatus.UNAUTHORIZED:
        return NotChecked(f"{host} shows {reference.familiar_name} to nobody without credentials, or has none", f"`docker login {host}`")
    if status == HTTPStatus.FORBIDDEN:
        return NotChecked(
            f"{host} denies access to {reference.familiar_name}, or has none", "check the name, and the rights of the credentials"
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return NotChecked(f"the rate limit of {host} is reached", "try again later, or give credentials with `docker login`")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return NotChecked(f"{host} answers with an internal error ({status})", "try again later")
    return NotChecked(f"{host} answers with status {status}, as no registry does", "check the name of the registry")


def _whole(reply: Reply) -> bytes:
    if reply.status != HTTPStatus.OK:
        raise NotChecked(f"{urlsplit(reply.url).netloc} answers with status {reply.status} where it has to answer with a document")
    return reply.body


def _digest_of(body: bytes, wanted: str) -> str:
    import hashlib

    algorithm = wanted.partition(":")[0] or "sha256"
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"


def _codes(reply: Reply) -> tuple[str, ...]:
    """The error codes in the body; none when it is no registry's."""
    try:
        errors = manifests.decode(reply.body).get("errors")
    except NotChecked:
        return ()
    entries = errors if isinstance(errors, list) else []
    return tuple(str(e.get("code", "")) for e in entries if isinstance(e, Mapping))


def _next(reply: Reply, url: str) -> str:
    """The next page (RFC 8288), of the same registry."""
    link = reply.headers.get("link", "")
    target, _, parameters = link.partition(">")
    if not target.startswith("<") or 'rel="next"' not in parameters.replace("rel=next", 'rel="next"'):
        return ""
    there = beside(url, target[1:])
    if urlsplit(there)[:2] != urlsplit(url)[:2]:
        raise NotChecked(f"{urlsplit(url).netloc} keeps its tags at another host")
    return there


def retry_after(reply: Reply | NotChecked) -> float:
    """Seconds; 0 when the registry does not say."""
    told = reply.headers.get("retry-after", "").strip() if isinstance(reply, Reply) else ""
    if told.isascii() and told.isdigit():
        return float(told[:9])
    try:
        return max(0.0, parsedate_to_datetime(told).timestamp() - time.time()) if told else 0.0
    except (ValueError, OverflowError):
        return 0.0
