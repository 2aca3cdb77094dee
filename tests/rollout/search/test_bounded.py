"""How many pods one place can hold, by hard constraints: no schedule that is played ever has more there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgate.engine.api.apps import Deployment
from kgate.rollout.floors import Failures
from kgate.rollout.nodes import HOSTNAME, ZONE
from kgate.rollout.search import TIES, Bound, Floor, Start, explore, most_together
from kgate.rollout.search.explore import Violation
from kgate.rollout.search.serving import Serving
from kgate.rollout.search.world import zones
from tests.rollout.search.worlds import WEB, deployment, start

SELECTOR = {"matchLabels": {"app": "web"}}
NODES = {"a1": "a", "a2": "a", "b1": "b", "b2": "b", "c1": "c"}


def apart(key: str) -> dict[str, Any]:
    term = {"topologyKey": key, "labelSelector": SELECTOR}
    return {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}, "topologySpreadConstraints": []}


def spread(key: str, skew: int = 1, **more: Any) -> dict[str, Any]:
    c = {"maxSkew": skew, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": SELECTOR} | more
    return {"topologySpreadConstraints": [c]}


BY_REVISION = {"matchLabelKeys": ["pod-template-hash"]}


def bound(begin: Start, what: str) -> Bound | None:
    after = begin.begun().store.get(Deployment, "default", "web")
    assert after is not None
    return most_together(begin.cluster, after, what)


def most(pod: dict[str, Any], what: str, *, replicas: int = 4, surge: int = 1, nodes: dict[str, str] = NODES) -> int | None:
    found = bound(start(nodes, *(deployment(image, replicas, surge=surge, unavailable=1, **pod) for image in ("app:1", "app:2"))), what)
    return None if found is None else found.most


@pytest.mark.parametrize(
    ("pod", "what", "expected"),
    [
        ({}, "node", None),
        (apart(HOSTNAME), "node", 1),
        (apart(HOSTNAME), "zone", None),
        (spread(HOSTNAME), "node", 1),  # (4 + 1 - 1) // 5 + 1
        (spread(ZONE), "zone", 2),  # (4 + 1 - 1) // 3 + 1
        (spread(ZONE, 3), "zone", 4),
        (spread(ZONE, **BY_REVISION), "zone", 4),  # 2 old ones, and (4 - 1) // 3 + 1
        (spread(ZONE, nodeTaintsPolicy="Honor"), "zone", None),
        (spread(ZONE) | {"nodeSelector": {HOSTNAME: "a1"}}, "zone", None),
    ],
)
def test_hard_constraints_bound_what_one_place_holds(pod: dict[str, Any], what: str, expected: int | None) -> None:
    assert most(pod, what) == expected


class AtMost(Floor, frozen=True, kw_only=True):
    """A property: no place holds more."""

    what: str
    most: int

    def violated(self, cluster: Any) -> Violation | None:
        serving = Serving.of(cluster, WEB)
        there = serving.by_node if self.what == "node" else serving.by_zone(zones(cluster))
        return Violation(left=0) if max(there.values(), default=0) > self.most else None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    places=st.lists(st.sampled_from("ab"), min_size=2, max_size=5),
    replicas=st.integers(1, 5),
    surge=st.integers(0, 2),
    pod=st.sampled_from([apart(HOSTNAME), spread(HOSTNAME), spread(ZONE), spread(ZONE, 2), spread(HOSTNAME, **BY_REVISION)]),
    what=st.sampled_from(["node", "zone"]),
)
def test_no_schedule_has_more_there(places: list[str], replicas: int, surge: int, pod: dict[str, Any], what: str) -> None:
    nodes = {f"n{i}": zone for i, zone in enumerate(places)}
    begin = start(nodes, *(deployment(image, replicas, surge=surge, unavailable=1, **pod) for image in ("app:1", "app:2")))
    found = bound(begin, what)
    if found is not None:
        wanted = AtMost(deployment=WEB, floor=0, failures=Failures(), in_failure=0, what=what, most=found.most)
        assert explore(begin, wanted, 1500, TIES).violation is None
