"""A folder of plain manifests, as Argo CD takes it (reposerver/repository/repository.go, findManifests)."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator

from kgate.load.fault import Fault
from kgate.load.render import objects as reading
from kgate.load.render.apps.app import Answer, Setting, within
from kgate.load.render.kustomize.reading import in_file
from kgate.load.render.nodes import Node, Place
from kgate.load.render.rendering import NotRendered
from kgate.load.text import decoded

MAX_FILES = 5_000
_MANIFEST = re.compile(r"\.(yaml|yml|json|jsonnet)$")
_SKIP = "+argocd:skip-file-rendering"


def files(run: Setting, folder: str, *, recurse: bool, place: Place) -> Iterator[str]:
    """Paths below a real folder, relative to it, sorted; links to folders are not followed. Raises NotRendered for a link out of it."""
    top, count, pending = run.top(place), 0, [""]
    while pending:
        here = pending.pop()
        for entry in run.files.entries(posixpath.join(folder, here) if here else folder):
            path = posixpath.join(here, entry.name)
            count += 1
            if count > MAX_FILES:
                raise NotRendered(f"it holds more than {MAX_FILES} files", place=place)
            if entry.link:
                real = run.files.real(posixpath.join(folder, path))
                if not within(real, top):
                    raise NotRendered(f"{path[:100]} is a symbolic link out of the repository", place=place)
                if run.files.is_folder(real):
                    continue
            if not entry.folder:
                yield path
            elif recurse and entry.name != ".git":
                pending.append(path)


def objects(run: Setting, folder: str, options: Node | None, answer: Answer, place: Place) -> list[Node]:
    """The objects of the files that the options choose. Raises NotRendered."""
    wanted = options if options is not None else Node(place=place, children={})
    if (jsonnet := wanted.get("jsonnet")) is not None and any(v.children or v.text for v in jsonnet.fields.values()):
        raise NotRendered("directory.jsonnet: jsonnet is not evaluated", place=jsonnet.key)
    include, exclude = _glob(wanted.get("include")), _glob(wanted.get("exclude"))
    out: list[Node] = []
    for path in sorted(files(run, folder, recurse=wanted.string("recurse") == "true", place=place)):
        if not _MANIFEST.search(path) or (exclude and exclude.fullmatch(path)) or (include and not include.fullmatch(path)):
            continue
        if path.endswith(".jsonnet"):
            raise NotRendered(f"{path[:100]}: jsonnet is not evaluated", place=place)
        out += _objects(run, posixpath.join(folder, path), answer, place)
        if len(out) > reading.MAX_OBJECTS:
            raise NotRendered(f"it makes more than {reading.MAX_OBJECTS} objects", place=place)
    return out


def _objects(run: Setting, path: str, answer: Answer, place: Place) -> list[Node]:
    """What is no object at all is passed over, as Argo CD does; half of one is refused."""
    real = run.files.real(path)
    data = run.shelf.data(real)
    if data is None:
        raise NotRendered(f"{run.files.shown(path)} cannot be read", place=place)
    text = decoded(data)
    if isinstance(text, Fault):
        raise NotRendered(f"{run.files.shown(path)}: {text.message}", place=place)
    if _SKIP in text:
        answer.note(f"{run.files.shown(path)} says that it is not to be rendered")
        return []
    try:
        found = reading.objects(text, in_file(run.shelf.text(real)))
    except NotRendered:
        if all(re.search(rf"(?m)^{word}:", text) for word in ("apiVersion", "kind", "metadata")):
            raise
        answer.note(f"{run.files.shown(path)} is no object, and is passed over")
        return []
    answer.budget.count(real, len(data))
    return found


def _glob(node: Node | None) -> re.Pattern[str] | None:
    """`{config.json,env-*/*}`: a `*` is any text, slashes included (gobwas/glob without separators). Raises NotRendered."""
    if node is None or not node.text:
        return None
    # fnmatch makes expressions that do not go back over what a star has taken.
    return re.compile("|".join(fnmatch.translate(p) for p in alternatives(node.text, node.place)))


def alternatives(pattern: str, place: Place) -> list[str]:
    """`a{b,c}` is `ab` and `ac`. Raises NotRendered for very many of them."""
    pending, out = [pattern.replace("[^", "[!")], []
    while pending:
        here = pending.pop()
        found = _INNERMOST.search(here)
        if found is None:
            out.append(here)
        else:
            pending += [here[: found.start()] + part + here[found.end() :] for part in found[1].split(",")]
        if len(pattern) > 1000 or len(out) + len(pending) > 200:
            raise NotRendered("a pattern has too many alternatives", place=place)
    return sorted(out)


_INNERMOST = re.compile(r"\{([^{}]*)\}")
