"""Apps to Manifests: what kustomize (and whatever else renders) makes of the files, with the line that wrote each node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kgate.load.render.rendering import Entry, Files, NotRendered, Remotes, Rendering

__all__ = ["Files", "Named", "NotRendered", "Rendering", "render"]


class Named:
    """Files that are shown as the user met them, where he did."""

    def __init__(self, files: Files, names: Mapping[str, str]) -> None:
        self._files = files
        self._names = names
        """By real path."""

    def read(self, path: str) -> bytes | None:
        return self._files.read(path)

    def is_folder(self, path: str) -> bool:
        return self._files.is_folder(path)

    def real(self, path: str) -> str:
        return self._files.real(path)

    def shown(self, path: str) -> str:
        return self._names.get(path) or self._files.shown(path)

    def top(self, path: str) -> str:
        return self._files.top(path)

    def entries(self, folder: str) -> tuple[Entry, ...]:
        return self._files.entries(folder)

    def remotes(self, path: str) -> Remotes:
        return self._files.remotes(path)


def render(files: Files, kustomizations: Iterable[str]) -> tuple[Rendering, ...]:
    """The apps that begin in these files, each once, sorted by renderer and folder. Nothing is fetched and no program is run."""
    from kgate.load.render import kustomize

    return tuple(kustomize.render(files, kustomizations))
