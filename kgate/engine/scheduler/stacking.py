"""How many pods of a rollout one node or zone can hold at most, however ties are broken: what the scores rule out.

A pod goes to a node only if no other that takes it scores higher. Where more nodes surely would than all other new pods together can
spoil, it does not go there; nothing needs to be placed to know that. Of what is brought to 0..100 only the difference is bounded:
floor(a) - floor(b) >= floor(a - b), and the worth of two nodes differs by 100 x (difference in points) / (the most points of any node).

Sources: pkg/scheduler/schedule_one.go (prioritizeNodes), .../plugins/podtopologyspread/scoring.go.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api.core import Pod, Service, TopologySpreadConstraint
from kgate.engine.api.meta import FrozenMap, LabelSelector
from kgate.engine.api.selector import matches, matches_labels
from kgate.engine.scheduler.cache import HOSTNAME_LABEL, Cache
from kgate.engine.scheduler.framework import MAX_NODE_SCORE
from kgate.engine.scheduler.plugins.pod_topology_spread import SOFT, SYSTEM_DEFAULTS, constraints_of, selecting
from kgate.engine.scheduler.profile import Profile
from kgate.engine.scheduler.standing import ZONE_LABEL, Stand, Stands, Unbounded, stands

ALL_SCORED = 100
"""kube-scheduler scores all nodes up to so many; of more it looks at a part, and the best may not be among them."""
_WEIGHT = "PodTopologySpread"
_EXACT = 1e-9


class Rolling(Struct, frozen=True, kw_only=True):
    """One ReplicaSet goes, another comes; nothing else moves, no node comes or goes, and no pod waits for room."""

    pod: Pod
    """A new one as it was admitted; where it is does not matter."""
    selector: LabelSelector
    """Of the ReplicaSet that comes."""
    replicas: int
    """That ReplicaSet has at most so many, and takes none away."""
    old_uid: str
    """Of the ReplicaSet that goes; it gets no new ones."""
    old: Pod | None
    """One of its pods."""
    services: Sequence[Service]


class Stacked(Struct, frozen=True, kw_only=True):
    """No place ever holds more old and new pods together."""

    node: int
    zone: int | None
    """None: nothing bounds it."""


def stacked(cache: Cache, profile: Profile, rolling: Rolling) -> Stacked | None:
    """None where something has a say that has no bound here. `cache` is as it is right before the rollout."""
    if len(cache.nodes()) > ALL_SCORED or rolling.replicas < 1:
        return None
    try:
        return _Bounds.of(cache, profile, rolling).stacked()
    except Unbounded:
        return None


class _Spread(Struct, frozen=True, kw_only=True):
    """A soft constraint, for these nodes. What it does not count is 0."""

    by_zone: bool
    new: int
    old: int
    least: float
    """The weight of one pod, which depends on how many nodes take the pod at that moment: at least, and at most."""
    most: float
    skew: int


class _Bounds(Struct, kw_only=True):
    stands: Stands
    replicas: int
    spreads: Sequence[_Spread]
    weight: int
    old_in: Mapping[str, int]
    """The old pods by zone, wherever they are."""

    @classmethod
    def of(cls, cache: Cache, profile: Profile, rolling: Rolling) -> _Bounds:
        found = stands(cache, profile, _unbound(rolling.pod), rolling.old_uid)
        old_in: dict[str, int] = {}
        for node in cache.nodes():
            zone = node.labels.get(ZONE_LABEL, "")
            mine = sum((owner := i.pod.metadata.controller) is not None and owner.uid == rolling.old_uid for i in node.pods.values())
            old_in[zone] = old_in.get(zone, 0) + mine
        spreads = _spreads(cache, rolling, found)
        return cls(stands=found, replicas=rolling.replicas, spreads=spreads, weight=profile.weights[_WEIGHT], old_in=old_in)

    def stacked(self) -> Stacked | None:
        """As long as no node has more than `each` new pods, that bounds all points; if then none can get one more, it stays so."""
        for each in range(1, self.replicas + 1):
            node = self._on_a_node(each)
            if node is not None:
                return Stacked(node=node, zone=self._in_a_zone(each))
        return None

    def _on_a_node(self, each: int) -> int | None:
        """The most old and new pods on any node; None when one may get more than `each` new ones."""
        high, found = self._high(each), self.stands.elsewhere
        for stand in self.stands.every:
            found = max(found, stand.old)
            for there in range(each + 1):
                left = [old for old in range(stand.old + 1) if not self._passed_over(stand, there, old, high)]
                if there == each and left and each < self.replicas:
                    return None
                if not left or there == each:
                    break
                found = max(found, there + 1 + max(left))
        return found

    def _passed_over(self, stand: Stand, there: int, old: int, high: int) -> bool:
        """Whether one of that kind, which holds so many, gets no further new pod: too many others are surely better."""
        mine, others = self.stands.score(stand, there, old), self.replicas - 1 - there
        better = 0
        for new in range(there + 1):
            better = sum(n for other, n in self._rivals(stand) if self._beats(other, new, mine, there, high))
            if better * (new + 1) > others:
                return True
        return False

    def _rivals(self, stand: Stand) -> Iterator[tuple[Stand, int]]:
        """Other nodes than one of that kind: in its zone, where all have the same points for that, or anywhere where zones have none."""
        zoned = any(s.by_zone for s in self.spreads)
        for other in self.stands.every:
            if not zoned or other.zone == stand.zone:
                yield other, other.count - (other is stand)

    def _beats(self, other: Stand, new: int, mine: int, there: int, high: int) -> bool:
        """With `new` pods or fewer, whatever is left of the old ones, against one that scores `mine` beside its spread."""
        if not self.stands.takes(other, new):
            return False
        for fewer in range(new + 1):
            counts = [there * s.new - fewer * s.new - other.old * s.old for s in self.spreads if not s.by_zone]
            if any(n < 0 for n in counts):
                return False
            weights = [s.least for s in self.spreads if not s.by_zone]
            apart = self._apart(sum(n * weight for n, weight in zip(counts, weights, strict=True)), high)
            if self.stands.least(other, fewer) + apart <= mine:
                return False
        return True

    def _in_a_zone(self, each: int) -> int | None:
        """The most old and new pods in any zone."""
        zones, high = self.stands.zones(), self._high(each)
        if len(zones) < 2 or not any(s.by_zone for s in self.spreads):
            return None
        found = max(self.old_in.values(), default=0)
        for zone in zones:
            most = max(self.stands.most(stand, new) for stand in self.stands.in_zone(zone) for new in range(each + 1))
            there = next((n for n in range(self.replicas) if self._zone_passed_over(zone, n, most, high)), self.replicas)
            found = max(found, there + self.old_in.get(zone, 0))
        return found

    def _zone_passed_over(self, zone: str, there: int, most: int, high: int) -> bool:
        """Of the zones that surely have a better node as long as they hold few pods, one does hold so few."""
        open_ = [other for other in self.stands.zones() if other != zone]
        while open_:
            few = (self.replicas - 1 - there) // len(open_)
            left = [other for other in open_ if self._zone_beats(other, few, there, most, high)]
            if len(left) == len(open_):
                return True
            open_ = left
        return False

    def _zone_beats(self, zone: str, few: int, there: int, most: int, high: int) -> bool:
        """With `few` new pods in it, or fewer."""
        for new in range(few + 1):
            nodes = sum(s.count for s in self.stands.in_zone(zone) if self._beats_zone(s, new, few, there, most, high))
            if nodes * (new + 1) > few:
                return True
        return False

    def _beats_zone(self, other: Stand, new: int, few: int, there: int, most: int, high: int) -> bool:
        if not self.stands.takes(other, new):
            return False
        for fewer in range(new + 1):
            points = 0.0
            for s in self.spreads:
                if s.by_zone:
                    ahead = there * s.new - few * s.new - self.old_in.get(other.zone, 0) * s.old
                    points += ahead * (s.least if ahead > 0 else s.most)
                else:
                    points -= (fewer * s.new + other.old * s.old) * s.most
            if points < 0 or self.stands.least(other, fewer) + self._apart(points, high) <= most:
                return False
        return True

    def _apart(self, points: float, high: int) -> int:
        """How much more the node is worth that has so many points less; `points` >= 0."""
        if points == 0 or high <= 0:
            return 0
        return self.weight * (MAX_NODE_SCORE * max(0, math.floor(points - _EXACT)) // high)

    def _high(self, each: int) -> int:
        """No node has more points while none has more than `each` new pods."""
        old_on = max((stand.old for stand in self.stands.every), default=0)
        old_in = max(self.old_in.values(), default=0)
        total = 0.0
        for s in self.spreads:
            new, old = (self.replicas - 1, old_in) if s.by_zone else (min(each, self.replicas - 1), old_on)
            total += (new * s.new + old * s.old) * s.most + s.skew - 1
        return math.floor(total + 0.5 + _EXACT)


def _unbound(pod: Pod) -> Pod:
    return replace(pod, spec=replace(pod.spec, node_name=""), status=type(pod.status)())


def _spreads(cache: Cache, rolling: Rolling, found: Stands) -> list[_Spread]:
    """Raises Unbounded for other keys, and where pods count that are neither old nor new."""
    own_ones = bool(rolling.pod.spec.topology_spread_constraints)
    zoned = all(stand.zone for stand in found.every)
    spreads = []
    for c in constraints_of(rolling.pod, SOFT) if own_ones else _defaults(rolling):
        by_zone = c.topology_key == ZONE_LABEL
        if by_zone and not zoned and not own_ones:
            continue  # a node without the key has no points there
        if c.topology_key not in (ZONE_LABEL, HOSTNAME_LABEL) or (by_zone and not zoned) or c.node_taints_policy == "Honor":
            raise Unbounded
        new, old = (int(p is not None and _selects(c.label_selector, p)) for p in (rolling.pod, rolling.old))
        _check_others(cache, c.label_selector, rolling)
        least, most = (math.log(n + 2) for n in _domains(found, rolling.replicas, by_zone=by_zone))
        spreads.append(_Spread(by_zone=by_zone, new=new, old=old, least=least, most=most, skew=c.max_skew))
    return spreads


def _defaults(rolling: Rolling) -> tuple[TopologySpreadConstraint, ...]:
    """As the plugin makes them of the Services and the ReplicaSet of the pod."""
    labels: dict[str, str] = {}
    for service in rolling.services:
        if service.spec.selector and matches_labels(service.spec.selector, rolling.pod.metadata.labels):
            labels |= service.spec.selector
    selector = replace(rolling.selector, match_labels=FrozenMap({**labels, **rolling.selector.match_labels}))
    return tuple(selecting(c, selector) for c in SYSTEM_DEFAULTS)


def _selects(selector: LabelSelector | None, pod: Pod) -> bool:
    """As the plugin counts: an empty selector finds nothing."""
    return selector is not None and not selector.empty and matches(selector, pod.metadata.labels)


def _check_others(cache: Cache, selector: LabelSelector | None, rolling: Rolling) -> None:
    namespace = rolling.pod.metadata.namespace
    for node in cache.nodes():
        for info in node.pods.values():
            meta = info.pod.metadata
            theirs = meta.controller is None or meta.controller.uid != rolling.old_uid
            if theirs and meta.namespace == namespace and _selects(selector, info.pod):
                raise Unbounded


def _domains(found: Stands, replicas: int, *, by_zone: bool) -> tuple[int, int]:
    """How many there are among the nodes that take the pod: at least, whichever of them new pods have filled, and at most."""
    sure = {zone: sum(s.count for s in found.in_zone(zone) if found.takes(s, 0)) for zone in found.zones()}
    if by_zone:
        return max(1, sum(n >= replicas for n in sure.values())), max(1, len(sure))
    return max(1, sum(sure.values()) - (replicas - 1)), max(1, sum(s.count for s in found.every))
