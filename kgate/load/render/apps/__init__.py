"""Argo CD and Flux: the apps that objects declare, what each makes of this repository, and the apps that those declare in turn."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from kgate.finding import clean
from kgate.load.render.apps import argo, charts, flux, sets
from kgate.load.render.apps.app import Answer, App, Setting, apps_in, declares, node_of
from kgate.load.render.composed import Composed
from kgate.load.render.helm.release import Helm
from kgate.load.render.kustomize.folder import Budget, Shelf
from kgate.load.render.nodes import Node, Place
from kgate.load.render.rendering import Elsewhere, Files, NotRendered, Rendering
from kgate.load.render.settings import RenderSettings
from kgate.manifest import Manifest, Source

__all__ = ["Rendered", "declares", "render"]

MAX_APPS = 1_000
MAX_DEPTH = 5
"""Apps that declare apps."""
FIRST_DOCUMENT = 1_000_000
"""Objects of apps are numbered from here on, so that no document of the file that declares the app has the number of one of them."""


class _Made(Struct, kw_only=True, eq=False):
    """An app and what became of it."""

    app: App
    rendering: Rendering
    read: frozenset[str] = frozenset()
    """Files as shown."""
    children: list[App] = field(default_factory=list)


class Rendered(Struct, frozen=True, kw_only=True):
    """What the apps of a run come to."""

    renderings: tuple[Rendering, ...]
    consumed: frozenset[str]
    """Real paths of all that was rendered: neither judged as it is written nor an app of its own."""


def render(files: Files, settings: RenderSettings, manifests: Sequence[Manifest], chart_files: Sequence[str]) -> Rendered:
    """The apps that `manifests` declare and, of the charts, those that none of them renders. Sorted by file and name; no program but
    `helm` is run, and nothing is fetched."""
    shelf = Shelf(files)
    run = Setting(files=files, shelf=shelf, helm=Helm(settings.kubernetes_version), settings=settings, objects=_referred_to(manifests))
    numbers: dict[str, int] = {}
    made = _all(run, apps_in(manifests), numbers)
    consumed = _consumed(m.rendering for m in made)
    released = charts.render(
        run, [c for c in chart_files if files.real(c) not in consumed], numbered=lambda file, n: _take(numbers, file, n)
    )
    inside = apps_in([m for r in released for m in r.manifests])
    made += _all(run, inside, numbers) if inside else []
    renderings = [*(m.rendering for m in made), *released]
    return Rendered(renderings=_told_apart(renderings), consumed=_consumed(renderings))


def _consumed(renderings: Iterable[Rendering]) -> frozenset[str]:
    return frozenset(p for r in renderings if r.rendered for p in r.consumed)


def _referred_to(manifests: Sequence[Manifest]) -> dict[tuple[str, str, str], Node]:
    """What apps refer to by name. Read only where there is an app."""
    kinds = ("ConfigMap", "Secret", "GitRepository")
    if not any(declares(m.api_version, m.kind) and m.kind != "Application" for m in manifests):
        return {}
    return {(m.kind, m.namespace, m.name): node_of(m) for m in manifests if m.kind in kinds}


def _all(run: Setting, roots: list[App], numbers: dict[str, int]) -> list[_Made]:
    """The apps that no other one renders, and what is below them. Of a ring one is taken for the first."""
    first = [m for app in roots for m in _made(run, app, numbers)]
    tops = _tops(first)
    out: list[_Made] = []
    seen: set[tuple[object, ...]] = set()
    pending = deque(tops)
    while pending:
        here = pending.popleft()
        name = _identity(here.app)
        if name in seen:
            continue
        seen.add(name)
        out.append(here)
        for child in here.children:
            if child.key not in {a.key for a in (*here.app.above, here.app)} and _identity(child) not in seen:
                pending.extend(_below(run, child, numbers, len(out) + len(pending)))
    return out


def _below(run: Setting, app: App, numbers: dict[str, int], so_far: int) -> list[_Made]:
    if len(app.above) >= MAX_DEPTH:
        return [_refused(run, app, NotRendered(f"apps declare apps more than {MAX_DEPTH} deep", place=app.place))]
    if so_far >= MAX_APPS:
        return [_refused(run, app, NotRendered(f"there are more than {MAX_APPS} apps", place=app.place))]
    return _made(run, app, numbers)


def _identity(app: App) -> tuple[object, ...]:
    """One app, however often it is met."""
    return (*app.key, json.dumps(app.node.plain(), sort_keys=True, default=str))


def _tops(made: list[_Made]) -> list[_Made]:
    """Those whose declaration no other app renders; one more of each ring, so that all are reached."""
    above = {id(m): [o for o in made if o is not m and o.read and m.app.place.source.file in o.read] for m in made}
    tops = [m for m in made if not above[id(m)]]
    reached: set[int] = set()
    for start in (*tops, *made):
        if id(start) in reached:
            continue
        if above[id(start)]:
            tops.append(start)
        pending = [start]
        while pending:
            here = pending.pop()
            if id(here) not in reached:
                reached.add(id(here))
                pending += [m for m in made if here in above[id(m)]]
    return tops


def _made(run: Setting, app: App, numbers: dict[str, int]) -> list[_Made]:
    """What becomes of one declaration: one app, or those of a set."""
    if app.node.string("kind") != "ApplicationSet" or app.kind != "ApplicationSet":
        return [_one(run, app, Answer(budget=Budget()), numbers)]
    answer = Answer(budget=Budget())
    try:
        members = sets.applications(run, app, answer)
    except (NotRendered, RecursionError) as e:
        return [_refused(run, app, e if isinstance(e, NotRendered) else NotRendered("an object nests too deeply"))]
    return [_one(run, m, Answer(budget=Budget(), notes=list(answer.notes)), numbers) for m in members]


def _one(run: Setting, app: App, answer: Answer, numbers: dict[str, int]) -> _Made:
    renderer = argo if app.kind in ("Application", "ApplicationSet") else flux
    file = app.place.source.file
    try:
        renderer.render(run, app, answer)
        first = _take(numbers, file, len(answer.objects))
        manifests = numbered(app.place.source, answer.objects, app.title, first)
    except NotRendered as e:
        return _refused(run, app, e, answer)
    except RecursionError:
        return _refused(run, app, NotRendered("an object nests too deeply"), answer)
    rendering = replace(
        _rendering(app, answer), manifests=manifests, consumed=frozenset(answer.budget.inputs), inputs=_shown(run, app, answer),
        sources=_sources(run, answer, manifests),
    )  # fmt: skip
    read = frozenset(run.files.shown(i) for i in answer.budget.inputs)
    return _Made(app=app, rendering=rendering, read=read, children=apps_in(manifests, (*app.above, app)))


def _take(numbers: dict[str, int], file: str, many: int) -> int:
    """The number of the first of so many objects."""
    first = numbers.get(file, FIRST_DOCUMENT)
    numbers[file] = first + many
    return first


def numbered(text: Source, objects: list[Node], app: str, first: int) -> tuple[Manifest, ...]:
    """The objects as Manifests, numbered from `first` on. Raises NotRendered for a value that JSON cannot hold."""
    source = Composed(file=text.file, text=text, objects=dict(enumerate(objects, first)))
    return tuple(Manifest(source=source, document=n, body=node.plain(), app=app) for n, node in enumerate(objects, first))


def _rendering(app: App, answer: Answer) -> Rendering:
    return Rendering(
        app=app.title, renderer=answer.renderer, file=app.place.source.file, line=app.place.line, kind=app.kind,
        environment=clean(answer.environment), notes=tuple(map(clean, answer.notes)),
    )  # fmt: skip


def _shown(run: Setting, app: App, answer: Answer) -> tuple[str, ...]:
    return tuple(sorted({app.place.source.file, *map(run.files.shown, answer.budget.inputs)}))


def _sources(run: Setting, answer: Answer, manifests: Iterable[Manifest]) -> tuple[Source, ...]:
    del manifests
    found = []
    for real in sorted(answer.budget.inputs):
        try:
            found.append(run.shelf.text(real))
        except NotRendered:
            continue
    return tuple(found)


def _refused(run: Setting, app: App, e: NotRendered, answer: Answer | None = None) -> _Made:
    """The reason stands where it was found, when that is in the file that declares the app; else it says where it stands."""
    del run
    answer = Answer(budget=Budget()) if answer is None else answer
    reason, place = told(e, app.place)
    base = _rendering(app, answer)
    spec = app.node.get("spec")
    environment = base.environment or (clean(argo.environment(spec)) if spec is not None and spec.is_map else "")
    rendering = replace(
        base, reason=reason, elsewhere=isinstance(e, Elsewhere), line=place.line, inputs=(base.file,), environment=environment
    )
    return _Made(app=app, rendering=replace(rendering, renderer=rendering.renderer or "unknown"))


def told(e: NotRendered, own: Place) -> tuple[str, Place]:
    """A reason and the place in the file of `own` that it is told at."""
    if e.place is None or e.place.source is None:
        return clean(e.reason), own
    if e.place.source.file == own.source.file:
        return clean(e.reason), e.place
    return clean(f"{e.place.source.file}:{e.place.line}:{e.place.column}: {e.reason}"), own


def _told_apart(renderings: list[Rendering]) -> tuple[Rendering, ...]:
    """Sorted; apps of one name get the name of their file."""
    count: dict[str, int] = {}
    for r in renderings:
        count[r.app] = count.get(r.app, 0) + 1
    out = [_renamed(r, f"{r.app} ({r.file})") if count[r.app] > 1 else r for r in renderings]
    return tuple(sorted(out, key=lambda r: (r.file, r.line, r.app)))


def _renamed(r: Rendering, name: str) -> Rendering:
    from dataclasses import replace as renamed

    return replace(r, app=name, manifests=tuple(renamed(m, app=name) for m in r.manifests))
