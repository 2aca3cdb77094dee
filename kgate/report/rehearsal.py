"""A rehearsed rollout as a step table, its verdict and what proves it."""

from __future__ import annotations

from kgate.outcome import Proof, Rehearsal, RolloutStep
from kgate.report.style import Style, clock, columns, counted, wrapped

_MAX_DRAWN = 30
"""Rollouts with more pods than this show counts, not one letter a pod."""
_MAX_STEPS = 40
"""Longer tables keep their beginning and end and say how many steps lie between."""

_MAX_CAUSES = 4
"""Changed fields that are named; the others are counted."""

_WIDE = 90
"""Cells of a line of prose."""

_LETTERS = (("o", "old ready"), ("x", "old not ready"), ("N", "new ready"), (".", "new starting"))
_MAX_EVIDENCE = 3
"""Messages shown of one proof; --report json has them all."""

_LEVELS = {"passes": "green", "fails": "red", "can-fail": "red", "unknown": "yellow"}
_COLOURS = {"pass": "green", "fail": "red", "can-fail": "red", "unknown": "yellow"}


def render(rehearsal: Rehearsal, style: Style) -> list[str]:
    lines = [_header(rehearsal, style), *_causes(rehearsal, style)]
    lines += [f"         (assumed) {style.shown(a)}" for a in rehearsal.assumed]
    if rehearsal.steps:
        lines += ["", *("  " + row for row in _table(rehearsal, style))]
    return [*lines, "", *_answer(rehearsal, style)]


def _header(r: Rehearsal, style: Style) -> str:
    parts = [style.shown(str(r.object)), change(r, style), counted(r.replicas, "replica")]
    parts += [f"surge {r.surge}", f"unavailable {r.unavailable}"] if r.strategy == "RollingUpdate" else [style.shown(r.strategy)]
    return style.paint("bold", "Rollout") + "  " + "   ".join(parts)


def _causes(r: Rehearsal, style: Style) -> list[str]:
    """`         rolls pods: spec.template...image: web:1 -> web:2 (deploy/web.yaml:17)`."""
    if not r.causes:
        return []
    lines = [
        f"         {style.shown(r.effect)}: {style.shown(c.field)}: {style.shown(c.was) or 'nothing'} -> "
        f"{style.shown(c.now) or 'nothing'} ({style.shown(c.file or r.file)}:{c.line})"
        for c in r.causes[:_MAX_CAUSES]
    ]
    more = len(r.causes) - _MAX_CAUSES
    return [*lines, *([f"         {style.shown(r.effect)}: {counted(more, 'more changed field')}"] if more > 0 else [])]


def change(r: Rehearsal, style: Style) -> str:
    """Of the images: `web:1.8.4 -> web:1.9.0`, `web:1.9.0 (new)`."""
    old, new = (style.shown(i) for i in r.images)
    if r.effect == "deleted":
        return f"{old} (deleted)"
    if not old:
        return f"{new} (new)"
    return f"{old} -> {new}" if old != new else f"{new} (same images)"


def _table(r: Rehearsal, style: Style) -> list[str]:
    """`t | pods | avail | floor | event`, one row a step."""
    drawn = max(map(_total, r.steps)) <= _MAX_DRAWN
    used = [
        f"{letter} {meaning}"
        for (letter, meaning), n in zip(_LETTERS, map(max, zip(*map(_counts, r.steps), strict=True)), strict=True)
        if n
    ]
    head = ("t", f"pods ({', '.join(used)})" if used else "pods", "avail", "floor", "event")
    rows = [(clock(s.at_ms), _pods(s, drawn=drawn), str(s.available), str(r.floor), style.shown(s.event)) for s in r.steps]
    lines = columns([head, *rows], right=frozenset({0, 2, 3}))
    return _folded(lines)


def _folded(lines: list[str]) -> list[str]:
    hidden = len(lines) - 1 - _MAX_STEPS
    if hidden <= 0:
        return lines
    half = _MAX_STEPS // 2
    return [*lines[: 1 + half], f"... {counted(hidden, 'more step')}; --report json has them all", *lines[-half:]]


def _counts(step: RolloutStep) -> tuple[int, int, int, int]:
    return (step.old_ready, step.old_unready, step.new_ready, step.new_starting)


def _total(step: RolloutStep) -> int:
    return sum(_counts(step))


def _pods(step: RolloutStep, *, drawn: bool) -> str:
    counts = [(letter, n) for (letter, _), n in zip(_LETTERS, _counts(step), strict=True) if n]
    return "".join(letter * n for letter, n in counts) if drawn else " ".join(f"{n}{letter}" for letter, n in counts)


def _answer(r: Rehearsal, style: Style) -> list[str]:
    word = style.paint(_COLOURS.get(r.verdict, "yellow"), style.shown(r.verdict.upper()))
    blank = " " * (4 + len(r.verdict))
    first, *others = wrapped(summary(r, style), _WIDE)
    lines = [f"  {word}  {first}", *(blank + row for row in others)]
    lines += [f"{blank}said: {style.shown(s)}" for s in r.said]
    bounds = wrapped(style.shown(r.bounds), _WIDE) if r.bounds else []
    lines = [*lines, *(f"{blank}{'holds for: ' if not i else ' ' * 11}{row}" for i, row in enumerate(bounds))]
    return [*lines, *(row for p in r.proofs for row in _proof(p, style))]


def _proof(p: Proof, style: Style) -> list[str]:
    """`  can-fail  node-loss: ...`, with what was said and what to write instead."""
    holds = f" (holds for: {style.shown(p.bounds)})" if p.bounds else ""
    head, blank = "  " + style.paint(_LEVELS.get(p.level, "yellow"), style.shown(p.level.ljust(8))) + "  ", " " * 12
    rows = wrapped(f"{style.shown(p.question)}: {style.shown(p.statement)}{holds}", _WIDE)
    rows += [f"said: {style.shown(e)}" for e in p.evidence[:_MAX_EVIDENCE]]
    if p.fix:
        rows += wrapped(f"fix: {style.shown(p.fix)}" + (" (played: it then passes)" if p.verified else ""), _WIDE)
    return [(blank if i else head) + row for i, row in enumerate(rows)]


def summary(r: Rehearsal, style: Style) -> str:
    """The outcome in one line: how it ends, or why it does not."""
    parts = [style.shown(r.reason)] if r.reason else []
    if r.completed_ms is not None:
        parts.append(f"complete at {clock(r.completed_ms)}")
    if r.images[0] and r.effect != "deleted":
        parts.append(f"lowest availability {r.lowest_available} of {r.replicas}")
    if r.steps:
        parts.append(_highest(r))
    if r.deadline_s is not None:
        parts.append(f"deadline {clock(r.deadline_s * 1000)}")
    return "; ".join(parts) or "not rehearsed"


def _highest(r: Rehearsal) -> str:
    """What the surge allows counts living pods; those that are shutting down still hold their room on the nodes.

    The steps count what is wanted: a pod that a quota refuses never lives.
    """
    living = min(max(map(_total, r.steps)), r.peak_pods)
    return f"highest pod count {living}" + (f" ({r.peak_pods} with those shutting down)" if r.peak_pods > living else "")
