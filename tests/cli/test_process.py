"""kgate as people and CI systems start it: a process with arguments, streams and an exit code."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
KGATE = str(Path(sys.executable).parent / "kgate")

GOOD = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  mode: fast
"""
REFUSED = GOOD.replace("data:\n  mode: fast", "data:\n  mode: 3")
UNTAGGED = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: nginx
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "refused.yaml").write_text(REFUSED)
    (tmp_path / "untagged.yaml").write_text(UNTAGGED)
    (tmp_path / "empty").mkdir()
    (tmp_path / "compose.yaml").write_text("services: {web: {image: nginx}}\n")
    monkeypatch.chdir(tmp_path)
    for name in ("KGATE_CONFIG", "KGATE_DEBUG", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "CI", "COVERAGE_PROCESS_START"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def kgate(
    *args: str, stdin: str = "", env: dict[str, str] | None = None, argv: tuple[str, ...] = (KGATE,)
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*argv, *args], input=stdin, capture_output=True, text=True, timeout=60, env=os.environ | (env or {}), check=False
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


# --- exit codes and streams


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["good.yaml"], 0),
        (["untagged.yaml"], 1),
        (["refused.yaml"], 1),
        (["refused.yaml", "good.yaml"], 1),
        (["missing.yaml"], 2),
        (["good.yaml", "--report", "pdf"], 2),
        (["good.yaml", "--stage", "lint"], 2),
        (["good.yaml", "--kubernetes-version", "1.7"], 2),
        (["good.yaml", "--config", "missing.yaml"], 2),
        (["good.yaml", "--cluster", "missing.yaml"], 2),
        (["good.yaml", "--cluster", "good.yaml"], 2),
        (["good.yaml", "--base", "no-such-ref"], 2),
        (["empty"], 3),
        (["--force-exclude", "compose.yaml"], 0),
        (["compose.yaml"], 3),
    ],
)
def test_the_exit_code_says_what_happened(args: list[str], code: int) -> None:
    done = kgate("check", "--offline", *args)
    assert done.returncode == code
    if code == 2:
        assert done.stdout == ""
        assert done.stderr.startswith("kgate: error: ")
    else:
        assert done.stderr == ""
        assert done.stdout.splitlines()[-1].startswith("verdict: " + {0: "PASS", 1: "FAIL", 3: "INCOMPLETE"}[code])


def test_warnings_fail_the_gate_only_when_asked_to(folder: Path) -> None:
    (folder / "warned.yaml").write_text(UNTAGGED.replace("image: nginx", "image: nginx:1.27.1"))
    assert kgate("check", "--offline", "--stage", "policy", "warned.yaml").returncode == 0
    assert kgate("check", "--offline", "--stage", "policy", "--fail-on", "warning", "warned.yaml").returncode == 1


def test_standard_input_is_checked_like_a_file() -> None:
    done = kgate("check", "--offline", "-", stdin=REFUSED)
    assert done.returncode == 1
    assert done.stdout.startswith("<stdin>:6:")


def test_python_m_works_in_isolated_mode() -> None:
    assert kgate("--version", argv=(sys.executable, "-I", "-m", "kgate")).stdout.startswith("kgate ")


@pytest.mark.parametrize("argv", [(KGATE,), (sys.executable, "-I", "-m", "kgate")])
def test_a_module_in_the_repository_that_is_checked_never_runs(folder: Path, argv: tuple[str, ...]) -> None:
    for name in ("yaml", "json", "click", "kgate", "jsonschema"):
        (folder / f"{name}.py").write_text("open('ran', 'w').close()\n")
    assert kgate("check", "--offline", "good.yaml", argv=argv).returncode == 0
    assert not (folder / "ran").exists()


def test_an_interrupt_ends_the_run_with_130() -> None:
    child = subprocess.Popen([KGATE, "check", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=20)
    assert (child.returncode, out, err) == (130, "", "kgate: interrupted\n")


def test_a_reader_that_goes_away_is_no_error() -> None:
    child = subprocess.Popen([KGATE, "check", "--offline", "untagged.yaml"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    err = child.stderr.read()
    child.stderr.close()
    assert (child.wait(timeout=20), err) == (1, "")


@pytest.mark.parametrize("redirection", [">/dev/full", ">&-"])
def test_a_result_that_cannot_be_written_is_no_pass(redirection: str) -> None:
    done = subprocess.run(
        f"{KGATE} check --offline good.yaml {redirection}", shell=True, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("kgate: error: cannot write to stdout: ")


def test_a_closed_stderr_does_no_harm() -> None:
    assert subprocess.run(f"{KGATE} check missing.yaml 2>&-", shell=True, timeout=60, check=False).returncode == 2


def test_quiet_prints_the_verdict_and_quieter_prints_nothing() -> None:
    assert kgate("check", "--offline", "-q", "untagged.yaml").stdout.startswith("verdict: FAIL")
    done = kgate("check", "--offline", "-qq", "untagged.yaml")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_verbose_tells_on_stderr_where_settings_come_from(folder: Path) -> None:
    (folder / ".kgate.yaml").write_text("fail_on: warning\n")
    done = kgate("check", "--offline", "-v", "good.yaml")
    assert "settings: .kgate.yaml" in done.stderr
    assert "settings" not in done.stdout


# --- reports


def test_one_evaluation_writes_many_reports(folder: Path) -> None:
    done = kgate("check", "--offline", "untagged.yaml", "--report", "concise", "--report", "json:r.json", "--report", "text:r.txt")
    answer = json.loads((folder / "r.json").read_text())
    assert (answer["verdict"], answer["exit_code"], done.returncode) == ("fail", 1, 1)
    assert done.stdout.splitlines()[-1] == (folder / "r.txt").read_text().splitlines()[-1]
    assert {p.name for p in folder.iterdir() if p.name.startswith(".")} == {".git"}


def test_when_all_results_go_to_files_the_log_still_gets_the_verdict() -> None:
    done = kgate("check", "--offline", "good.yaml", "--report", "json:r.json")
    assert done.stdout == ""
    assert done.stderr.startswith("kgate: verdict: PASS")


def test_a_report_replaces_the_old_one_keeps_its_mode_and_follows_links(folder: Path) -> None:
    (folder / "real.json").write_text("old")
    (folder / "real.json").chmod(0o640)
    (folder / "link.json").symlink_to("real.json")
    kgate("check", "--offline", "good.yaml", "--report", "json:link.json")
    assert (folder / "link.json").is_symlink()
    assert json.loads((folder / "real.json").read_text())["verdict"] == "pass"
    assert (folder / "real.json").stat().st_mode & 0o777 == 0o640


def test_a_device_is_written_to_and_not_replaced() -> None:
    kgate("check", "--offline", "good.yaml", "--report", "json:/dev/null")
    assert Path("/dev/null").is_char_device()


def test_one_run_writes_many_reports_of_the_same_findings(folder: Path) -> None:
    formats = {"json": "r.json", "sarif": "r.sarif", "junit": "r.xml", "gitlab": "quality.json", "markdown": "r.md"}
    done = kgate("check", "--offline", "untagged.yaml", "--report=github", *(f"--report={f}:{path}" for f, path in formats.items()))
    found = len(json.loads((folder / "r.json").read_text())["findings"])
    assert done.returncode == 1
    assert "::error file=untagged.yaml,line=" in done.stdout
    assert len(json.loads((folder / "r.sarif").read_text())["runs"][0]["results"]) == found
    assert len(json.loads((folder / "quality.json").read_text())) >= found
    assert (folder / "r.xml").read_text().count("<failure") >= 1
    assert (folder / "r.md").read_text().startswith("## ❌ kgate: FAIL")


def test_a_forge_gets_paths_from_the_root_of_the_repository_wherever_kgate_starts(folder: Path) -> None:
    (folder / ".git").mkdir(exist_ok=True)
    (folder / "deep").mkdir()
    (folder / "deep" / "untagged.yaml").write_text(UNTAGGED)
    done = subprocess.run(
        [KGATE, "check", "--offline", "untagged.yaml", "--report=github"], cwd=folder / "deep", capture_output=True, text=True, check=False
    )
    assert "::error file=deep/untagged.yaml,line=" in done.stdout


@pytest.mark.parametrize(
    ("reports", "said"),
    [
        (["jsn"], "did you mean 'json'?"),
        (["pdf"], "unknown report format 'pdf'"),
        (["json:"], "the path is empty"),
        (["text", "json"], "two reports want to be written to stdout"),
        (["text:a", "json:./a"], "two reports want to be written to ./a"),
        (["json:none/r.json"], "no such folder"),
    ],
)
def test_a_report_that_cannot_be_is_refused_before_the_run(reports: list[str], said: str) -> None:
    done = kgate("check", "--offline", "good.yaml", *(f"--report={r}" for r in reports))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_the_same_input_gives_the_same_bytes_in_every_process(folder: Path) -> None:
    locales = [
        {"PYTHONHASHSEED": "1", "LC_ALL": "C.UTF-8"},
        {"PYTHONHASHSEED": "77", "LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo", "COLUMNS": "40"},
    ]
    for report in ("text", "concise", "json", "sarif", "junit", "github", "gitlab", "markdown"):
        runs = {kgate("check", "--offline", ".", f"--report={report}", env=env).stdout for env in locales}
        assert len(runs) == 1


# --- terminals


def on_terminal(*args: str) -> str:
    """What kgate writes to stdout when that is a terminal."""
    master, slave = pty.openpty()
    child = subprocess.Popen(
        [KGATE, *args], stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.PIPE, env=os.environ | {"TERM": "xterm"}
    )
    os.close(slave)
    out = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        out += part
    child.communicate(timeout=20)
    os.close(master)
    return out.decode()


def test_a_terminal_gets_the_long_form_in_colour_and_a_pipe_the_short_one() -> None:
    shown = on_terminal("check", "--offline", "--stage", "policy", "untagged.yaml")
    assert "\x1b[1;31merror[KG" in shown
    assert "untagged.yaml:15:" in shown
    piped = kgate("check", "--offline", "--stage", "policy", "untagged.yaml").stdout
    assert piped.startswith("untagged.yaml:")
    assert "\x1b" not in piped


def test_colour_follows_the_flag_then_the_environment() -> None:
    assert "\x1b" not in on_terminal("check", "--offline", "--color=never", "untagged.yaml")
    assert "\x1b[" in kgate("check", "--offline", "untagged.yaml", "--color=always").stdout
    assert "\x1b[" in kgate("check", "--offline", "untagged.yaml", env={"FORCE_COLOR": "1"}).stdout


def test_a_locale_without_utf_8_gets_ascii(folder: Path) -> None:
    (folder / "wide.yaml").write_text(UNTAGGED.replace("name: web\nspec", "name: \u7db2\nspec"), encoding="utf-8")
    done = kgate("check", "--offline", "--report", "text", "wide.yaml", env={"PYTHONIOENCODING": "ascii"})
    assert done.stdout.isascii()
    assert "\\u7db2" in done.stdout


# --- hostile names


@pytest.mark.parametrize("name", ["::error file=a,line=1::x", "a\n::set-output name=v::pass", "\x1b[2Ja", "##[error]a"])
def test_a_file_name_is_never_a_command(folder: Path, name: str) -> None:
    (folder / f"{name}.yaml").write_text(REFUSED)
    for args in (
        ["--", f"{name}.yaml"],
        ["--report", "text", "--", f"{name}.yaml"],
        ["."],
        [f"--config={name}"],
        [f"{name}-missing"],
        [f"--{name}"],
    ):
        done = kgate("check", "--offline", "--stage", "validate", *args)
        for line in (done.stdout + done.stderr).splitlines():
            assert not line.lstrip().startswith("::")
            assert "\x1b" not in line
            assert "##[" not in line


# --- progress


def progress(**env: str) -> str:
    """What a terminal on stderr sees while kgate waits for its standard input."""
    master, slave = pty.openpty()
    clean = {k: v for k, v in os.environ.items() if k != "CI"}
    child = subprocess.Popen(
        [KGATE, "check", "--offline", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=slave,
        env=clean | {"TERM": "xterm"} | env,
    )
    os.close(slave)
    time.sleep(2)
    child.communicate(GOOD.encode(), timeout=20)
    out = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        out += part
    os.close(master)
    return out.decode()


def test_a_long_run_tells_a_terminal_what_it_is_doing_and_wipes_it_away() -> None:
    shown = progress()
    assert shown.startswith("\r\x1b[Kkgate: loading...")
    assert shown.endswith("\r\x1b[K")


@pytest.mark.parametrize("env", [{"CI": "true"}, {"TERM": "dumb"}])
def test_nothing_moves_in_ci_or_on_a_dumb_terminal(env: dict[str, str]) -> None:
    assert progress(**env) == ""
