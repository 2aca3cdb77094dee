"""Charts that no app renders: each by itself, with its own values or as the settings say."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence

from kgate.finding import clean
from kgate.load.render.apps.app import Setting
from kgate.load.render.composed import Composed
from kgate.load.render.helm.release import Release, Values, values_file
from kgate.load.render.kustomize.folder import Budget
from kgate.load.render.nodes import Place
from kgate.load.render.rendering import NotRendered, Rendering
from kgate.load.render.settings import HelmRelease
from kgate.manifest import Manifest

Numbered = Callable[[str, int], int]
"""Takes numbers for so many objects of a file."""


def render(run: Setting, files: Sequence[str], *, numbered: Numbered) -> list[Rendering]:
    """One Rendering a release. Charts inside of charts are part of those; a library is no app."""
    folders = sorted({run.files.real(posixpath.dirname(f) or ".") for f in files})
    roots = [f for f in folders if not any(f != o and f.startswith(o.rstrip("/") + "/charts/") for o in folders)]
    return [r for f in roots if not _is_library(run, f) for r in _chart(run, f, numbered)]


def _is_library(run: Setting, folder: str) -> bool:
    try:
        node = run.shelf.settings(posixpath.join(folder, "Chart.yaml"))
    except NotRendered:
        return False
    return node is not None and node.string("type") == "library"


def _chart(run: Setting, folder: str, numbered: Numbered) -> list[Rendering]:
    wanted = [r for r in run.settings.helm if run.files.real(r.chart) == folder]
    name = re.sub(r"[^-a-z0-9]+", "-", posixpath.basename(folder).lower())[:53].strip("-") or "release"
    asked = wanted or [HelmRelease(chart=folder)]
    return [_release(run, folder, a, a.release or name, numbered) for a in asked]


def _release(run: Setting, folder: str, asked: HelmRelease, name: str, numbered: Numbered) -> Rendering:
    file, budget = posixpath.join(folder, "Chart.yaml"), Budget()
    shown = run.files.shown(file)
    app = clean(posixpath.dirname(shown) or ".") + (
        f" ({clean(asked.release or ', '.join(asked.values))})" if run.settings.helm and (asked.release or asked.values) else ""
    )
    environment = clean(asked.namespace) if asked.release or asked.values else ""
    base = Rendering(app=app, renderer="helm", file=shown, inputs=(shown,), environment=environment)
    try:
        values = _values(run, asked, budget)
        release = Release(folder=folder, name=name, namespace=asked.namespace, values=values)
        top = run.files.top(folder) or run.files.real(".")
        objects = run.helm.objects(run.shelf, release, top, budget)
        first = numbered(shown, len(objects))
        source = Composed(file=shown, text=run.shelf.text(file), objects=dict(enumerate(objects, first)))
        manifests = tuple(Manifest(source=source, document=n, body=o.plain(), app=app) for n, o in enumerate(objects, first))
    except (NotRendered, RecursionError) as e:
        return _refused(base, e if isinstance(e, NotRendered) else NotRendered("an object nests too deeply"))
    inputs = sorted(budget.inputs)
    return Rendering(
        app=app, renderer="helm", file=shown, environment=environment, manifests=manifests, consumed=frozenset(inputs),
        inputs=tuple(sorted(map(run.files.shown, inputs))), sources=tuple(t for i in inputs if (t := _text(run, i)) is not None),
    )  # fmt: skip


def _values(run: Setting, asked: HelmRelease, budget: Budget) -> Values:
    texts = []
    for path in asked.values:
        found = values_file(run.shelf, ".", path, run.files.top(run.files.real(".")) or run.files.real("."))
        if found is None:
            raise NotRendered(f"there is no values file {path[:100]}")
        budget.count(found[0], len(found[1]))
        texts.append(found[1])
    return Values(texts=tuple(texts))


def _text(run: Setting, real: str):  # type: ignore[no-untyped-def]
    try:
        return run.shelf.text(real)
    except NotRendered:
        return None


def _refused(base: Rendering, e: NotRendered) -> Rendering:
    from msgspec.structs import replace

    place: Place | None = e.place
    if place is not None and place.source.file != base.file:
        return replace(base, reason=clean(f"{place.source.file}:{place.line}:{place.column}: {e.reason}"))
    return replace(base, reason=clean(e.reason), line=place.line if place is not None else 1)
