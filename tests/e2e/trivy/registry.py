"""A container registry on a loopback port that serves one image, and misbehaves on demand."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.e2e.trivy import archives

HANG_S = 30
FAULTS = {
    # repository -> (status, error code of the distribution specification)
    "missing": (404, "MANIFEST_UNKNOWN"),
    "private": (401, "UNAUTHORIZED"),
    "denied": (403, "DENIED"),
    "busy": (429, "TOOMANYREQUESTS"),
}


def image(files: Mapping[str, str], architecture: str = "amd64") -> tuple[bytes, dict[str, bytes]]:
    """The manifest, and every blob by its digest."""
    layer = archives.layer_of(files)
    packed, config = gzip.compress(layer, mtime=0), archives.image_config(layer, architecture)
    kind = "application/vnd.oci.image."
    manifest = {
        "schemaVersion": 2,
        "mediaType": kind + "manifest.v1+json",
        "config": {"mediaType": kind + "config.v1+json", "digest": digest(config), "size": len(config)},
        "layers": [{"mediaType": kind + "layer.v1.tar+gzip", "digest": digest(packed), "size": len(packed)}],
    }
    return json.dumps(manifest).encode(), {digest(packed): packed, digest(config): config}


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


@contextmanager
def serving(files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """`host:port` and the digest of shop/api:1."""
    manifest, blobs = image(files)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            _, _, rest = self.path.partition("/v2/")
            repository, _, name = rest.rpartition("/manifests/")
            blob = blobs.get(rest.rpartition("/blobs/")[2])
            if repository == "shop/hang":
                time.sleep(HANG_S)
            if not rest:
                self.answer(200, b"{}")
            elif repository.removeprefix("shop/") in FAULTS:
                status, code = FAULTS[repository.removeprefix("shop/")]
                self.answer(status, json.dumps({"errors": [{"code": code, "message": "made up"}]}).encode())
            elif repository == "shop/api" and name in ("1", digest(manifest)):
                self.answer(200, manifest, "application/vnd.oci.image.manifest.v1+json")
            elif blob is not None:
                self.answer(200, blob, "application/octet-stream")
            else:
                self.answer(500 if repository == "shop/broken" else 404, b"{}")

        do_HEAD = do_GET

        def answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Docker-Content-Digest", digest(body))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}", digest(manifest)
    finally:
        server.shutdown()
        server.server_close()
