"""Which pods of a ReplicaSet go first when there are too many (pkg/controller/controller_utils.go:ActivePodsWithRanks)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import cmp_to_key

from msgspec import Struct

from kgate.engine.api.core import ContainerStatus, Pod
from kgate.engine.api.meta import Millis

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_COST = re.compile(r"0|-[0-9]{1,20}|[1-9][0-9]{0,20}", re.ASCII)
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def pods_to_delete(active: Sequence[Pod], related: Sequence[Pod], count: int, now_ms: Millis) -> list[Pod]:
    """The first `count` in the order of deletion; `related` are the pods of all sets of the same owner.

    When all are to go nobody sorts, and they go in order of creation.
    """
    if count >= len(active):
        return list(active)
    on_node = Counter(pod.spec.node_name for pod in related if pod.active)
    by_class: dict[tuple[int, ...], list[Pod]] = {}
    for pod in active:
        by_class.setdefault(_class(pod, on_node), []).append(pod)
    chosen: list[Pod] = []
    for class_ in sorted(by_class):
        if len(chosen) >= count:
            break
        chosen += _by_history(by_class[class_], now_ms)
    return chosen[:count]


def _class(pod: Pod, on_node: Counter[str]) -> tuple[int, ...]:
    """The rules that come before any about time; the lowest goes first."""
    return (
        1 if pod.spec.node_name else 0,  # unassigned
        _PHASES.get(pod.status.phase, 0),  # Pending, Unknown, Running
        1 if pod.ready else 0,
        _cost(pod),
        -on_node[pod.spec.node_name] if pod.spec.node_name else 0,  # more company on its node
    )


class _History(Struct, frozen=True):
    """What the rules about time look at."""

    pod: Pod
    ready_ms: Millis | None
    restarts: tuple[int, int]
    created_ms: Millis | None


def _by_history(pods: Sequence[Pod], now_ms: Millis) -> list[Pod]:
    """Pods of one class in the order of deletion. No sort key will do: ages compare by magnitude, and then nothing else counts."""
    each = [_History(p, _ready_since(p) if p.ready else None, _restarts(p), _seconds(p.metadata.creation_timestamp_ms)) for p in pods]

    def compare(a: _History, b: _History) -> int:
        return -1 if _goes_first(a, b, now_ms) else 1 if _goes_first(b, a, now_ms) else 0

    return [h.pod for h in sorted(each, key=cmp_to_key(compare))]


def _goes_first(a: _History, b: _History, now_ms: Millis) -> bool:
    """Whether `a` goes before `b`. Each rule speaks only where those above it see no difference."""
    if a.ready_ms != b.ready_ms:
        return _younger(a.pod, b.pod, a.ready_ms, b.ready_ms, now_ms)
    if a.restarts != b.restarts:
        return a.restarts > b.restarts
    if a.created_ms != b.created_ms:
        return _younger(a.pod, b.pod, a.created_ms, b.created_ms, now_ms)
    # Unlike upstream, where what is equal in all this goes in no particular order: the lower uid.
    return a.pod.metadata.uid < b.pod.metadata.uid


def _younger(a: Pod, b: Pod, since_a: Millis | None, since_b: Millis | None, now_ms: Millis) -> bool:
    """By the binary order of magnitude of the age, so that a few seconds do not decide; within one order by uid. No time comes first."""
    if since_a is None or since_b is None:
        return since_a is None
    bucket_a, bucket_b = _bucket(now_ms - since_a), _bucket(now_ms - since_b)
    return bucket_a < bucket_b if bucket_a != bucket_b else a.metadata.uid < b.metadata.uid


def _bucket(age_ms: Millis) -> int:
    """log2 of the age in nanoseconds; no age at all comes first."""
    return int(math.log2(age_ms * 1_000_000)) if age_ms > 0 else -1


def _cost(pod: Pod) -> int:
    """0 when the annotation is absent or no 32-bit number as it is usually written (GetDeletionCostFromPodAnnotations)."""
    text = pod.metadata.annotations.get(DELETION_COST, "")
    if _COST.fullmatch(text) is None or not -(2**31) <= int(text) < 2**31:
        return 0
    return int(text)


def _ready_since(pod: Pod) -> Millis | None:
    return next((c.last_transition_time_ms for c in pod.status.conditions if c.type == "Ready" and c.status == "True"), None)


def _seconds(ms: Millis | None) -> Millis | None:
    """As the API tells the time: in whole seconds."""
    return None if ms is None else ms // 1000 * 1000


def _restarts(pod: Pod) -> tuple[int, int]:
    """The most restarts of any container, then of any sidecar."""
    sidecars = {c.name for c in pod.spec.init_containers if c.sidecar}
    return _most(pod.status.container_statuses), _most([s for s in pod.status.init_container_statuses if s.name in sidecars])


def _most(statuses: Sequence[ContainerStatus]) -> int:
    return max((s.restart_count for s in statuses), default=0)
