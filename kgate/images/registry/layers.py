"""What another machine needs for pulling an image itself: the manifest of one platform, its layers, and what to show for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from kgate.images.registry import manifests
from kgate.images.registry.answers import NotChecked
from kgate.images.registry.client import Registry
from kgate.reference import ImageReference


class Layer(Struct, frozen=True, kw_only=True):
    digest: str
    url: str


class Manifest(Struct, frozen=True, kw_only=True):
    digest: str
    """Of the manifest itself, where the reference names an index."""
    layers: tuple[Layer, ...]
    """The lowest first."""
    authorization: str = ""
    """The header to show for the layers; empty where nobody wants one."""


def manifest_for(registry: Registry, reference: ImageReference, platform: str) -> Manifest:
    """`reference` has a digest. Raises NotChecked."""
    digest = reference.digest or ""
    document = registry.document(reference, digest)
    if isinstance(document.get("manifests"), list):
        digest = _of_platform(document["manifests"], platform)
        document = registry.document(reference, digest)
    entries = document.get("layers")
    if not isinstance(entries, list) or not entries:
        raise NotChecked("its manifest names no layers, so it is no image")
    layers = tuple(_layer(registry, reference, entry) for entry in entries)
    return Manifest(digest=digest, layers=layers, authorization=registry.authorization(reference))


def _of_platform(entries: list[Any], platform: str) -> str:
    """The first one that runs there; one that names the variant exactly comes before."""
    fitting: list[tuple[bool, int, str]] = []
    for index, entry in enumerate(entries):
        told = entry.get("platform") if isinstance(entry, Mapping) else None
        offered = manifests.platform(told) if isinstance(told, Mapping) else ""
        digest = entry.get("digest") if isinstance(entry, Mapping) else None
        if offered and isinstance(digest, str) and manifests.DIGEST.fullmatch(digest) and manifests.runs_on(platform, offered):
            fitting.append((offered != platform, index, digest))
    if not fitting:
        raise NotChecked(f"there is none for {platform}")
    return min(fitting)[2]


def _layer(registry: Registry, reference: ImageReference, entry: Any) -> Layer:
    digest = entry.get("digest") if isinstance(entry, Mapping) else None
    if not isinstance(digest, str) or not manifests.DIGEST.fullmatch(digest):
        raise NotChecked("its manifest names a layer without a digest")
    return Layer(digest=digest, url=registry.blob_url(reference, digest))
