"""Which pods of a ReplicaSet go first when there are too many (pkg/controller/controller_utils.go:ActivePodsWithRanks)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import cmp_to_key
from typing import Protocol

from msgspec import Struct

from kgate.engine.api.core import ContainerStatus, Pod
from kgate.engine.api.meta import Millis

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_COST = re.compile(r"0|-[0-9]{1,20}|[1-9][0-9]{0,20}", re.ASCII)
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


class Choose(Protocol):
    """Which of the pods that nothing but their random uids tells apart goes next; `first` of those that go together."""

    def __call__(self, pods: Sequence[Pod], *, first: bool) -> Pod: ...


def pods_to_delete(active: Sequence[Pod], related: Sequence[Pod], count: int, now_ms: Millis, choose: Choose | None = None) -> list[Pod]:
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
        ordered, left = _by_history(by_class[class_], now_ms), count - len(chosen)
        chosen += ordered if choose is None or left >= len(ordered) else _chosen(ordered, left, now_ms, choose)
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


def _history(pod: Pod) -> _History:
    return _History(pod, _ready_since(pod) if pod.ready else None, _restarts(pod), _seconds(pod.metadata.creation_timestamp_ms))


def _chosen(ordered: Sequence[Pod], count: int, now_ms: Millis, choose: Choose) -> list[Pod]:
    """The same, where nothing but uids decides as somebody chooses."""
    left: dict[tuple[object, ...], list[_History]] = {}
    for h in map(_history, ordered):
        left.setdefault((h.ready_ms, h.restarts, h.created_ms), []).append(h)
    chosen: list[Pod] = []
    while len(chosen) < count:
        groups = list(left.values())
        next_ = {h.pod.metadata.uid for g in groups if not any(_surely_first(o[0], g[0], now_ms) for o in groups) for h in g}
        options = [p for p in ordered if p.metadata.uid in next_]
        chosen.append(choose(options, first=not chosen))
        gone = chosen[-1].metadata.uid
        left = {k: kept for k, g in left.items() if (kept := [h for h in g if h.pod.metadata.uid != gone])}
    return chosen


def _by_history(pods: Sequence[Pod], now_ms: Millis) -> list[Pod]:
    """Pods of one class in the order of deletion. No sort key will do: ages compare by magnitude, and then nothing else counts."""
    each = list(map(_history, pods))

    def compare(a: _History, b: _History) -> int:
        return -1 if _goes_first(a, b, now_ms) else 1 if _goes_first(b, a, now_ms) else 0

    return [h.pod for h in sorted(each, key=cmp_to_key(compare))]


def _goes_first(a: _History, b: _History, now_ms: Millis) -> bool:
    """Whether `a` goes before `b`. Each rule speaks only where those above it see no difference."""
    decided = _decided(a, b, now_ms)
    # Unlike upstream, where what is equal in all this goes in no particular order: the lower uid.
    return a.pod.metadata.uid < b.pod.metadata.uid if decided is None else decided


def _surely_first(a: _History, b: _History, now_ms: Millis) -> bool:
    """Whatever their uids are."""
    return a is not b and _decided(a, b, now_ms) is True


def _decided(a: _History, b: _History, now_ms: Millis) -> bool | None:
    """None: their uids decide."""
    if a.ready_ms != b.ready_ms:
        return _younger(a.ready_ms, b.ready_ms, now_ms)
    if a.restarts != b.restarts:
        return a.restarts > b.restarts
    return _younger(a.created_ms, b.created_ms, now_ms) if a.created_ms != b.created_ms else None


def _younger(since_a: Millis | None, since_b: Millis | None, now_ms: Millis) -> bool | None:
    """By the binary order of magnitude of the age, so that a few seconds do not decide; None within one order. No time comes first."""
    if since_a is None or since_b is None:
        return since_a is None
    bucket_a, bucket_b = _bucket(now_ms - since_a), _bucket(now_ms - since_b)
    return None if bucket_a == bucket_b else bucket_a < bucket_b


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
