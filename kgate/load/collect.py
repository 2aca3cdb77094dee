"""Files to one Loaded: the part that is the same for the working tree and for a commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct, field

from kgate.finding import Finding, Skipped, in_order
from kgate.load.documents import HELM, Contents, contents
from kgate.load.fault import Fault
from kgate.load.files import Found, Unreadable, unreadable
from kgate.load.layout import Layout, Tree
from kgate.load.source import Trees
from kgate.load.text import decoded
from kgate.manifest import Manifest, Source


class Loaded(Struct, frozen=True, kw_only=True):
    """Everything below the paths of a run, in the order of file, document and item."""

    manifests: tuple[Manifest, ...] = ()
    findings: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    sources: tuple[Source, ...] = ()
    """The texts of the files that were read."""
    files: int = 0
    """How many files were met, unreadable ones included."""


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


def collect(
    found: Iterable[Found],
    content: Callable[[str], bytes],
    tree: Tree,
    *,
    findings: Iterable[Finding] = (),
    skipped: Iterable[Skipped] = (),
) -> Loaded:
    """Reads each file once, sorted by the name that is shown. `content` takes `Found.path` and may raise Unreadable."""
    total, layout, trees = _Sum(findings=list(findings), skipped=list(skipped)), Layout(tree), Trees()
    ordered = sorted(found, key=lambda f: f.file)
    for file in ordered:
        _one(total, file, content, layout, trees)
    return Loaded(
        manifests=tuple(total.manifests),
        findings=in_order(total.findings),
        skipped=tuple(sorted(set(total.skipped))),
        sources=tuple(total.sources),
        files=len(ordered),
    )


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
