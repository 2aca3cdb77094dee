"""`kgate snapshot` in the hands of a user: a pipe from kubectl, a file for the gate."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kgate.cli import run

NODE = {
    "kind": "Node",
    "metadata": {"name": "n1", "labels": {"topology.kubernetes.io/zone": "z"}},
    "status": {
        "capacity": {"cpu": "4", "memory": "16Gi", "pods": "110"},
        "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2020-01-01T00:00:00Z"}],
    },
}
LIST = json.dumps({"kind": "List", "items": [NODE, {"kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "aHVudGVyMg=="}}]})
PACKED = 'taken: "2020-01-01T00:00:00Z"\nnodes:\n  - {"name": "n1", "cpu": "4", "memory": "16Gi", "pods": 110, "zone": "z"'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_pipe_from_kubectl_becomes_a_cluster_file(folder: Path) -> None:
    kgate = str(Path(sys.executable).parent / "kgate")
    done = subprocess.run([kgate, "snapshot"], input=LIST, capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0
    assert done.stdout.startswith(PACKED)
    assert "kgate: not packed: 1 Secret" in done.stderr
    assert "aHVudGVyMg" not in done.stdout + done.stderr


def test_the_gate_rehearses_on_it_and_says_that_it_is_old(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("dump.json").write_text(LIST)
    Path("deploy.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n"
        '    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: "web:1"}]}\n'
    )
    for output in ("cluster.yaml", "cluster.json"):
        assert run(["snapshot", "dump.json", "-o", output]) == 0
        capsys.readouterr()
        assert run(["check", "--stage", "rollout", "--cluster", output, "--report", "json", "deploy.yaml"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert "taken 2020-01-01T00:00:00Z" in report["rollouts"][0]["bounds"]
        (old,) = (f for f in report["findings"] if f["rule"] == "KG5006")
        assert (old["file"], old["line"], old["severity"]) == (output, 1 if output.endswith("yaml") else 2, "warning")


@pytest.mark.parametrize(
    ("text", "args", "says"),
    [
        ("not json", [], "dump.json: no JSON that can be read"),
        ("[]", [], "dump.json is no mapping"),
        ('{"kind": "List", "items": []}', [], "there is no Node in the input"),
        ("[" * 5000, [], "dump.json: no"),
        (LIST, ["--taken", "noon"], "--taken: 'noon' is no time"),
        (LIST, ["nowhere.json"], "nowhere.json: not read"),
    ],
)
def test_what_cannot_be_packed_is_2(text: str, args: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("dump.json").write_text(text)
    assert run(["snapshot", "dump.json", *args]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
