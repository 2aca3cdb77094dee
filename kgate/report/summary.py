"""The end of every report for people: what was checked, what was not, what was found, and one verdict line."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from kgate.finding import Severity, Stage, clean
from kgate.outcome import Report, Verdict
from kgate.report.style import Style, counted

_NAMED = 3
"""Files named for one reason; the rest are counted."""
_COLOURS = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.INCOMPLETE: "yellow"}


def render(report: Report, style: Style) -> list[str]:
    """The verdict line is always there and always last."""
    return [
        *_checked(report),
        *not_checked(report, style, images=False),
        *_images_not_scanned(report),
        *_found(report),
        *_rollouts(report, style),
        verdict(report, style),
    ]


def _checked(report: Report) -> Iterator[str]:
    c = report.checked
    parts = [counted(c.files, "file"), counted(c.objects, "object")]
    parts += [counted(c.images, "image")] if c.images else []
    stages = "" if len(report.stages) == len(Stage) else f", only {' '.join(report.stages)}"
    yield f"checked      {', '.join(parts)} against Kubernetes {report.kubernetes_version}{stages}"


def not_checked(report: Report, style: Style, *, images: bool = True) -> Iterator[str]:
    """One line a reason, what the user asked for first; `images` that were not scanned as well."""
    if not report.checked.objects and not report.findings:
        yield "not checked  anything: there is no Kubernetes object in what was given"
    by_reason: dict[tuple[bool, str], list[str]] = defaultdict(list)
    for s in report.skipped:
        by_reason[not s.wanted, s.reason].append(f"{s.file}:{s.line}" if s.line > 1 else s.file)
    for image in report.images if images else ():
        if not image.scanned:
            by_reason[True, f"image not scanned: {image.reason or 'no reason known'}"].append(image.image)
    for (_, reason), files in sorted(by_reason.items()):
        named = ", ".join(files[:_NAMED]) + (f" and {len(files) - _NAMED} more" if len(files) > _NAMED else "")
        yield f"not checked  {len(files)}: {style.shown(reason)} ({style.shown(named)})"


def missing(report: Report) -> Iterator[tuple[str, int, str]]:
    """File, line and reason of all that was asked for and could not be checked: what keeps a run from being complete."""
    for s in report.skipped:
        if s.wanted:
            yield s.file, max(s.line, 1), s.reason
    for r in report.rollouts:
        if r.verdict == "unknown":
            yield r.file, max(r.line, 1), clean(f"{r.object}: rollout unknown: {r.reason}")


def _images_not_scanned(report: Report) -> Iterator[str]:
    """The reasons stand above, in the images' own section."""
    if number := sum(1 for i in report.images if not i.scanned):
        yield f"not checked  {counted(number, 'image')}, for known vulnerabilities"


def _found(report: Report) -> Iterator[str]:
    parts = [counted(n, str(s)) for s in Severity if (n := report.counted(s))]
    fixable = sum(1 for f in report.findings if f.safely_fixable and f.waived is None)
    known = sum(1 for f in report.findings if f.baselined)
    waived = sum(1 for f in report.findings if f.waived is not None) - known
    parts += [f"{waived} waived"] if waived else []
    parts += [f"{known} in the baseline"] if known else []
    if parts:
        yield f"found        {', '.join(parts)}" + (f" ({fixable} with a safe fix)" if fixable else "")


def _rollouts(report: Report, style: Style) -> Iterator[str]:
    if report.rollouts:
        verdicts = Counter(r.verdict for r in report.rollouts)
        told = ", ".join(f"{n} {style.shown(v)}" for v, n in sorted(verdicts.items(), key=lambda vn: _ORDER.get(vn[0], 9)))
        yield f"rollout      {len(report.rollouts)} rehearsed: {told}"


_ORDER = {"pass": 0, "fail": 1, "can-fail": 2, "unknown": 3}


def verdict(report: Report, style: Style) -> str:
    word = style.paint(_COLOURS[report.verdict], report.verdict.value.upper())
    if report.verdict is Verdict.PASS and not report.findings:
        return f"verdict: {word}  {_reassurance(report)}"
    return f"verdict: {word}  {' '.join(f'{key}={n}' for key, n in _numbers(report))}"


def _numbers(report: Report) -> Iterator[tuple[str, int]]:
    yield "errors", report.counted(Severity.ERROR)
    yield "warnings", report.counted(Severity.WARNING)
    if infos := report.counted(Severity.INFO):
        yield "infos", infos
    if failed := sum(1 for r in report.rollouts if r.verdict in ("fail", "can-fail")):
        yield "rollouts_failed", failed
    if incomplete := sum(1 for s in report.skipped if s.wanted) + sum(1 for r in report.rollouts if r.verdict == "unknown"):
        yield "incomplete", incomplete
    if not report.checked.objects:
        yield "objects", 0


def _reassurance(report: Report) -> str:
    """What is known to be well, and in the same breath what is not known."""
    if not report.checked.objects:
        return "no Kubernetes object among the files that were named."
    parts = [f"{counted(report.checked.objects, 'object')} checked, no findings"]
    if rolled := [r for r in report.rollouts if r.effect != "deleted"]:
        changed = [r for r in rolled if r.images[0]]
        kept = changed and all(r.lowest_available >= r.floor for r in changed)
        complete = f"{counted(len(rolled), 'rollout')} complete"
        parts.append(f"{complete}, availability never under its floor" if kept else complete)
    if unscanned := sum(1 for i in report.images if not i.scanned):
        parts.append(f"{counted(unscanned, 'image')} not scanned")
    return "; ".join(parts) + "."
