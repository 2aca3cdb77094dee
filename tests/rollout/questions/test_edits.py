"""A fix that was played can be made in the text: the finding carries it, and the question then passes."""

from __future__ import annotations

from pathlib import Path

from kgate.edit import made
from kgate.fix import Wish, plan
from kgate.load import spots
from tests.rollout.questions.conftest import Ask, Asked, deployment

RECREATE = "strategy: {type: Recreate}"
BUDGET = """\
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: prod}
spec:
  minAvailable: 100%  # all
  selector: {matchLabels: {app: web}}
"""


def mended(asked: Asked, rule: str) -> str:
    """head.yaml with the fix of that finding made."""
    (f,) = (f for f in asked.findings if f.name == rule)
    assert f.fix is not None and f.fixable and f.fix.unsafe
    text = Path("head.yaml").read_text()
    wish = Wish(
        file="head.yaml",
        document=f.document,
        fix=f.fix,
        rule=f.rule,
        name=f.name,
        subject=str(f.object),
        message=f.message,
        line=f.line,
        column=f.column,
    )
    planned = plan([wish], {"head.yaml": text}, spots)
    assert not planned.refused
    return planned.texts["head.yaml"]


def test_the_strategy_is_written_and_the_gap_is_gone(ask: Ask) -> None:
    base = deployment("web:1", spec=RECREATE)
    text = mended(ask(deployment("web:2", spec=RECREATE), base), "recreate-downtime")
    assert ask(text, base).found("recreate-downtime") is None


def test_a_budget_that_lets_one_go_is_written(ask: Ask) -> None:
    head = deployment("web:2") + BUDGET
    asked = ask(head, deployment("web:1") + BUDGET)
    text = mended(asked, "drain-blocked")
    assert text == head.replace("  minAvailable: 100%  # all\n", "") + "  maxUnavailable: 1\n"
    assert ask(text, deployment("web:1") + BUDGET).found("drain-blocked") is None


def test_an_answer_without_a_played_fix_carries_none(ask: Ask) -> None:
    asked = ask(deployment("web:2", spec=RECREATE), deployment("web:1", spec=RECREATE))
    assert all(f.fix is None or asked.proof(f.name).verified for f in asked.findings if asked.proof(f.name))  # type: ignore[union-attr]
    fixes = [f.fix for f in asked.findings if f.fix is not None]
    assert all(made({"spec": {}}, edit) for fix in fixes for edit in fix.edits if edit.value is not None)
