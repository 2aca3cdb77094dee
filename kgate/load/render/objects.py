"""Texts to objects, as Kubernetes reads them: `yes` is true. Lists are taken apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kgate.load.render.kustomize import reading
from kgate.load.render.kustomize.reading import Shift
from kgate.load.render.nodes import Node
from kgate.load.render.rendering import NotRendered

MAX_OBJECTS = 20_000
"""Of one app."""


def objects(text: str, shift: Shift) -> list[Node]:
    """Raises NotRendered for what kubectl would refuse, and for a document that is no object."""
    return list(_flat(reading.documents(text, shift, settings=True), 0))


def _flat(nodes: Iterable[Node], depth: int) -> Iterator[Node]:
    for node in nodes:
        if node.is_null or (node.is_map and not node.children):
            continue
        if not node.is_map or not node.string("kind") or not node.string("apiVersion"):
            raise NotRendered("a document is no object: it has no apiVersion and kind", place=node.place)
        items = node.get("items")
        if node.string("kind").endswith("List") and items is not None and not items.is_scalar:
            if depth >= 20:
                raise NotRendered("Lists nest more than 20 deep", place=node.place)
            yield from _flat(items.items, depth + 1)
        else:
            yield node
