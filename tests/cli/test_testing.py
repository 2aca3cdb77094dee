"""`kgate test`: policies' examples and scenarios' expectations, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kgate.cli import run

PASSES = """\
name: fine
nodes: [{name: a}]
steps: [{sleep: 1}]
expect:
  - pods: {max: 0}
"""
FAILS = PASSES.replace("fine", "broken").replace("pods: {max: 0}", "nodes: {max: 0}")
SILENT = PASSES.partition("expect:")[0]
POLICY = """\
id: KG9901
name: no-latest-here
severity: error
default: on
summary: an example
why: An example.
remediation: write something else
subject: container
require: {required: [name]}
examples:
  good: [{name: app, image: web}]
  bad: [{image: web}]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    code = run(["test", *args])
    return code, capsys.readouterr().out


def test_all_that_holds_is_0(capsys: pytest.CaptureFixture[str]) -> None:
    Path("fine.yaml").write_text(PASSES)
    code, out = told(capsys, "fine.yaml")
    assert (code, out.splitlines()) == (
        0,
        ["pass  fine.yaml: fine (1 of 1 expectations hold)", "pass: 0 policies by 0 examples, 1 scenario"],
    )


def test_a_failed_expectation_is_1_with_its_place_and_what_was_seen(capsys: pytest.CaptureFixture[str]) -> None:
    Path("broken.yaml").write_text(FAILS)
    code, out = told(capsys, "broken.yaml")
    assert code == 1
    assert "  broken.yaml:5:5: expected: nodes: at most 0\n    seen: 1 at 0s\n" in out


def test_a_scenario_that_expects_nothing_is_3_and_a_failure_beats_it(capsys: pytest.CaptureFixture[str]) -> None:
    Path("silent.yaml").write_text(SILENT)
    Path("broken.yaml").write_text(FAILS)
    code, out = told(capsys, "silent.yaml")
    assert code == 3
    assert "not checked  silent.yaml: fine: it expects nothing" in out
    assert told(capsys, ".")[0] == 1


def test_a_faulty_file_is_2_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    Path("s.yaml").write_text(PASSES.replace("max: 0", "most: 0"))
    assert run(["test", "s.yaml"]) == 2
    assert "s.yaml:5:" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["nowhere", "empty", "deploy.yaml"])
def test_a_path_with_nothing_to_test_is_2(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()
    Path("empty", "ci.yaml").write_text("steps: [{script: make}]\n")
    Path("deploy.yaml").write_text("kind: Deployment\n")
    assert run(["test", path]) == 2
    assert path in capsys.readouterr().err


def test_a_folder_is_searched_and_what_is_no_scenario_is_passed_over(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a", "b", ".hidden").mkdir(parents=True)
    Path("a", "b", "fine.yaml").write_text(PASSES)
    Path("a", "b", ".hidden", "broken.yaml").write_text(FAILS)
    Path("a", "workflow.yaml").write_text("on: push\nsteps:\n  - run: make\n")
    Path("a", "chart.yaml").write_text("{{ if x }}\nsteps\n")
    Path("a", "deploy.yaml").write_text("kind: Deployment\nmetadata: {name: x}\n")
    code, out = told(capsys, "a")
    assert (code, out.splitlines()[0]) == (0, "pass  a/b/fine.yaml: fine (1 of 1 expectations hold)")


def test_without_paths_the_policies_prove_their_examples_and_it_is_said_which_rules_have_none(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = told(capsys, "--report", "json")
    body = json.loads(out)
    assert (code, body["schema"], body["verdict"], body["exit_code"]) == (0, "kgate.test/1", "pass", 0)
    assert all(p["examples"] >= 2 and p["failures"] == [] for p in body["policies"])
    assert "KG5001" in body["rules_without_examples"]
    assert "KG2104" not in body["rules_without_examples"]


def test_a_policy_file_is_tried_by_its_own_examples(capsys: pytest.CaptureFixture[str]) -> None:
    Path("policy.yaml").write_text(POLICY.replace("default: on", 'default: "on"'))
    assert told(capsys, "policy.yaml") == (0, "pass: 1 policy by 2 examples, 0 scenarios\n")
    Path("policy.yaml").write_text(POLICY.replace("default: on", 'default: "on"').replace("bad: [{image", "bad: [{name: a, image"))
    code, out = told(capsys, "policy.yaml")
    assert code == 1
    assert "policy.yaml: KG9901 no-latest-here: nothing is found in a bad example: {'name': 'a', 'image': 'web'}" in out


def test_json_has_every_expectation(capsys: pytest.CaptureFixture[str]) -> None:
    Path("broken.yaml").write_text(FAILS)
    code, out = told(capsys, "broken.yaml", "--report", "json")
    (scenario,) = json.loads(out)["scenarios"]
    assert code == 1
    assert scenario == {
        "scenario": "broken",
        "file": "broken.yaml",
        "verdict": "fail",
        "reason": None,
        "expected": [
            {
                "line": 5,
                "column": 5,
                "path": "/expect/0",
                "expected": "nodes: at most 0",
                "passed": False,
                "seen": "1 at 0s",
                "first_s": 0.0,
            }
        ],
    }
