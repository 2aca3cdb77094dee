"""docs/scenarios.md tells what there is, and its example holds."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from kgate import rollout
from kgate.rollout import testing
from kgate.rollout.expect.reading import _TERMS

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docs" / "scenarios.md").read_text()


def test_the_example_holds() -> None:
    blocks = re.findall(r"```yaml\n# (?:expectations|behaviour).yaml\n(.*?)```", TEXT, re.S)
    assert len(blocks) == 2
    for one in rollout.test([("example.yaml", yaml.safe_load(block)) for block in blocks]):
        _holds(one)


def _holds(one: testing.Tested) -> None:
    assert [e.seen for e in one.failures] == []
    assert one.verdict == "pass"


def test_every_expectation_is_described_and_no_other() -> None:
    assert re.findall(r"^\| `(\w+): \{", TEXT, re.M) == [*_described()]


def _described() -> list[str]:
    order = [
        "available",
        "complete",
        "pods",
        "pending",
        "replicas",
        "spread",
        "budget",
        "event",
        "condition",
        "nodes",
        "refused",
        "timeout",
    ]
    assert sorted(order) == sorted(_TERMS)
    return order


def test_every_example_scenario_is_listed() -> None:
    assert re.findall(r"^\| \[([\w-]+)\]\(../examples/scenarios/", TEXT, re.M)
    listed = set(re.findall(r"examples/scenarios/([\w-]+)\.yaml\)", TEXT))
    assert listed == {f.stem for f in (ROOT / "examples" / "scenarios").glob("*.yaml")}
