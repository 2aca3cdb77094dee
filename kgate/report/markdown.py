"""Markdown for the summary of a CI step and for a comment on a pull request: the verdict first, then what leads to it.

A comment holds 65,536 characters and a step's summary 1 MiB, beyond which GitHub shows nothing of it; so whole sections are left out, the
last ones first, and the text says so. Foreign text never becomes markup, a mention, a link or an issue's number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from kgate.finding import Finding, Severity, clean
from kgate.outcome import ImageOutcome, Rehearsal, Report, Verdict
from kgate.report import rehearsal, summary
from kgate.report.style import Style, counted, inert

LIMIT = 60_000
"""Characters of the whole text."""
_ROWS = 200
"""Findings in the table; the other reports have them all."""
_MARKS = {Verdict.PASS: "✅", Verdict.FAIL: "❌", Verdict.INCOMPLETE: "⚠️"}
_SEVERITIES = {Severity.ERROR: "🛑 error", Severity.WARNING: "⚠️ warning", Severity.INFO: "💡 info"}

_SPLIT = "<!-- -->"
"""Between the two halves of what a forge would turn into a link or a mention; it shows as nothing."""
_MARKUP = re.compile(r"[\\`*_{}\[\]<>&|~$]|(?P<linked>[#@])|(?P<address>(?i:https?|ftp|mailto|www)(?=[:.]))")
"""What acts inside a line; a list's dash or a heading's hash acts at its beginning alone, where foreign text never stands."""


def render(report: Report, style: Style) -> str:
    look = Style()
    sections = [
        _verdict(report, look),
        _findings(report, style),
        *(_rollout(r, look) for r in report.rollouts),
        _images(report.images),
        _waived(report, style),
        _not_checked(report, look),
    ]
    return inert("\n".join(_fitting([s for s in sections if s])))


def _fitting(sections: Sequence[str]) -> Iterator[str]:
    """A section that does not fit is named as left out; smaller ones after it may still fit."""
    room, left_out = LIMIT - 200, 0
    for section in sections:
        if len(section) + 1 <= room:
            room -= len(section) + 1
            yield section
        else:
            left_out += 1
    if left_out:
        yield f"_{counted(left_out, 'section')} left out here, for length: the other reports have them._\n"


def escaped(text: str) -> str:
    """Foreign text in a line of prose or in a cell of a table."""
    return _MARKUP.sub(_inactive, clean(text))


def _inactive(found: re.Match[str]) -> str:
    if found["address"]:
        return found[0] + _SPLIT
    return f"&#{ord(found[0])};" + (_SPLIT if found["linked"] else "")


def code(text: str, *, cell: bool = False) -> str:
    """Foreign text as code, with a fence longer than any run of backticks in it."""
    text = clean(text).replace("|", "\\|") if cell else clean(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def block(lines: Iterable[str]) -> list[str]:
    """Lines as a block of code that none of them can close."""
    lines = list(lines)
    fence = "`" * max(3, 1 + max((len(run) for line in lines for run in re.findall("`+", line)), default=0))
    return [f"{fence}text", *lines, fence]


def _verdict(report: Report, look: Style) -> str:
    line = summary.verdict(report, look).removeprefix("verdict: ")
    word, _, rest = line.partition("  ")
    checked, *_ = summary.render(report, look)
    told = [f"## {_MARKS[report.verdict]} kgate: {word}", "", escaped(rest), "", escaped(checked.replace("checked      ", "Checked: "))]
    return "\n".join(told) + "\n"


def _findings(report: Report, style: Style) -> str:
    found = sorted((f for f in report.findings if f.waived is None), key=lambda f: (f.severity.rank, f.order))
    if not found:
        return ""
    rows = [_row(f, style) for f in found[:_ROWS]]
    more = [f"\n_and {counted(len(found) - _ROWS, 'more finding')}: the other reports have them all._"] if len(found) > _ROWS else []
    return (
        "\n".join(["### Findings", "", "| | where | rule | what is wrong, and what to write instead |", "|---|---|---|---|", *rows, *more])
        + "\n"
    )


def _row(f: Finding, style: Style) -> str:
    subject = f"<br>{escaped(str(f.object))}" if f.object is not None and f.object.kind else ""
    fix = f"<br>**fix:** {escaped(f.remediation)}" if f.remediation else ""
    place = code(f"{style.in_repository(f.file)}:{f.line}:{f.column}", cell=True)
    return f"| {_SEVERITIES[f.severity]} | {place}{subject} | {escaped(f.rule)} {escaped(f.name)} | {escaped(f.message)}{fix} |"


def _rollout(r: Rehearsal, look: Style) -> str:
    """The step table folds away: the sentence says whether one has to look."""
    mark = {"pass": "✅", "fail": "❌", "can-fail": "❌"}.get(r.verdict, "⚠️")
    head = f"### {mark} Rollout of {escaped(str(r.object))}: {escaped(r.verdict)}"
    told = escaped(rehearsal.summary(r, look))
    inside = "\n".join(["<details><summary>How it goes, step by step</summary>", "", *block(rehearsal.render(r, look)), "", "</details>"])
    return f"{head}\n\n{told}\n\n{inside}\n"


_ORDER = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN")


def _images(images: Sequence[ImageOutcome]) -> str:
    if not images:
        return ""
    rows = [f"| {code(i.image, cell=True)} | {_known(i)} | {escaped(', '.join(i.used_by[:3]))}{_more(i)} |" for i in images[:_ROWS]]
    more = [f"\n_and {counted(len(images) - _ROWS, 'more image')}._"] if len(images) > _ROWS else []
    return "\n".join(["### Images", "", "| image | known vulnerabilities | used by |", "|---|---|---|", *rows, *more]) + "\n"


def _known(image: ImageOutcome) -> str:
    if not image.scanned:
        return f"⚠️ not scanned: {escaped(image.reason or 'no reason known')}"
    found = [f"{n} {escaped(severity.lower())}" for severity, n in _by_severity(image) if n]
    return ", ".join(found) or "none"


def _by_severity(image: ImageOutcome) -> list[tuple[str, int]]:
    return sorted(image.vulnerabilities.items(), key=lambda sn: (_ORDER.index(sn[0]) if sn[0] in _ORDER else len(_ORDER), sn[0]))


def _more(image: ImageOutcome) -> str:
    return f" and {len(image.used_by) - 3} more" if len(image.used_by) > 3 else ""


def _waived(report: Report, style: Style) -> str:
    waived = [f for f in report.findings if f.waived is not None]
    if not waived:
        return ""
    rows = [_waiver(f, style) for f in waived[:_ROWS]]
    more = [f"\n_and {len(waived) - _ROWS} more._"] if len(waived) > _ROWS else []
    return "\n".join([f"### Waived ({len(waived)})", "", "| where | rule | reason |", "|---|---|---|", *rows, *more]) + "\n"


def _waiver(f: Finding, style: Style) -> str:
    place = code(f"{style.in_repository(f.file)}:{f.line}", cell=True)
    return f"| {place} | {escaped(f.rule)} {escaped(f.name)} | {escaped(f.waived or '')} |"


def _not_checked(report: Report, look: Style) -> str:
    lines = list(summary.not_checked(report, look, images=False))
    if not lines:
        return ""
    return "\n".join(["### Not checked", "", *(f"- {escaped(line.removeprefix('not checked  '))}" for line in lines)]) + "\n"
