"""The report for people at a terminal: each finding at its line, each rollout step by step, and the verdict last."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from kgate.finding import Finding
from kgate.outcome import ImageOutcome, Report
from kgate.report import placement, rehearsal, summary
from kgate.report.excerpt import excerpt
from kgate.report.style import Style, columns, wrapped

_WIDE = 100
"""Cells of a note's line; longer ones are wrapped."""


def render(report: Report, style: Style) -> str:
    if style.quiet:
        return style.finished([summary.verdict(report, style)] if style.quiet == 1 else [])
    return style.finished([line for block in _blocks(report, style) for line in (*block, "")][:-1])


def _blocks(report: Report, style: Style) -> Iterator[list[str]]:
    for file, findings in groupby(report.findings, key=lambda f: f.file):
        source = report.sources.get(file)
        lines = source.lines() if source else ()
        yield from (_finding(f, lines, style) for f in findings)
    for played in report.rollouts:
        yield rehearsal.render(played, style)
        if placed := placement.render(played, style):
            yield placed
    if report.images:
        yield _images(report.images, style)
    yield summary.render(report, style)


def _finding(f: Finding, lines: tuple[str, ...], style: Style) -> list[str]:
    """In full, unless it is waived: those are told for whoever wants to know, and shall not bury the others."""
    if f.waived is not None:
        return _waived(f, style)
    quote = excerpt(lines, f.line, f.column, style)
    indent = " " * (len(str(f.line)) if quote else 1)
    head = style.severity(f.severity, f"{f.severity}[{f.rule}]") + style.paint("bold", f": {style.shown(f.message)}")
    notes = [f"{indent} {row}" for name, text in _notes(f) for row in _note(name, text, style)]
    bar = [f"{indent} {style.paint('blue', '|')}"] if quote else []
    return [head, f"{indent}{style.paint('blue', '-->')} {style.shown(f.file)}:{f.line}:{f.column}", *quote, *bar, *notes]


def _waived(f: Finding, style: Style) -> list[str]:
    head = style.paint("dim", f"{f.severity}[{f.rule}]: {style.shown(f.message)}")
    place = f"{style.shown(f.file)}:{f.line}:{f.column}" + (f" ({style.shown(str(f.object))})" if f.object and f.object.kind else "")
    name = "known" if f.baselined else "waived"
    return [head, f" {style.paint('blue', '-->')} {place}", *(f"  {row}" for row in _note(name, f.waived or "", style))]


def _note(name: str, text: str, style: Style) -> Iterator[str]:
    """`= why:    ...`, wrapped under itself."""
    first, *others = wrapped(style.shown(text), _WIDE)
    yield f"{style.paint('blue', '=')} {name + ':':<8}{first}"
    yield from (f"  {'':<8}{line}" for line in others)


def _notes(f: Finding) -> Iterator[tuple[str, str]]:
    if f.object is not None and f.object.kind:
        yield "object", f"{f.object.api_version} {f.object}"
    if f.apps:
        yield "apps", ", ".join(f.apps)
    if f.why:
        yield "why", f.why
    if f.remediation:
        yield "fix", f.remediation
    yield "help", f"kgate explain {f.rule}"


def _images(images: tuple[ImageOutcome, ...], style: Style) -> list[str]:
    """What was found in each scanned image; then, reason by reason, which were not scanned."""
    scanned = [i for i in images if i.scanned]
    by = ", ".join(sorted({i.scanner for i in scanned if i.scanner}))
    title = f"{style.paint('bold', 'Images')}  {len(scanned)} of {len(images)} scanned" + (f" by {style.shown(by)}" if by else "")
    rows = [(style.shown(i.image), "scanned", _told(i, style)) for i in scanned]
    lines = [title, *([""] if rows else []), *("  " + line for line in columns(rows))]
    unscanned = [i for i in images if not i.scanned]
    for reason in sorted({i.reason or "no reason known" for i in unscanned}):
        lines += ["", *("  " + row for row in wrapped(f"not scanned: {style.shown(reason)}", _WIDE))]
        lines += [f"    {style.shown(i.image)}" for i in unscanned if (i.reason or "no reason known") == reason]
    return lines


def _told(i: ImageOutcome, style: Style) -> str:
    found = [f"{n} {style.shown(s)}" for s, n in i.vulnerabilities.items() if n]
    return ", ".join(found) or "no known vulnerabilities"
