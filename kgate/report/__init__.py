"""Report in, text out: every format is a pure function, and the same report always gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kgate.outcome import Report
from kgate.report import concise, json, text
from kgate.report.style import Style, clock, colour_wanted, counted, inert

Reporter = Callable[[Report, Style], str]


def _sarif(report: Report, style: Style) -> str:
    from kgate.report import sarif

    return sarif.render(report, style)


def _junit(report: Report, style: Style) -> str:
    from kgate.report import junit

    return junit.render(report, style)


def _github(report: Report, style: Style) -> str:
    from kgate.report import github

    return github.render(report, style)


def _gitlab(report: Report, style: Style) -> str:
    from kgate.report import gitlab

    return gitlab.render(report, style)


def _markdown(report: Report, style: Style) -> str:
    from kgate.report import markdown

    return markdown.render(report, style)


def _html(report: Report, style: Style) -> str:
    from kgate.report import html

    return html.render(report, style)


REPORTERS: Mapping[str, Reporter] = {
    "text": text.render,
    "concise": concise.render,
    "json": json.render,
    # Loaded when somebody asks for one: most runs do not.
    "sarif": _sarif,
    "junit": _junit,
    "github": _github,
    "gitlab": _gitlab,
    "markdown": _markdown,
    "html": _html,
}

__all__ = ["REPORTERS", "Reporter", "Style", "clock", "colour_wanted", "counted", "inert"]
