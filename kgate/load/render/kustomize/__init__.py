"""kustomize (version 5) without kustomize: the same objects, and the line that wrote each of their fields."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from kgate.load.render import composed
from kgate.load.render.kustomize import build
from kgate.load.render.kustomize.folder import Budget, Folder, Shelf, is_remote
from kgate.load.render.kustomize.settings import COMPONENT
from kgate.load.render.nodes import Node
from kgate.load.render.rendering import Files, NotRendered, Rendering
from kgate.manifest import Source

RENDERER = "kustomize"


def render(files: Files, kustomizations: Iterable[str]) -> list[Rendering]:
    """One Rendering for each of these kustomization files that no other of them includes, in the order of their folders."""
    shelf = Shelf(files)
    folders = sorted({f for k in kustomizations if not _is_foreign(shelf, f := posixpath.dirname(files.real(k)) or ".")})
    included = {f: _included(shelf, f) for f in folders}
    return [_render(shelf, folder) for folder in _roots(folders, included) if not _is_component(shelf, folder)]


def render_folder(files: Files, folder: str) -> Rendering:
    """The app of one folder, whoever else includes it: what a Flux Kustomization or an Argo CD Application names by its path."""
    return _render(Shelf(files), files.real(folder))


def _roots(folders: list[str], included: dict[str, list[str]]) -> list[str]:
    """Those that none includes; and one of each ring of kustomizations that include one another, so that it is told."""
    below = {f for listed in included.values() for f in listed}
    roots = [f for f in folders if f not in below]
    reached: set[str] = set()
    for folder in [*roots, *folders]:
        if folder in reached:
            continue
        if folder not in roots:
            roots.append(folder)
        pending = [folder]
        while pending:
            here = pending.pop()
            if here not in reached:
                reached.add(here)
                pending += included.get(here, [])
    return sorted(roots)


def _node(shelf: Shelf, folder: str) -> Node | None:
    found = shelf.kustomizations(folder)
    try:
        node = shelf.settings(found[0]) if len(found) == 1 else None
    except NotRendered:
        return None
    return node if node is not None and node.is_map else None


def _included(shelf: Shelf, folder: str) -> list[str]:
    """Folders that the kustomization names, there or not."""
    node = _node(shelf, folder)
    names = {f.lower(): v for f, v in node.fields.items()} if node is not None else {}
    entries = [item for f in ("resources", "bases", "components") if f in names for item in names[f].items]
    paths = [e.text for e in entries if e.text and not is_remote(e.text) and not e.text.startswith("/")]
    return [shelf.files.real(posixpath.join(folder, p)) for p in paths]


def _is_component(shelf: Shelf, folder: str) -> bool:
    """A Component is nothing on its own."""
    node = _node(shelf, folder)
    return node is not None and node.string("kind") == COMPONENT


def _is_foreign(shelf: Shelf, folder: str) -> bool:
    """The file only has the name: it holds another object (Flux, for one, knows a Kustomization of its own)."""
    node = _node(shelf, folder)
    version = node.string("apiVersion") if node is not None else ""
    return bool(version) and not version.startswith("kustomize.config.k8s.io/")


def _render(shelf: Shelf, root: str) -> Rendering:
    files, budget = shelf.files, Budget()
    found = shelf.kustomizations(root)
    if not found:
        shown = files.shown(root)
        return Rendering(app=shown, renderer=RENDERER, file=shown, reason="the folder holds no kustomization file")
    file = files.shown(found[0])
    app = posixpath.dirname(file) or "."
    try:
        objects = build.build(Folder(shelf, root, budget))
        manifests = composed.manifests(file, shelf.text(found[0]), objects, app)
    except NotRendered as e:
        return _not_rendered(app, file, found, e)
    except RecursionError:
        return _not_rendered(app, file, found, NotRendered("an object nests too deeply"))
    inputs = sorted(budget.inputs)
    return Rendering(
        app=app,
        renderer=RENDERER,
        file=file,
        inputs=tuple(sorted(files.shown(i) for i in inputs)),
        consumed=frozenset(inputs),
        manifests=manifests,
        sources=tuple(s for i in inputs if (s := _source(shelf, i)) is not None),
    )


def _source(shelf: Shelf, real: str) -> Source | None:
    try:
        return shelf.text(real)
    except NotRendered:
        return None


def _not_rendered(app: str, file: str, own: tuple[str, ...], e: NotRendered) -> Rendering:
    """The reason stands in the kustomization where it can; else it says where it stands. What the app names is still to be judged."""
    reason, line = e.reason, 1
    if e.place is not None and e.place.source.file == file:
        line = e.place.line
    elif e.place is not None:
        reason = f"{e.place.source.file}:{e.place.line}:{e.place.column}: {reason}"
    return Rendering(app=app, renderer=RENDERER, file=file, inputs=(file,), consumed=frozenset(own), reason=reason, line=line)
