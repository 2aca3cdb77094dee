"""Where the pods land: a column a zone, a bar a node, a cell a pod; dashed cells were there at the peak only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from kgate.outcome import PlacedNode, Rehearsal
from kgate.report.html.markup import element, safe
from kgate.report.placement import natural
from kgate.report.style import counted

_WIDE = 520
_COLUMNS = 3
"""Zones side by side; more go into the next row, so that a phone shows them as well."""
_NODES = 12
"""Nodes drawn of a zone, fullest first; the table has them all."""
_CELLS = 14
"""Pods drawn on a node; more are a number."""
_ROW, _HEAD, _GAP = 34, 22, 8


def figure(r: Rehearsal, name: str) -> str:
    zones = [
        (zone, list(nodes)) for zone, nodes in groupby(sorted(r.placement, key=lambda n: (n.zone, natural(n.node))), key=lambda n: n.zone)
    ]
    shapes, y = [], 0
    for first in range(0, len(zones), _COLUMNS):
        row = zones[first : first + _COLUMNS]
        wide = _WIDE / max(1, min(_COLUMNS, len(zones)))
        shapes += [s for i, (zone, nodes) in enumerate(row) for s in _zone(zone, nodes, i * wide, y, wide - _GAP)]
        y += _HEAD + _ROW * max(min(len(nodes), _NODES + 1) for _, nodes in row) + _GAP
    title, told = f"Placement of {r.object}", _in_words(r, zones)
    inside = f'<title id="{name}t">{safe(title)}</title><desc id="{name}d">{safe(told)}</desc>' + "\n".join(shapes)
    picture = element("svg", inside, viewBox=f"0 0 {_WIDE} {max(y, 1)}", role="img", aria_labelledby=f"{name}t {name}d")
    return f"<figure>\n{picture}\n<figcaption>{safe(told)}</figcaption>\n</figure>"


def _in_words(r: Rehearsal, zones: Sequence[tuple[str, Sequence[PlacedNode]]]) -> str:
    parts = [f"{sum(n.pods_end for n in nodes)} in {f'zone {zone}' if zone else 'no zone'}" for zone, nodes in zones[:8]]
    more = f" and {len(zones) - 8} more zones" if len(zones) > 8 else ""
    pending = r.replicas - sum(n.pods_end for n in r.placement)
    skew = "" if r.zone_skew is None else f"; zone skew {r.zone_skew}"
    return "At the end: " + ", ".join(parts) + more + (f"; {counted(pending, 'pod')} on no node" if pending > 0 else "") + skew + "."


def _zone(zone: str, nodes: Sequence[PlacedNode], x: float, y: float, wide: float) -> Iterator[str]:
    name = zone or "no zone"
    yield element("text", f"<title>{safe(name)}</title>{safe(_short(name, wide))}", x=round(x, 1), y=y + 14)
    fullest = sorted(nodes, key=lambda n: (-n.pods_end, -n.pods_peak))
    for i, node in enumerate(fullest[:_NODES]):
        yield from _node(node, round(x, 1), y + _HEAD + i * _ROW, round(wide, 1))
    if hidden := fullest[_NODES:]:
        told = f"{counted(len(hidden), 'more node')}, {counted(sum(n.pods_end for n in hidden), 'pod')}"
        yield element("text", safe(told), x=round(x, 1), y=y + _HEAD + _NODES * _ROW + 14, class_="soft")


def _node(n: PlacedNode, x: float, y: float, wide: float) -> Iterator[str]:
    told = f"{n.node}: {counted(n.pods_end, 'pod')} at the end, {n.pods_peak} at the peak, {n.pods_before} before"
    told += f"; cpu {n.cpu_free} of {n.cpu_total} free, memory {n.memory_free} of {n.memory_total} free" + (f"; {n.note}" if n.note else "")
    off = " off" if not n.pods_end and n.note else ""
    yield element("rect", f"<title>{safe(told)}</title>", class_=f"node{off}", x=x, y=y, width=wide, height=_ROW - 5, rx=3)
    yield element("text", f"<title>{safe(told)}</title>{safe(_short(n.node, wide))}", x=x + 4, y=y + 12)
    cells = max(n.pods_end, n.pods_peak)
    size = min(10.0, (wide - 8) / _CELLS - 2)
    for i in range(min(cells, _CELLS)):
        kind = "new" if i < n.pods_end else "peak"
        label = "a pod" if i < n.pods_end else "a pod at the peak"
        place = {"x": round(x + 4 + i * (size + 2), 1), "y": y + 16, "width": round(size, 1), "height": round(size, 1)}
        yield element("rect", f"<title>{label}</title>", class_=kind, **place)
    if cells > _CELLS:
        yield element("text", str(cells), x=round(x + wide - 4, 1), y=y + 12, text_anchor="end")


def _short(text: str, wide: float) -> str:
    """As much of a name as fits; its title has all of it."""
    room = max(4, int(wide / 6.6) - 1)
    return text if len(text) <= room else text[: room - 1] + "…"
