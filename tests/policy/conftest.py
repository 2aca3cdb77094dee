"""Judging texts."""

from __future__ import annotations

from typing import Any

import pytest

from kgate.finding import Finding
from kgate.policy import catalog, from_config, judge
from tests.policy.policy_texts import Judged, manifests_of


@pytest.fixture
def judged() -> Judged:
    """Judges one text (or {file: text}) and returns the findings of `rule`, or all of them."""

    def run(text: str | dict[str, str], rule: str = "", config: dict[str, Any] | None = None, *, whole: bool = True) -> list[Finding]:
        files = text if isinstance(text, dict) else {"web.yaml": text}
        manifests = [m for file, content in files.items() for m in manifests_of(content, file)]
        found = judge(manifests, catalog(), from_config(config or {}), whole=whole)
        return [f for f in found if not rule or f.name == rule]

    return run
