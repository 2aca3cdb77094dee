"""The GitLab template: its schema, and its script as a runner's shell plays it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "templates" / "kgate.gitlab-ci.yml"
pytestmark = pytest.mark.slow


def job(**inputs: str) -> dict[str, Any]:
    """The job as GitLab makes it from the template and its inputs."""
    header, body = TEMPLATE.read_text().split("\n---\n")
    given = {name: spec["default"] for name, spec in yaml.safe_load(header)["spec"]["inputs"].items()} | inputs
    for name, value in given.items():
        body = body.replace(f"$[[ inputs.{name} ]]", value)
    return yaml.safe_load(body)  # type: ignore[no-any-return]


def test_the_template_keeps_to_the_schema_of_pipelines(tmp_path: Path) -> None:
    program = Path(sys.executable).parent / "check-jsonschema"
    pipeline = tmp_path / ".gitlab-ci.yml"
    pipeline.write_text(yaml.safe_dump({"stages": ["test"], **job()}))
    argv = [str(program), "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", str(pipeline)]
    subprocess.run(argv, check=True)


def played(where: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """The script of the job, with the kgate of this environment in place of the one that before_script installs."""
    (where / ".kgate-venv" / "bin").mkdir(parents=True)
    (where / ".kgate-venv" / "bin" / "kgate").symlink_to(Path(sys.executable).parent / "kgate")
    (script,) = job()["kgate"]["script"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(where), "KGATE_FAIL_ON": "error", "KGATE_PATHS": "."} | variables
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script], cwd=where, env=environment, capture_output=True, text=True, check=False
    )


def test_the_script_checks_and_leaves_the_reports(tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "nginx-deployment.yaml", tmp_path)
    done = played(tmp_path)
    assert done.returncode == 1, done.stderr
    assert "verdict: FAIL" in done.stdout
    assert json.loads((tmp_path / "kgate-quality.json").read_text())[0]["location"]["path"] == "nginx-deployment.yaml"
    assert all((tmp_path / name).exists() for name in ("kgate.xml", "kgate.html", "kgate.json"))


def test_a_merge_request_is_judged_by_the_settings_of_its_target(tmp_path: Path) -> None:
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    origin.mkdir()
    shutil.copy(ROOT / "examples" / "nginx-deployment.yaml", origin)
    (origin / ".kgate.yaml").write_text("fail_on: error\n")
    for args in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *args], cwd=origin, check=True)
    subprocess.run(["git", "clone", "-q", str(origin), str(clone)], check=True)
    (clone / ".kgate.yaml").write_text("exclude: ['*.yaml']\n")
    done = played(clone, CI_MERGE_REQUEST_TARGET_BRANCH_NAME="main")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "settings-changed" in (clone / "kgate.json").read_text()


def test_paths_are_literal(tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "nginx-deployment.yaml", tmp_path)
    done = played(tmp_path, KGATE_PATHS="$(touch pwned) --output=x *")
    assert done.returncode == 2
    assert not (tmp_path / "pwned").exists()
