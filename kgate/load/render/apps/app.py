"""One app as its object declares it, and what all apps of a run have in common."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from kgate.finding import clean
from kgate.load.render.composed import Composed
from kgate.load.render.helm.release import Helm
from kgate.load.render.kustomize.folder import Budget, Shelf
from kgate.load.render.nodes import Node, Place, of_plain
from kgate.load.render.rendering import Files, NotRendered
from kgate.load.render.settings import RenderSettings
from kgate.manifest import Manifest, Path, Source

ARGO = "argoproj.io"
FLUX_KUSTOMIZATION, FLUX_HELM, FLUX_SOURCE = "kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io", "source.toolkit.fluxcd.io"
_DECLARING = frozenset(((ARGO, "Application"), (ARGO, "ApplicationSet"), (FLUX_KUSTOMIZATION, "Kustomization"), (FLUX_HELM, "HelmRelease")))


def declares(api_version: str, kind: str) -> bool:
    """Whether an object of that type declares an app."""
    return (api_version.rpartition("/")[0], kind) in _DECLARING


class App(Struct, frozen=True, kw_only=True, eq=False):
    """One Application, Kustomization or HelmRelease; an ApplicationSet makes several."""

    node: Node
    kind: str
    """Of the object that was written: `ApplicationSet` for what one makes."""
    above: tuple[App, ...] = ()
    """The app that renders it, and those above that."""
    name: str = ""
    """To the reader; the object's own unless given."""
    reason: str = ""
    """Why it is none: its ApplicationSet could not be followed."""
    at: Place | None = None
    """Where that reason stands."""

    @property
    def place(self) -> Place:
        return self.node.place

    @property
    def key(self) -> tuple[object, ...]:
        """One declaration: where it stands, and what it is called there."""
        p = self.place
        return (self.kind, p.source.file, p.line, p.column, self.title)

    @property
    def title(self) -> str:
        name, namespace = self.node.string("metadata", "name"), self.node.string("metadata", "namespace")
        return clean(self.name or (f"{namespace}/{name}" if namespace and self.kind not in ("Application", "ApplicationSet") else name))


class Answer(Struct, kw_only=True):
    """What became of an app's sources, in the making."""

    renderer: str = ""
    environment: str = ""
    objects: list[Node] = []
    notes: list[str] = []
    budget: Budget

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


class Setting(Struct, frozen=True, kw_only=True):
    """Everything that apps are rendered from. One a run."""

    files: Files
    shelf: Shelf
    helm: Helm
    settings: RenderSettings
    objects: Mapping[tuple[str, str, str], Node]
    """By kind, namespace and name: the ConfigMaps, Secrets and sources of the repository that apps refer to."""

    def top(self, place: Place) -> str:
        """The real folder that paths of sources begin at: the top of the repository, else the working directory."""
        del place  # one run, one repository
        return self.files.top(self.files.real(".")) or self.files.real(".")

    def folder(self, path: str, place: Place) -> str:
        """The real folder of a source's path. Raises NotRendered for what is no folder of the repository."""
        top = self.top(place)
        if "\0" in path or path.startswith("/") or ".." in path.split("/"):
            raise NotRendered(f"path {path[:100]!r} leads out of the repository", place=place)
        joined = posixpath.join(top, path)
        real = self.files.real(joined)
        if not within(real, top):
            raise NotRendered(f"path {path[:100]!r} leads out of the repository", place=place)
        if not self.files.is_folder(joined):
            raise NotRendered(f"there is no folder {path[:100]!r} in the repository", place=place)
        return real


def within(path: str, folder: str) -> bool:
    return folder in (".", "/") or path == folder or path.startswith(folder + "/")


def place_of(manifest: Manifest, path: Path = (), *, key: bool = False) -> Place:
    """Where a node of a manifest was written."""
    source = manifest.source
    if isinstance(source, Composed) and (node := source.objects.get(manifest.document)) is not None:
        return node.at(manifest.root + path, key=key)
    at = source.locate(manifest.document, manifest.root + path, key=key)
    return Place(source=source, document=manifest.document, line=at.line, column=at.column)


def node_of(manifest: Manifest) -> Node:
    """A manifest as nodes that know where they stand."""
    source = manifest.source
    if isinstance(source, Composed) and not manifest.root and manifest.document in source.objects:
        return source.objects[manifest.document].copy()
    return _node(manifest, manifest.body, ())


def _node(manifest: Manifest, value: Any, path: Path) -> Node:
    place = place_of(manifest, path)
    key = place_of(manifest, path, key=True) if path and isinstance(path[-1], str) else None
    if isinstance(value, Mapping):
        return Node(place=place, key=key, children={str(k): _node(manifest, v, (*path, str(k))) for k, v in value.items()})
    if isinstance(value, list):
        return Node(place=place, key=key, children=[_node(manifest, v, (*path, n)) for n, v in enumerate(value)])
    return of_plain(value, place, key)


def apps_in(manifests: Iterable[Manifest], above: tuple[App, ...] = ()) -> list[App]:
    """The apps that objects declare; ApplicationSets not yet taken apart."""
    return [App(node=node_of(m), kind=m.kind, above=above) for m in manifests if declares(m.api_version, m.kind)]


def file_of(place: Place) -> Source:
    return place.source
