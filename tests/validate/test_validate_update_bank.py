"""Agreement with a real API server over recorded changes, where they are at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kgate import load
from kgate.finding import Severity
from kgate.validate import judge

BANK = Path(__file__).parents[3] / "shared" / "bank" / "git"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not BANK.is_dir(), reason="the recorded verdicts are not there")]


def fields(case: dict[str, Any]) -> set[str]:
    """Where kgate sees the change refused; empty when it takes it."""
    before, after = (load.manifests([str(BANK / case[side])]).manifests for side in ("before", "after"))
    errors = [f for f in judge(after, "1.36", base=before).findings if f.severity is Severity.ERROR]
    return {f.message.partition(": ")[0] for f in errors}


def test_changes_get_the_verdict_of_the_server_at_its_own_field() -> None:
    cases = {case["id"]: case for case in json.loads((BANK / "index.json").read_text())}
    verdicts = [v for v in map(json.loads, (BANK / "verdicts.jsonl").read_text().splitlines()) if "code" in v]
    said = {v["id"]: fields(cases[v["id"]]) for v in verdicts}
    assert not [v["id"] for v in verdicts if v["accepted"] and said[v["id"]]]
    # A claim that no controller has bound cannot grow; kgate takes every claim for bound.
    assert {v["id"] for v in verdicts if not v["accepted"] and not said[v["id"]]} <= {"62225ed4afe7"}
    named = [({c.get("field") for c in v.get("causes") or ()} - {None, ""}, said[v["id"]]) for v in verdicts if said[v["id"]]]
    at_field = [wanted <= found for wanted, found in named if wanted]
    assert sum(at_field) / len(at_field) >= 0.99
