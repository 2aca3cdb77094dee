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
from kgate.rollout.questions import crash, work
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
    asked = work.once(evidence, ROLLBACK.name, lambda: undone(work.copy(evidence, evidence.rolled.played.cluster), evidence.key))
    if asked is None:
        said = f"whether one can go back was not asked: {work.why_not(evidence)}"
        yield Answer(rule=ROLLBACK, level=Level.UNKNOWN, statement=said)
    elif asked.result.said:
        yield _refused(evidence, asked.result.said)
    elif asked.result.ms is None:
        yield _stuck(evidence)
    else:
        yield _passes(evidence, asked, asked.result.ms)


def _stuck(evidence: Evidence) -> Answer:
    """Old pods that fitted before and do not fit beside the new ones."""
    said = "kubectl rollout undo after the rollout never completes"
    if evidence.assumed_cluster:
        return Answer(rule=ROLLBACK, level=Level.UNKNOWN, statement=f"{said} on the assumed cluster, which proves nothing about yours")
    return Answer(
        rule=ROLLBACK, level=Level.CAN_FAIL, statement=f"{said}: what the old pods need is taken by the new ones", path=("spec",), key=True
    )


def _passes(evidence: Evidence, asked: work.Once[Undone], ms: int) -> Answer:
    worst = work.once(evidence, f"{ROLLBACK.name} from a crash", lambda: _from_crash(evidence))
    took = None if worst is None else worst.result.ms
    from_crash = "" if took is None else f", and {span(took)} when a crash of the new image is undone"
    what = "the old ReplicaSet" if asked.result.reused else "a new ReplicaSet of the old template"
    return Answer(
        rule=ROLLBACK,
        level=Level.PASSES,
        statement=f"kubectl rollout undo brings {what} back: complete after {span(ms)} once all is rolled out{from_crash}",
        bounds="; ".join(filter(None, ("it takes back the pod template and nothing else", asked.bounds(evidence)))),
    )


def _from_crash(evidence: Evidence) -> Undone:
    stalled = crash.crashed(evidence)
    if stalled is None or stalled.result is None:
        return Undone()
    return undone(work.copy(evidence, stalled.result.cluster), stalled.key)


def _refused(evidence: Evidence, said: str) -> Answer:
    return Answer(
        rule=ROLLBACK,
        level=Level.FAILS,
        statement="kubectl rollout undo has nothing to go back to after the rollout: no old ReplicaSet is kept",
        bounds="any cluster",
        evidence=(said,),
        path=("spec", "revisionHistoryLimit"),
        fix="set spec.revisionHistoryLimit to 10, or leave it out",
        verified=(kept := work.once(evidence, f"{ROLLBACK.name} kept", lambda: _kept(evidence))) is not None and kept.result,
    )


def _kept(evidence: Evidence) -> bool:
    """The change with a history, played, and undone."""
    cluster, key = work.copy(evidence, evidence.rolled.played.start), evidence.key
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
