"""`kgate place`: manifests and a cluster in, how many pods fit and what is in the way out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from kgate import __version__
from kgate.errors import UsageError

if TYPE_CHECKING:
    from kgate.config import Options
    from kgate.report import Style
    from kgate.rollout.capacity import Growth, Placed, Placement


def place(options: Options, replicas: int | None) -> Placement:
    """Raises UsageError when there is nothing to place, ConfigError for a fault in the cluster file."""
    from kgate import load, rollout, validate
    from kgate.rollout.capacity import PLACED

    settings = options.rollout
    if settings.cluster is not None and settings.spec is None:
        body, source = load.settings_file(settings.cluster)
        settings = settings.on(rollout.read_cluster(body, file=source.file, source=source))
    apart = tuple(filter(None, (options.settings_file, settings.cluster)))
    loaded = load.manifests(options.paths, exclude=options.exclude, not_manifests=apart)
    if not any(m.kind in PLACED for m in loaded.manifests):
        unread = f" ({loaded.findings[0].message})" if loaded.findings else ""
        raise UsageError(f"nothing to place{unread}", hint=f"name a file with one of {', '.join(PLACED)}")
    return rollout.place(loaded.manifests, settings, replicas=replicas, validate=validate.causes)


def text(placement: Placement, style: Style) -> str:
    from kgate.rollout.capacity import ordered

    where = f"{len(placement.cluster.nodes)} nodes of {placement.cluster.file}" if placement.cluster.file else "an assumed cluster"
    lines = [f"on {where}", ""]
    for placed in ordered(placement.placed):
        lines += [*_lines(placed, style), ""]
    lines.append(style.paint("bold", f"verdict: {placement.verdict.value}"))
    return style.finished(lines)


def _lines(placed: Placed, style: Style) -> list[str]:
    head = style.paint("bold", style.shown(str(placed.object)))
    if placed.room is None:
        return [f"{head}  {placed.file}:{placed.line}", f"  no pod to place: {style.shown(placed.why_not)}"]
    least = "" if placed.room.message else "at least "
    lines = [f"{head}  {placed.file}:{placed.line}", f"  {placed.wanted} wanted, {least}{placed.fit} fit"]
    if placed.room.by_node:
        lines.append("  " + ", ".join(f"{style.shown(node)} {n}" for node, n in placed.room.by_node.items()))
    if placed.room.message:
        lines.append(f"  in the way of the next: {style.shown(placed.room.message)}")
        lines += [f"    {n:4d} {'node' if n == 1 else 'nodes'}: {style.shown(reason)}" for reason, n in placed.room.reasons.items()]
    if not placed.enough:
        lines += [f"  {word} {_growth(g, style)}" for word, g in zip(["would do:", *["      or:"] * 99], placed.growths, strict=False)]
        lines += [] if placed.growths else ["  more nodes like those that are there would not do"]
    return lines


def _growth(growth: Growth, style: Style) -> str:
    each = [f"{n} more like {name} ({what})" for (name, n), what in zip(growth.nodes, growth.shapes, strict=True)]
    return style.shown(" and ".join(each))


def json_document(placement: Placement, style: Style) -> str:
    import json

    from kgate.rollout.capacity import as_json

    return json.dumps({"schema": "kgate.place/1", "kgate": __version__, **as_json(placement)}, indent=1) + "\n"


FORMATS: Mapping[str, Callable[[Placement, Style], str]] = {"text": text, "json": json_document}
