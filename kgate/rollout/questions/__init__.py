"""What the gate asks of every rollout beside whether it completes: one module a question, each with a rule and a proof.

A question looks at the evidence of one rehearsed Deployment and answers with a level. To add one: write a module that defines its
`Rule` and a function `Evidence -> Iterable[Answer]`, and name both in `QUESTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from kgate.finding import Rule
from kgate.rollout.gathered import Gathered
from kgate.rollout.questions import (
    autoscaled_budget,
    autoscaled_capacity,
    autoscaled_requests,
    autoscaled_size,
    autoscaled_twice,
    budgets,
    concentration,
    coverage,
    crash,
    deadline,
    domains,
    floor,
    grace,
    node_loss,
    numbers,
    preemption,
    recreate,
    rollback,
    scaleup,
    smallest,
    spread,
    surge_quota,
    volumes,
    worst,
)
from kgate.rollout.questions.evidence import Answer, Edit, Evidence, Level, Question, Trial, edited
from kgate.rollout.settings import RolloutSettings

__all__ = ["QUESTIONS", "RULES", "Answer", "Edit", "Evidence", "Level", "Trial", "ask", "ask_of_the_set", "edited"]

QUESTIONS: tuple[tuple[Rule, Question], ...] = (
    (recreate.DOWNTIME, recreate.downtime),
    (surge_quota.OVER_QUOTA, surge_quota.surge_over_quota),
    (domains.TOO_FEW, domains.too_few),
    (spread.SKEWED, spread.skewed),
    (concentration.ONE_PLACE, concentration.all_in_one),
    (floor.BELOW_FLOOR, floor.below_floor),
    (floor.BELOW_FLOOR, worst.worst_case),
    (node_loss.NOT_REPLACED, node_loss.node_loss),
    (numbers.NUMBERS, numbers.numbers),
    (smallest.SMALLEST, smallest.smallest),
    (budgets.BLOCKED, budgets.blocked),
    (budgets.TWO, budgets.several),
    (deadline.SHORT, deadline.short),
    (autoscaled_size.AGAINST, autoscaled_size.against),
    (autoscaled_capacity.OVER, autoscaled_capacity.over),
    (autoscaled_requests.WITHOUT, autoscaled_requests.without),
    (autoscaled_budget.AGAINST, autoscaled_budget.against),
    (autoscaled_twice.FIGHT, autoscaled_twice.fight),
    (preemption.PREEMPTS, preemption.preemption),
    (grace.SHORT, grace.short),
    (volumes.BLOCKS, volumes.blocks),
    (rollback.ROLLBACK, rollback.rollback),
    (crash.DAMAGE, crash.damage),
    (scaleup.SILENT, scaleup.silent),
)
"""In the order of their rules' ids, which is the order in which a report shows them."""

OF_THE_SET: tuple[tuple[Rule, Callable[[Gathered, Gathered, RolloutSettings], Iterable[Answer]]], ...] = (
    (coverage.NOTHING, coverage.nothing),
    (volumes.BLOCKS, volumes.unknown),
)
"""Asked once of all objects of head and base together. Their answers name the manifest they are about."""

RULES: tuple[Rule, ...] = tuple(sorted({rule.id: rule for rule, _ in (*QUESTIONS, *OF_THE_SET)}.values(), key=lambda r: r.id))


def ask(evidence: Evidence) -> Iterator[Answer]:
    """All questions that the settings leave on. An answer is only given where the question arises at all."""
    for rule, question in QUESTIONS:
        if evidence.settings.severity(rule) is not None:
            yield from question(evidence)


def ask_of_the_set(head: Gathered, base: Gathered, settings: RolloutSettings) -> Iterator[Answer]:
    """The questions that need no rollout."""
    for rule, question in OF_THE_SET:
        if settings.severity(rule) is not None:
            yield from question(head, base, settings)
