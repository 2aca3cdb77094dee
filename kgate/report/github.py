"""Annotations for GitHub Actions: workflow commands on stdout, escaped as actions/toolkit does (packages/core/src/command.ts).

A step shows ten errors, ten warnings and ten notices and drops the rest in silence; so the worst come first, those on changed lines before
others, and the last one of a kind counts what is not shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kgate.finding import Finding, Severity, clean
from kgate.outcome import Report
from kgate.report import summary
from kgate.report.style import Style, counted, inert

SHOWN = 10
"""Annotations of one kind that a step shows."""
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Annotation:
    command: str
    file: str
    line: int
    column: int
    title: str
    message: str

    def __str__(self) -> str:
        place = {"file": self.file, "line": self.line if self.file else 0, "col": self.column, "title": self.title}
        properties = ",".join(f"{key}={_property(str(value))}" for key, value in place.items() if value)
        return f"::{self.command} {properties}::{_data(inert(self.message))}"


def render(report: Report, style: Style) -> str:
    """The annotations and the verdict line; quiet shortens nothing, for these are read by a machine."""
    annotations = [*_findings(report, style), *_not_checked(report, style)]
    lines = [str(a) for command in ("error", "warning", "notice") for a in _limited(command, annotations)]
    return "".join(line + "\n" for line in lines) + inert(summary.verdict(report, Style())) + "\n"


def _findings(report: Report, style: Style) -> Iterator[_Annotation]:
    """A waived finding is a notice: it is not hidden, and it asks for nothing."""
    for f in sorted(report.findings, key=lambda f: (f.waived is not None, not _changed(report, f), f.order)):
        yield _Annotation(
            command="notice" if f.waived is not None else _COMMANDS[f.severity],
            file=style.in_repository(f.file),
            line=max(f.line, 1),
            column=max(f.column, 1),
            title=f"{f.rule} {f.name}",
            message=_told(f),
        )


def _changed(report: Report, f: Finding) -> bool:
    return f.line in report.changed.get(f.file, ())


def _told(f: Finding) -> str:
    subject = f" ({f.object})" if f.object is not None and f.object.kind else ""
    waived = f"\nwaived: {f.waived}" if f.waived is not None else ""
    return f"{f.message}{subject}" + (f"\nfix: {f.remediation}" if f.remediation else "") + waived


def _not_checked(report: Report, style: Style) -> Iterator[_Annotation]:
    for file, line, reason in summary.missing(report):
        yield _Annotation(
            command="warning", file=style.in_repository(file), line=line, column=0, title="kgate: not checked", message=reason
        )


def _limited(command: str, annotations: Iterable[_Annotation]) -> list[_Annotation]:
    mine = [a for a in annotations if a.command == command]
    if len(mine) <= SHOWN:
        return mine
    more = f"and {counted(len(mine) - SHOWN + 1, f'more {command}')}: the summary and the other reports have them all"
    return [*mine[: SHOWN - 1], _Annotation(command=command, file="", line=0, column=0, title="kgate", message=more)]


def _data(text: str) -> str:
    return "\n".join(map(clean, text.split("\n"))).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
