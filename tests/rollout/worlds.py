"""Texts of several documents as the manifests of a run."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from kgate import load
from kgate.manifest import Manifest


def manifests(text: str) -> Sequence[Manifest]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "deploy.yaml"
        file.write_text(text)
        loaded = load.manifests([str(file)])
    assert not loaded.findings
    return loaded.manifests
