"""Findings to changed texts: edits are made in the text itself, so that nothing else in it changes, and the new text is read again as proof."""

from __future__ import annotations

from kgate.fix.plan import Plan, Refused, Wish, obstacle, plan, possible

__all__ = ["Plan", "Refused", "Wish", "obstacle", "plan", "possible"]
