"""The floors of the house hold, and the contracts that say so can fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "lint-imports"
    argv = [str(program), "--config", str(root / "pyproject.toml"), "--no-cache"]
    return subprocess.run(
        argv, cwd=root, env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package and its contracts, to plant imports in."""
    shutil.copytree(ROOT / "kgate", tmp_path / "kgate", ignore=shutil.ignore_patterns("__pycache__", "data"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_contract_holds_as_the_code_stands(copy: Path) -> None:
    done = lint_imports(copy)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "planted"),
    [
        ("kgate/policy/judge.py", "import kgate.validate"),
        ("kgate/load/files.py", "import kgate.gate"),
        ("kgate/engine/store.py", "import kgate.errors"),
        ("kgate/images/judgement.py", "import kgate.engine"),
        ("kgate/engine/controllers/replicaset.py", "import kgate.engine.scheduler"),
        ("kgate/engine/api/core.py", "import kgate.engine.store"),
        ("kgate/report/text.py", "import requests"),
        ("kgate/finding.py", "import kgate.outcome"),
    ],
)
def test_a_planted_import_breaks_a_contract(copy: Path, module: str, planted: str) -> None:
    path = copy / module
    path.write_text(path.read_text() + f"\n\n{planted}\n")
    done = lint_imports(copy)
    assert done.returncode == 1, done.stdout
    assert "1 broken" in done.stdout or "2 broken" in done.stdout
