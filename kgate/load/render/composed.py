"""The Source of rendered objects: every node stands where it was written, in whichever file that is."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from kgate.load.render.nodes import Node
from kgate.manifest import Location, Manifest, Path, Source


class Composed(Struct, frozen=True, kw_only=True, eq=False):
    """Implements `kgate.manifest.Source` for all objects of one app. Its locations name their file."""

    file: str
    text: Source
    """The file that starts the app."""
    objects: Mapping[int, Node]

    def lines(self) -> tuple[str, ...]:
        return self.text.lines()

    def locate(self, document: int, path: Path, *, key: bool) -> Location:
        node = self.objects.get(document)
        return Location(line=1, column=1) if node is None else node.at(path, key=key).location


def manifests(file: str, text: Source, objects: list[Node], app: str) -> tuple[Manifest, ...]:
    """The rendered objects as Manifests, in their order. Raises NotRendered for a value that JSON cannot hold."""
    source = Composed(file=file, text=text, objects=dict(enumerate(objects)))
    return tuple(Manifest(source=source, document=n, body=node.plain(), app=app) for n, node in enumerate(objects))
