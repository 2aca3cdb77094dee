"""Kustomizations of public repositories, against the kubectl of this machine. Skipped where either is not at hand."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from kgate.load.files import Disk
from kgate.load.render import render
from tests.load.render import cases

CORPUS = Path(__file__).parents[4] / "shared" / "bank" / "corpus"
INDEX = CORPUS / "index-kustomize.json"
ROOTS = [CORPUS / "kustomize" / entry["root"] for entry in json.loads(INDEX.read_text("utf-8"))] if INDEX.exists() else []
# Without a way out: a remote base is an answer, too.
NO_NETWORK = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "GIT_TERMINAL_PROMPT": "0",
}


@pytest.mark.slow
@pytest.mark.skipif(not ROOTS, reason="the corpus is not at hand")
@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH")
def test_public_kustomizations_are_rendered_as_kubectl_renders_them() -> None:
    accepted = refused = 0
    for root in ROOTS:
        done = subprocess.run(["kubectl", "kustomize", root], capture_output=True, text=True, timeout=120, check=False, env=NO_NETWORK)
        name = next(p for p in (root / n for n in ("kustomization.yaml", "kustomization.yml", "Kustomization")) if p.exists())
        made = next((r for r in render(Disk(), [str(name)])), None)
        if made is None:  # a Component: nothing on its own
            continue
        if done.returncode != 0:
            assert made.reason, f"{root}: kubectl refuses it: {done.stderr[-300:]}"
            refused += 1
            continue
        assert [m.body for m in made.manifests] == cases.objects(done.stdout) or made.reason, root
        accepted += not made.reason
    assert accepted >= 0.9 * (len(ROOTS) - refused)
