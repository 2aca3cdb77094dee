"""How far the damage goes if the new image crashes (pkg/controller/deployment/rolling.go: what is not available is not counted on)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine import Cluster, ImageBehaviour, LivelockError
from kgate.engine.api.apps import Deployment
from kgate.engine.api.meta import FrozenMap, Key, condition
from kgate.engine.trace import WatchEvent
from kgate.finding import Rule, Severity, Stage
from kgate.rollout.change import Effect
from kgate.rollout.follow import EXCEEDED, Followed, complete, follow
from kgate.rollout.questions import work
from kgate.rollout.questions.evidence import Answer, Edit, Evidence, Level, edited
from kgate.rollout.stage import template_of
from kgate.rollout.startup import containers, span

DAMAGE = Rule(
    id="KG5153",
    name="crash-damage",
    stage=Stage.ROLLOUT,
    severity=Severity.WARNING,
    summary="if the new image crashes, nothing keeps serving",
    why="A rollout waits for new pods before it takes more old ones. A strategy that may take all of them first leaves nothing.",
    remediation="use strategy RollingUpdate with maxUnavailable below the number of replicas",
    references=("https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#failed-deployment",),
)

CRASHING = "crashing.invalid/image:1"
"""Stands for the new image: the old pods may run the same one."""
_LIMIT_MS = 2 * 3_600_000


class Stalled(Struct, frozen=True, kw_only=True):
    """The rollout of an image that crashes, as far as it goes."""

    cluster: Cluster
    lowest: int
    serving: int
    crashing: int
    exceeded_ms: int | None


def damage(evidence: Evidence) -> Iterator[Answer]:
    """Only where pods that serve are replaced."""
    served = evidence.followed.start.old_ready
    if evidence.rehearsal.effect not in (Effect.ROLLS, Effect.RECREATES) or not served:
        return
    asked = crashed(evidence)
    if asked is None:
        said = f"what a crash of the new image would do was not asked: {work.why_not(evidence)}"
        yield Answer(rule=DAMAGE, level=Level.UNKNOWN, statement=said)
        return
    stalled = asked.result
    if stalled is None:
        return
    deadline = "" if stalled.exceeded_ms is None else f"; ProgressDeadlineExceeded after {span(stalled.exceeded_ms)}"
    if stalled.lowest > 0:
        said = f"if the new image crashes, {stalled.serving} of {served} pods keep serving and {_new(stalled.crashing)}{deadline}"
        bounds = "; ".join(filter(None, (_BOUNDS, asked.bounds(evidence))))
        yield Answer(rule=DAMAGE, level=Level.PASSES, statement=said, bounds=bounds)
    else:
        yield _nothing(evidence, served, deadline)


def _nothing(evidence: Evidence, served: int, deadline: str) -> Answer:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    cured = work.once(evidence, f"{DAMAGE.name} cured", lambda: crash(evidence, [Edit(path=("spec", "strategy"), value=strategy)]))
    return Answer(
        rule=DAMAGE,
        level=Level.CAN_FAIL,
        statement=f"if the new image crashes, none of {served} pods keeps serving: all of them go before a new one is ready{deadline}",
        bounds=_BOUNDS,
        path=("spec", "strategy"),
        key=True,
        fix="use strategy RollingUpdate with maxUnavailable 0 and maxSurge 1",
        verified=cured is not None and cured.result is not None and cured.result.lowest > 0,
    )


def _new(crashing: int) -> str:
    return f"{crashing} new one{'' if crashing == 1 else 's'} crash{'es' if crashing == 1 else ''}"


_BOUNDS = "the new image crashes in every pod"


def crashed(evidence: Evidence) -> work.Once[Stalled | None] | None:
    """Played once for all who ask; None when enough has been played. Its cluster is shared: take a fork."""
    return work.once(evidence, DAMAGE.name, lambda: crash(evidence, ()))


def crash(evidence: Evidence, edits: Sequence[Edit]) -> Stalled | None:
    """Only this Deployment changes, to an image that crashes; None when that does not end."""
    played, key = evidence.rolled.played, evidence.key
    cluster = work.copy(evidence, played.start)
    images = FrozenMap({**played.behaviour.images, CRASHING: ImageBehaviour(mode="crash", startup_ms=0)})
    begin, begin_ms = len(cluster.trace), cluster.now_ms
    new = [Edit(path=("spec", "template", "spec", "containers", i, "image"), value=CRASHING) for i, _ in enumerate(_all(evidence))]
    try:
        cluster.set_behaviour(replace(played.behaviour, images=images))
        cluster.apply(edited(evidence.manifest.body, [*edits, *new]))
        cluster.run_until(lambda: _stands(cluster, key), begin_ms + _LIMIT_MS)
    except LivelockError:
        return None
    return _stalled(cluster, follow(list(cluster.trace), begin, begin_ms, [key])[key], _first_exceeded(cluster, begin, begin_ms, key))


def _all(evidence: Evidence) -> list[object]:
    return list(containers(template_of(evidence.manifest)))


def _stalled(cluster: Cluster, f: Followed, exceeded_ms: int | None) -> Stalled:
    status = f.last.status if f.last is not None else None
    serving = status.available_replicas if status is not None else 0
    crashing = status.updated_replicas if status is not None else 0
    return Stalled(cluster=cluster, lowest=f.lowest_available, serving=serving, crashing=crashing, exceeded_ms=exceeded_ms)


def _stands(cluster: Cluster, key: Key) -> bool:
    d = cluster.store.get(Deployment, key.namespace, key.name)
    return d is None or _exceeded(d) or complete(d) or cluster.at_rest()


def _exceeded(d: Deployment) -> bool:
    progressing = condition(d.status.conditions, "Progressing")
    return progressing is not None and progressing.reason == EXCEEDED


def _first_exceeded(cluster: Cluster, begin: int, begin_ms: int, key: Key) -> int | None:
    """When the deadline was told of, from the change on."""
    events: list[WatchEvent] = list(cluster.trace)[begin:]
    told = (e.time_ms - begin_ms for e in events if e.key == key and isinstance(e.after, Deployment) and _exceeded(e.after))
    return next(told, None)
