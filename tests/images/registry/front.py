"""A small front before a real registry that misbehaves: the first part of the repository's name says how, the rest is passed on.

`429/shop/api` is answered with 429 until the counter of `patience` runs out, then as the registry answers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from msgspec import Struct, field

HANG_S = 20.0
PORTAL = b"<html>404 Not Found: please log in to the hotel's network</html>"


class Front(Struct):
    host: str = ""
    patience: int = 10**6
    """How many questions a 429, a 500 or a dropped connection is the answer to."""
    retry_after: str = ""
    redirect: str = "http://169.254.169.254/latest/meta-data/"
    realm: str = ""
    asked: list[str] = field(default_factory=list)
    """`METHOD path`."""
    shown: list[str] = field(default_factory=list)
    """Authorization headers."""


@contextmanager
def before(registry: str) -> Iterator[Front]:
    front = Front()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            front.asked.append(f"{self.command} {self.path}")
            front.shown.append(self.headers.get("Authorization", ""))
            fault, _, rest = self.path.removeprefix("/v2/").partition("/")
            self.passed = f"/v2/{rest}"
            getattr(self, f"fault_{fault.replace('-', '_')}", self.fault_numbered)()

        do_HEAD = do_GET

        def fault_numbered(self) -> None:
            status = self.path.split("/")[2]
            if status.isdigit() and front.patience > 0:
                front.patience -= 1
                more = {"Retry-After": front.retry_after} if front.retry_after else {}
                return self.answer(int(status), b'{"errors": [{"code": "TOOMANYREQUESTS", "message": "made up"}]}', more)
            return self.pass_on()

        def fault_drop(self) -> None:
            if front.patience > 0:
                front.patience -= 1
                self.close_connection = True
                return self.connection.close()
            return self.pass_on()

        def fault_portal(self) -> None:
            self.answer(404, PORTAL, {"Content-Type": "text/html"})

        def fault_hang(self) -> None:
            time.sleep(HANG_S)

        def fault_drip(self) -> None:
            """Each byte well within any time limit of a socket."""
            try:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                until = time.monotonic() + HANG_S
                while time.monotonic() < until:
                    self.wfile.write(b"a")
                    time.sleep(0.05)
            except OSError:
                self.close_connection = True

        def fault_redirect(self) -> None:
            self.answer(307, b"", {"Location": front.redirect})

        def fault_bearer(self) -> None:
            self.answer(401, b"{}", {"WWW-Authenticate": f'Bearer realm="{front.realm}",service="x",scope="repository:other:push"'})

        def fault_truncated(self) -> None:
            self.pass_on(cut=True)

        def fault_forged(self) -> None:
            """Other bytes than those that were pushed."""
            self.pass_on(forged=True)

        def fault_nohead(self) -> None:
            self.answer(405, b"") if self.command == "HEAD" else self.pass_on()

        def fault_nodigest(self) -> None:
            self.pass_on(without="docker-content-digest")

        def fault_huge(self) -> None:
            self.answer(200, b"{" + b" " * (9 * 1024 * 1024) + b"}")

        def pass_on(self, *, cut: bool = False, forged: bool = False, without: str = "") -> None:
            name, _, port = registry.partition(":")
            connection = HTTPConnection(name, int(port), timeout=10)
            connection.request(self.command, self.passed, headers={"Accept": self.headers.get("Accept", "*/*")})
            reply = connection.getresponse()
            body = reply.read()
            told = {k: v for k, v in reply.getheaders() if k.lower() not in ("content-length", "date", without)}
            if "Link" in told:
                told["Link"] = told["Link"].replace("</v2/", f"</v2/{self.path.split('/')[2]}/")
            if forged and self.command == "GET":
                body = body.replace(b"}", b" }")
            self.answer(reply.status, body, told, length=len(body) + 100 if cut else None)

        def answer(self, status: int, body: bytes, more: dict[str, str] | None = None, *, length: int | None = None) -> None:
            self.send_response(status)
            for name, value in (more or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)
            if length is not None:
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: object) -> None:
            """A client that hangs up is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    front.host = f"127.0.0.1:{server.server_address[1]}"
    try:
        yield front
    finally:
        server.shutdown()
        server.server_close()
