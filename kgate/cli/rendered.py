"""`kgate apps`: what is rendered from the files, by what, and what is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from kgate.load.render import Rendering
from kgate.report import Style
from kgate.report.style import columns, counted, wrapped

_WIDE = 100

Told = Callable[[Sequence[Rendering], Style], str]


def exit_code(apps: Sequence[Rendering]) -> int:
    """3 where something is not rendered that could lie here."""
    return 3 if any(not a.rendered and not a.elsewhere for a in apps) else 0


def as_text(apps: Sequence[Rendering], style: Style) -> str:
    if not apps:
        return style.finished(["no apps: no kustomization, no chart, and no object of Argo CD or Flux"])
    rows = [("app", "environment", "declared by", "renderer", "inputs", "objects", "status"), *(_row(a, style) for a in apps)]
    lines = columns(rows, right=frozenset((4, 5)))
    notes = [line for a in apps for line in _notes(a, style)]
    return style.finished([*lines, *([""] if notes else []), *notes, "", summed(apps)])


def _row(a: Rendering, style: Style) -> tuple[str, ...]:
    told = (a.app, a.environment or "-", a.kind or "-", a.renderer)
    return (*map(style.shown, told), str(len(a.inputs)), str(len(a.manifests)) if a.rendered else "-", status(a))


def status(a: Rendering) -> str:
    if a.rendered:
        return "rendered, with notes" if a.notes else "rendered"
    return "elsewhere" if a.elsewhere else "not rendered"


def _notes(a: Rendering, style: Style) -> list[str]:
    texts = [a.reason] if a.reason else list(a.notes)
    place = f"{a.file}:{a.line}: {a.app}: "
    return [row for text in texts for row in _hanging(style.shown(place + text))]


def _hanging(text: str) -> list[str]:
    first, *others = wrapped(text, _WIDE)
    return [first, *("  " + row for row in others)]


def summed(apps: Sequence[Rendering]) -> str:
    rendered = sum(1 for a in apps if a.rendered)
    away = sum(1 for a in apps if a.elsewhere)
    parts = [f"{counted(len(apps), 'app')}: {rendered} rendered"]
    parts += [f"{away} from elsewhere"] if away else []
    parts += [f"{left} not rendered"] if (left := len(apps) - rendered - away) else []
    return ", ".join(parts)


def as_json(apps: Sequence[Rendering], style: Style) -> str:
    """`style` changes nothing."""
    told = [
        {
            "app": a.app,
            "environment": a.environment,
            "declared_by": a.kind or None,
            "renderer": a.renderer,
            "file": a.file,
            "line": a.line,
            "inputs": list(a.inputs),
            "objects": len(a.manifests),
            "status": "rendered" if a.rendered else status(a).replace(" ", "-"),
            "reason": a.reason or None,
            "notes": list(a.notes),
        }
        for a in apps
    ]
    return json.dumps({"schema": "kgate.apps/1", "exit_code": exit_code(apps), "apps": told}, indent=1).replace("##", "#\\u0023") + "\n"


FORMATS: Mapping[str, Told] = {"text": as_text, "json": as_json}
