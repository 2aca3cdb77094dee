"""How long strategy Recreate leaves nothing that serves (pkg/controller/deployment/recreate.go)."""

from __future__ import annotations

from collections.abc import Iterator

from kgate.finding import Rule, Severity, Stage
from kgate.rollout.change import Effect
from kgate.rollout.questions.evidence import Answer, Edit, Evidence, Level, verified
from kgate.rollout.startup import span

DOWNTIME = Rule(
    id="KG5101",
    name="recreate-downtime",
    stage=Stage.ROLLOUT,
    severity=Severity.WARNING,
    summary="strategy Recreate leaves no pod available while pods are replaced",
    why="Recreate deletes every old pod, waits until the last of them is gone, and only then starts the new ones.",
    remediation="use strategy RollingUpdate, if two versions may run side by side",
    references=("https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#recreate-deployment",),
)
_ROLLING = (Edit(path=("spec", "strategy"), value={"type": "RollingUpdate"}),)


def downtime(evidence: Evidence) -> Iterator[Answer]:
    """Only where pods that served are replaced."""
    r = evidence.rehearsal
    if r.effect != Effect.RECREATES or not evidence.followed.start.old_ready:
        return
    gap = _gap_ms(evidence)
    if gap == 0:
        return
    lasts = "until somebody intervenes" if gap is None else f"for {span(gap)}"
    yield Answer(
        rule=DOWNTIME,
        level=Level.FAILS,
        statement=f"no pod is available {lasts}: all {evidence.followed.start.old_ready} old pods go before a new one starts",
        path=("spec", "strategy"),
        key=True,
        fix="set spec.strategy.type to RollingUpdate",
        verified=verified(evidence, _ROLLING, _served),
        edits=_ROLLING,
    )


def _gap_ms(evidence: Evidence) -> int | None:
    """The longest time with nothing available; None when it does not end."""
    longest, since = 0, None
    for step in evidence.rehearsal.steps:
        if step.available == 0:
            since = step.at_ms if since is None else since
        elif since is not None:
            longest, since = max(longest, step.at_ms - since), None
    return None if since is not None else longest


def _served(evidence: Evidence) -> bool:
    return evidence.followed.completed_ms is not None and evidence.followed.lowest_available > 0
