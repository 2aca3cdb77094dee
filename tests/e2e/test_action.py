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
    environment |= {name if name.startswith("GITHUB_") else f"KGATE_INPUT_{name}": value for name, value in inputs.items()}
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
    assert "kgate: PASS" in summary
    assert json.loads(Path(told["sarif-file"]).read_text())["version"] == "2.1.0"
    assert Path(told["html-file"]).read_text().startswith("<!DOCTYPE html>")
    assert Path(told["junit-file"]).read_text().startswith("<?xml")


def test_it_fails_the_naked_deployment(venv: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "nginx-deployment.yaml", tmp_path)
    done, told, summary = step(venv, tmp_path, PATHS="nginx-deployment.yaml")
    assert done.returncode == 1
    assert told["verdict"] == "fail"
    assert "kgate: FAIL" in summary
    assert re.search(r"^::error file=nginx-deployment.yaml,line=\d+,col=\d+,title=KG", done.stdout, re.M)


def test_a_pull_request_is_compared_with_its_target_and_judged_by_the_settings_there(venv: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    shutil.copy(ROOT / "examples" / "nginx-deployment.yaml", repository)
    (repository / ".kgate.yaml").write_text("policy: {rules: {image-tag-missing: error}}\n")
    for args in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        ["commit", "-q", "-m", "x"],
        ["update-ref", "refs/remotes/origin/main", "HEAD"],
    ):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *args], cwd=repository, check=True)
    text = (repository / "nginx-deployment.yaml").read_text()
    (repository / "nginx-deployment.yaml").write_text(re.sub(r"image: nginx\S*", "image: nginx", text))
    (repository / ".kgate.yaml").write_text("policy: {rules: {image-tag-missing: 'off'}}\n")
    done, told, _ = step(venv, repository, GITHUB_BASE_REF="main", STAGES="policy")
    found = {f["name"] for f in json.loads(Path(told["report-json"]).read_text())["findings"]}
    assert told["verdict"] == "fail", done.stdout + done.stderr
    assert {"image-tag-missing", "settings-changed"} <= found


def test_a_shallow_checkout_is_told_how_to_fetch_the_history(venv: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    shutil.copy(ROOT / "examples" / "nginx-deployment.yaml", tmp_path)
    done, told, _ = step(venv, tmp_path, GITHUB_BASE_REF="main")
    assert (done.returncode, told["verdict"]) == (2, "error")
    assert "fetch" in done.stderr


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
    first, *between, last = [
        line for line in done.stdout.splitlines() if line.startswith("::") and not re.match("::(error|warning|notice) ", line)
    ]
    assert first.startswith("::stop-commands::") and last == f"::{first.rpartition('::')[2]}::"
    assert between == []


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
    for args in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "x"],
        ["update-ref", "refs/remotes/origin/main", "HEAD"],
    ):
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


def program(name: str) -> str:
    path = Path(sys.executable).parent / name
    if not path.exists():
        pytest.skip(f"{name} is not installed")
    return str(path)


def test_the_action_keeps_to_the_schema_of_actions() -> None:
    subprocess.run([program("check-jsonschema"), "--builtin-schema", "vendor.github-actions", str(ROOT / "action.yml")], check=True)


def test_the_strictest_security_lint_finds_nothing_in_the_action() -> None:
    argv = [program("zizmor"), "--offline", "--persona=pedantic", "--no-progress", str(ROOT / "action.yml")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflow_lint_finds_nothing_in_the_workflow_of_these_tests(tmp_path: Path) -> None:
    workflow = tmp_path / "gate.yml"
    workflow.write_text(
        WORKFLOW.replace("./kgate-action", "actions/checkout@v4")
        .replace("        with:\n          paths: shop\n", "")
        .replace("        id: kgate\n", "")
    )
    done = subprocess.run([program("actionlint"), "-shellcheck=", "-pyflakes=", str(workflow)], capture_output=True, text=True, check=False)
    assert "syntax-check" not in done.stdout, done.stdout


def test_every_library_that_kgate_needs_is_in_the_lock() -> None:
    import tomllib

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name
    from packaging.version import Version

    locked = {
        canonicalize_name(name): Version(version)
        for name, version in re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "tools" / "requirements.txt").read_text(), re.M)
    }
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    for requirement in map(Requirement, needed):
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), requirement
