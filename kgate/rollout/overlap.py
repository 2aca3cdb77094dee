"""Policies that speak of what a rehearsal proves: where both found it in one object, one finding stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kgate.finding import Finding, Stage

PROVED_BY: Mapping[str, str] = {
    "KG2307": "KG5140",  # a budget that blocks drains: the nodes were drained
    "KG2309": "KG5007",  # an autoscaler without a target: it was there, and this change deletes it
    "KG2310": "KG5144",  # replicas against an autoscaler: the files were applied under load
    "KG2313": "KG5007",  # a Service that selects nothing
}
"""Ids of policies, and the question of a rollout that asks the same with a proof."""


def one_each(findings: Sequence[Finding]) -> list[Finding]:
    """The proved finding stays, unless the policy's is worse: then that one."""
    played = {(f.rule, _object(f)): f for f in findings if f.stage is Stage.ROLLOUT}
    dropped: set[int] = set()
    for finding in findings:
        proved = played.get((PROVED_BY.get(finding.rule, ""), _object(finding)))
        if proved is not None:
            dropped.add(id(finding if proved.severity.rank <= finding.severity.rank else proved))
    return [f for f in findings if id(f) not in dropped]


def _object(finding: Finding) -> tuple[str, int, str]:
    """Where it stands: its file, its document, and for an item of a List which one."""
    return (finding.file, finding.document, str(finding.object))
