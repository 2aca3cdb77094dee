"""Which pods of a ReplicaSet go first when there are too many (pkg/controller/controller_utils.go:ActivePodsWithRanks)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import cmp_to_key

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

    def compare(a: Pod, b: Pod) -> int:
        return -1 if goes_first(a, b, on_node, now_ms) else 1 if goes_first(b, a, on_node, now_ms) else 0

    return sorted(active, key=cmp_to_key(compare))[:count]


def goes_first(a: Pod, b: Pod, on_node: Counter[str], now_ms: Millis) -> bool:
    """Whether `a` goes before `b`. Each rule speaks only where those above it see no difference."""
    if a.spec.node_name != b.spec.node_name and not (a.spec.node_name and b.spec.node_name):
        return not a.spec.node_name  # unassigned
    if _phase(a) != _phase(b):
        return _phase(a) < _phase(b)  # Pending, Unknown, Running
    if a.ready != b.ready:
        return not a.ready
    if _cost(a) != _cost(b):
        return _cost(a) < _cost(b)
    if on_node[a.spec.node_name] != on_node[b.spec.node_name]:
        return on_node[a.spec.node_name] > on_node[b.spec.node_name]  # more company on its node
    since_a, since_b = _ready_since(a), _ready_since(b)
    if a.ready and since_a != since_b:
        return _younger(a, b, since_a, since_b, now_ms)
    if _restarts(a) != _restarts(b):
        return _restarts(a) > _restarts(b)
    born_a, born_b = _seconds(a.metadata.creation_timestamp_ms), _seconds(b.metadata.creation_timestamp_ms)
    if born_a != born_b:
        return _younger(a, b, born_a, born_b, now_ms)
    # Unlike upstream, where what is equal in all this goes in no particular order: the lower uid.
    return a.metadata.uid < b.metadata.uid


def _younger(a: Pod, b: Pod, since_a: Millis | None, since_b: Millis | None, now_ms: Millis) -> bool:
    """By the binary order of magnitude of the age, so that a few seconds do not decide; within one order by uid. No time comes first."""
    if since_a is None or since_b is None:
        return since_a is None
    bucket_a, bucket_b = _bucket(now_ms - since_a), _bucket(now_ms - since_b)
    return bucket_a < bucket_b if bucket_a != bucket_b else a.metadata.uid < b.metadata.uid


def _bucket(age_ms: Millis) -> int:
    """log2 of the age in nanoseconds; no age at all comes first."""
    return int(math.log2(age_ms * 1_000_000)) if age_ms > 0 else -1


def _phase(pod: Pod) -> int:
    return _PHASES.get(pod.status.phase, 0)


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
