"""Which images the manifests run, and where they say so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from kgate.manifest import Location, Manifest, Path
from kgate.reference import ImageReference, parse

CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")


class ImageUse(Struct, frozen=True, kw_only=True):
    """One `image:` of one container."""

    manifest: Manifest
    path: Path
    """Of the image, from the object's root."""
    image: str
    place: Location

    @property
    def order(self) -> tuple[str, Location, int, Path]:
        # the first use of an image is where its findings stand: by file, then line and column, then document
        return (self.manifest.file, self.place, self.manifest.document, tuple(str(step) for step in self.path))


class Image(Struct, frozen=True, kw_only=True):
    """One image, however it was written, with all its uses."""

    text: str
    """As the first use writes it."""
    reference: ImageReference | None
    """None when the text is no reference; `fault` then says why."""
    fault: str = ""
    uses: tuple[ImageUse, ...]
    """In the order of `ImageUse.order`; never empty."""

    @property
    def used_by(self) -> tuple[str, ...]:
        """`Deployment prod/web`, sorted, each once."""
        return tuple(sorted({str(use.manifest.subject) for use in self.uses}))


def inventory(manifests: Iterable[Manifest]) -> tuple[Image, ...]:
    """Every image once, in the order of first uses. `nginx` and `docker.io/library/nginx` are one image."""
    return grouped(use for manifest in manifests for use in uses_of(manifest))


def grouped(uses: Iterable[ImageUse]) -> tuple[Image, ...]:
    """By image, likewise."""
    found: dict[ImageReference | str, list[ImageUse]] = {}
    faults: dict[str, str] = {}
    for use in sorted(uses, key=lambda use: use.order):
        try:
            found.setdefault(parse(use.image), []).append(use)
        except ValueError as e:
            faults[use.image] = str(e)
            found.setdefault(use.image, []).append(use)
    return tuple(_image(key, members, faults) for key, members in found.items())


def _image(key: ImageReference | str, uses: list[ImageUse], faults: Mapping[str, str]) -> Image:
    if isinstance(key, str):
        return Image(text=key, reference=None, fault=faults[key], uses=tuple(uses))
    return Image(text=uses[0].image, reference=key, uses=tuple(uses))


def uses_of(manifest: Manifest) -> Iterator[ImageUse]:
    """In no order."""
    for path, image in _images(manifest.body, ()):
        yield ImageUse(manifest=manifest, path=path, image=image, place=manifest.locate(path))


def _images(node: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Looks for lists of containers wherever they are: kinds that kgate has never heard of run pods, too.

    `status` tells what ran once. A CustomResourceDefinition has containers only in the examples of its schema.
    """
    if isinstance(node, Mapping):
        if not path and (node.get("kind") == "CustomResourceDefinition"):
            return
        for key, child in node.items():
            if key in CONTAINER_LISTS and isinstance(child, list):
                yield from _images_of_containers(child, (*path, key))
            elif (key != "status" or path) and isinstance(child, (Mapping, list)):
                yield from _images(child, (*path, key))
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from _images(child, (*path, index))


def _images_of_containers(containers: list[Any], path: Path) -> Iterator[tuple[Path, str]]:
    for index, container in enumerate(containers):
        image = container.get("image") if isinstance(container, Mapping) else None
        if isinstance(image, str) and image:
            yield (*path, index, "image"), image
