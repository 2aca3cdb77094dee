"""Report in, text out: every format is a pure function, and the same report always gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kgate.outcome import Report
from kgate.report import concise, json, text
from kgate.report.style import Style, clock, colour_wanted, counted, inert

Reporter = Callable[[Report, Style], str]


def _when_asked(name: str) -> Reporter:
    """The reporter in the module of that name, which is loaded when somebody asks for it: most runs do not."""

    def render(report: Report, style: Style) -> str:
        from importlib import import_module

        text: str = import_module(f"kgate.report.{name}").render(report, style)
        return text

    return render


REPORTERS: Mapping[str, Reporter] = {
    "text": text.render,
    "concise": concise.render,
    "json": json.render,
    **{name: _when_asked(name) for name in ("sarif", "junit", "github", "gitlab", "markdown", "html")},
}

__all__ = ["REPORTERS", "Reporter", "Style", "clock", "colour_wanted", "counted", "inert"]
