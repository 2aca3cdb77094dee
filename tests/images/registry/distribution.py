"""A real registry on a loopback port: `docker-registry` of Debian's package of that name (distribution 2.8), started by the tests.

Images are pushed over its own API, so what it then says of them is a registry's word and not a test's.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.e2e.trivy import archives

OCI = "application/vnd.oci.image"
DOCKER = "application/vnd.docker.distribution.manifest"
USER, PASSWORD = "ci", "s3cret"
# of PASSWORD, by `htpasswd -Bbn ci s3cret`: there is no bcrypt in the standard library
HTPASSWD = "ci:$2y$05$pyl7PHA.1uZEs7xp8T.bBeGCLvQBOCvrlikl5xt23XIfDgI0zZE4W\n"


def program() -> str:
    found = shutil.which("docker-registry") or shutil.which("registry")
    if found is None:
        pytest.skip("no registry is installed; `apt-get install docker-registry` brings one")
    return found


@contextmanager
def serving(folder: Path, auth: str = "", *, tls: tuple[str, str] | None = None) -> Iterator[str]:
    """`host:port` of a new and empty registry. `auth`: the YAML of its `auth:` section."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    secured = f", tls: {{certificate: {tls[0]}, key: {tls[1]}}}" if tls else ""
    settings = folder / "registry.yaml"
    settings.write_text(
        f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder / 'data'}}}, delete: {{enabled: true}}}}\n"
        f"http: {{addr: {host}{secured}}}\n{auth}"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program(), "serve", str(settings)], stdout=log, stderr=log)
    try:
        until = time.monotonic() + 20
        while not _listens(host) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        assert process.poll() is None, (folder / "log").read_text()
        yield host
    finally:
        process.terminate()
        process.wait(10)


def _listens(host: str) -> bool:
    name, _, port = host.partition(":")
    try:
        socket.create_connection((name, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


class Pusher:
    """Puts images into a registry."""

    def __init__(self, host: str, repository: str, headers: Mapping[str, str] | None = None, *, verify: str = "") -> None:
        self.base = f"{'https' if verify else 'http'}://{host}/v2/{repository}"
        self.session = requests.Session()
        self.session.headers.update(headers or {})
        self.session.verify = verify or True
        self.session.trust_env = False

    def blob(self, content: bytes) -> dict[str, object]:
        begun = self.session.post(f"{self.base}/blobs/uploads/")
        assert begun.status_code == 202, begun.text
        there = begun.headers["Location"]
        done = self.session.put(there + ("&" if "?" in there else "?") + f"digest={digest(content)}", data=content)
        assert done.status_code == 201, done.text
        return {"digest": digest(content), "size": len(content)}

    def manifest(self, name: str, document: Mapping[str, object], media_type: str) -> str:
        body = json.dumps(document).encode()
        done = self.session.put(f"{self.base}/manifests/{name}", data=body, headers={"Content-Type": media_type})
        assert done.status_code == 201, done.text
        return digest(body)

    def image(self, tag: str, files: Mapping[str, str], architecture: str = "amd64", *, docker: bool = False) -> str:
        """The digest of its manifest."""
        layer = archives.layer_of(files)
        layer_type = "application/vnd.docker.image.rootfs.diff.tar.gzip" if docker else f"{OCI}.layer.v1.tar+gzip"
        config_type = "application/vnd.docker.container.image.v1+json" if docker else f"{OCI}.config.v1+json"
        media_type = f"{DOCKER}.v2+json" if docker else f"{OCI}.manifest.v1+json"
        document = {
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": {"mediaType": config_type, **self.blob(archives.image_config(layer, architecture))},
            "layers": [{"mediaType": layer_type, **self.blob(gzip.compress(layer, mtime=0))}],
        }
        return self.manifest(tag, document, media_type)

    def index(self, tag: str, images: Mapping[str, str], *, docker: bool = False) -> str:
        """`images`: platform -> digest of its manifest."""
        media_type = f"{DOCKER}.list.v2+json" if docker else f"{OCI}.index.v1+json"
        entries = [
            {
                "mediaType": f"{DOCKER}.v2+json" if docker else f"{OCI}.manifest.v1+json",
                "digest": found,
                "size": 1,
                "platform": _platform(p),
            }
            for p, found in images.items()
        ]
        return self.manifest(tag, {"schemaVersion": 2, "mediaType": media_type, "manifests": entries}, media_type)


def _platform(text: str) -> dict[str, str]:
    return dict(zip(("os", "architecture", "variant"), text.split("/"), strict=False))


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def basic(user: str = USER, password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def htpasswd_auth(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "htpasswd").write_text(HTPASSWD)
    return f"auth: {{htpasswd: {{realm: made-up, path: {folder / 'htpasswd'}}}}}\n"


def openssl(*arguments: str, stdin: bytes = b"") -> bytes:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    return subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=True).stdout


def certificate(folder: Path, names: Sequence[str] = ("IP:127.0.0.1", "DNS:localhost")) -> tuple[Path, Path]:
    """A certificate that signed itself, and its key."""
    folder.mkdir(parents=True, exist_ok=True)
    cert, key = folder / "cert.pem", folder / "key.pem"
    openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=made up", "-addext",
        f"subjectAltName={','.join(names)}", "-keyout", str(key), "-out", str(cert),
    )  # fmt: skip
    return cert, key
