"""Image archives as `docker save` writes them, with nothing in them but what a scanner reads."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path


def debian(release: str, packages: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Files of a Debian image: binary package -> (source package, version)."""
    stanzas = [
        f"Package: {name}\nStatus: install ok installed\nMaintainer: Nobody <nobody@example.org>\nArchitecture: amd64\n"
        f"Source: {source}\nVersion: {version}\nDescription: made up\n"
        for name, (source, version) in packages.items()
    ]
    return {
        "etc/os-release": f'ID=debian\nVERSION_ID="{release}"\nPRETTY_NAME="Debian GNU/Linux {release}"\n',
        "etc/debian_version": f"{release}.0\n",
        "var/lib/dpkg/status": "\n".join(stanzas) + "\n",
    }


def alpine(release: str, packages: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Files of an Alpine image: package -> (origin, version)."""
    stanzas = [f"P:{name}\nV:{version}\nA:x86_64\no:{origin}\nT:made up\nL:MIT\n" for name, (origin, version) in packages.items()]
    return {
        "etc/os-release": f"ID=alpine\nVERSION_ID={release}\n",
        "etc/alpine-release": f"{release}\n",
        "lib/apk/db/installed": "\n".join(stanzas) + "\n",
    }


def node_package(name: str, version: str) -> dict[str, str]:
    package = json.dumps({"name": name, "version": version, "license": "MIT"})
    return {f"srv/node_modules/{name}/package.json": package}


def docker_archive(file: Path, files: Mapping[str, str], *, architecture: str = "amd64", name: str = "made-up:1") -> Path:
    """A single layer, no gzip, no times: the same files give the same bytes."""
    layer = _tar({path: text.encode() for path, text in sorted(files.items())})
    config = image_config(layer, architecture)
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_tar({config_name: config, "layer.tar": layer, "manifest.json": manifest}))
    return file


def layer_of(files: Mapping[str, str]) -> bytes:
    return _tar({path: text.encode() for path, text in sorted(files.items())})


def image_config(layer: bytes, architecture: str) -> bytes:
    diff_id = "sha256:" + hashlib.sha256(layer).hexdigest()
    config = {"architecture": architecture, "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [diff_id]}}
    return json.dumps(config, sort_keys=True).encode()


def _tar(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
