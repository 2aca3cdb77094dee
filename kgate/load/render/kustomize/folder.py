"""The files that one kustomization may read: those in its own folder and below; other kustomizations anywhere in the repository."""

from __future__ import annotations

import posixpath

from kgate.load.fault import Fault
from kgate.load.render.kustomize import reading
from kgate.load.render.nodes import Node, Place
from kgate.load.render.rendering import Files, NotRendered
from kgate.load.source import Text
from kgate.load.text import decoded
from kgate.manifest import Source

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
MAX_DEPTH = 50
"""Kustomizations that include one another."""
MAX_TOTAL = 64 * 1024 * 1024
"""Bytes read for one app."""
MAX_FILES = 5_000


class Shelf:
    """What was read so far, for all apps of a run: most overlays have their base in common."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self._data: dict[str, bytes | None] = {}
        self._texts: dict[str, Text] = {}
        self._objects: dict[str, list[Node] | NotRendered] = {}
        self._settings: dict[str, Node | NotRendered | None] = {}
        self._kustomizations: dict[str, tuple[str, ...]] = {}

    def data(self, real: str) -> bytes | None:
        if real not in self._data:
            self._data[real] = self.files.read(real)
        return self._data[real]

    def text(self, real: str) -> Text:
        """Raises NotRendered when it is not UTF-8."""
        if real not in self._texts:
            text = decoded(self.data(real) or b"")
            if isinstance(text, Fault):
                raise NotRendered(f"{self.files.shown(real)}: {text.message}")
            self._texts[real] = Text(file=self.files.shown(real), text=text)
        return self._texts[real]

    def objects(self, real: str) -> list[Node]:
        """The objects of a file, to be copied before they are changed."""
        if real not in self._objects:
            source = self.text(real)
            try:
                self._objects[real] = reading.objects(source.text, reading.in_file(source))
            except NotRendered as e:
                self._objects[real] = e
        found = self._objects[real]
        if isinstance(found, NotRendered):
            raise found
        return found

    def settings(self, real: str) -> Node | None:
        """The one document of a kustomization or configuration."""
        if real not in self._settings:
            source = self.text(real)
            try:
                documents = reading.documents(source.text, reading.in_file(source), settings=True)
                self._settings[real] = next(documents, None)
            except NotRendered as e:
                self._settings[real] = e
        found = self._settings[real]
        if isinstance(found, NotRendered):
            raise found
        return found

    def kustomizations(self, folder: str) -> tuple[str, ...]:
        """The kustomization files of a real folder; one is right."""
        if folder not in self._kustomizations:
            paths = [posixpath.join(folder, name) for name in NAMES]
            self._kustomizations[folder] = tuple(p for p in paths if self.data(p) is not None)
        return self._kustomizations[folder]


class Budget:
    """What one app has read."""

    def __init__(self) -> None:
        self.inputs: set[str] = set()
        self._total = 0

    def count(self, real: str, size: int) -> None:
        if real in self.inputs:
            return
        self.inputs.add(real)
        self._total += size
        if self._total > MAX_TOTAL or len(self.inputs) > MAX_FILES:
            raise NotRendered(f"it reads more than {MAX_FILES} files or {MAX_TOTAL >> 20} MiB")


class Folder:
    """The folder of one kustomization (api/internal/loader/fileloader.go)."""

    def __init__(self, shelf: Shelf, root: str, budget: Budget, *, above: Folder | None = None) -> None:
        self.shelf = shelf
        self.root = root
        self.budget = budget
        self._above = above
        self._depth: int = above._depth + 1 if above is not None else 0
        self._top: str = above._top if above is not None else shelf.files.top(root)

    def kustomization(self, place: Place | None) -> str:
        """The real path of its file. Raises NotRendered unless there is exactly one."""
        found = self.shelf.kustomizations(self.root)
        if len(found) != 1:
            shown = self.shelf.files.shown(self.root)
            problem = f"{shown} holds several kustomization files" if found else f"{shown} holds no kustomization file"
            raise NotRendered(problem, place=place)
        self.budget.count(found[0], len(self.shelf.data(found[0]) or b""))
        return found[0]

    def find(self, path: str, place: Place | None) -> str | None:
        """The real path of a file, None when there is none. Raises NotRendered for one that may not be read."""
        if is_remote(path):
            raise NotRendered(f"{path[:100]} is remote: kgate fetches nothing", place=place)
        real = self.shelf.files.real(posixpath.join(self.root, path))
        if self.shelf.data(real) is None:
            return None
        if not _within(real, self.root):
            raise NotRendered(f"{path[:100]} lies outside of the folder of the kustomization", place=place)
        return real

    def load(self, path: str, place: Place | None) -> bytes:
        real = self.find(path, place)
        data = None if real is None else self.shelf.data(real)
        if real is None or data is None:
            raise NotRendered(f"there is no file {path[:100]}", place=place)
        self.budget.count(real, len(data))
        return data

    def read(self, path: str, place: Place | None) -> str:
        """Loads the file and gives its real path."""
        self.load(path, place)
        return self.shelf.files.real(posixpath.join(self.root, path))

    def source(self, path: str) -> Source | None:
        try:
            return self.shelf.text(self.shelf.files.real(posixpath.join(self.root, path)))
        except NotRendered:
            return None

    def below(self, path: str, place: Place | None) -> Folder:
        """The folder of another kustomization. Raises NotRendered for one that is remote, missing, outside, or includes this one."""
        if is_remote(path):
            raise NotRendered(f"{path[:100]} is remote: kgate fetches nothing", place=place)
        if not path or path.startswith("/"):
            raise NotRendered(f"{path[:100] or 'an empty path'} is no relative path", place=place)
        joined = posixpath.join(self.root, path)
        if not self.shelf.files.is_folder(joined):
            raise NotRendered(f"there is no file or folder {path[:100]}", place=place)
        real = self.shelf.files.real(joined)
        if self._top and not _within(real, self._top):
            raise NotRendered(f"{path[:100]} lies outside of the repository", place=place)
        here: Folder | None = self
        while here is not None:
            if here.root == real or _within(here.root, real):
                raise NotRendered(f"{path[:100]} includes the kustomization that includes it", place=place)
            here = here._above
        if self._depth >= MAX_DEPTH:
            raise NotRendered(f"kustomizations include one another more than {MAX_DEPTH} deep", place=place)
        return Folder(self.shelf, real, self.budget, above=self)


def _within(path: str, folder: str) -> bool:
    return folder in (".", "/") or path == folder or path.startswith(folder + "/")


def is_remote(path: str) -> bool:
    """A URL, or what kustomize takes for a git repository (api/internal/git/repospec.go)."""
    lowered = path.lower()
    return "://" in path or lowered.startswith(("git@", "git::", "github.com/", "github.com:", "gh:")) or "?ref=" in path
