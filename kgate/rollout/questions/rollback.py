"""Whether one can go back, and how long that takes (staging/src/k8s.io/kubectl/pkg/polymorphichelpers/rollback.go)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from kgate.engine import ApiError, Cluster, LivelockError, RolloutError
from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.meta import Key
from kgate.finding import Rule, Severity, Stage
from kgate.rollout.change import Effect
from kgate.rollout.follow import complete
from kgate.rollout.questions import crash
from kgate.rollout.questions.evidence import Answer, Edit, Evidence, Level, edited
from kgate.rollout.startup import span

ROLLBACK = Rule(
    id="KG5152",
    name="rollback",
    stage=Stage.ROLLOUT,
    severity=Severity.WARNING,
    summary="the rollout cannot be undone",
    why="kubectl rollout undo takes the template of an old ReplicaSet; where none is kept there is nothing to go back to.",
    remediation="keep old ReplicaSets: leave spec.revisionHistoryLimit at 10",
    references=("https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-back-a-deployment",),
)

_LIMIT_MS = 2 * 3_600_000


class Undone(Struct, frozen=True, kw_only=True):
    """What came of `kubectl rollout undo`."""

    ms: int | None = None
    """Until all old pods served again; None: they never did."""
    reused: bool = False
    """No new ReplicaSet was made."""
    said: str = ""
    """Why kubectl refused."""


def rollback(evidence: Evidence) -> Iterator[Answer]:
    """From the end of the rollout, and from where an image that crashes leaves it; to a version that was complete."""
    rolls = evidence.rehearsal.effect in (Effect.ROLLS, Effect.RECREATES)
    if not rolls or not evidence.followed.start.old_ready or evidence.key in evidence.rolled.played.unsettled:
        return
    if evidence.crowd > crash.MOST_TOGETHER:
        why = f"more than {crash.MOST_TOGETHER} rollouts are rehearsed together"
        yield Answer(rule=ROLLBACK, level=Level.UNKNOWN, statement=f"whether one can go back was not asked: {why}")
        return
    ended = undone(evidence.rolled.played.cluster.fork(), evidence.key)
    if ended.said:
        yield _refused(evidence, ended.said)
    elif ended.ms is None:
        yield _stuck(evidence)
    else:
        yield _passes(evidence, ended, ended.ms)


def _stuck(evidence: Evidence) -> Answer:
    """Old pods that fitted before and do not fit beside the new ones."""
    said = "kubectl rollout undo after the rollout never completes"
    if evidence.assumed_cluster:
        return Answer(rule=ROLLBACK, level=Level.UNKNOWN, statement=f"{said} on the assumed cluster, which proves nothing about yours")
    return Answer(
        rule=ROLLBACK, level=Level.CAN_FAIL, statement=f"{said}: what the old pods need is taken by the new ones", path=("spec",), key=True
    )


def _passes(evidence: Evidence, ended: Undone, ms: int) -> Answer:
    stalled = crash.crashed(evidence)
    worst = Undone() if stalled is None else undone(stalled.cluster.fork(), evidence.key)
    from_crash = "" if worst.ms is None else f", and {span(worst.ms)} when a crash of the new image is undone"
    what = "the old ReplicaSet" if ended.reused else "a new ReplicaSet of the old template"
    return Answer(
        rule=ROLLBACK,
        level=Level.PASSES,
        statement=f"kubectl rollout undo brings {what} back: complete after {span(ms)} once all is rolled out{from_crash}",
        bounds="it takes back the pod template and nothing else",
    )


def _refused(evidence: Evidence, said: str) -> Answer:
    return Answer(
        rule=ROLLBACK,
        level=Level.FAILS,
        statement="kubectl rollout undo has nothing to go back to after the rollout: no old ReplicaSet is kept",
        bounds="any cluster",
        evidence=(said,),
        path=("spec", "revisionHistoryLimit"),
        fix="set spec.revisionHistoryLimit to 10, or leave it out",
        verified=_kept(evidence),
    )


def _kept(evidence: Evidence) -> bool:
    """The change with a history, played, and undone."""
    cluster, key = evidence.rolled.played.start.fork(), evidence.key
    try:
        cluster.apply(edited(evidence.manifest.body, [Edit(path=("spec", "revisionHistoryLimit"), value=10)]))
        cluster.run_until(lambda: _complete(cluster, key), cluster.now_ms + _LIMIT_MS)
    except (ApiError, LivelockError):
        return False
    return undone(cluster, key).ms is not None


def undone(cluster: Cluster, key: Key) -> Undone:
    """Goes back on this cluster, which is the caller's own."""
    d = cluster.store.get(Deployment, key.namespace, key.name)
    if d is None:
        return Undone()
    before, begin_ms = cluster.store.owned_by(d.metadata.uid, ReplicaSet), cluster.now_ms
    try:
        cluster.undo(key.name, namespace=key.namespace)
        done = cluster.run_until(lambda: _complete(cluster, key), begin_ms + _LIMIT_MS)
    except RolloutError as refused:
        return Undone(said=str(refused))
    except (ApiError, LivelockError):
        return Undone()
    known = {rs.metadata.uid for rs in before}
    reused = all(rs.metadata.uid in known for rs in cluster.store.owned_by(d.metadata.uid, ReplicaSet))
    return Undone(ms=cluster.now_ms - begin_ms if done else None, reused=reused)


def _complete(cluster: Cluster, key: Key) -> bool:
    d = cluster.store.get(Deployment, key.namespace, key.name)
    return d is not None and complete(d)
