"""What a file is by where it lies: a template of a Helm chart, a patch of a kustomization."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from kgate.load.yaml import parse

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")


class Tree(Protocol):
    """The files around a file: on disk or in a commit."""

    def read(self, path: str) -> bytes | None:
        """None when there is no such file, or none that may be read."""

    def ancestors(self, path: str) -> Iterator[str]:
        """The folders above `path`, nearest first; `.` is the last of a relative one."""


class Layout:
    """Answers are kept by folder: a thousand files of one folder ask once."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._charts: dict[str, bool] = {}
        self._patches: dict[str, tuple[str, frozenset[str]]] = {}

    def is_chart_template(self, path: str) -> bool:
        """Below `templates/` of a folder with a Chart.yaml: text for Helm, even where it happens to be YAML."""
        folders = list(self._tree.ancestors(path))
        return any(posixpath.basename(f) == "templates" and self._is_chart(posixpath.dirname(f) or ".") for f in folders)

    def patched_by(self, path: str) -> str:
        """The kustomization that names `path` as a patch and not as a resource; empty when none does."""
        wanted = posixpath.normpath(path)
        for folder in self._tree.ancestors(path):
            kustomization, patches = self._patches_of(folder)
            if wanted in patches:
                return kustomization
        return ""

    def _is_chart(self, folder: str) -> bool:
        if folder not in self._charts:
            self._charts[folder] = self._tree.read(posixpath.join(folder, "Chart.yaml")) is not None
        return self._charts[folder]

    def _patches_of(self, folder: str) -> tuple[str, frozenset[str]]:
        if folder not in self._patches:
            self._patches[folder] = self._read_patches(folder)
        return self._patches[folder]

    def _read_patches(self, folder: str) -> tuple[str, frozenset[str]]:
        for name in KUSTOMIZATIONS:
            path = posixpath.join(folder, name)
            text = self._tree.read(path)
            if text is None:
                continue
            data = parse(text.decode("utf-8", "replace")).data
            named = _patches(data) - _resources(data) if isinstance(data, Mapping) else set()
            return posixpath.normpath(path), frozenset(posixpath.normpath(posixpath.join(folder, n)) for n in named)
        return "", frozenset()


def _patches(kustomization: Mapping[str, Any]) -> set[str]:
    """Files named by `patchesStrategicMerge`, `patchesJson6902`, `patches` (also in its old form, a list of paths), `replacements`."""
    entries = [
        e for f in ("patchesStrategicMerge", "patchesJson6902", "patches", "replacements") for e in _list(kustomization.get(f))
    ]  # fmt: skip
    paths = (e.get("path") if isinstance(e, Mapping) else e for e in entries)
    return {p for p in paths if isinstance(p, str) and "\n" not in p and p}


def _resources(kustomization: Mapping[str, Any]) -> set[str]:
    return {r for f in ("resources", "bases", "components", "crds") for r in _list(kustomization.get(f)) if isinstance(r, str)}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
