#!/usr/bin/env python3
"""The one step of the GitHub Action: runs the kgate of this very commit and tells GitHub what it found.

Everything comes through the environment: `KGATE_INPUT_*` are the inputs of action.yml, `GITHUB_OUTPUT`, `GITHUB_STEP_SUMMARY` and
`RUNNER_TEMP` are the runner's. Values reach kgate as `--option=value` or after `--`, so that none of them can become an option.
The code is this checkout's, the libraries are those of requirements.txt by hash: a pinned commit pins all of it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "tools" / "requirements.txt"
OPTIONS = {
    "BASE": "--base",
    "CONFIG": "--config",
    "CLUSTER": "--cluster",
    "KUBERNETES_VERSION": "--kubernetes-version",
    "POD_SECURITY": "--pod-security",
    "FAIL_ON": "--fail-on",
}
REPORTS = {"json": "kgate.json", "sarif": "kgate.sarif", "junit": "kgate.xml", "html": "kgate.html", "markdown": "kgate.md"}
VERDICTS = {0: "pass", 1: "fail", 3: "incomplete"}
START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from kgate.cli import main; main()"


def main() -> int:
    temp = Path(os.environ.get("RUNNER_TEMP") or os.environ.get("TMPDIR") or "/tmp")
    reports = fresh(temp / "kgate-reports")
    annotations, text = reports / "annotations", reports / "kgate.txt"
    python = environment(Path(os.environ.get("KGATE_VENV") or temp / "kgate-venv"))
    wanted = [*((name, reports / file) for name, file in REPORTS.items()), ("github", annotations), ("text", text)]
    argv = [str(python), "-I", "-c", START, str(ROOT), "check", *(f"--report={name}:{path}" for name, path in wanted), *arguments()]
    code = subprocess.run(argv, stdin=subprocess.DEVNULL, check=False).returncode
    show(text.read_text(encoding="utf-8", errors="replace") if text.exists() else "kgate could not do the run; the log says why.\n")
    if annotations.exists():
        print(annotations.read_text(encoding="utf-8"), end="", flush=True)
    summarize(reports / REPORTS["markdown"])
    output("verdict", VERDICTS.get(code, "error"))
    output("exit-code", str(code))
    for name, file in REPORTS.items():
        output(f"{name}-file", str(reports / file) if (reports / file).exists() else "")
    output("report-json", str(reports / REPORTS["json"]) if (reports / REPORTS["json"]).exists() else "")
    return code


def fresh(folder: Path) -> Path:
    """An empty folder: a report that stands there afterwards is of this run."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    return folder


def environment(venv: Path) -> Path:
    """The Python of an environment that holds what the lock names and nothing else; made on first use."""
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = venv / "kgate-lock"
    if not stamp.exists() or stamp.read_bytes() != LOCK.read_bytes():
        shutil.rmtree(venv, ignore_errors=True)
        subprocess.run([sys.executable, "-I", "-m", "venv", str(venv)], check=True)
        install = [str(python), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
        subprocess.run([*install, "--only-binary=:all:", "--requirement", str(LOCK)], check=True)
        stamp.write_bytes(LOCK.read_bytes())
    return python


def arguments() -> list[str]:
    given = {name: os.environ.get(f"KGATE_INPUT_{name}", "").strip() for name in OPTIONS}
    given["BASE"] = given["BASE"] or pull_request_base()
    # A pull request must not loosen its own gate: where there is a base, the settings are those of the base.
    given["CONFIG"] = given["CONFIG"] or ("base" if given["BASE"] else "")
    options = [f"{OPTIONS[name]}={value}" for name, value in given.items() if value]
    stages = [f"--stage={stage}" for stage in lines("STAGES")]
    return [*options, *stages, "--", *(lines("PATHS") or ["."])]


def pull_request_base() -> str:
    """The branch that a pull request wants to change, as checkout fetches it. Empty for every other event."""
    branch = os.environ.get("GITHUB_BASE_REF", "").strip()
    return f"origin/{branch}" if branch else ""


def lines(name: str) -> list[str]:
    return [line.strip() for line in os.environ.get(f"KGATE_INPUT_{name}", "").splitlines() if line.strip()]


def show(text: str) -> None:
    """Prints the report with workflow commands switched off: it quotes manifests, which anyone may have written."""
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}", text.rstrip("\n"), f"::{token}::", sep="\n", flush=True)


def summarize(report: Path) -> None:
    """Adds the Markdown report, which is short enough and escaped already, to the step's summary."""
    if not (path := os.environ.get("GITHUB_STEP_SUMMARY")):
        return
    text = report.read_text(encoding="utf-8") if report.exists() else "## kgate could not do the run\n\nThe log says why.\n"
    with Path(path).open("a", encoding="utf-8") as summary:
        summary.write(text)


def output(name: str, value: str) -> None:
    """`name<<delimiter` form: a value can neither end early nor name a second output."""
    if not (path := os.environ.get("GITHUB_OUTPUT")):
        return
    delimiter = f"ghadelimiter_{secrets.token_hex(16)}"
    if delimiter in value:
        raise ValueError("an output holds its own delimiter")
    with Path(path).open("a", encoding="utf-8") as outputs:
        outputs.write(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")


if __name__ == "__main__":
    sys.exit(main())
