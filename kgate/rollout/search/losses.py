"""A node or zone is lost at any one instant of the nominal schedule: what is left then, and what follows.

What is left at that instant is counted. What follows is mostly known without playing it: a rolling update takes old pods away only while
the API counts at least replicas - maxUnavailable available ones, of which at most those on the lost nodes do not serve any more
(pkg/controller/deployment/rolling.go). Where that bound is below the floor, the loss is played.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from kgate.engine import Cluster
from kgate.engine.api.meta import Key
from kgate.engine.canonical import Symmetry
from kgate.engine.errors import LivelockError
from kgate.rollout.search.explore import Violation
from kgate.rollout.search.serving import Floor, Serving
from kgate.rollout.search.world import WRITES, Start, next_instant, nodes_of, zones

AFTERMATH_MS = 420_000
"""Until the lost pods have been noticed (50 s), evicted (300 s) and replaced."""


class Wanted(Struct, frozen=True, kw_only=True):
    """Of one Deployment."""

    floor: Floor
    kept: int | None
    """So many pods its strategy keeps available for the API, whatever is lost; None: nobody can say, so all is played."""


class Losses(Struct, kw_only=True):
    """What was found about one Deployment."""

    violation: Violation | None = None
    lost_ms: int = 0
    """When it was lost, since the change."""
    at_ms: int = 0
    """When too few served, since the change."""
    instants: int = 0
    cases: int = 0
    """Places with pods, times instants."""
    played: int = 0
    left: bool = False
    """The budget was used up before all that had to be played was."""

    @property
    def holds(self) -> bool:
        return self.violation is None and not self.left


class _Case(Struct, frozen=True, kw_only=True):
    what: str
    place: str
    there: int


def losses(start: Start, wanted: Sequence[Wanted], budget: int) -> dict[Key, Losses]:
    """All of them in one pass over the nominal schedule. `budget`: losses played, on a small cluster."""
    losing = _Losing(start=start, budget=budget, weight=start.weight, open={w.floor.deployment: w for w in wanted})
    losing.found = {key: Losses() for key in losing.open}
    try:
        losing.run(start.begun())
    except LivelockError:  # the engine cannot tell what comes of this
        for key in losing.open:
            losing.found[key].left = True
    return losing.found


class _Losing(Struct, kw_only=True):
    start: Start
    budget: int
    weight: int
    open: dict[Key, Wanted]
    """Without those of which it is known."""
    found: dict[Key, Losses] = field(default_factory=dict)

    def run(self, cluster: Cluster) -> None:
        while self.open:
            for wanted in list(self.open.values()):
                if self._ends(cluster, wanted):
                    del self.open[wanted.floor.deployment]
            if self.start.ended(cluster) or not next_instant(cluster):
                return

    def _ends(self, cluster: Cluster, wanted: Wanted) -> bool:
        """Looks at all losses at the end of this instant; of nodes that do not differ one is played."""
        serving, symmetry = Serving.of(cluster, wanted.floor.deployment), None
        found, played = self.found[wanted.floor.deployment], set[object]()
        found.instants += 1
        for case in _cases(cluster, wanted.floor, serving):
            found.cases += 1
            left = serving.total - case.there
            if left < wanted.floor.in_failure:
                return self._violated(found, cluster, cluster.now_ms, case, left)
            if wanted.kept is not None and wanted.kept - case.there >= wanted.floor.in_failure:
                continue
            symmetry = symmetry or Symmetry(cluster, follow=False)
            token = symmetry.token(case.place) if case.what == "node" else case.place
            if token in played:
                continue
            played.add(token)
            if self.budget <= 0:
                found.left = True
                return True
            if self._falls(cluster, wanted.floor, case):
                return True
        return False

    def _falls(self, cluster: Cluster, floor: Floor, case: _Case) -> bool:
        """Plays on from the loss, in another cluster."""
        found = self.found[floor.deployment]
        found.played += 1
        other, lost_ms = cluster.fork(), cluster.now_ms
        for node in [case.place] if case.what == "node" else nodes_of(other, case.place):
            other.stop_node(node)
        left = self._least(other, floor)
        self.budget -= self.weight + (len(other.trace) - len(cluster.trace)) // WRITES
        return left < floor.in_failure and self._violated(found, other, lost_ms, case, left)

    def _least(self, cluster: Cluster, floor: Floor) -> int:
        """Until it is below the floor, or all that comes of a loss has come."""
        until_ms = cluster.now_ms + AFTERMATH_MS
        least = Serving.of(cluster, floor.deployment).total
        while least >= floor.in_failure and cluster.now_ms <= until_ms and next_instant(cluster):
            least = min(least, Serving.of(cluster, floor.deployment).total)
        return least

    def _violated(self, found: Losses, cluster: Cluster, lost_ms: int, case: _Case, left: int) -> bool:
        begin_ms = self.start.cluster.now_ms
        found.violation = Violation(left=left, what=case.what, lost=case.place, there=case.there)
        found.lost_ms, found.at_ms = lost_ms - begin_ms, cluster.now_ms - begin_ms
        return True


def _cases(cluster: Cluster, floor: Floor, serving: Serving) -> Iterator[_Case]:
    """The place with the most pods first, by name among equals."""
    places = [("node", serving.by_node)] if floor.failures.node else []
    places += [("zone", serving.by_zone(zones(cluster)))] if floor.failures.zone else []
    for what, by_place in places:
        for place, there in sorted(by_place.items(), key=lambda item: (-item[1], item[0])):
            yield _Case(what=what, place=place, there=there)
