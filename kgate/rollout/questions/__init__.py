"""What the gate asks of every rollout beside whether it completes: one module a question, each with a rule and a proof.

A question looks at the evidence of one rehearsed Deployment and answers with a level. To add one: write a module that defines its
`Rule` and a function `Evidence -> Iterable[Answer]`, and name both in `QUESTIONS`.
"""

from __future__ import annotations

from collections.abc import Iterator

from kgate.finding import Rule
from kgate.rollout.questions import budgets, floor, numbers, recreate
from kgate.rollout.questions.evidence import Answer, Edit, Evidence, Level, Question, Trial, edited

__all__ = ["QUESTIONS", "RULES", "Answer", "Edit", "Evidence", "Level", "Trial", "ask", "edited"]

QUESTIONS: tuple[tuple[Rule, Question], ...] = (
    (recreate.DOWNTIME, recreate.downtime),
    (floor.BELOW_FLOOR, floor.below_floor),
    (numbers.NUMBERS, numbers.numbers),
    (budgets.BLOCKED, budgets.blocked),
    (budgets.TWO, budgets.several),
)
"""In the order of their rules' ids, which is the order in which a report shows them."""

RULES: tuple[Rule, ...] = tuple(rule for rule, _ in QUESTIONS)


def ask(evidence: Evidence) -> Iterator[Answer]:
    """All questions that the settings leave on. An answer is only given where the question arises at all."""
    for rule, question in QUESTIONS:
        if evidence.settings.severity(rule) is not None:
            yield from question(evidence)
