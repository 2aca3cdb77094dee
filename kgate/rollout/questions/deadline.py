"""Progress deadlines that a start which is still allowed would exceed (pkg/controller/deployment/progress.go).

Every pod that becomes ready starts the clock anew, so a wave counts and not the whole rollout: no wave may take longer than the deadline.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine import ApiError, ImageBehaviour, LivelockError
from kgate.engine.api.apps import Deployment
from kgate.engine.api.meta import FrozenMap, condition
from kgate.finding import Rule, Severity, Stage
from kgate.manifest import Path
from kgate.rollout.change import Effect
from kgate.rollout.follow import EXCEEDED, complete
from kgate.rollout.questions.evidence import Answer, Edit, Evidence, Level, edited
from kgate.rollout.stage import template_of
from kgate.rollout.startup import containers, span
from kgate.rollout.written import mapping, node

SHORT = Rule(
    id="KG5143",
    name="deadline-below-start",
    stage=Stage.ROLLOUT,
    severity=Severity.WARNING,
    summary="the progress deadline passes while a pod may still be starting",
    why="What waits for the rollout reports a failure and may roll back, while Kubernetes would have gone on and completed.",
    remediation="raise spec.progressDeadlineSeconds above the longest start that the startupProbe allows",
    references=("https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#progress-deadline-seconds",),
)

SLOWER = 1.25
"""So much slower than the settings say, pods may start one day."""
SUSPICIOUS_S = 60
"""A deadline below this is worth a word when nobody says how long pods take to start."""
_LIMIT_MS = 24 * 3_600_000
_WRITTEN: Path = ("spec", "progressDeadlineSeconds")


class _Slow(Struct, frozen=True, kw_only=True):
    """The slowest start that is still in order."""

    image: str
    ms: int
    why: str
    path: Path


def short(evidence: Evidence) -> Iterator[Answer]:
    """Not where the deadline is exceeded already: that is a finding of its own."""
    r, deadline = evidence.rehearsal, evidence.rehearsal.deadline_s
    rolls = r.effect in (Effect.NEW, Effect.ROLLS, Effect.RECREATES)
    if not rolls or deadline is None or r.completed_ms is None or evidence.followed.exceeded:
        return
    slow = max(_slow(evidence), key=lambda s: s.ms, default=None)
    if slow is None:
        if deadline < SUSPICIOUS_S and all(s.source == "assumed" for s in evidence.started):
            said = f"whether pods start within the progress deadline of {deadline}s is not known: nobody says how long they take"
            yield Answer(rule=SHORT, level=Level.UNKNOWN, statement=said)
    elif slow.ms >= deadline * 1000 and _exceeds(evidence, slow, ()):
        yield _answer(evidence, slow, deadline)


def _answer(evidence: Evidence, slow: _Slow, deadline: int) -> Answer:
    enough = -(-slow.ms * 3 // 120_000) * 60  # half as much again, in whole minutes
    return Answer(
        rule=SHORT,
        level=Level.CAN_FAIL,
        statement=f"a pod that takes {span(slow.ms)} to start, as {slow.why}, exceeds the progress deadline of {deadline}s",
        bounds="each wave of pods has the whole deadline for itself",
        path=_WRITTEN if node(evidence.manifest.body, _WRITTEN) is not None else slow.path,
        fix=f"set spec.progressDeadlineSeconds to {enough}",
        verified=not _exceeds(evidence, slow, [Edit(path=_WRITTEN, value=enough)]),
    )


def _slow(evidence: Evidence) -> Iterator[_Slow]:
    for i, (container, started) in enumerate(zip(containers(template_of(evidence.manifest)), evidence.started, strict=True)):
        path: Path = ("spec", "template", "spec", "containers", i)
        image, probe = str(container.get("image") or ""), mapping(container.get("startupProbe"))
        if probe:
            allowed = _allowed_s(probe) * 1000
            yield _Slow(image=image, ms=max(allowed, started.ms), why="its startupProbe allows", path=(*path, "startupProbe"))
        elif started.source == "settings":
            why = f"it does when it is a quarter slower than the {span(started.ms)} of the settings"
            yield _Slow(image=image, ms=int(started.ms * SLOWER), why=why, path=(*path, "image"))


def _allowed_s(probe: Mapping[str, Any]) -> int:
    """Until the last answer that is waited for: the container is killed after it (pkg/kubelet/prober/worker.go)."""
    numbers = [probe.get("initialDelaySeconds", 0), probe.get("failureThreshold", 3), probe.get("periodSeconds", 10)]
    delay, failures, period = (n if isinstance(n, int) and n > 0 else d for n, d in zip(numbers, (0, 3, 10), strict=True))
    return delay + failures * period


def _exceeds(evidence: Evidence, slow: _Slow, edits: Sequence[Edit]) -> bool:
    """The change once more, with pods that start as slowly."""
    played, key = evidence.rolled.played, evidence.key
    cluster = played.start.fork()
    manners = replace(played.behaviour.images.get(slow.image, ImageBehaviour()), startup_ms=slow.ms)
    seen: list[bool] = []

    def over() -> bool:
        d = cluster.store.get(Deployment, key.namespace, key.name)
        progressing = condition(d.status.conditions, "Progressing") if d is not None else None
        seen.append(progressing is not None and progressing.reason == EXCEEDED)
        return seen[-1] or d is None or complete(d)

    try:
        cluster.set_behaviour(replace(played.behaviour, images=FrozenMap({**played.behaviour.images, slow.image: manners})))
        cluster.apply(edited(evidence.manifest.body, edits))
        cluster.run_until(over, cluster.now_ms + _LIMIT_MS)
    except (ApiError, LivelockError):
        return False
    return any(seen)
