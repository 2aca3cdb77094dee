"""A Deployment that only grows has no deadline (pkg/controller/deployment/progress.go: a complete rollout stays complete)."""

from __future__ import annotations

from collections.abc import Iterator

from kgate.engine.api.meta import condition
from kgate.finding import Rule, Severity, Stage
from kgate.rollout.change import Effect
from kgate.rollout.questions.evidence import Answer, Evidence, Level

SILENT = Rule(
    id="KG5154",
    name="scale-up-never-times-out",
    stage=Stage.ROLLOUT,
    severity=Severity.INFO,
    summary="new replicas never become available, and no deadline tells",
    why="progressDeadlineSeconds counts for a new ReplicaSet alone: a Deployment that grows stays NewReplicaSetAvailable for ever.",
    remediation="wait for availableReplicas, and not for the Progressing condition",
    references=("https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#progress-deadline-seconds",),
)

AVAILABLE = "NewReplicaSetAvailable"


def silent(evidence: Evidence) -> Iterator[Answer]:
    """Only where the replicas grow and some never come."""
    f = evidence.followed
    grows = f.last is not None and f.last.spec.replicas > f.start.old_ready + f.start.new_ready
    if evidence.rehearsal.effect != Effect.NO_ROLLOUT or not grows or f.completed_ms is not None or f.last is None:
        return
    progressing = condition(f.last.status.conditions, "Progressing")
    if progressing is None or progressing.reason != AVAILABLE:
        return
    missing = f.last.spec.replicas - f.last.status.available_replicas
    yield Answer(
        rule=SILENT,
        level=Level.FAILS,
        statement=f"{missing} of {f.last.spec.replicas} replicas never become available, and nothing times out: "
        f"the Progressing condition stays {AVAILABLE}",
        evidence=(progressing.message, *f.said[-1:]),
        path=("spec", "replicas"),
    )
