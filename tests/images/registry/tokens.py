"""A token service as distribution wants it (docs/spec/auth): signed with a key whose certificate the registry trusts."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

from tests.images.registry.distribution import PASSWORD, USER, basic, certificate, openssl

SERVICE, ISSUER, REFRESH = "made-up-registry", "made-up-issuer", "a-refresh-token"


@contextmanager
def issuing(folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """The URL of the service, the registry's `auth:` section, and what it was asked for, as `who METHOD scope`.

    Everybody reads `open/*`; `ci` reads everything and writes.
    """
    cert, key = certificate(folder)
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.give(parse_qs(urlsplit(self.path).query), self.headers.get("Authorization", ""))

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            known = form.get("grant_type") == ["refresh_token"] and form.get("refresh_token") == [REFRESH]
            self.give(form, basic()["Authorization"] if known else "Basic no")

        def give(self, query: dict[str, list[str]], shown: str) -> None:
            scope = query.get("scope", [""])[0]
            known = shown == basic()["Authorization"]
            asked.append(f"{USER if known else 'anybody' if not shown else 'somebody'} {self.command} {scope}")
            if shown and not known:
                return self.answer(401, {"errors": [{"code": "UNAUTHORIZED"}]})
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            may = actions.split(",") if known else ["pull"] if name.startswith("open/") else []
            access = [{"type": kind, "name": name, "actions": may}] if name and may else []
            return self.answer(200, {"token": signed(cert, key, access)})

        def answer(self, status: int, document: object) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    realm = f"http://127.0.0.1:{server.server_address[1]}/token"
    try:
        yield realm, f"auth: {{token: {{realm: {realm}, service: {SERVICE}, issuer: {ISSUER}, rootcertbundle: {cert}}}}}\n", asked
    finally:
        server.shutdown()
        server.server_close()


def signed(cert: Path, key: Path, access: list[dict[str, object]]) -> str:
    der = "".join(line for line in cert.read_text().splitlines() if not line.startswith("-"))
    now = int(time.time())
    claims = {
        "iss": ISSUER, "sub": USER, "aud": SERVICE, "exp": now + 300, "nbf": now - 10, "iat": now, "jti": str(now), "access": access,
    }  # fmt: skip
    text = f"{_b64({'typ': 'JWT', 'alg': 'RS256', 'x5c': [der]})}.{_b64(claims)}"
    return f"{text}.{_raw(openssl('dgst', '-sha256', '-sign', str(key), stdin=text.encode()))}"


def push_token(folder: Path, repository: str) -> dict[str, str]:
    """The header that lets `Pusher` write."""
    access: list[dict[str, object]] = [{"type": "repository", "name": repository, "actions": ["pull", "push"]}]
    return {"Authorization": f"Bearer {signed(folder / 'cert.pem', folder / 'key.pem', access)}"}


def _b64(document: object) -> str:
    return _raw(json.dumps(document).encode())


def _raw(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


__all__ = ["PASSWORD", "REFRESH", "USER", "issuing", "push_token"]
