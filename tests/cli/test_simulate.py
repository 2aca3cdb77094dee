"""`kgate simulate`: scenario files in, what happened out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from kgate.cli import app, run

SCENARIO = """\
name: first
nodes:
  - {name: n1, cpu: 2, memory: 4Gi}
kubelet: {startup: 3, termination: 1}
objects: []
steps:
  - apply:
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web}
      spec:
        replicas: 2
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec: {containers: [{name: app, image: "app:v1"}]}
  - wait: {complete: web}
    timeout: 60
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "first.yaml").write_text(SCENARIO)
    (tmp_path / "many").mkdir()
    for name in ("b", "a"):
        (tmp_path / "many" / f"{name}.yaml").write_text(SCENARIO.replace("first", name))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def simulated(*args: str) -> str:
    done = CliRunner().invoke(app, ["simulate", *args], standalone_mode=False)
    assert done.exception is None
    assert done.return_value == 0
    return done.stdout


def test_what_happens_is_told_in_virtual_time() -> None:
    lines = simulated("first.yaml").splitlines()
    assert lines[0] == "first"
    assert any("3.000s" in line and "MinimumReplicasAvailable" in line for line in lines)
    assert "2/2 ready" in lines[-2]


def test_json_is_one_line_a_scenario_in_order() -> None:
    lines = simulated("first.yaml", "many", "--report", "json").splitlines()
    recordings = [json.loads(line) for line in lines]
    assert [r["scenario"] for r in recordings] == ["first", "a", "b"]
    wanted = {"stepResults", "phases", "conditions", "bindings", "events", "deletionOrder", "final"}
    assert all(wanted <= set(r["recording"]) for r in recordings)
    assert [b["pod"] for b in recordings[0]["recording"]["bindings"]] == ["web/rs1/p1", "web/rs1/p2"]


def test_a_whole_recorded_file_plays_its_input(folder: Path) -> None:
    import yaml

    (folder / "recorded.json").write_text(
        json.dumps(
            {"name": "recorded", "input": {k: v for k, v in yaml.safe_load(SCENARIO).items() if k != "name"}, "recording": {"final": {}}}
        )
    )
    assert json.loads(simulated("recorded.json", "--report", "json"))["scenario"] == "recorded"


def test_reports_go_to_files_as_well(folder: Path) -> None:
    assert simulated("first.yaml", "--report", "json:out.jsonl", "--report", "text") == simulated("first.yaml")
    assert json.loads((folder / "out.jsonl").read_text())["scenario"] == "first"


def test_the_same_scenario_gives_the_same_bytes() -> None:
    assert simulated("first.yaml", "--report", "json") == simulated("first.yaml", "--report", "json")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SCENARIO.replace("nodes:", "noodles:"), "bad.yaml:2:"),
        (SCENARIO.replace("- wait: {complete: web}", "- dance: web"), "bad.yaml:17:"),
        ("a: [", "bad.yaml:"),
        ("", "bad.yaml"),
        ("- 1", "bad.yaml:1:1"),
    ],
)
def test_a_faulty_scenario_is_refused_with_its_place(folder: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.yaml").write_text(text)
    assert run(["simulate", "first.yaml", "bad.yaml"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("kgate: error: ")
    assert said in err


def test_a_folder_without_scenarios_is_a_mistake(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "empty").mkdir()
    assert run(["simulate", "empty"]) == 2
    assert "empty: no scenario in this folder" in capsys.readouterr().err


def test_what_cannot_be_played_is_said_and_is_no_success(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}}
    (folder / "job.json").write_text(json.dumps({"name": "job", "nodes": [{"name": "n"}], "objects": [job], "steps": []}))
    assert run(["simulate", "job.json", "first.yaml"]) == 3
    assert "not played: Job is not modelled" in capsys.readouterr().out
