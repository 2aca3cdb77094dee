"""Files to one Loaded: the part that is the same for the working tree and for a commit."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, field

from kgate.finding import Finding, Skipped, clean, in_order
from kgate.load.documents import HELM, Contents, contents
from kgate.load.fault import Fault
from kgate.load.files import Found, Unreadable, unreadable
from kgate.load.layout import KUSTOMIZATIONS, Layout
from kgate.load.render.rendering import Entry, Remotes, Rendering
from kgate.load.source import Trees
from kgate.load.text import decoded
from kgate.manifest import Manifest, Source

if TYPE_CHECKING:
    from kgate.load.render.settings import RenderSettings

_DECLARING = ("argoproj.io/", "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/")
"""API groups with objects that declare apps."""


class Loaded(Struct, frozen=True, kw_only=True):
    """Everything below the paths of a run, in the order of file, document and item."""

    manifests: tuple[Manifest, ...] = ()
    findings: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    sources: tuple[Source, ...] = ()
    """The texts of the files that were read."""
    files: int = 0
    """How many files were met, unreadable ones included."""
    renderings: tuple[Rendering, ...] = ()
    """The apps that the files are rendered to, and why those that are not are not. Their objects are among `manifests`."""


class Tree(Protocol):
    """The files around a file, for `layout` and for `render`."""

    def read(self, path: str) -> bytes | None: ...

    def ancestors(self, path: str) -> Iterator[str]: ...

    def is_folder(self, path: str) -> bool: ...

    def real(self, path: str) -> str: ...

    def shown(self, path: str) -> str: ...

    def top(self, path: str) -> str: ...

    def entries(self, folder: str) -> tuple[Entry, ...]: ...

    def remotes(self, path: str) -> Remotes: ...


class _Sum(Struct):
    """Loaded in the making."""

    manifests: list[Manifest] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)

    def add(self, read: Contents) -> None:
        self.manifests += read.manifests
        self.findings += read.findings
        self.skipped += read.skipped
        self.sources.append(read.source)

    def add_app(self, rendering: Rendering) -> None:
        """What is not rendered is wanted: the raw files are judged, but not what the app makes of them."""
        self.manifests += rendering.manifests
        self.sources += rendering.sources
        for note in rendering.notes:
            self.skipped.append(Skipped(file=rendering.file, reason=f"{rendering.kind}: {note}", line=rendering.line))
        if not rendering.rendered:
            reason = f"{rendering.kind or rendering.renderer}: {rendering.app} is not rendered: {rendering.reason}"
            self.skipped.append(Skipped(file=rendering.file, reason=reason, line=rendering.line, wanted=not rendering.elsewhere))

    def drop(self, files: Collection[str]) -> None:
        """What was read of files that turn out to be parts of apps."""
        self.manifests = [m for m in self.manifests if m.file not in files]
        named = {clean(f) for f in files}
        self.findings = [f for f in self.findings if f.file not in named]
        self.skipped = [s for s in self.skipped if s.file not in named]
        self.sources = [s for s in self.sources if s.file not in files]


def collect(
    found: Iterable[Found],
    content: Callable[[str], bytes],
    tree: Tree,
    *,
    findings: Iterable[Finding] = (),
    skipped: Iterable[Skipped] = (),
    settings: RenderSettings | None = None,
) -> Loaded:
    """Reads each file once, sorted by the name that is shown. `content` takes `Found.path` and may raise Unreadable."""
    total, layout, trees = _Sum(findings=list(findings), skipped=list(skipped)), Layout(tree), Trees()
    ordered = sorted(found, key=lambda f: f.file)
    renderings = _rendered(ordered, tree)
    settled = {real for r in renderings for real in r.consumed}
    for file in ordered:
        if not settled or tree.real(_inside(file)) not in settled:
            _one(total, file, content, layout, trees)
    renderings = _with_apps(total, renderings, ordered, tree, settings)
    for rendering in renderings:
        total.add_app(rendering)
    return Loaded(
        manifests=tuple(sorted(total.manifests, key=lambda m: m.file) if renderings else total.manifests),
        findings=in_order(total.findings),
        skipped=tuple(sorted(set(total.skipped))),
        sources=tuple(total.sources),
        files=len(ordered),
        renderings=renderings,
    )


def _rendered(found: Sequence[Found], tree: Tree) -> tuple[Rendering, ...]:
    """The apps that begin in one of the files."""
    kustomizations = [_inside(f) for f in found if posixpath.basename(f.file) in KUSTOMIZATIONS]
    if not kustomizations:
        return ()
    from kgate.load import render

    return render.render(render.Named(tree, {tree.real(_inside(f)): f.file for f in found}), kustomizations)


def _with_apps(
    total: _Sum, renderings: tuple[Rendering, ...], found: Sequence[Found], tree: Tree, settings: RenderSettings | None
) -> tuple[Rendering, ...]:
    """The same with the apps that objects declare, and charts. What those are rendered from is no longer judged as it is written."""
    objects = [*total.manifests, *(m for r in renderings for m in r.manifests)]
    charts = [_inside(f) for f in found if posixpath.basename(f.file) == "Chart.yaml"]
    if not charts and not any(m.api_version.startswith(_DECLARING) for m in objects):
        return renderings
    from kgate.load import render
    from kgate.load.render import apps
    from kgate.load.render.settings import RenderSettings

    reals = {tree.real(_inside(f)): f.file for f in found if f.path != "-"}
    done = apps.render(render.Named(tree, reals), settings or RenderSettings(), objects, charts)
    total.drop({file for real, file in reals.items() if real in done.consumed})
    named = {file: real for real, file in reals.items()}
    return (*(r for r in renderings if named.get(r.file) not in done.consumed), *done.renderings)


def _inside(file: Found) -> str:
    """The path that the tree knows the file by."""
    return file.inside or file.path


def _one(total: _Sum, file: Found, content: Callable[[str], bytes], layout: Layout, trees: Trees) -> None:
    if file.path != "-":
        if layout.is_chart_template(file.inside or file.file):
            total.skipped.append(Skipped(file=file.file, reason=HELM, wanted=True))
            return
        if kustomization := layout.patched_by(file.inside or file.file):
            total.skipped.append(Skipped(file=file.file, reason=f"kustomize patch of {kustomization}: no object of its own"))
            return
    try:
        text = decoded(content(file.path))
    except Unreadable as e:
        total.findings.append(unreadable(file.file, e))
        return
    if isinstance(text, Fault):
        total.findings.append(Finding.in_file(file.file, text.place, rule=text.rule, message=text.message))
        return
    total.add(contents(file.file, text, explicit=file.explicit, trees=trees))
