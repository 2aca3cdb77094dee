#!/usr/bin/env python3
"""Runs a command in an environment of its own, which it makes on first use: nothing is installed into the Python that runs this.

    python3 tools/run.py kgate check examples/nginx-deployment.yaml
    python3 tools/run.py test

The environment is `.venv` in the checkout, or the folder that KGATE_VENV names. It is made anew when pyproject.toml or the Python
changes. `test` is the whole test suite with coverage; any other word is a command of the environment: kgate, pytest, ruff, mypy,
lint-imports, python. Needs Python >= 3.11 alone; a Python that is "externally managed" (PEP 668) is left as it is.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEST = ["pytest", "-n", "auto", "--cov", "--cov-report=term:skip-covered"]
STAMP = "kgate-stamp"
USER_COMMANDS = ("kgate",)
"""These need the runtime dependencies alone; all else gets the extra `[test]`."""


def main(argv: list[str]) -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 (the Python that starts this file is the user's, whatever it is)
        sys.exit(f"kgate needs Python >= 3.11; this is {sys.version.split()[0]} ({sys.executable})")
    if not argv or argv[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if argv else 2
    venv = Path(os.environ.get("KGATE_VENV") or ROOT / ".venv").absolute()
    ready(venv, extras="" if argv[0] in USER_COMMANDS else "[test]")
    command = TEST + argv[1:] if argv[0] == "test" else argv
    program = scripts(venv) / command[0]
    path = os.pathsep.join((str(scripts(venv)), os.environ.get("PATH", os.defpath)))
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "PYTHONPATH")} | {"VIRTUAL_ENV": str(venv), "PATH": path}
    where = None if argv[0] in USER_COMMANDS else ROOT
    try:
        return subprocess.run([str(program), *command[1:]], env=environment, cwd=where, check=False).returncode
    except FileNotFoundError:
        sys.exit(f"{command[0]}: no such command in {venv}; try kgate, test, pytest, ruff, mypy, lint-imports or python")
    except KeyboardInterrupt:
        return 130


def ready(venv: Path, *, extras: str) -> None:
    """Makes the environment unless it is there already, with the same pyproject.toml, the same Python and at least these extras."""
    stamp = venv / STAMP
    made = f"{identity()}{extras}"
    good = {made, f"{identity()}[test]"}
    with locked(venv):
        if stamp.exists() and stamp.read_text() in good and (scripts(venv) / python_name()).exists():
            return
        print(f"kgate: setting up {venv} (once; about a minute with the test tools)", file=sys.stderr)
        install(venv, f"{ROOT}{extras}")
        stamp.write_text(made)


def identity() -> str:
    """What an environment depends on: the dependencies, the Python and the place of the checkout, which it links to."""
    return hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + f"{sys.version}\n{ROOT}".encode()).hexdigest()


def install(venv: Path, what: str) -> None:
    """Three ways, the first that this Python has: venv with its own pip, a pip from outside, uv."""
    empty(venv)
    python = scripts(venv) / python_name()
    if importlib.util.find_spec("ensurepip"):
        run([sys.executable, "-I", "-m", "venv", str(venv)])
        run([str(python), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--editable", what])
    elif importlib.util.find_spec("pip"):
        run([sys.executable, "-I", "-m", "venv", "--without-pip", str(venv)])
        run([sys.executable, "-I", "-m", "pip", "--python", str(python), "install", "--quiet", "--editable", what])
    elif uv := shutil.which("uv"):
        run([uv, "venv", "--quiet", "--python", sys.executable, str(venv)])
        run([uv, "pip", "install", "--quiet", "--python", str(python), "--editable", what])
    else:
        sys.exit(
            "This Python has neither ensurepip nor pip. Debian and Ubuntu keep them in a package of their own: apt install python3-venv"
        )


def empty(venv: Path) -> None:
    """Removes what an earlier set-up left, and nothing that somebody else made."""
    stamp = venv / STAMP
    if venv.exists() and not stamp.exists():
        sys.exit(f"{venv} is there already and was not made by this script; remove it, or name another folder in KGATE_VENV")
    shutil.rmtree(venv, ignore_errors=True)
    venv.mkdir()
    stamp.write_text("unfinished")


def run(argv: list[str]) -> None:
    try:
        # Results belong on stdout, so what an installer says goes to stderr.
        subprocess.run(argv, check=True, stdout=sys.stderr)
    except subprocess.CalledProcessError as e:
        sys.exit(f"kgate: setting up failed (exit code {e.returncode}): {' '.join(argv)}")


@contextlib.contextmanager
def locked(venv: Path) -> Iterator[None]:
    """One set-up at a time: two commands started together share one environment."""
    venv.parent.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # Windows: started twice at once is started at one's own risk
        yield
        return
    with (venv.parent / f"{venv.name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def scripts(venv: Path) -> Path:
    return venv / ("Scripts" if os.name == "nt" else "bin")


def python_name() -> str:
    return "python.exe" if os.name == "nt" else "python"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
