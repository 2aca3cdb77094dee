"""The report as one HTML file that needs nothing else: no script, no font, no address to load from. Light and dark, phone and desk.

Every picture is inline SVG with a title, a description and a table beside it; foreign text is escaped and can load or run nothing
(a Content-Security-Policy in the file says so once more).
"""

from __future__ import annotations

from kgate.outcome import Report
from kgate.report import summary
from kgate.report.html import findings, images, rollouts
from kgate.report.html.markup import element, safe
from kgate.report.html.page import page
from kgate.report.style import Style, inert

__all__ = ["render"]


def render(report: Report, style: Style) -> str:
    """`style` decides nothing but the paths: a browser shows every alphabet."""
    look = Style(below=style.below)
    sections = [
        _head(report, look),
        findings.section("Findings", [f for f in report.findings if f.waived is None], report.sources, look),
        rollouts.section(report.rollouts, look),
        images.section(report.images),
        findings.section("Waived", [f for f in report.findings if f.waived is not None], report.sources, look),
        _not_checked(report, look),
        _foot(report),
    ]
    return inert(page(f"kgate: {report.verdict.value}", "\n".join(filter(None, sections))))


def _head(report: Report, look: Style) -> str:
    line = summary.verdict(report, look).removeprefix("verdict: ")
    word, _, rest = line.partition("  ")
    badge = element("span", safe(word), class_=f"badge {report.verdict.value}")
    told = [row for row in summary.render(report, look)[:-1] if not row.startswith("not checked")]
    return "\n".join(
        ["<header>", f"<h1>kgate {badge}</h1>", f"<p>{safe(rest)}</p>", *(f"<p>{safe(' '.join(t.split()))}</p>" for t in told), "</header>"]
    )


def _not_checked(report: Report, look: Style) -> str:
    rows = [f"<li>{safe(line.removeprefix('not checked  '))}</li>" for line in summary.not_checked(report, look, images=False)]
    return "\n".join(["<section>", "<h2>Not checked</h2>", "<ul>", *rows, "</ul>", "</section>"]) if rows else ""


def _foot(report: Report) -> str:
    stages = " ".join(s.value for s in report.stages)
    return f"<footer>kgate {safe(report.version)}, stages {safe(stages)}, exit code {report.exit_code}</footer>"
