"""Whatever stands in a manifest, a file name, a cluster file or a scanner's answer: no report acts on its reader."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kgate.finding import Severity, Skipped, Stage
from kgate.manifest import Subject
from kgate.outcome import Checked, Report
from kgate.report import REPORTERS, Style, inert
from tests.report.handmade import REPORTS, ROLLING, SCANNED, UNSCANNED, Text, finding, node, report, step

REORDERING = {*"\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\U000e0041"}
acting = st.sampled_from(
    ["\x1b[2J", "\n::error::", "\r", "\x9b", "\u202e", "\u2028", "##[group]", "##vso[", "\t", "::x::", "\udc80", "\U000e0041"]
)
text = st.lists(st.one_of(acting, st.text(max_size=8)), max_size=5).map("".join)
subject = st.builds(Subject, api_version=text, kind=text, namespace=text, name=text)
places = st.integers(1, 40)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    file = draw(text)
    return report(
        checked=Checked(files=1, objects=1),
        sources=[Text(file, draw(text) + "\n" + draw(text))],
        findings=[
            finding(
                file=file, line=draw(places), column=draw(places), message=draw(text), why=draw(text), path=draw(text),
                remediation=draw(text), object=draw(subject), severity=draw(st.sampled_from(Severity)),
                stage=draw(st.sampled_from(Stage)), waived=draw(st.none() | text),
            )
        ],
        skipped=[Skipped(file=draw(text), reason=draw(text), wanted=draw(st.booleans()))],
        images=[
            replace(UNSCANNED, image=draw(text), reason=draw(text)),
            replace(SCANNED, image=draw(text), scanner=draw(text), vulnerabilities={draw(text): 1}, digest=draw(text)),
        ],
        rollouts=[
            replace(
                ROLLING, object=draw(subject), file=draw(text), verdict=draw(st.sampled_from(["pass", "fail", "unknown"]) | text),
                bounds=draw(text), reason=draw(text), images=(draw(text), draw(text)), strategy=draw(text), assumed=(draw(text),),
                said=(draw(text),), steps=(step(1, draw(text), old=draw(st.integers(0, 40))),),
                placement=(node(draw(text), draw(text), 1, draw(text)),), trace=draw(text),
            )
        ],
    )  # fmt: skip


def assert_inert(shown: str) -> None:
    for line in shown.split("\n"):
        assert not line.lstrip().startswith("::")
        assert "##[" not in line
        assert "##vso[" not in line
    assert not {c for c in shown if c != "\n" and (unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in REORDERING)}


INERT = [name for name in REPORTERS if name != "github"]
"""The annotations for GitHub are commands; test_machine_reports.py reads them as a runner does."""


@pytest.mark.parametrize("name", INERT)
@given(report=reports())
@settings(max_examples=150, deadline=None)
def test_no_text_from_outside_acts_on_a_terminal_or_a_ci_system(name: str, report: Report) -> None:
    assert_inert(REPORTERS[name](report, Style()))


@given(report=reports())
@settings(max_examples=60, deadline=None)
def test_a_reader_without_utf_8_gets_ascii(report: Report) -> None:
    assert REPORTERS["text"](report, Style(ascii=True)).isascii()


@given(report=reports())
@settings(max_examples=60, deadline=None)
def test_json_stays_json_and_says_what_the_findings_say(report: Report) -> None:
    answer = json.loads(REPORTERS["json"](report, Style()))
    assert [f["message"] for f in answer["findings"]] == [f.message for f in report.findings]


@pytest.mark.parametrize("name", INERT)
@pytest.mark.parametrize("case", REPORTS)
def test_the_golden_reports_are_inert_too(name: str, case: str) -> None:
    assert_inert(REPORTERS[name](REPORTS[case], Style()))


@pytest.mark.parametrize(
    "line",
    ["::error::x", "  ::error::x", "\u3000::error::x", "\x1b[1m::error::x", "##[error]x", "a ##[error]x", "##vso[a]b", "##teamcity[x]"],
)
def test_a_workflow_command_is_broken_where_it_begins(line: str) -> None:
    assert inert(line) == line.replace("::e", "\\x3a:e", 1).replace("##", "#\\x23")


@pytest.mark.parametrize("line", ["a::b", "## Heading", "x: ::1", "image: a::b"])
def test_what_no_ci_system_obeys_is_left_alone(line: str) -> None:
    assert inert(line) == line
