#!/usr/bin/env python3
"""The one step of the GitHub Action: runs the kgate of this very commit and tells GitHub what it found.

Everything comes through the environment: `KGATE_INPUT_*` are the inputs of action.yml, `GITHUB_OUTPUT`, `GITHUB_STEP_SUMMARY` and
`RUNNER_TEMP` are the runner's. Values reach kgate as `--option=value` or after `--`, so that none of them can become an option.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = {
    "BASE": "--base",
    "CONFIG": "--config",
    "CLUSTER": "--cluster",
    "KUBERNETES_VERSION": "--kubernetes-version",
    "FAIL_ON": "--fail-on",
}
VERDICTS = {0: "pass", 1: "fail", 3: "incomplete"}
SUMMARY_LIMIT = 900 * 1024
"""Bytes. GitHub drops a step summary of more than 1 MiB as a whole."""


def main() -> int:
    temp = Path(os.environ.get("RUNNER_TEMP") or os.environ.get("TMPDIR") or "/tmp")
    report, text = temp / "kgate-report.json", temp / "kgate-report.txt"
    for stale in (report, text):
        stale.unlink(missing_ok=True)
    venv = os.environ.get("KGATE_VENV") or str(temp / "kgate-venv")
    argv = [sys.executable, "-I", str(ROOT / "tools" / "run.py"), "kgate", "check", f"--report=json:{report}", f"--report=text:{text}"]
    done = subprocess.run([*argv, *arguments()], env=os.environ | {"KGATE_VENV": venv}, stdin=subprocess.DEVNULL, check=False)
    shown = text.read_text(encoding="utf-8", errors="replace") if text.exists() else "kgate could not do the run; the log says why.\n"
    show(shown)
    summarize(shown)
    output("verdict", VERDICTS.get(done.returncode, "error"))
    output("exit-code", str(done.returncode))
    output("report-json", str(report) if report.exists() else "")
    return done.returncode


def arguments() -> list[str]:
    given = {name: os.environ.get(f"KGATE_INPUT_{name}", "").strip() for name in OPTIONS}
    options = [f"{OPTIONS[name]}={value}" for name, value in given.items() if value]
    stages = [f"--stage={stage}" for stage in lines("STAGES")]
    return [*options, *stages, "--", *(lines("PATHS") or ["."])]


def lines(name: str) -> list[str]:
    return [line.strip() for line in os.environ.get(f"KGATE_INPUT_{name}", "").splitlines() if line.strip()]


def show(text: str) -> None:
    """Prints the report with workflow commands switched off: it quotes manifests, which anyone may have written."""
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}", text.rstrip("\n"), f"::{token}::", sep="\n", flush=True)


def summarize(text: str) -> None:
    """Adds the report to the step's summary, as preformatted text that Markdown and HTML leave alone."""
    if not (path := os.environ.get("GITHUB_STEP_SUMMARY")):
        return
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    body = escaped.encode("utf-8")[-SUMMARY_LIMIT:].decode("utf-8", "ignore")
    with Path(path).open("a", encoding="utf-8") as summary:
        summary.write(f"### kgate\n\n<pre>\n{body}</pre>\n")


def output(name: str, value: str) -> None:
    """`name<<delimiter` form: a value can neither end early nor name a second output."""
    if not (path := os.environ.get("GITHUB_OUTPUT")):
        return
    delimiter = f"ghadelimiter_{secrets.token_hex(16)}"
    with Path(path).open("a", encoding="utf-8") as outputs:
        outputs.write(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")


if __name__ == "__main__":
    sys.exit(main())
