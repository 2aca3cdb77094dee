"""One cause, one finding: where two of them would tell of the same, the one stays that is worse, and of equals the more precise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from kgate.finding import Finding
from kgate.rollout.questions.evidence import Answer
from kgate.rollout.rules import UNSCHEDULABLE
from kgate.rollout.verdict import Judged

Asked = tuple[Answer, Finding]

_TOLD_BY: Mapping[str, str] = {"crash-damage": "recreate-downtime"}
"""The first follows from the second, at the same line: strategy Recreate leaves nothing that serves, whether the image crashes or not."""


def one_each(judged: Judged, asked: Sequence[Asked]) -> tuple[tuple[Finding, ...], list[Asked]]:
    """The findings of the verdict and of the questions that stay. What goes stays a proof, so nothing is hidden.

    A question that counts how many nodes it takes is more precise than that pods fit on none; a rollout that was seen to stand still is
    more precise than any question.
    """
    kept = [pair for pair in asked if not _told(pair, asked)]
    main = judged.findings
    if not main:
        return main, kept
    same = [(a, f) for a, f in kept if a.rule.name in judged.same_cause]
    if any(_beats(f, m) for _, f in same for m in main):
        return (), kept
    return _mended(main, same), [pair for pair in kept if pair not in same]


def _mended(main: tuple[Finding, ...], same: Sequence[Asked]) -> tuple[Finding, ...]:
    """The verdict with the way out that the question has played."""
    played = next((f.remediation for a, f in same if a.verified), "")
    return tuple(replace(m, remediation=played) for m in main) if played else main


def _beats(question: Finding, verdict: Finding) -> bool:
    if question.severity is verdict.severity:
        return verdict.rule == UNSCHEDULABLE.id
    return question.severity.rank < verdict.severity.rank


def _told(pair: Asked, asked: Sequence[Asked]) -> bool:
    answer, finding = pair
    by = _TOLD_BY.get(answer.rule.name)
    return any(a.rule.name == by and f.severity.rank <= finding.severity.rank and a.path == answer.path for a, f in asked)
