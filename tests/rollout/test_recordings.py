"""What the arithmetic of recordings says of real ones. Needs the recordings beside the checkout."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kgate.rollout.phases import Mark, phases

RECORDED = Path(__file__).parents[2].parent / "shared" / "bank" / "oracle" / "scenarios"
pytestmark = pytest.mark.skipif(not RECORDED.is_dir(), reason="no recordings here")


def recordings() -> list[Path]:
    return sorted(RECORDED.glob("*.json"))


def marks(recording: dict[str, Any]) -> Iterator[Mark]:
    """Where each phase began, from its first time; an empty phase begins where the next one does."""
    timeline, begin = recording["timeline"], 0
    for n, phase in enumerate(recording["phases"]):
        following = next((p["t"][0] for p in recording["phases"][n:] if p["t"]), None)
        begin = next((i for i, e in enumerate(timeline) if i >= begin and e["t"] == following), len(timeline))
        yield Mark(step=phase["step"], op=phase["op"], begin=begin)


@pytest.mark.parametrize("file", recordings(), ids=lambda f: f.stem)
def test_the_phases_of_a_real_timeline_are_the_recorded_ones(file: Path) -> None:
    recording = json.loads(file.read_text())["recording"]
    computed = phases(recording["timeline"], list(marks(recording)))
    for mine, real in zip(computed, recording["phases"], strict=True):
        assert {k: v for k, v in mine.items() if k != "t"} == {k: v for k, v in real.items() if k != "t"}
