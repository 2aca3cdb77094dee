from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from kgate import load
from kgate.manifest import Manifest

Written = Callable[..., Sequence[Manifest]]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Written:
    """Writes a YAML text to a file of the working directory and loads it, as a check would."""
    monkeypatch.chdir(tmp_path)

    def load_text(text: str, file: str = "web.yaml") -> Sequence[Manifest]:
        Path(file).write_text(text)
        loaded = load.manifests([file])
        assert not loaded.findings
        return loaded.manifests

    return load_text
