"""HTTP to hosts that a stranger may have named: allowed addresses alone, over TLS, within a time limit that no slow server stretches."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from kgate.images.registry.addresses import Guard, resolve
from kgate.images.registry.answers import NotChecked

if TYPE_CHECKING:
    import socket
    from ssl import SSLContext

    from requests import Session
    from requests.adapters import HTTPAdapter

MAX_BODY = 8 * 1024 * 1024
"""Bytes. Registries refuse manifests above 4 MiB."""
MAX_REDIRECTS = 5
CONNECT_S = 10.0
"""For one connection: an address that swallows packets must not eat the time of the next one."""
POLL_S = 0.05
_REDIRECTS = (301, 302, 303, 307, 308)
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


class Reply(Struct, frozen=True, kw_only=True):
    url: str
    """Where it came from, after redirects."""
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class Wire:
    """The connections for one question. Use it from one thread, in a `with`."""

    def __init__(
        self, guard: Guard, *, deadline_s: float, stop: Event, ca_file: str = "", peer: str = "", max_body: int = MAX_BODY
    ) -> None:  # fmt: skip
        """`ca_file`: certificates trusted besides the usual ones. `peer`: who answers, when it is no registry.

        Raises NotChecked when the certificates cannot be read.
        """
        self._peer = peer
        self._max_body = max_body
        self.until = time.monotonic() + deadline_s
        self._deadline_s = deadline_s
        self._stop = stop
        self._guard = guard
        self._done = Event()
        self._lock = Lock()
        self._sockets: list[socket.socket] = []
        self._session = self._opened(ca_file)

    def __enter__(self) -> Self:
        Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._session.close()
        with self._lock:
            for watched in self._sockets:
                watched.close()
            self._sockets.clear()

    @property
    def left_s(self) -> float:
        return self.until - time.monotonic()

    def wait(self, seconds: float) -> None:
        """Raises NotChecked when the run or the time is over before."""
        if seconds >= self.left_s:
            raise self._late()
        if self._stop.wait(seconds):
            raise NotChecked("the run was interrupted")

    def send(self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | bytes | None = None) -> Reply:
        """Follows redirects, and takes credentials to the first host alone. Raises NotChecked for all but an answer."""
        sent = dict(headers)
        for _ in range(MAX_REDIRECTS + 1):
            reply = self._once(method, url, sent, form)
            if form is not None or reply.status not in _REDIRECTS or "location" not in reply.headers:
                return reply
            there = beside(url, reply.headers["location"])
            if urlsplit(url).scheme == "https" and urlsplit(there).scheme != "https":
                raise NotChecked(f"{_host(url)} redirects to an address without TLS")
            if urlsplit(there)[:2] != urlsplit(url)[:2]:
                sent.pop("Authorization", None)
            url = there
        raise NotChecked(f"{_host(url)} redirects again and again")

    def _once(self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | bytes | None) -> Reply:
        import requests
        import urllib3

        self._may_go_on()
        try:
            request = self._session.prepare_request(requests.Request(method, url, headers=dict(headers), data=form))
            timeout = (min(CONNECT_S, self.left_s), self.left_s)
            if proxies := _proxies(url):
                self._look_behind(url)
            with self._session.send(request, stream=True, timeout=timeout, allow_redirects=False, proxies=proxies) as response:
                body = response.raw.read(self._max_body + 1, decode_content=True)
                status, told = response.status_code, {k.lower(): v for k, v in response.headers.items()}
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as e:
            raise self._why(e, url) from e
        self._may_go_on()
        if len(body) > self._max_body:
            raise NotChecked(f"{_host(url)} answers with more than {self._max_body >> 20} MiB")
        return Reply(url=url, status=status, headers=told, body=body)

    def _look_behind(self, url: str) -> None:
        """Where a proxy goes this machine does not see. What it can see of the name, or of an address, still has to be allowed."""
        there = urlsplit(url)
        door = self._guard.door(there.hostname or "", there.port or (443 if there.scheme == "https" else 80))
        try:
            found = resolve(door.host, door.port, timeout_s=min(CONNECT_S, self.left_s))
        except NotChecked:
            return  # only the proxy knows the names outside
        self._guard.check(door, found)

    def _may_go_on(self) -> None:
        if self._stop.is_set():
            raise NotChecked("the run was interrupted")
        if self.left_s <= 0:
            raise self._late()

    def _late(self) -> NotChecked:
        if self._peer:
            return NotChecked(f"{self._peer} did not answer within {self._deadline_s:.3g} s", "try again later, or raise images.timeout_s")
        return NotChecked(
            f"the registry did not answer within {self._deadline_s:.3g} s", "try again later, or raise images.registry_timeout_s"
        )

    def _why(self, fault: BaseException, url: str) -> NotChecked:
        """What the tower of exceptions of requests, urllib3 and the socket module comes down to."""
        import ssl

        import requests

        causes = list(_causes(fault))
        if told := next((c for c in causes if isinstance(c, NotChecked)), None):
            return told
        with suppress(NotChecked):
            self._may_go_on()
            if any(isinstance(c, ssl.SSLCertVerificationError) for c in causes):
                return NotChecked(f"the certificate of {_host(url)} is not trusted", "name the authority's certificate in images.ca_file")
            if any(isinstance(c, ssl.SSLError) for c in causes):
                return NotChecked(f"{_host(url)} does not speak TLS", "list it under images.insecure if it has none")
            if any(isinstance(c, requests.exceptions.ProxyError) for c in causes):
                return NotChecked(f"the proxy for {_host(url)} does not work", "look at HTTPS_PROXY and NO_PROXY")
            if any(isinstance(c, TimeoutError) for c in causes):
                return NotChecked(f"{_host(url)} cannot be reached: no answer", "try again later", passing=True)
            system = next((c for c in causes if isinstance(c, OSError) and c.strerror), None)
            what = system.strerror if system else "the connection broke"
            return NotChecked(f"{_host(url)} cannot be reached: {what}", "try again later", passing=True)
        return NotChecked("the run was interrupted") if self._stop.is_set() else self._late()

    def _opened(self, ca_file: str) -> Session:
        import requests

        session = requests.Session()
        session.trust_env = False  # no .netrc: its passwords are for other purposes
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.headers["User-Agent"] = "kgate"
        for scheme in ("https://", "http://"):
            session.mount(scheme, _adapter(self, _trust(ca_file) if scheme == "https://" else None))
        return session

    def connected(self, host: str, port: int) -> socket.socket:
        """A connection to an address of `host` that the settings allow."""
        import socket

        addresses = self._guard.addresses(self._guard.door(host, port), timeout_s=min(CONNECT_S, self.left_s))
        fault: OSError | None = None
        for address in addresses:
            self._may_go_on()
            try:
                connection = socket.create_connection((address, port), timeout=min(CONNECT_S, self.left_s))
            except OSError as e:
                fault = e
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                # a second handle: TLS takes the first one away
                self._sockets.append(connection.dup())
            return connection
        raise fault or OSError("no address")

    def _watch(self) -> None:
        """Cuts the connections at the deadline: the time limits of sockets begin anew with every byte that arrives."""
        import socket

        while not self._done.wait(POLL_S):
            if self._stop.is_set() or self.left_s <= 0:
                with self._lock:
                    for watched in self._sockets:
                        with suppress(OSError):
                            watched.shutdown(socket.SHUT_RDWR)


def _causes(fault: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    todo: list[object] = [fault]
    while todo:
        one = todo.pop(0)
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            todo += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return found


def beside(url: str, told: str) -> str:
    """`told`, a URL or a part of one that a host gave, from `url`. Raises NotChecked for what is none, or not of HTTP."""
    try:
        there = urljoin(url, told)
        parts = urlsplit(there)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and not parts.username
    except ValueError:
        sound = False
    if not sound:
        raise NotChecked(f"{_host(url)} sends to an address that makes no sense")
    return there


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _proxies(url: str) -> dict[str, str]:
    """What HTTP_PROXY, HTTPS_PROXY and NO_PROXY say. Never one for the machine itself."""
    from ipaddress import ip_address

    from requests.utils import get_environ_proxies

    host = urlsplit(url).hostname or ""
    try:
        loopback = ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    return {} if loopback else dict(get_environ_proxies(url))


@lru_cache(maxsize=4)
def _trust(ca_file: str) -> SSLContext:
    """The system's authorities, those of requests, and whoever is named. Making one takes 20 ms, so they are shared."""
    import ssl

    import certifi

    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for file in (certifi.where(), *(os.environ.get(name, "") for name in _CA_VARIABLES), ca_file):
        if file:
            try:
                context.load_verify_locations(file)
            except (OSError, ssl.SSLError) as e:
                raise NotChecked(f"the certificates in {file} cannot be read: {e.strerror}", "they have to be a PEM file") from e
    return context


@lru_cache(maxsize=1)
def _guarded() -> Any:
    """The adapter's class, made at the first question: importing requests takes longer than most runs need."""
    from requests.adapters import HTTPAdapter
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
    from urllib3.connection import HTTPConnection, HTTPSConnection

    class Guarded(HTTPAdapter):
        def __init__(self, wire: Wire, context: SSLContext | None) -> None:
            self.wire, self.context = wire, context
            super().__init__(max_retries=0)

        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **self._trusting(kwargs))
            schemes = {"http": (HTTPConnectionPool, HTTPConnection), "https": (HTTPSConnectionPool, HTTPSConnection)}
            self.poolmanager.pool_classes_by_scheme = {
                scheme: type("Pool", (pool,), {"ConnectionCls": type("Connection", (kind,), {"_new_conn": self._connect})})
                for scheme, (pool, kind) in schemes.items()
            }

        def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
            return super().proxy_manager_for(proxy, **self._trusting(kwargs))

        def _trusting(self, kwargs: dict[str, Any]) -> dict[str, Any]:
            return kwargs if self.context is None else kwargs | {"ssl_context": self.context}

        @property
        def _connect(self) -> Any:
            wire = self.wire
            return lambda connection: wire.connected(connection.host, connection.port or connection.default_port)

    return Guarded


def _adapter(wire: Wire, context: SSLContext | None) -> HTTPAdapter:
    adapter: HTTPAdapter = _guarded()(wire, context)
    return adapter
