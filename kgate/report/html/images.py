"""The images and what is known of them."""

from __future__ import annotations

from collections.abc import Sequence

from kgate.outcome import ImageOutcome
from kgate.report.html.markup import table
from kgate.report.style import counted

_SHOWN = 1_000


def section(images: Sequence[ImageOutcome]) -> str:
    if not images:
        return ""
    head = ("image", "digest", "known vulnerabilities", "scanner", "used by")
    shown = table(head, map(_row, images[:_SHOWN]), caption=f"{counted(len(images), 'image')}, {sum(i.scanned for i in images)} scanned")
    more = [f"<p>and {counted(len(images) - _SHOWN, 'more image')}</p>"] if len(images) > _SHOWN else []
    return "\n".join(["<section>", "<h2>Images</h2>", shown, *more, "</section>"])


def _row(i: ImageOutcome) -> tuple[str, ...]:
    if i.scanned:
        known = ", ".join(f"{n} {severity.lower()}" for severity, n in i.vulnerabilities.items() if n) or "none"
    else:
        known = f"not scanned: {i.reason or 'no reason known'}"
    return (i.image, (i.digest or "")[:19], known, i.scanner or "", ", ".join(i.used_by))
