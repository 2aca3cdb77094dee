"""Files that are nowhere: what renderers read need not lie on a disk."""

from __future__ import annotations

import posixpath

from kgate.load.render.rendering import Entry, Remotes


class Memory:
    """Implements `kgate.load.render.Files`; the top of the repository is `repo`."""

    def __init__(self, texts: dict[str, str]) -> None:
        self._data = {f"repo/{p}": t.encode() for p, t in texts.items()}

    def read(self, path: str) -> bytes | None:
        return self._data.get(posixpath.normpath(path))

    def is_folder(self, path: str) -> bool:
        folder = posixpath.normpath(path)
        return any(p.startswith(folder + "/") for p in self._data)

    def real(self, path: str) -> str:
        return posixpath.normpath(path)

    def shown(self, path: str) -> str:
        return path.removeprefix("repo/")

    def top(self, path: str) -> str:
        return "repo"

    def entries(self, folder: str) -> tuple[Entry, ...]:
        prefix = posixpath.normpath(folder) + "/"
        below = [p.removeprefix(prefix) for p in self._data if p.startswith(prefix)]
        return tuple(sorted({Entry(name=p.split("/")[0], folder="/" in p) for p in below}))

    def remotes(self, path: str) -> Remotes:
        return Remotes(urls=("https://git.example.com/team/repo.git",), branch="main")

    @property
    def kustomizations(self) -> list[str]:
        return [p for p in self._data if posixpath.basename(p) in ("kustomization.yaml", "kustomization.yml", "Kustomization")]
