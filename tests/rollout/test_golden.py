"""Scenarios and what came of them. After a wanted change: KGATE_GOLDEN=write pytest tests/rollout/test_golden.py, then read the diff."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from kgate import load
from kgate.rollout import simulate

CASES = sorted(Path(__file__).parent.joinpath("golden").iterdir())


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_a_scenario_is_played_and_told_as_before(case: Path) -> None:
    body, source = load.settings_file(str(case / "scenario.yaml"))
    (played,) = simulate([("scenario.yaml", body)], sources={"scenario.yaml": source})
    golden(case / "told.txt", "\n".join(played.lines()) + "\n")
    golden(case / "recording.json", json.dumps(lasting(played.as_json()["recording"]), indent=1, sort_keys=True) + "\n")


def lasting(recording: dict[str, Any]) -> dict[str, Any]:
    """What neither the letters of hashes nor the count of writes changes."""
    kept = {name: recording[name] for name in ("phases", "bindings", "deletionOrder", "final")}
    return kept | {"conditions": [{k: v for k, v in c.items() if k != "rv"} for c in recording["conditions"]]}


def golden(file: Path, text: str) -> None:
    if os.environ.get("KGATE_GOLDEN") == "write":
        file.write_text(text)
    assert file.read_text() == text
