"""A rollout over time: stacked steps of old ready, old not ready, new ready and new starting pods, the floor and the most pods allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kgate.outcome import Rehearsal, RolloutStep
from kgate.report.html.markup import element, safe
from kgate.report.style import clock

_WIDE, _HIGH = 520, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 10, 34, 26
_MOST_STEPS = 600
"""Longer rollouts are drawn at every n-th step; the extremes of availability are among those drawn."""

_LAYERS: tuple[tuple[str, str, Callable[[RolloutStep], int]], ...] = (
    ("old", "old ready", lambda s: s.old_ready),
    ("new", "new ready", lambda s: s.new_ready),
    ("start", "new starting", lambda s: s.new_starting),
    ("bad", "old not ready", lambda s: s.old_unready),
)
"""From the bottom up: what serves lies below, so that the upper edge of the first two is the availability (but for minReadySeconds)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """Virtual milliseconds and pods to the picture's units."""

    end_ms: int
    most: int

    def x(self, at_ms: float) -> float:
        return round(_LEFT + (_WIDE - _LEFT - _RIGHT) * at_ms / self.end_ms, 1)

    def y(self, pods: float) -> float:
        return round(_HIGH - _BOTTOM - (_HIGH - _TOP - _BOTTOM) * pods / self.most, 1)


def figure(r: Rehearsal, name: str) -> str:
    """`name` makes the identifiers in the page unique."""
    steps = _drawn(r.steps)
    allowed = r.replicas + r.surge if r.strategy == "RollingUpdate" else r.replicas
    most = max(1, allowed, r.floor, *map(_total, steps))
    scale = _Scale(end_ms=max(1000, round(steps[-1].at_ms * 1.04) + 500), most=most)
    shapes = [*_axes(scale), *_areas(steps, scale), *_lines(r, allowed, scale), *_legend(steps)]
    title = f"Pods of {r.object} over time"
    told = _in_words(r)
    inside = f'<title id="{name}t">{safe(title)}</title><desc id="{name}d">{safe(told)}</desc>' + "\n".join(shapes)
    picture = element("svg", inside, viewBox=f"0 0 {_WIDE} {_HIGH}", role="img", aria_labelledby=f"{name}t {name}d")
    return f"<figure>\n{picture}\n<figcaption>{safe(told)}</figcaption>\n</figure>"


def _in_words(r: Rehearsal) -> str:
    least, most = min(s.available for s in r.steps), max(map(_total, r.steps))
    end = "never complete" if r.completed_ms is None else f"complete at {clock(r.completed_ms)}"
    return f"From {r.steps[0].available} available pods: at least {least} available (floor {r.floor}), at most {most} pods; {end}."


def _drawn(steps: Sequence[RolloutStep]) -> Sequence[RolloutStep]:
    if len(steps) <= _MOST_STEPS:
        return steps
    every = -(-len(steps) // _MOST_STEPS)
    lowest = min(range(len(steps)), key=lambda i: steps[i].available)
    highest = max(range(len(steps)), key=lambda i: _total(steps[i]))
    return [s for i, s in enumerate(steps) if i % every == 0 or i in (lowest, highest, len(steps) - 1)]


def _total(s: RolloutStep) -> int:
    return s.old_ready + s.old_unready + s.new_ready + s.new_starting


def _areas(steps: Sequence[RolloutStep], scale: _Scale) -> Iterator[str]:
    below = [0] * len(steps)
    for kind, label, count in _LAYERS:
        above = [b + count(s) for b, s in zip(below, steps, strict=True)]
        if any(a != b for a, b in zip(above, below, strict=True)):
            outline = [*_edge(steps, above, scale), *reversed(list(_edge(steps, below, scale)))]
            path = "M" + " L".join(f"{x} {y}" for x, y in outline) + " Z"
            yield element("path", f"<title>{safe(label)}</title>", class_=kind, d=path)
        below = above


def _edge(steps: Sequence[RolloutStep], heights: Sequence[int], scale: _Scale) -> Iterator[tuple[float, float]]:
    """A staircase: a count holds until the next step."""
    ends = [*(s.at_ms for s in steps[1:]), scale.end_ms]
    for step, until, pods in zip(steps, ends, heights, strict=True):
        yield scale.x(step.at_ms), scale.y(pods)
        yield scale.x(until), scale.y(pods)


def _lines(r: Rehearsal, allowed: int, scale: _Scale) -> Iterator[str]:
    ends = {"x1": scale.x(0), "x2": scale.x(scale.end_ms)}
    if r.images[0]:  # a Deployment that is new has nobody to serve yet
        title = f"<title>floor: {r.floor} available</title>"
        yield element("line", title, class_="floor", y1=scale.y(r.floor), y2=scale.y(r.floor), **ends)
    yield element("line", f"<title>at most {allowed} pods</title>", class_="most", y1=scale.y(allowed), y2=scale.y(allowed), **ends)


def _axes(scale: _Scale) -> Iterator[str]:
    left, low = scale.x(0), scale.y(0)
    yield element("path", class_="axis", d=f"M{left} {scale.y(scale.most)} V{low} H{scale.x(scale.end_ms)}")
    for pods in sorted({0, scale.most // 2, scale.most}):
        yield element("text", str(pods), x=left - 6, y=scale.y(pods) + 4, text_anchor="end", class_="soft")
    for part in range(5):
        at = scale.end_ms * part / 4
        anchor = "start" if not part else "end" if part == 4 else "middle"
        yield element("text", clock(int(at)), x=scale.x(at), y=_HIGH - 8, text_anchor=anchor, class_="soft")


def _legend(steps: Sequence[RolloutStep]) -> Iterator[str]:
    x = _LEFT
    for kind, label, count in _LAYERS:
        if any(map(count, steps)):
            yield element("rect", f"<title>{safe(label)}</title>", class_=kind, x=x, y=8, width=12, height=12)
            yield element("text", safe(label), x=x + 16, y=18)
            x += 34 + 7 * len(label)
