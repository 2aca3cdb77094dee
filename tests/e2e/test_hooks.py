"""pre-commit runs the hooks of this checkout on a repository of somebody's: really installed, really started."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow

NAKED = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app.kubernetes.io/name: web}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx}]}
"""


def git(where: Path, *args: str) -> None:
    identity = {
        "GIT_AUTHOR_NAME": "t",
        "GIT_AUTHOR_EMAIL": "t@example.com",
        "GIT_COMMITTER_NAME": "t",
        "GIT_COMMITTER_EMAIL": "t@example.com",
    }
    subprocess.run(["git", "-C", str(where), *args], env=os.environ | identity, check=True, capture_output=True)


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout as a repository with one commit: try-repo clones what is committed."""
    where = tmp_path_factory.mktemp("hooks") / "kgate"
    shutil.copytree(
        ROOT,
        where,
        ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "tests", ".coverage*", "*.lock"),
    )
    git(where, "init", "-q")
    git(where, "add", "-A")
    git(where, "commit", "-q", "-m", "as it stands")
    return where


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    where = tmp_path / "shop"
    shutil.copytree(ROOT / "examples" / "shop", where)
    git(where, "init", "-q")
    git(where, "add", "-A")
    git(where, "commit", "-q", "-m", "a shop")
    return where


def try_repo(hooks: Path, repository: Path, *args: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "pre-commit"
    argv = [str(program), "try-repo", str(hooks), *args, "--verbose"]
    return subprocess.run(argv, cwd=repository, capture_output=True, text=True, timeout=600, check=False)


def test_the_manifest_is_what_pre_commit_accepts() -> None:
    program = Path(sys.executable).parent / "pre-commit"
    subprocess.run([str(program), "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")], check=True)


def test_the_hook_passes_a_good_repository_and_stops_a_bad_file(hooks: Path, repository: Path) -> None:
    good = try_repo(hooks, repository, "kgate", "--all-files")
    assert good.returncode == 0, good.stdout + good.stderr
    assert "verdict: PASS" in good.stdout
    (repository / "naked.yaml").write_text(NAKED)
    git(repository, "add", "naked.yaml")
    bad = try_repo(hooks, repository, "kgate", "--files", "naked.yaml")
    assert bad.returncode == 1, bad.stdout + bad.stderr
    assert "naked.yaml:8:" in bad.stdout
    assert "verdict: FAIL" in bad.stdout


def test_the_gate_hook_rehearses_from_the_last_commit(hooks: Path, repository: Path) -> None:
    deployment = repository / "cart" / "deployment.yaml"
    deployment.write_text(deployment.read_text().replace("shop/cart:4.2.1", "shop/cart:4.2.2"))
    done = try_repo(hooks, repository, "kgate-gate", "--hook-stage", "manual", "--all-files")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4.2.1" in done.stdout and "4.2.2" in done.stdout


def test_the_settings_hook_stops_a_typing_error_at_its_line(hooks: Path, repository: Path) -> None:
    (repository / ".kgate.yaml").write_text("fail_on: warning\n")
    (repository / "sub").mkdir()
    (repository / "sub" / ".kgate.yaml").write_text("policy: {}\n")
    git(repository, "add", "-A")
    good = try_repo(hooks, repository, "kgate-config", "--all-files")
    assert good.returncode == 0, good.stdout + good.stderr
    assert ".kgate.yaml: settings are right" in good.stdout
    (repository / "sub" / ".kgate.yaml").write_text("polcy: {}\n")
    git(repository, "add", "-A")
    bad = try_repo(hooks, repository, "kgate-config", "--all-files")
    assert bad.returncode == 1, bad.stdout + bad.stderr
    assert "sub/.kgate.yaml:1:1: unknown key 'polcy'" in bad.stdout
