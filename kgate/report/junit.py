"""JUnit XML, as CI systems show tests: a suite a stage, a case a finding, a case a rollout, a case for whatever was not checked.

A finding that fails the gate is a failure; a milder one passes and says so in its output; a waived one is skipped. What was asked for and
could not be checked is an error: it has not passed. The dialect is that of Jenkins' xUnit schema, which GitLab reads too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kgate.finding import Finding, Severity, Stage, clean
from kgate.outcome import Rehearsal, Report
from kgate.report.style import Style

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, however it is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """`outcome`: `failure`, `error`, `skipped` or empty for one that passed."""

    classname: str
    name: str
    outcome: str = ""
    kind: str = ""
    message: str = ""
    body: str = ""


def render(report: Report, style: Style) -> str:
    suites = {name: cases for name, cases in _suites(report, style).items() if cases}
    every = [c for cases in suites.values() for c in cases]
    rows = ['<?xml version="1.0" encoding="UTF-8"?>', f'<testsuites name="kgate"{_counts(every)}>']
    for name, cases in suites.items():
        rows += [f'  <testsuite name="kgate {name}"{_counts(cases)}>', *map(_case, cases), "  </testsuite>"]
    return "\n".join([*rows, "</testsuites>"]) + "\n"


def _suites(report: Report, style: Style) -> Mapping[str, Sequence[_Case]]:
    suites: dict[str, list[_Case]] = {stage.value: [] for stage in report.stages}
    for f in report.findings:
        suites.setdefault(f.stage.value, []).append(_finding(f, report.fail_on, style))
    for r in report.rollouts:
        suites.setdefault(Stage.ROLLOUT.value, []).append(_rollout(r, style))
    for stage, cases in suites.items():
        if not cases:  # a suite without a case would not be shown, and a viewer would say that nothing was tested
            cases.append(_Case(classname="kgate", name=f"{stage}: no findings"))
    return suites | {"not checked": list(_not_checked(report, style))}


def _finding(f: Finding, fail_on: Severity, style: Style) -> _Case:
    file = style.in_repository(f.file)
    subject = f" ({f.object})" if f.object is not None and f.object.kind else ""
    about = f"{f.rule} {f.name} at {file}:{f.line}:{f.column}{subject}"
    body = f"{file}:{f.line}:{f.column}: {f.severity} {f.rule} {f.message}" + (f"\nfix: {f.remediation}" if f.remediation else "")
    if f.waived is not None:
        return _Case(classname=file, name=about, outcome="skipped", message=f"waived: {f.waived}")
    fails = f.severity.rank <= fail_on.rank
    return _Case(classname=file, name=about, outcome="failure" if fails else "", kind=f.severity.value, message=f.message, body=body)


def _rollout(r: Rehearsal, style: Style) -> _Case:
    """A rollout that fails is told by its finding as well, whose severity decides whether the gate fails; this case only names it."""
    outcome = {"unknown": "error"}.get(r.verdict, "")
    told = f"rollout {r.verdict}" + (f": {r.reason}" if r.reason else "")
    file = style.in_repository(r.file)
    return _Case(classname=file, name=f"rollout of {r.object}", outcome=outcome, kind=r.verdict, message=told, body=f"{told}\n{r.bounds}")


def _not_checked(report: Report, style: Style) -> Iterator[_Case]:
    for s in report.skipped:
        file = style.in_repository(s.file)
        yield _Case(
            classname=file, name=f"{file}:{s.line}", outcome="error" if s.wanted else "skipped", kind="not checked", message=s.reason
        )
    for i in report.images:
        if not i.scanned:
            reason = f"image not scanned: {i.reason or 'no reason known'}"
            yield _Case(classname="images", name=i.image, outcome="skipped", message=reason)
    if not report.checked.objects and not report.may_be_empty:
        yield _Case(
            classname="kgate", name="objects", outcome="error", kind="not checked", message="there is no Kubernetes object to check"
        )


def _counts(cases: Sequence[_Case]) -> str:
    def number(outcome: str) -> int:
        return sum(1 for c in cases if c.outcome == outcome)

    return f' tests="{len(cases)}" failures="{number("failure")}" errors="{number("error")}" skipped="{number("skipped")}"'


def _case(c: _Case) -> str:
    head = f"    <testcase classname={_attribute(c.classname)} name={_attribute(c.name)}"
    if c.outcome == "skipped":
        return f"{head}><skipped message={_attribute(c.message)}/></testcase>"
    if c.outcome:
        inside = f"<{c.outcome} type={_attribute(c.kind)} message={_attribute(c.message)}>{_escaped(c.body)}</{c.outcome}>"
        return f"{head}>{inside}</testcase>"
    return f"{head}><system-out>{_escaped(c.body)}</system-out></testcase>" if c.body else f"{head}/>"


def _attribute(text: str) -> str:
    return '"' + _escaped(clean(text)).replace('"', "&quot;") + '"'


def _escaped(text: str) -> str:
    """`##` is spelt as references: a log that shows the file must not take it for a command. Line ends are those of the body alone."""
    text = _NOT_XML.sub("\ufffd", "\n".join(map(clean, text.split("\n"))))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("##", "#&#35;").replace("\n:", "\n&#58;")
