"""Findings to changed texts: an edit changes the text itself and nothing else in it, and the new text is read again as proof."""

from __future__ import annotations

from kgate.fix.diff import unified
from kgate.fix.plan import Plan, Refused, Wish, obstacle, plan, possible
from kgate.fix.write import write

__all__ = ["Plan", "Refused", "Wish", "obstacle", "plan", "possible", "unified", "write"]
