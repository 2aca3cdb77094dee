"""What a trace says about availability and requests, of all Deployments in one pass: also with any one node or zone lost at any instant.

A node that is lost takes its pods along at once, while the API goes on counting them until the node monitor's grace period is over.
So what serves right after the loss is what is available, minus what is available there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from kgate.engine.api import resources
from kgate.engine.api.apps import Deployment
from kgate.engine.api.core import Node, Pod
from kgate.engine.api.meta import Key
from kgate.engine.trace import WatchEvent
from kgate.rollout.follow import owner_of
from kgate.rollout.nodes import ZONE


class Low(Struct, frozen=True, kw_only=True):
    """The worst moment. Of equal ones the first; of its nodes the first by name."""

    available: int
    """What is left."""
    at_ms: int
    """Since the change was applied."""
    lost: str = ""
    """The node or zone; empty: none is lost."""
    there: int = 0
    """Available pods on it."""


class Census(Struct, frozen=True, kw_only=True):
    """Of one Deployment, at the ends of instants, once its floor was reached. None: it never was."""

    lowest: Low | None = None
    without_node: Low | None = None
    without_zone: Low | None = None
    peak_cpu: int = 0
    """Thousandths of a core that its pods ask for at the most, terminating ones included."""
    peak_memory: int = 0
    """Bytes, of which the peak may be at another moment."""


class _Seen(Struct):
    """A pod, as far as it is counted."""

    node: str
    ready_ms: int | None
    """Since when; None when it is not, or is being deleted."""
    cpu: int
    memory: int


class _Count(Struct):
    """One Deployment in the making."""

    floor: int
    pods: dict[Key, _Seen] = field(default_factory=dict)
    min_ready_ms: int = 0
    reached: bool = False
    lowest: Low | None = None
    without_node: Low | None = None
    without_zone: Low | None = None
    peak_cpu: int = 0
    peak_memory: int = 0

    def see(self, event: WatchEvent) -> None:
        after = event.after
        if isinstance(after, Deployment):
            self.min_ready_ms = after.spec.min_ready_seconds * 1000
        elif event.key.kind == "Pod":
            self._pod(event)

    def _pod(self, event: WatchEvent) -> None:
        pod = event.after
        if not isinstance(pod, Pod) or pod.terminal:
            self.pods.pop(event.key, None)
            return
        seen = self.pods.get(event.key)
        if seen is None:
            asked = resources.pod_requests(pod.spec)
            seen = _Seen(node="", ready_ms=None, cpu=asked.get(resources.CPU, 0), memory=asked.get(resources.MEMORY, 0))
            self.pods[event.key] = seen
        seen.node = pod.spec.node_name
        serves = pod.ready and not pod.metadata.deleting
        seen.ready_ms = (event.time_ms if seen.ready_ms is None else seen.ready_ms) if serves else None

    def end(self, now_ms: int, at_ms: int, zones: Mapping[str, str]) -> None:
        """Of an instant in which something changed. `at_ms` counts from the change."""
        self.peak_cpu = max(self.peak_cpu, sum(p.cpu for p in self.pods.values()))
        self.peak_memory = max(self.peak_memory, sum(p.memory for p in self.pods.values()))
        by_node = self.available(now_ms)
        total = by_node.total()
        self.reached = self.reached or total >= self.floor
        if not self.reached:
            return
        self.lowest = _lower(self.lowest, Low(available=total, at_ms=at_ms))
        self.without_node = _lower(self.without_node, _without(by_node, total, at_ms))
        by_zone: Counter[str] = Counter()
        for node, n in by_node.items():
            by_zone[zones.get(node, "")] += n
        self.without_zone = _lower(self.without_zone, _without(by_zone, total, at_ms))

    def available(self, now_ms: int) -> Counter[str]:
        """By node."""
        return Counter(p.node for p in self.pods.values() if p.ready_ms is not None and p.ready_ms + self.min_ready_ms <= now_ms)

    def begin(self, now_ms: int) -> None:
        """The change is about to be applied."""
        self.reached = self.available(now_ms).total() >= self.floor

    def census(self) -> Census:
        return Census(
            lowest=self.lowest,
            without_node=self.without_node,
            without_zone=self.without_zone,
            peak_cpu=self.peak_cpu,
            peak_memory=self.peak_memory,
        )


def _without(by_place: Mapping[str, int], total: int, at_ms: int) -> Low | None:
    """Without the place that holds most; a place without a name cannot be lost."""
    named = [(-n, place) for place, n in by_place.items() if place]
    if not named:
        return None
    n, place = min(named)
    return Low(available=total + n, at_ms=at_ms, lost=place, there=-n)


def _lower(known: Low | None, now: Low | None) -> Low | None:
    return now if known is None or (now is not None and now.available < known.available) else known


def census(events: Sequence[WatchEvent], begin: int, begin_ms: int, floors: Mapping[Key, int]) -> dict[Key, Census]:
    """By Deployment, of those that `floors` names. `begin` is the index of the first write of the change."""
    counts = {key: _Count(floor=floor) for key, floor in floors.items()}
    owners: dict[str, Key] = {}
    zones: dict[str, str] = {}
    changed: dict[Key, None] = {}
    now_ms = 0
    for index, event in enumerate(events):
        if index == begin:
            for count in counts.values():
                count.begin(begin_ms)
        if event.time_ms != now_ms:
            _end(counts, changed, now_ms, begin_ms, zones)
            now_ms = event.time_ms
        if isinstance(event.after, Node):
            zones[event.key.name] = event.after.metadata.labels.get(ZONE, "")
        whose = owner_of(event, owners)
        if whose is not None and whose in counts:
            counts[whose].see(event)
            changed[whose] = None
    _end(counts, changed, now_ms, begin_ms, zones)
    return {key: count.census() for key, count in counts.items()}


def _end(counts: Mapping[Key, _Count], changed: dict[Key, None], now_ms: int, begin_ms: int, zones: Mapping[str, str]) -> None:
    """Before the change nothing is judged; how things stood then is judged with its first instant."""
    if now_ms < begin_ms:
        return
    for key in changed:
        counts[key].end(now_ms, now_ms - begin_ms, zones)
    changed.clear()
