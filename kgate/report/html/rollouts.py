"""One section a rollout: the answer, the pictures with their tables, and what proves it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kgate.outcome import Proof, Rehearsal
from kgate.report import placement, rehearsal
from kgate.report.html import placemap, timeline
from kgate.report.html.markup import element, folded, safe, table
from kgate.report.style import Style, clock, counted

_ROWS = 400
"""Rows of one table."""


def section(rollouts: Sequence[Rehearsal], look: Style) -> str:
    return "\n".join(f"<section>\n{_rollout(r, n, look)}\n</section>" for n, r in enumerate(rollouts, 1))


def _rollout(r: Rehearsal, number: int, look: Style) -> str:
    badge = element("span", safe(r.verdict), class_=f"badge {r.verdict}")
    parts = [
        f"<h2>Rollout of {safe(str(r.object))} {badge}</h2>",
        f'<p class="soft">{safe(look.in_repository(r.file))}:{r.line}, {safe(rehearsal.change(r, look))}, {_shape(r)}</p>',
        f"<p><strong>{safe(rehearsal.summary(r, look))}</strong></p>",
        *(f"<p>holds for: {safe(r.bounds)}</p>" for _ in [0] if r.bounds),
        *_list("said", r.said),
        *_list("assumed", r.assumed),
        *_list("changed", [_cause(c.field, c.was, c.now, c.line) for c in r.causes]),
        *_steps(r, number),
        *_placement(r, number, look),
        *map(_proof, r.proofs),
    ]
    return "\n".join(parts)


def _shape(r: Rehearsal) -> str:
    if r.strategy == "RollingUpdate":
        return f"{counted(r.replicas, 'replica')}, surge {r.surge}, unavailable {r.unavailable}"
    return f"{counted(r.replicas, 'replica')}, {safe(r.strategy)}"


def _cause(field: str, was: str, now: str, line: int) -> str:
    return f"{field}: {was or 'nothing'} -> {now or 'nothing'} (line {line})"


def _list(title: str, texts: Sequence[str]) -> Iterator[str]:
    if texts:
        yield f"<p>{safe(title)}:</p><ul>{''.join(f'<li>{safe(t)}</li>' for t in texts)}</ul>"


def _steps(r: Rehearsal, number: int) -> Iterator[str]:
    if not r.steps:
        return
    yield timeline.figure(r, f"t{number}")
    rows = [
        (
            clock(s.at_ms),
            str(s.old_ready),
            str(s.old_unready),
            str(s.new_ready),
            str(s.new_starting),
            str(s.available),
            str(r.floor),
            s.event,
        )
        for s in r.steps[:_ROWS]
    ]
    head = ("t", "old ready", "old not ready", "new ready", "new starting", "available", "floor", "event")
    caption = counted(len(r.steps), "step") + (f", the first {_ROWS}" if len(r.steps) > _ROWS else "")
    yield folded("the same as a table", table(head, rows, caption=caption, right=frozenset(range(7))))


def _placement(r: Rehearsal, number: int, look: Style) -> Iterator[str]:
    if not r.placement:
        return
    yield placemap.figure(r, f"p{number}")
    rows = placement.rows(r, look)
    caption = counted(len(r.placement), "node") + (f", the first {_ROWS} rows" if len(rows) > _ROWS else "")
    yield folded("the same as a table", table(placement.HEAD, rows[:_ROWS], caption=caption, right=frozenset({4, 5, 6})))


_CLASSES = {"passes": "pass", "fails": "fail", "can-fail": "fail"}


def _proof(p: Proof) -> str:
    badge = element("span", safe(p.level), class_=f"badge {_CLASSES.get(p.level, 'unknown')}")
    fix = f"<p>fix: {safe(p.fix)}{' (played: it then passes)' if p.verified else ''}</p>" if p.fix else ""
    example = ""
    if p.counter_example:
        text = "\n".join(map(safe, p.counter_example.split("\n")))
        example = folded("the counter-example, for kgate simulate", f"<pre>{text}</pre>")
    bounds = f'<p class="soft">holds for: {safe(p.bounds)}</p>' if p.bounds else ""
    return "\n".join(
        [f"<h3>{badge} {safe(p.question)}</h3>", f"<p>{safe(p.statement)}</p>", bounds, *_list("said", p.evidence), fix, example]
    )
