"""Report in, text out: every format is a pure function, and the same report always gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kgate.outcome import Report
from kgate.report import concise, json, text
from kgate.report.style import Style, clock, colour_wanted, counted, inert

Reporter = Callable[[Report, Style], str]

REPORTERS: Mapping[str, Reporter] = {
    "text": text.render,
    "concise": concise.render,
    "json": json.render,
}

__all__ = ["REPORTERS", "Reporter", "Style", "clock", "colour_wanted", "counted", "inert"]
