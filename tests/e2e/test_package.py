"""The wheel is complete: it carries the policies and the schemas, and runs from anywhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("package")
    source = where / "source"
    ignored = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", ".coverage*", "*.lock")
    shutil.copytree(ROOT, source, ignore=ignored)
    argv = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(where), str(source)]
    subprocess.run(argv, check=True, capture_output=True)
    shutil.rmtree(source)
    (wheel,) = where.glob("kgate-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(where / "site")
    return where / "site"


def kgate(site: Path, where: Path, *args: str) -> subprocess.CompletedProcess[str]:
    start = "import sys; sys.path.insert(0, sys.argv.pop(1)); from kgate.cli import main; main()"
    argv = [sys.executable, "-I", "-c", start, str(site), *args]
    return subprocess.run(argv, cwd=where, env=os.environ | {"NO_COLOR": "1"}, capture_output=True, text=True, check=False)


def test_it_is_the_unpacked_package_that_runs_and_its_rules_are_those_of_the_checkout(unpacked: Path, tmp_path: Path) -> None:
    ours = subprocess.run([sys.executable, "-I", "-m", "kgate", "rules"], cwd=tmp_path, capture_output=True, text=True, check=True)
    theirs = kgate(unpacked, tmp_path, "rules")
    assert theirs.stdout == ours.stdout, theirs.stderr
    assert "image-tag-missing" in theirs.stdout


def test_the_wheel_gives_the_examples_their_verdicts(unpacked: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    naked = kgate(unpacked, tmp_path, "check", "examples/nginx-deployment.yaml", "--report", "json")
    shop = kgate(unpacked, tmp_path, "check", "examples/shop", "--report", "json")
    assert (naked.returncode, json.loads(naked.stdout)["verdict"]) == (1, "fail"), naked.stderr
    assert (shop.returncode, json.loads(shop.stdout)["verdict"]) == (0, "pass"), shop.stderr
