"""One line a finding, for pipes, editors and CI logs; the rollouts, what was not checked and the verdict follow."""

from __future__ import annotations

from kgate.finding import Finding
from kgate.outcome import Rehearsal, Report
from kgate.report import placement, rehearsal, summary
from kgate.report.style import Style


def render(report: Report, style: Style) -> str:
    if style.quiet:
        return style.finished([summary.verdict(report, style)] if style.quiet == 1 else [])
    lines = [_finding(f, style) for f in report.findings]
    for r in report.rollouts:
        lines += [_rollout(r, style), *_placement(r, style)]
    return style.finished([*lines, *summary.not_checked(report, style), summary.verdict(report, style)])


def _finding(f: Finding, style: Style) -> str:
    place = f"{style.shown(f.file)}:{f.line}:{f.column}"
    among = f", {len(f.apps)} apps" if len(f.apps) > 1 else ""
    subject = f" ({style.shown(str(f.object))}{among})" if f.object is not None and f.object.kind else ""
    marks = (" [fix]" if f.safely_fixable else "") + _waived(f, style)
    return f"{style.paint('bold', place)}: {style.severity(f.severity, f.severity)} {f.rule} {style.shown(f.message)}{marks}{subject}"


def _waived(f: Finding, style: Style) -> str:
    if f.baselined:
        return " [baseline]"
    return f" [waived: {style.shown(f.waived)}]" if f.waived is not None else ""


def _rollout(r: Rehearsal, style: Style) -> str:
    place = style.paint("bold", f"{style.shown(r.file)}:{r.line}:{r.column}")
    what = f"{style.shown(str(r.object))}, {rehearsal.change(r, style)}"
    assumed = f" (assumed: {'; '.join(map(style.shown, r.assumed))})" if r.assumed else ""
    return f"{place}: rollout {style.shown(r.verdict)} {what}: {rehearsal.summary(r, style)}{assumed}"


def _placement(r: Rehearsal, style: Style) -> list[str]:
    if not r.placement:
        return []
    place = style.paint("bold", f"{style.shown(r.file)}:{r.line}:{r.column}")
    return [f"{place}: placement {style.shown(str(r.object))}: {placement.in_words(r, style)}"]
