"""The images stage through the command line: the settings, the scan, the report, the exit code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.trivy import advisories, archives

pytestmark = pytest.mark.slow

VULNERABLE = archives.debian("12", {"libquux1": ("quux", "1.2-1")})
CLEAN = archives.debian("12", {"plugh": ("plugh", "1.0-1")})
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n    - name: api\n      image: shop/api:1\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    if not Path(sys.executable).with_name("trivy").exists():
        pytest.skip("trivy is not installed beside python")
    advisories.write_cache(tmp_path / "cache")
    (tmp_path / "pod.yaml").write_text(POD)
    return tmp_path


def check(repository: Path, files: dict[str, str], images: dict[str, Any] | None = None, *more: str) -> tuple[int, Any]:
    """Exit code, and the JSON report."""
    archives.docker_archive(repository / "api.tar", files)
    settings = {"cache_dir": "cache", "archives": {"shop/api:1": "api.tar"}} | (images or {})
    (repository / ".kgate.yaml").write_text(json.dumps({"images": settings}))
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    argv = [
        sys.executable,
        "-I",
        "-m",
        "kgate",
        "check",
        "--config",
        ".kgate.yaml",
        "--stage",
        "images",
        "--report",
        "json",
        *more,
        "pod.yaml",
    ]
    done = subprocess.run(argv, cwd=repository, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_a_vulnerable_image_fails_the_gate(repository: Path) -> None:
    code, report = check(repository, VULNERABLE)
    assert (code, report["verdict"]) == (1, "fail")
    error = next(f for f in report["findings"] if f["severity"] == "error")
    assert (error["rule"], error["stage"], error["line"], error["column"]) == ("KG3002", "images", 7, 14)
    assert error["message"].startswith("image shop/api:1 has CVE-2099-0001 (CRITICAL by nvd) in libquux1 1.2-1 (fixed in 1.2-3)")
    (image,) = report["images"]
    assert (image["status"], image["reason"], image["used_by"]) == ("scanned", None, ["Pod x"])


def test_a_clean_image_passes(repository: Path) -> None:
    code, report = check(repository, CLEAN)
    assert (code, report["verdict"], report["findings"], report["checked"]["images"]) == (0, "pass", [], 1)


def test_an_image_that_could_not_be_scanned_fails_where_a_scan_is_required(repository: Path) -> None:
    shutil.rmtree(repository / "cache")
    code, report = check(repository, CLEAN)
    assert code == 0 and report["images"][0]["status"] == "not-scanned"
    assert report["images"][0]["reason"].startswith("no vulnerability database in ")
    code, report = check(repository, CLEAN, {"scan": "required"})
    assert code == 1 and [f["rule"] for f in report["findings"]] == ["KG3001"]


def test_archives_are_scanned_offline_too_and_the_bytes_are_the_same_twice(repository: Path) -> None:
    assert check(repository, VULNERABLE, {"pull": True}, "--offline") == check(repository, VULNERABLE)
