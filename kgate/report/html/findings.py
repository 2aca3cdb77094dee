"""Findings by file, each with the lines it is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from kgate.finding import Finding
from kgate.manifest import Source
from kgate.report.excerpt import excerpt
from kgate.report.html.markup import element, folded, safe
from kgate.report.style import Style, counted

_SHOWN = 2_000
"""Findings on one page: beyond that a browser grows slow, and nobody reads on."""


def section(title: str, findings: Sequence[Finding], sources: Mapping[str, Source], look: Style) -> str:
    if not findings:
        return ""
    kept = findings
    if len(findings) > _SHOWN:
        kept = sorted(sorted(findings, key=lambda f: (f.severity.rank, f.order))[:_SHOWN], key=lambda f: f.order)
    parts = ["<section>", f"<h2>{safe(title)} ({len(findings)})</h2>"]
    for file, group in groupby(kept, key=lambda f: f.file):
        source = sources.get(file)
        lines = source.lines() if source else ()
        parts += [f"<h3>{safe(look.in_repository(file))}</h3>", *(_article(f, lines) for f in group)]
    if len(findings) > _SHOWN:
        parts.append(f"<p>and {counted(len(findings) - _SHOWN, 'milder finding')}: the JSON report has them all</p>")
    return "\n".join([*parts, "</section>"])


def _article(f: Finding, lines: Sequence[str]) -> str:
    badge = element("span", safe(f.severity.value), class_=f"badge {f.severity.value}")
    head = f"<p>{badge} <strong>{safe(f.message)}</strong></p>"
    quote = excerpt(lines, f.line, f.column, Style())[1:]
    shown = [f"<pre>{chr(10).join(map(safe, quote))}</pre>"] if quote else []
    return element("article", "\n".join(["", head, *_notes(f), *shown, ""]), class_=f.severity.value)


def _notes(f: Finding) -> Iterator[str]:
    subject = f" in {safe(str(f.object))}" if f.object is not None and f.object.kind else ""
    yield f'<p class="soft">line {f.line}, column {f.column}{subject}: {safe(f.rule)} {safe(f.name)}</p>'
    if f.remediation:
        yield f"<p>fix: {safe(f.remediation)}</p>"
    if f.waived is not None:
        yield f"<p>waived: {safe(f.waived)}</p>"
    if f.why:
        yield folded("why", f"<p>{safe(f.why)}</p>")
