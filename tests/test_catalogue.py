"""What every rule of every room says of itself."""

from __future__ import annotations

import pytest

from kgate import catalogue
from kgate.finding import Rule


@pytest.mark.parametrize("rule", catalogue.rules(), ids=lambda r: r.id)
def test_a_rule_says_what_it_finds_why_that_matters_and_what_to_write_instead(rule: Rule) -> None:
    assert rule.summary and not rule.summary.endswith(".")
    assert len(rule.why) > 40
    assert len(rule.remediation) > 10
