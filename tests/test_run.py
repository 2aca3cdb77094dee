"""tools/run.py makes an environment once and touches nothing that is not its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUN = ROOT / "tools" / "run.py"


def run(venv: Path, *args: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-I", str(RUN), *args]
    return subprocess.run(argv, env=os.environ | {"KGATE_VENV": str(venv)}, capture_output=True, text=True, check=False)


def test_help_tells_the_two_commands(tmp_path: Path) -> None:
    done = run(tmp_path / "venv", "--help")
    assert done.returncode == 0
    assert "kgate check examples/nginx-deployment.yaml" in done.stdout and "tools/run.py test" in done.stdout


def test_a_folder_that_somebody_else_made_is_left_alone(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    venv.mkdir()
    (venv / "precious").write_text("work")
    done = run(venv, "kgate", "--version")
    assert done.returncode == 1
    assert "was not made by this script" in done.stderr
    assert (venv / "precious").read_text() == "work"


def test_an_environment_that_is_ready_is_used_as_it_is(tmp_path: Path) -> None:
    sys.path.insert(0, str(RUN.parent))
    try:
        import run as tool
    finally:
        sys.path.remove(str(RUN.parent))
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    (venv / "bin" / "kgate").write_text("#!/bin/sh\nprintf '%s|' \"$@\"\nexit 3\n")
    (venv / "bin" / "kgate").chmod(0o755)
    (venv / tool.STAMP).write_text(f"{tool.identity()}[test]")
    done = run(venv, "kgate", "check", "a b", "--", "-c")
    assert (done.returncode, done.stdout) == (3, "check|a b|--|-c|"), done.stderr
