"""Surge that a ResourceQuota refuses for a while: the rollout completes, but as late as its ReplicaSet's retries come.

A ReplicaSet whose pod is refused tries again 5 ms later, then after twice as long each time, up to 1000 s
(client-go/util/workqueue/default_rate_limiters.go); that an old pod has made room in the meantime wakes nobody
(pkg/controller/replicaset/replica_set.go).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from kgate.engine.api.core import Event
from kgate.engine.api.meta import Key
from kgate.finding import Rule, Severity, Stage
from kgate.manifest import Path
from kgate.rollout.follow import REFUSED, owner_of
from kgate.rollout.questions.evidence import Answer, Edit, Evidence, Level, Trial, verified
from kgate.rollout.refusals import words
from kgate.rollout.startup import span
from kgate.rollout.written import node

OVER_QUOTA = Rule(
    id="KG5110",
    name="surge-over-quota",
    stage=Stage.ROLLOUT,
    severity=Severity.WARNING,
    summary="the surge of the rollout does not fit the quota, which delays it",
    why="A pod that a quota refuses is tried again ever more rarely, up to 1000 s apart, and nothing tells when there is room again.",
    remediation="set maxSurge to 0 and maxUnavailable to 1 or more, or raise the quota",
    references=(
        "https://kubernetes.io/docs/concepts/policy/resource-quotas/",
        "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#max-surge",
    ),
)

_EXCEEDED = re.compile(r"exceeded quota: ([^,]+),")
_STRATEGY: Path = ("spec", "strategy")
_PLACES: tuple[Path, ...] = ((*_STRATEGY, "rollingUpdate", "maxSurge"), _STRATEGY, ("spec", "replicas"))
_TOLERATED_MS = 5000


def surge_over_quota(evidence: Evidence) -> Iterator[Answer]:
    """Where pods are refused and the rollout completes nevertheless; where it never does, that is the verdict itself."""
    took_ms = evidence.rehearsal.completed_ms
    message = _refusal(evidence)
    if took_ms is None or not message:
        return
    free_ms = _free_ms(evidence)
    if free_ms is None:
        yield Answer(
            rule=OVER_QUOTA,
            level=Level.UNKNOWN,
            statement=f"quota {_quota(message)} refuses pods for a while; how long the rollout takes without it was not played",
            evidence=(message,),
        )
    elif _late(took_ms, free_ms):
        yield _answer(evidence, message, took_ms, free_ms)


def _answer(evidence: Evidence, message: str, took_ms: int, free_ms: int) -> Answer:
    unavailable = max(1, evidence.rehearsal.unavailable)
    edits = [Edit(path=_STRATEGY, value={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": unavailable}})]
    return Answer(
        rule=OVER_QUOTA,
        level=Level.FAILS,
        statement=f"quota {_quota(message)} has no room for the surge: the rollout is complete after {span(took_ms)} "
        f"instead of {span(free_ms)}, {span(took_ms - free_ms)} late",
        evidence=(message, *_retries(evidence)),
        path=next((p for p in _PLACES if node(evidence.manifest.body, p) is not None), ("spec",)),
        key=True,
        fix=f"set maxSurge to 0 and maxUnavailable to {unavailable}, or raise the quota",
        verified=verified(evidence, edits, _in_time),
    )


def _late(took_ms: int, free_ms: int) -> bool:
    """The first retries come within fractions of a second: nobody waits for those."""
    return took_ms - free_ms > max(_TOLERATED_MS, free_ms // 10)


def _in_time(evidence: Evidence) -> bool:
    took_ms = evidence.rehearsal.completed_ms
    if took_ms is None:
        return False
    free_ms = _free_ms(evidence) if _refusal(evidence) else took_ms
    return free_ms is not None and not _late(took_ms, free_ms)


def _refusal(evidence: Evidence) -> str:
    """The first that a quota is the reason of."""
    return next((words(s) for s in evidence.followed.said if _EXCEEDED.search(s)), "")


def _quota(message: str) -> str:
    found = _EXCEEDED.search(message)
    return found[1] if found else ""


def _free_ms(evidence: Evidence) -> int | None:
    """When it is complete without any quota; None when that cannot be played, or never."""
    free = _freely(evidence)
    return None if free is None else free.rehearsal.completed_ms


def _freely(evidence: Evidence) -> Evidence | None:
    cluster = evidence.rolled.cluster
    others = tuple(o for o in cluster.objects if o.get("kind") != "ResourceQuota")
    quotas = evidence.of_kind("ResourceQuota")
    if len(others) == len(cluster.objects):
        return evidence.trial(Trial(edits=[Edit(path=(), value=None, where=q) for q in quotas]))
    return None if quotas else evidence.elsewhere(replace(cluster, objects=others))


def _retries(evidence: Evidence) -> Sequence[str]:
    """When the pods were refused, in seconds since the change."""
    played = evidence.rolled.played
    times: dict[int, None] = {}
    owners: dict[str, Key] = {}
    for index, event in enumerate(played.events):
        whose = owner_of(event, owners)
        said = event.after
        if index >= played.begin and whose == evidence.key and isinstance(said, Event) and said.reason == REFUSED:
            times[event.time_ms - played.begin_ms] = None
    told = ", ".join(span(t) for t in times)
    return (f"refused at {told}: tried again after 5ms, then twice as long each time, up to 1000s apart",) if told else ()
