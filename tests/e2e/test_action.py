"""The GitHub Action's steps, run by a local runner on this machine, with the inputs that a hostile pull request would choose."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ACTION = ROOT / "tools" / "action.py"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One environment for all runs of this module; the action makes it on its first run."""
    return tmp_path_factory.mktemp("action") / "venv"


def step(venv: Path, where: Path, **inputs: str) -> tuple[subprocess.CompletedProcess[str], dict[str, str], str]:
    """The step as the runner starts it. Answers the process, its outputs and its summary."""
    temp = where / "runner-temp"
    temp.mkdir(exist_ok=True)
    outputs, summary = temp / "output", temp / "summary"
    environment = {k: os.environ[k] for k in ("PATH", "HOME", "LANG") if k in os.environ}
    environment |= {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_", "REQUESTS_"))}
    environment |= {"RUNNER_TEMP": str(temp), "GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(summary), "KGATE_VENV": str(venv)}
    environment |= {f"KGATE_INPUT_{name}": value for name, value in inputs.items()}
    argv = [sys.executable, "-I", str(ACTION)]
    done = subprocess.run(argv, cwd=where, env=environment, capture_output=True, text=True, timeout=900, check=False)
    told = dict(re.findall(r"^(\S+)<<(?:ghadelimiter_\S+)\n(.*?)\nghadelimiter_", outputs.read_text(), re.M | re.S))
    return done, told, summary.read_text()


def test_it_passes_the_shop_and_tells_the_outputs(venv: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples" / "shop", tmp_path / "repo")
    done, told, summary = step(venv, tmp_path / "repo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert told["verdict"] == "pass" and told["exit-code"] == "0"
    assert json.loads(Path(told["report-json"]).read_text())["verdict"] == "pass"
    assert "verdict: PASS" in summary


def test_it_fails_the_naked_deployment(venv: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "nginx-deployment.yaml", tmp_path)
    done, told, summary = step(venv, tmp_path, PATHS="nginx-deployment.yaml")
    assert done.returncode == 1
    assert told["verdict"] == "fail"
    assert "verdict: FAIL" in summary


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATHS", "$(touch pwned)"),
        ("PATHS", "--report=json:pwned"),
        ("PATHS", "; touch pwned"),
        ("BASE", "--output=pwned"),
        ("CONFIG", "`touch pwned`"),
        ("KUBERNETES_VERSION", "1.36\nverdict=pass"),
    ],
)
def test_a_hostile_input_is_one_literal_argument(venv: Path, tmp_path: Path, name: str, value: str) -> None:
    shutil.copy(ROOT / "examples" / "nginx-deployment.yaml", tmp_path)
    done, told, _ = step(venv, tmp_path, **{name: value})
    assert done.returncode == 2, done.stdout + done.stderr
    assert told["verdict"] == "error"
    assert not list(tmp_path.rglob("pwned"))


def test_workflow_commands_in_a_manifest_stay_text(venv: Path, tmp_path: Path) -> None:
    text = (ROOT / "examples" / "nginx-deployment.yaml").read_text()
    (tmp_path / "evil.yaml").write_text(text.replace("image: nginx", 'image: "nginx\\n::set-output name=verdict::pass"'))
    done, told, summary = step(venv, tmp_path)
    assert told["verdict"] == "fail"
    assert not re.search(r"^::set-output", done.stdout, re.M)
    assert not re.search(r"^::set-output", summary, re.M)
    first, *_, last = [line for line in done.stdout.splitlines() if line.startswith("::")]
    assert first.startswith("::stop-commands::") and last == f"::{first.rpartition('::')[2]}::"


WORKFLOW = """\
name: gate
on: pull_request
jobs:
  gate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - id: kgate
        uses: ./kgate-action
        continue-on-error: true
        with:
          paths: shop
      - run: printf 'the verdict is <%s>, code <%s>\\n' "$VERDICT" "$CODE"
        env:
          VERDICT: ${{ steps.kgate.outputs.verdict }}
          CODE: ${{ steps.kgate.outputs.exit-code }}
"""


@pytest.mark.skipif(not (Path(sys.executable).parent / "act").exists(), reason="the local runner is not installed")
def test_a_local_runner_plays_the_composite_action(venv: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    ignored = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "tests", ".coverage*", "*.lock")
    shutil.copytree(ROOT, repository / "kgate-action", ignore=ignored)
    shutil.copytree(ROOT / "examples" / "shop", repository / "shop")
    (repository / ".github" / "workflows").mkdir(parents=True)
    (repository / ".github" / "workflows" / "gate.yml").write_text(WORKFLOW)
    for args in (["init", "-q"], ["add", "-A"], ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "x"]):
        subprocess.run(["git", "-C", str(repository), *args], check=True, capture_output=True)
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"base": {"ref": "main"}, "head": {"ref": "topic"}}}))
    act = Path(sys.executable).parent / "act"
    argv = [
        str(act),
        "pull_request",
        "-e",
        str(event),
        "-P",
        "ubuntu-latest=-self-hosted",
        "--no-cache-server",
        "--env",
        f"KGATE_VENV={venv}",
    ]
    home = tmp_path / "home"
    (home / ".config" / "act").mkdir(parents=True)
    (home / ".config" / "act" / "actrc").write_text("")
    environment = os.environ | {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), "XDG_CACHE_HOME": str(home / ".cache")}
    done = subprocess.run(argv, cwd=repository, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert "the verdict is <pass>, code <0>" in done.stdout, done.stdout[-5000:] + done.stderr[-3000:]
