"""Where the pods of a rehearsed rollout land: by zone, then node, equal nodes folded."""

from __future__ import annotations

from itertools import groupby

from msgspec.structs import replace

from kgate.outcome import PlacedNode, Rehearsal
from kgate.report.style import Style, columns, counted

_RIGHT = frozenset({4, 5, 6})


def render(rehearsal: Rehearsal, style: Style) -> list[str]:
    """Empty when nothing was placed."""
    if not rehearsal.placement:
        return []
    pending = rehearsal.replicas - sum(n.pods_end for n in rehearsal.placement)
    told = [f"{style.shown(str(rehearsal.object))}, {counted(len(rehearsal.placement), 'node')}"]
    told += [] if rehearsal.zone_skew is None else [f"zone skew {rehearsal.zone_skew}"]
    told += [f"{counted(pending, 'pod')} on no node"] if pending > 0 else []
    title = f"{style.paint('bold', 'Placement')}  {'   '.join(told)}"
    return [title, "", *("  " + line for line in _table(rehearsal, style))]


_NAMED = 8
"""Nodes named on one line; the rest are counted."""


def in_words(r: Rehearsal, style: Style) -> str:
    """Where the pods are at the end, on one line: `2 on n1 (zone a), 1 on n2 (zone b)`; nodes without pods are not named."""
    used = sorted((n for n in r.placement if n.pods_end), key=lambda n: (n.zone, natural(n.node)))
    parts = [f"{n.pods_end} on {style.shown(n.node)}" + (f" (zone {style.shown(n.zone)})" if n.zone else "") for n in used[:_NAMED]]
    if len(used) > _NAMED:
        parts.append(f"{sum(n.pods_end for n in used[_NAMED:])} on {counted(len(used) - _NAMED, 'other node')}")
    pending = r.replicas - sum(n.pods_end for n in used)
    parts += [f"{pending} on no node"] if pending > 0 else []
    return ", ".join(parts) + ("" if r.zone_skew is None else f"; zone skew {r.zone_skew}")


HEAD = ("zone", "node", "cpu free", "mem free", "now", "peak", "end", "note")


def _table(r: Rehearsal, style: Style) -> list[str]:
    return columns([HEAD, *rows(r, style)], right=_RIGHT)


def rows(r: Rehearsal, style: Style) -> list[tuple[str, ...]]:
    """The cells under HEAD, by zone and node; neighbours that are alike in all but their name share a row."""
    nodes = sorted(r.placement, key=lambda n: (n.zone, natural(n.node)))
    told: list[tuple[str, ...]] = []
    for zone, group in groupby(nodes, key=lambda n: n.zone):
        alike = [list(g) for _, g in groupby(group, key=lambda n: replace(n, node=""))]
        told += [_row(zone if not i else "", nodes, style) for i, nodes in enumerate(alike)]
    return told


def _row(zone: str, alike: list[PlacedNode], style: Style) -> tuple[str, ...]:
    n = alike[0]
    many = f"({len(alike)} alike)" if len(alike) > 1 else ""
    texts = (
        zone,
        _names([a.node for a in alike]),
        f"{n.cpu_free} / {n.cpu_total}",
        f"{n.memory_free} / {n.memory_total}",
        str(n.pods_before),
        str(n.pods_peak),
        str(n.pods_end),
        " ".join(filter(None, (n.note, many))),
    )
    return tuple(map(style.shown, texts))


def _names(names: list[str]) -> str:
    """`["node-b1", "node-b2", "node-b3"]` is `node-b1..b3`: the last name is cut at the last dash both ends share."""
    first, last = names[0], names[-1]
    if len(names) == 1:
        return first
    cut = first.rfind("-") + 1
    return f"{first}..{last[cut:] if last.startswith(first[:cut]) else last}"


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key under which `node-10` follows `node-9`."""
    runs = ("".join(g) for _, g in groupby(name, key=lambda c: c.isascii() and c.isdigit()))
    return tuple((0, int(run), "") if run[0].isascii() and run[0].isdigit() else (1, 0, run) for run in runs)
