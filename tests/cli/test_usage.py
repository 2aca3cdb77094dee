"""What the command line offers, and what it says to somebody who asks for something else."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from kgate.cli import app, run


def shown(*args: str) -> str:
    done = CliRunner().invoke(app, list(args), standalone_mode=False)
    assert done.exception is None
    return done.stdout


COMMANDS = ("check", "fix", "simulate", "place", "test", "snapshot", "rules", "explain", "config", "init", "doctor", "completion")


def test_help_lists_what_works_and_nothing_else() -> None:
    text = shown("check", "--help")
    options = (
        "stage",
        "report",
        "kubernetes-version",
        "base",
        "cluster",
        "pod-security",
        "fail-on",
        "config",
        "jobs",
        "no-cache",
        "offline",
        "force-exclude",
        "watch",
    )
    assert all(f"--{name}" in text for name in options)
    commands = shown("--help")
    assert all(f"\n  {name} " in commands for name in COMMANDS)


@pytest.mark.parametrize(
    "args", [["--help"], ["-h"], ["check", "-h"], ["simulate", "-h"], ["rules", "-h"], ["explain", "-h"], ["config", "schema", "-h"]]
)
def test_every_command_explains_itself(args: list[str]) -> None:
    assert "Usage: " in shown(*args)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["chek"], "No such command 'chek'"),
        (["fix", "--rule", "KG0", "nowhere"], "there is no rule 'KG0'"),
        (["fix", "-"], "standard input cannot be changed"),
        (["check", "--pod-security", "strict"], "is no level: privileged, baseline, restricted"),
        (["check", "--jobs", "0"], "0 is not in the range"),
        (["check", "--watch", "--fix"], "--watch does not go with --fix"),
        (["check", "--watch", "-"], "--watch does not go with"),
        (["check", "--watch", "--report", "pdf"], "unknown report format 'pdf'"),
        (["check", "--stage", "x"], "'x' is not one of"),
        (["explain"], "Missing argument"),
        (["explain", "KG9999999"], "there is no rule 'KG9999999'"),
        (["simulate"], "Missing argument"),
        (["simulate", "missing.yaml"], "missing.yaml"),
        (["simulate", "--report", "concise", "x"], "unknown report format 'concise'"),
        (["rules", "--report", "xml"], "known: text, json"),
    ],
)
def test_a_usage_error_is_one_line_and_a_hint(args: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(args) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.startswith("kgate: error: ")
    assert err.count("\n") <= 2


def test_a_fault_of_kgate_is_one_line_that_says_where_to_go(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("::error::\x1b[2J\nsecond line")

    monkeypatch.delenv("KGATE_DEBUG", raising=False)
    monkeypatch.setattr("kgate.config.discover", broken)
    assert run(["check", "."]) == 2
    err = capsys.readouterr().err
    assert err.startswith("kgate: error: internal error: RuntimeError: ::error::\\x1b[2J\\nsecond line\n")
    assert "please report it" in err
    monkeypatch.setenv("KGATE_DEBUG", "1")
    with pytest.raises(RuntimeError):
        run(["check", "."])


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kgate.config.discover", interrupted)
    assert run(["check", "."]) == 130
    assert capsys.readouterr().err == "kgate: interrupted\n"


def test_the_version_is_printed() -> None:
    import kgate

    assert shown("--version") == f"kgate {kgate.__version__}\n"


def test_rules_lists_every_room_in_order() -> None:
    listed = [json.loads(line) for line in shown("rules", "--report", "json").splitlines()]
    ids = [r["id"] for r in listed]
    assert ids == sorted(set(ids))
    assert {r["stage"] for r in listed} == {"load", "validate", "policy", "images", "rollout"}
    assert all(r["summary"] for r in listed)
    table = shown("rules").splitlines()
    assert len(table) == len(listed) + 1
    assert all(i in line for i, line in zip(ids, table[1:], strict=True))


def test_every_rule_can_be_explained_by_its_identifier_and_its_name() -> None:
    for line in shown("rules", "--report", "json").splitlines():
        rule = json.loads(line)
        text = shown("explain", rule["id"])
        assert text == shown("explain", rule["name"]) == shown("explain", rule["id"].lower())
        assert rule["id"] in text
        assert rule["name"] in text
        assert json.loads(shown("explain", rule["id"], "--report", "json")) == rule


def test_a_misspelt_rule_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    name = json.loads(shown("rules", "--report", "json").splitlines()[0])["name"]
    assert run(["explain", name + "x"]) == 2
    assert f"({name})?" in capsys.readouterr().err


def test_config_schema_prints_a_json_schema() -> None:
    jsonschema.Draft7Validator.check_schema(json.loads(shown("config", "schema")))


def test_config_check_says_whether_settings_are_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "defaults hold" in shown("config", "check")
    (tmp_path / ".kgate.yaml").write_text("fail_on: error\n")
    assert shown("config", "check") == ".kgate.yaml: settings are right\n"
    (tmp_path / "other.yaml").write_text("fail_onn: error\n")
    assert run(["config", "check", "other.yaml"]) == 2
    assert "other.yaml:1:1: unknown key 'fail_onn'" in capsys.readouterr().err


@pytest.mark.parametrize("args", [[], ["config"]])
def test_without_a_command_there_is_help_and_no_success(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(args) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Commands:" in err
