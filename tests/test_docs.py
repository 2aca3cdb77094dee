"""The examples of docs/ are read and played as they stand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BLOCKS = dict(re.findall(r"```yaml\n# (\S+)\n(.*?)```", (ROOT / "docs" / "rollout.md").read_text(), re.S))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    for name, text in BLOCKS.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def kgate(where: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(Path(sys.executable).parent / "kgate"), *args], cwd=where, capture_output=True, text=True, check=False)


def test_the_cluster_and_the_settings_are_used(folder: Path) -> None:
    (folder / "deploy.yaml").write_text((ROOT / "examples" / "nginx-deployment.yaml").read_text())
    done = kgate(folder, "check", "--stage", "rollout", "--report", "json", "deploy.yaml")
    (rollout,) = json.loads(done.stdout)["rollouts"]
    assert (rollout["verdict"], rollout["summary"]["completed_s"], rollout["assumed"]) == ("pass", 12, []), done.stderr
    assert {n["node"] for n in rollout["placement"]} == {"a-1", "a-2", "a-3", "gpu1", "old1"}
    assert "cluster.yaml" in rollout["bounds"]


def test_the_scenario_gets_stuck_on_the_bad_image_and_comes_back(folder: Path) -> None:
    done = kgate(folder, "simulate", "scenario.yaml", "--report", "json")
    assert done.returncode == 0, done.stderr
    recording = json.loads(done.stdout)["recording"]
    assert [s["ok"] for s in recording["stepResults"] if s["op"] == "wait"] == [True, True]
    assert recording["final"]["deployments"]["web"]["revision"] == "3"
    assert recording["final"]["replicasets"]["web/rs1"]["spec.replicas"] == 4


def test_the_page_of_the_rules_is_what_kgate_prints() -> None:
    """`kgate rules --report markdown > docs/rules.md` writes it anew."""
    done = kgate(ROOT, "rules", "--report", "markdown")
    assert (ROOT / "docs" / "rules.md").read_text() == done.stdout, done.stderr


def test_every_rule_explains_itself_with_examples_and_a_place_on_the_page() -> None:
    from kgate.cli import catalogue, rulespage

    page = (ROOT / "docs" / "rules.md").read_text()
    for rule in catalogue.rules():
        assert rule.why and rule.remediation and rule.summary, rule.id
        assert f"\n### {rule.id} {rule.name}\n" in page
        assert rulespage.section(rule) in page
