"""A process that answers as Clair v4 does, or misbehaves: `python clair_server.py MOOD KEY ISSUER`; it prints its port.

It takes an image only when it can fetch the layers from where it was told, with what it was told to show. The words of its answers are
made up after quay/clair's openapi.yaml.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MOOD, KEY, ISSUER = sys.argv[1:4]
ASKED: dict[str, int] = {}
INDEXED: set[str] = set()
PENDING = {"not-ready": 10**6, "ready-later": 2}
DISTRIBUTION = {"1": {"id": "1", "did": "debian", "name": "Debian GNU/Linux", "version_id": "12", "version_code_name": "bookworm"}}
PACKAGES = {
    "10": {"id": "10", "name": "libquux1", "version": "1.2-1", "kind": "binary"},
    "11": {"id": "11", "name": "garply", "version": "3.0.0", "kind": "binary"},
}
ENVIRONMENTS = {
    "10": [{"package_db": "var/lib/dpkg/status", "distribution_id": "1"}],
    "11": [{"package_db": "python:usr/lib/python3/dist-packages", "distribution_id": ""}],
}
VULNERABILITIES = {
    "100": {
        "id": "100", "updater": "debian/updater/bookworm", "name": "CVE-2099-0001", "normalized_severity": "Critical",
        "fixed_in_version": "1.2-3", "package": {"name": "quux"},
    },
    "101": {
        "id": "101", "updater": "debian/updater/bookworm", "name": "CVE-2099-0002", "normalized_severity": "Negligible",
        "fixed_in_version": "", "package": {"name": "quux"},
    },
    "102": {
        "id": "102", "updater": "osv/pypi", "name": "GHSA-2099-0003", "normalized_severity": "High",
        "fixed_in_version": "fixed=3.1.4&introduced=0", "package": {"name": "garply"},
    },
}  # fmt: skip


def updates() -> dict[str, Any]:
    day = datetime.now(UTC) - timedelta(days=90 if MOOD == "old-data" else 0.5)
    name = "alpine-main-v3.18-updater" if MOOD in ("silent", "silent-vouched") else "debian/updater/bookworm"
    return {name: [{"ref": "a", "updater": name, "fingerprint": "f", "date": day.isoformat(), "kind": "vulnerability"}]}


def report(digest: str) -> dict[str, Any]:
    found = {"10": ["100", "101"], "11": ["102"]} if not MOOD.startswith(("silent", "clean")) else {}
    return {
        "manifest_hash": "sha256:" + "0" * 64 if MOOD == "another" else digest,
        "packages": {} if MOOD == "no-packages" else PACKAGES,
        "distributions": {} if MOOD == "no-system" else DISTRIBUTION,
        "environments": ENVIRONMENTS,
        "vulnerabilities": VULNERABILITIES,
        "package_vulnerabilities": {} if MOOD == "no-packages" else found,
        "enrichments": {},
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if MOOD == "unauthorized" or not self.known():
            return self.answer(401, {"code": "unauthorized", "message": "made up"})
        if path == "/matcher/api/v1/internal/update_operation":
            return self.answer(404, {}) if MOOD.startswith("untold") else self.answer(200, updates())
        digest = path.rpartition("/")[2]
        if path.startswith("/indexer/api/v1/index_report/"):
            return self.answer(200, self.indexed(digest))
        if path.startswith("/matcher/api/v1/vulnerability_report/"):
            return self.report(digest)
        return self.answer(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.known():
            return self.answer(401, {"code": "unauthorized", "message": "made up"})
        manifest = json.loads(body)
        for layer in manifest["layers"]:
            request = urllib.request.Request(layer["uri"], headers={k: v[0] for k, v in layer["headers"].items()})
            content = urllib.request.urlopen(request).read()
            assert layer["hash"] == "sha256:" + hashlib.sha256(content).hexdigest()
        INDEXED.add(manifest["hash"])
        return self.answer(400 if MOOD == "refused" else 201, self.indexed(manifest["hash"]))

    def indexed(self, digest: str) -> dict[str, Any]:
        done = {"manifest_hash": digest, "state": "IndexFinished", "success": True, "err": "", "packages": PACKAGES}
        if MOOD == "unreadable":
            return done | {"state": "IndexError", "success": False, "err": "failed to fetch layers: made up"}
        if MOOD == "unfinished" and self.count("index") < 3:
            return done | {"state": "ScanLayers", "success": False}
        return done

    def report(self, digest: str) -> None:
        asked = self.count("report")
        if asked <= PENDING.get(MOOD, 0):
            return self.answer(202, None)
        if MOOD == "hang":
            time.sleep(60)
        if MOOD in ("busy", "busy-for-hours", "broken") and (MOOD != "busy" or asked <= 2):
            retry = {"Retry-After": "3600" if MOOD == "busy-for-hours" else "1"} if MOOD != "broken" else {}
            return self.answer(500 if MOOD == "broken" else 429, {"code": "x", "message": "made up"}, retry)
        if MOOD == "missing" or digest not in INDEXED:
            return self.answer(404, {"code": "not-found", "message": "made up"})
        body = json.dumps(report(digest)).encode()
        if MOOD == "cut-off":
            return self.answer(200, body[: len(body) // 2])
        if MOOD == "cut-connection":
            self.close_connection = True
            return self.answer(200, body[: len(body) // 2], {"Content-Length": str(len(body))})
        return self.answer(200, {"empty": b"", "portal": b"<html>log in</html>", "null": b"null", "list": b"[]"}.get(MOOD, body))

    def known(self) -> bool:
        """Checks the token by itself: HS256, issuer, time."""
        if not KEY:
            return True
        head, claims, signature = self.headers.get("Authorization", "Bearer ..").removeprefix("Bearer ").split(".")
        wanted = hmac.new(base64.b64decode(KEY), f"{head}.{claims}".encode(), hashlib.sha256).digest()
        told = json.loads(base64.urlsafe_b64decode(claims + "==") or b"{}")
        return (
            base64.urlsafe_b64encode(wanted).rstrip(b"=").decode() == signature
            and told["iss"] == ISSUER
            and told["nbf"] <= time.time() < told["exp"]
        )

    def count(self, what: str) -> int:
        ASKED[what] = ASKED.get(what, 0) + 1
        return ASKED[what]

    def answer(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        body = b"" if document is None else document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
sys.stdout.write(f"{server.server_address[1]}\n")
sys.stdout.flush()
server.serve_forever()
