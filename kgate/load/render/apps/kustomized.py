"""A kustomization with what an app adds to it: it is edited in memory, as Argo CD and Flux edit it on disk."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from kgate.load.render.apps.app import Answer, Setting
from kgate.load.render.kustomize import build
from kgate.load.render.kustomize.folder import Folder, Shelf
from kgate.load.render.nodes import Node, Place, mapping, scalar
from kgate.load.render.rendering import NotRendered
from kgate.load.source import Text

Edit = Callable[[Node], None]


class Edited(Shelf):
    """The files of a run, but for one kustomization."""

    def __init__(self, shelf: Shelf, file: str, node: Node, *, made: bool) -> None:
        super().__init__(shelf.files)
        self._below = shelf
        self._file = file
        self._node = node
        self._made = made

    def data(self, real: str) -> bytes | None:
        return b"" if self._made and real == self._file else self._below.data(real)

    def text(self, real: str) -> Text:
        return self._below.text(real)

    def objects(self, real: str) -> list[Node]:
        return self._below.objects(real)

    def settings(self, real: str) -> Node | None:
        return self._node.copy() if real == self._file else self._below.settings(real)

    def kustomizations(self, folder: str) -> tuple[str, ...]:
        own = posixpath.dirname(self._file)
        return (self._file,) if self._made and folder == own else self._below.kustomizations(folder)


def kustomization_of(run: Setting, folder: str) -> str | None:
    """The kustomization file of a real folder. Raises NotRendered when there are several."""
    found = run.shelf.kustomizations(folder)
    if len(found) > 1:
        raise NotRendered(f"{run.files.shown(folder)} holds several kustomization files")
    return found[0] if found else None


def objects(run: Setting, folder: str, edit: Edit | None, answer: Answer, *, made: Node | None = None) -> list[Node]:
    """What kustomize makes of the folder. `made` is its kustomization where no file is one. Raises NotRendered."""
    file = posixpath.join(folder, "kustomization.yaml") if made is not None else kustomization_of(run, folder)
    if file is None:
        raise NotRendered(f"{run.files.shown(folder)} holds no kustomization")
    node = made if made is not None else run.shelf.settings(file)
    if edit is None and made is None:
        return build.build(Folder(run.shelf, folder, answer.budget))
    if node is None or not node.is_map:
        raise NotRendered(f"{run.files.shown(file)} is empty or no mapping")
    node = node.copy()
    if edit is not None:
        edit(node)
    shelf = Edited(run.shelf, file, node, made=made is not None)
    found = build.build(Folder(shelf, folder, answer.budget))
    if made is not None:
        answer.budget.inputs.discard(file)
    return found


def set_text(node: Node, field: str, value: Node | None) -> None:
    """`kustomize edit set nameprefix`: what is there is replaced."""
    if value is not None and value.text:
        node.children[field] = scalar(value.text, value.place, key=value.key, quoted=True)


def append(node: Node, field: str, items: list[Node], place: Place) -> None:
    if items:
        listed = node.get(field)
        if listed is None or not listed.is_list:
            listed = node.children[field] = Node(place=place, key=place, children=[])
        listed.children = [*listed.items, *(i.copy() for i in items)]


def set_image(node: Node, entry: Node, place: Place) -> None:
    """An entry of `images` in place of the one with its name."""
    listed = node.get("images")
    name = entry.string("name")
    kept = [i for i in (listed.items if listed is not None else ()) if i.string("name") != name]
    node.children["images"] = Node(place=place, key=place, children=[*kept, entry])


def image_of(text: str, place: Place) -> Node:
    """`web=registry/web:1`, `web:1`, `web@sha256:...` as an entry of `images` (kustomize edit set image). Raises NotRendered."""
    name, equals, new = text.partition("=")
    rest = new if equals else name
    digest = rest.partition("@")[2]
    repository, colon, tag = rest.partition("@")[0].rpartition(":")
    if not colon or "/" in tag:
        repository, tag = rest.partition("@")[0], ""
    name = name if equals else repository
    if not name or "*" in text:
        raise NotRendered(f"{text[:100]!r} is no image to be set", place=place)
    fields = {"name": name}
    if equals:
        fields["newName"] = repository
    fields |= {"digest": digest} if digest else {"newTag": tag} if tag else {}
    made = mapping(place)
    made.children = {k: scalar(v, place, key=place, quoted=True) for k, v in fields.items()}
    return made
