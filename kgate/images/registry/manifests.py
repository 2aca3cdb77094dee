"""What the documents of a registry say: the image index, the manifest, the image's configuration (opencontainers/image-spec)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kgate.images.registry.answers import NotChecked

INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
ACCEPT = ", ".join((*INDEXES, *MANIFESTS))
"""All four: a registry that is asked for fewer answers 404 for an image that it has."""
CONFIGS = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


def decode(body: bytes) -> Mapping[str, Any]:
    """Raises NotChecked for what is no JSON object."""
    import json

    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as e:
        raise NotChecked("the registry answers with something that is no JSON") from e
    if not isinstance(document, Mapping):
        raise NotChecked("the registry answers with JSON of another shape than a registry's")
    return document


def checked(body: bytes, digest: str) -> bytes:
    """`body`, when it is what the digest names."""
    import hashlib

    algorithm, _, digits = digest.partition(":")
    if hashlib.new(algorithm, body).hexdigest() != digits:
        raise NotChecked(f"the registry answers with other bytes than those of {digest}")
    return body


def platforms_of_index(index: Mapping[str, Any]) -> tuple[str, ...]:
    """Sorted. Attestations (`unknown/unknown`) are no platforms."""
    manifests = index.get("manifests")
    entries = [m.get("platform") for m in manifests if isinstance(m, Mapping)] if isinstance(manifests, list) else []
    found = {platform(entry) for entry in entries if isinstance(entry, Mapping)}
    return tuple(sorted(found - {"", "unknown/unknown"}))


def platform(entry: Mapping[str, Any]) -> str:
    """`linux/arm64/v8`; empty when os or architecture are not told."""
    told = [entry.get(name) for name in ("os", "architecture", "variant")]
    parts = [part for part in told if isinstance(part, str) and part]
    return "/".join(parts) if told[0] and told[1] else ""


def config_digest(manifest: Mapping[str, Any]) -> str:
    """Empty for an artifact that is no image."""
    config = manifest.get("config")
    if not isinstance(config, Mapping) or config.get("mediaType") not in CONFIGS:
        return ""
    digest = config.get("digest")
    return digest if isinstance(digest, str) and DIGEST.fullmatch(digest) else ""


def runs_on(wanted: str, offered: str) -> bool:
    """Whether an image for `offered` runs on nodes of `wanted` (containerd's platforms.Only): of arm, an older variant runs, too."""
    w, o = (*wanted.split("/"), ""), (*offered.split("/"), "")
    if w[:2] != o[:2]:
        return False
    if not w[2] or not o[2] or w[2] == o[2]:
        return True
    return w[1] == "arm" and o[2] < w[2]
