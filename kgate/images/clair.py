"""Clair v4 over its HTTP API (quay/clair, openapi.yaml). It pulls the layers itself: kgate tells it where they are and what to show."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from threading import Event
from typing import Any, Self
from urllib.parse import urlsplit

from msgspec import Struct

from kgate.images.clair_report import Updates, gap, read_report, read_updates
from kgate.images.presence import access
from kgate.images.registry.addresses import Guard
from kgate.images.registry.answers import NotChecked
from kgate.images.registry.client import Registry, retry_after
from kgate.images.registry.layers import Manifest, manifest_for
from kgate.images.registry.wire import Reply, Wire
from kgate.images.scanner import NotScanned, ScanResult, Target
from kgate.images.settings import ImagesSettings
from kgate.images.shapes import MAX_BYTES, document, text

ATTEMPTS = 4
BACK_OFF_S = 0.25
"""Before the second attempt; doubled before each further one, unless Clair says how long."""
POLL_S = 1.0
"""Between two questions about work that Clair has not finished."""
TOKEN_S = 300
TIMEOUT_S = 30.0
"""For the question about its updates."""
_AGAIN = (429, 500, 502, 503, 504)
_UPDATES = "/matcher/api/v1/internal/update_operation?kind=vulnerability&latest=true"


class Clair(Struct, frozen=True, kw_only=True):
    """One Clair, and what it said of its data at the start."""

    settings: ImagesSettings
    key: bytes
    """Of its configuration's auth.psk; empty where it has none."""
    registry: Registry
    updates: Updates

    @classmethod
    def opened(cls, settings: ImagesSettings, stop: Event) -> Self:
        """Raises NotScanned."""
        if settings.offline:
            raise NotScanned("kgate runs offline, and Clair is over the network")
        try:
            key = base64.b64decode(os.environ.get("CLAIR_PSK", ""), validate=True)
        except ValueError as e:
            raise NotScanned("CLAIR_PSK is not base64", "take it from auth.psk.key of Clair's configuration") from e
        clair = cls(settings=settings, key=key, registry=Registry(access(settings), stop), updates=Updates())
        with clair.wire(min(TIMEOUT_S, settings.timeout_s), stop) as wire:
            reply = clair.asked(wire, "GET", _UPDATES)
        told = reply.status == HTTPStatus.OK and reply.body
        updates = read_updates(document(reply.body, "clair")) if told else Updates()
        return cls(settings=settings, key=key, registry=clair.registry, updates=updates)

    @property
    def name(self) -> str:
        newest = self.updates.newest
        return f"clair, data of {newest.date()}" if newest else "clair, data of an unknown day"

    @property
    def identity(self) -> str:
        state = hashlib.sha256(self.updates.state.encode()).hexdigest()
        return f"clair {self.settings.server} {state} {self.settings.covered}" if self.updates.state else ""

    @property
    def outdated(self) -> str:
        return ""  # each answer says so itself

    @property
    def parallel(self) -> int:
        return self.settings.jobs

    @property
    def parallel_pulls(self) -> int:
        return self.settings.jobs

    @contextmanager
    def for_many(self, targets: Sequence[Target], *, until: float, stop: Event) -> Iterator[Clair]:
        yield self

    def scan(self, target: Target, *, deadline_s: float, stop: Event) -> ScanResult:
        if target.local:
            raise NotScanned("clair scans what a registry has, no archives", "take it out of images.archives, or use another scanner")
        with self.wire(deadline_s, stop) as wire:
            try:
                manifest = manifest_for(self.registry, target.image, target.platform)
            except NotChecked as e:
                raise NotScanned(e.reason, e.hint) from e
            self._index(wire, manifest)
            report = read_report(self._report(wire, manifest.digest))
        return ScanResult(
            scanner=self.name if report.distributions else f"{self.name}; it knows of no operating system in the image",
            digest=target.image.digest,
            os=", ".join(d.release for d in report.distributions),
            vulnerabilities=report.vulnerabilities,
            gap=gap(report, self.updates, self.settings.covered, self.settings.max_database_age_days),
        )

    def _index(self, wire: Wire, manifest: Manifest) -> None:
        """POST answers when the work is done; where it is not, Clair is asked until it is."""
        headers = {"Authorization": [manifest.authorization]} if manifest.authorization else {}
        layers = [{"hash": layer.digest, "uri": layer.url, "headers": headers} for layer in manifest.layers]
        body = json.dumps({"hash": manifest.digest, "layers": layers}).encode()
        reply = self.asked(wire, "POST", "/indexer/api/v1/index_report", body)
        while True:
            if reply.status not in (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED):
                raise NotScanned(f"clair does not take the image: {_why(reply)}")
            told = document(reply.body, "clair") if reply.body else {}
            if told.get("err") or text(told.get("state")) == "IndexError":
                raise NotScanned(f"clair could not read the image: {text(told.get('err'))[:300] or 'it does not say why'}")
            if told.get("success") is True and told.get("state") == "IndexFinished":
                return _same(told, manifest.digest)
            self._pause(wire, retry_after(reply) or POLL_S, "clair has not finished reading the image")
            reply = self.asked(wire, "GET", f"/indexer/api/v1/index_report/{manifest.digest}")

    def _report(self, wire: Wire, digest: str) -> Mapping[str, Any]:
        """202: the matcher has not loaded its data yet."""
        while True:
            reply = self.asked(wire, "GET", f"/matcher/api/v1/vulnerability_report/{digest}")
            if reply.status in (HTTPStatus.OK, HTTPStatus.CREATED):
                told = document(reply.body, "clair")
                if "packages" not in told or "vulnerabilities" not in told:
                    raise NotScanned("clair's report is malformed")
                _same(told, digest)
                return told
            if reply.status != HTTPStatus.ACCEPTED:
                raise NotScanned(f"clair gives no report: {_why(reply)}")
            self._pause(wire, retry_after(reply) or POLL_S, "clair has no vulnerability data yet")

    def wire(self, deadline_s: float, stop: Event) -> _Line:
        guard = Guard(listed=frozenset({urlsplit(self.settings.server).hostname or ""}))
        return _Line(guard, deadline_s, stop, self.settings.ca_file)

    def asked(self, wire: Wire, method: str, path: str, body: bytes | None = None) -> Reply:
        """An answer, whatever its status; faults that pass are asked about again. Raises NotScanned."""
        for attempt in range(ATTEMPTS):
            headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if body is not None else {})
            if self.key:
                headers["Authorization"] = f"Bearer {token(self.key, self.settings.issuer, int(time.time()))}"
            reply: Reply | NotChecked
            try:
                reply = wire.send(method, self.settings.server.rstrip("/") + path, headers, body)
            except NotChecked as e:
                reply = e
            if isinstance(reply, NotChecked) and not reply.passing:
                break
            if isinstance(reply, Reply) and reply.status not in _AGAIN:
                return reply
            pause = retry_after(reply) or BACK_OFF_S * 2**attempt
            if attempt + 1 == ATTEMPTS or pause >= wire.left_s:
                break
            self._pause(wire, pause, "clair does not answer")
        if isinstance(reply, NotChecked):
            raise NotScanned(f"clair gives no answer: {reply.reason}", reply.hint)
        raise NotScanned(f"clair gives no answer: {_why(reply)}", "try again later")

    @staticmethod
    def _pause(wire: Wire, seconds: float, waiting: str) -> None:
        try:
            wire.wait(seconds)
        except NotChecked as e:
            raise NotScanned(f"{waiting}: {e.reason}", e.hint) from e


class _Line:
    """A Wire to Clair that speaks of it in its reasons."""

    def __init__(self, guard: Guard, deadline_s: float, stop: Event, ca_file: str) -> None:
        self._arguments = (guard, deadline_s, stop, ca_file)

    def __enter__(self) -> Wire:
        guard, deadline_s, stop, ca_file = self._arguments
        try:
            self._wire = Wire(guard, deadline_s=deadline_s, stop=stop, ca_file=ca_file, peer="clair", max_body=MAX_BYTES)
        except NotChecked as e:
            raise NotScanned(e.reason, e.hint) from e
        return self._wire.__enter__()

    def __exit__(self, *_: object) -> None:
        self._wire.__exit__()


def token(key: bytes, issuer: str, now: int) -> str:
    """A JWT (RFC 7519) signed with the key that Clair has as well (config/auth.go: HS256, iss, exp)."""
    claims = {"iss": issuer, "iat": now, "nbf": now - 60, "exp": now + TOKEN_S}
    signed = f"{_b64(json.dumps({'alg': 'HS256', 'typ': 'JWT'}).encode())}.{_b64(json.dumps(claims).encode())}"
    return f"{signed}.{_b64(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"


def _b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _same(told: Mapping[str, Any], digest: str) -> None:
    if text(told.get("manifest_hash")) != digest:
        raise NotScanned("clair answers about another image")


def _why(reply: Reply) -> str:
    if reply.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return "it refuses the key in CLAIR_PSK, or who signs with it (images.issuer)"
    if reply.status == HTTPStatus.NOT_FOUND:
        return "it does not know the image, or is no Clair"
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return "too many questions"
    try:
        told = text(document(reply.body, "clair").get("message"))[:200]
    except NotScanned:
        told = ""
    return f"status {reply.status}" + (f", {told}" if told else "")
