"""A chart as it lies in the repository: what it is called, whether all of it is there, and a copy that leads nowhere."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator

from msgspec import Struct

from kgate.load.render.kustomize.folder import Budget, Shelf
from kgate.load.render.nodes import Node, Place
from kgate.load.render.rendering import NotRendered

MAX_DEPTH = 20
"""Folders inside folders of a chart."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")


class Chart(Struct, frozen=True, kw_only=True):
    """One chart."""

    folder: str
    """Its real path."""
    name: str
    library: bool
    files: tuple[str, ...]
    """All that it consists of, relative to `folder`, sorted."""
    file: str
    """The real path of its Chart.yaml."""


def chart_of(shelf: Shelf, folder: str, top: str, budget: Budget) -> Chart:
    """The chart in a real folder, all of whose files count for `budget`. Raises NotRendered for one that is not whole, or leads out of
    itself by a link."""
    file = posixpath.join(folder, "Chart.yaml")
    if shelf.data(file) is None:
        raise NotRendered(f"{shelf.files.shown(folder)} holds no chart")
    metadata = shelf.settings(file)
    name = metadata.string("name") if metadata is not None else ""
    if metadata is None or not _NAME.fullmatch(name):
        raise NotRendered(f"{shelf.files.shown(file)}: the chart has no name that can be used")
    listed = tuple(sorted(_files(shelf, folder, top)))
    for path in listed:
        data = shelf.data(shelf.files.real(posixpath.join(folder, path)))
        budget.count(shelf.files.real(posixpath.join(folder, path)), len(data or b""))
    _whole(shelf, folder, metadata, listed)
    return Chart(folder=folder, name=name, library=metadata.string("type") == "library", files=listed, file=file)


def _files(shelf: Shelf, folder: str, top: str) -> Iterator[str]:
    """Helm follows links, so none may lead out of the chart; one to a folder inside would be read twice, and is refused, too."""
    pending, count = [""], 0
    while pending:
        here = pending.pop()
        if here.count("/") > MAX_DEPTH:
            raise NotRendered("the chart has too many folders inside folders")
        for entry in shelf.files.entries(posixpath.join(folder, here) if here else folder):
            path, count = posixpath.join(here, entry.name), count + 1
            if count > 5_000:
                raise NotRendered("the chart has more than 5000 files")
            if entry.link:
                real = shelf.files.real(posixpath.join(folder, path))
                if not real.startswith(folder + "/") and folder != ".":
                    raise NotRendered(f"{path[:100]} is a symbolic link out of the chart")
                if shelf.data(real) is None:
                    raise NotRendered(f"{path[:100]} is a symbolic link to a folder or to nowhere")
                yield path
            elif entry.folder:
                pending += [path] if entry.name != ".git" else []
            else:
                yield path


def _whole(shelf: Shelf, folder: str, metadata: Node, files: tuple[str, ...]) -> None:
    """Dependencies lie in `charts/`, or the chart is not whole: nothing is fetched."""
    requirements = posixpath.join(folder, "requirements.yaml")
    old = shelf.settings(requirements) if shelf.data(requirements) is not None else None
    for node in (metadata, old):
        for dependency in found.items if node is not None and (found := node.get("dependencies")) is not None else ():
            name = dependency.string("name")
            packed = any(f.startswith(f"charts/{name}-") and f.endswith(".tgz") for f in files)
            if name and not packed and f"charts/{name}/Chart.yaml" not in files and not _other_folder(shelf, folder, name, files):
                raise NotRendered(f"dependency {name[:100]} is missing in charts/: kgate fetches nothing", place=dependency.place)


def _other_folder(shelf: Shelf, folder: str, name: str, files: tuple[str, ...]) -> bool:
    """Whether a folder of another name holds that dependency."""
    inner = (f for f in files if f.count("/") == 2 and f.startswith("charts/") and f.endswith("/Chart.yaml"))
    for file in inner:
        found = shelf.settings(shelf.files.real(posixpath.join(folder, file)))
        if found is not None and found.string("name") == name:
            return True
    return False


def copy(shelf: Shelf, chart: Chart, target: str) -> None:
    """Writes the chart below the folder `target`, links as the files they lead to."""
    for path in chart.files:
        data = shelf.data(shelf.files.real(posixpath.join(chart.folder, path)))
        if data is None:
            raise NotRendered(f"{path[:100]} is no regular file, or cannot be read", place=None)
        there = os.path.join(target, *path.split("/"))  # noqa: PTH118
        os.makedirs(os.path.dirname(there), exist_ok=True)  # noqa: PTH103, PTH120
        with open(there, "xb") as file:  # noqa: PTH123
            file.write(data)


def place_of(shelf: Shelf, real: str) -> Place:
    """The first character of a file."""
    return Place(source=shelf.text(real), document=0, line=1, column=1)
