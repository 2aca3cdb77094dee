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
from tests.rollout.search.worlds import WEB, deployment, over, start

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


SOFT_BY_NODE = {"topologyKey": HOSTNAME, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": SELECTOR}
SOFT_BY_ZONE = SOFT_BY_NODE | {"topologyKey": ZONE}


def scored(begin: Start, what: str) -> Bound | None:
    """By scores as well, with the end of the nominal schedule to look at."""
    settled = begin.begun()
    if not settled.run_until(lambda: over(settled), 3_600_000):
        return None  # pods that fit nowhere: the nominal schedule has no end to look at
    after = settled.store.get(Deployment, "default", "web")
    assert after is not None
    return most_together(begin.cluster, after, what, settled)


def soft(*constraints: dict[str, Any], cpu: str = "", skew: int = 1) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "app", "image": "app"}
    if cpu:
        container["resources"] = {"requests": {"cpu": cpu, "memory": "256Mi"}}
    return {"topologySpreadConstraints": [c | {"maxSkew": skew} for c in constraints], "containers": [container]}


def changed(pod: dict[str, Any], replicas: int, *, surge: int = 1, nodes: dict[str, str], others: dict[str, int] | None = None) -> Start:
    """The container's image is what changes."""
    bodies = [deployment(image, replicas, surge=surge, unavailable=1, **pod) for image in ("app:1", "app:2")]
    for body, image in zip(bodies, ("app:1", "app:2"), strict=True):
        spec = body["spec"]["template"]["spec"]
        spec["containers"] = [c | {"image": image} for c in spec["containers"]]
    return start(nodes, *bodies, others=others)


MANY = {f"{zone}{i}": zone for zone in "abc" for i in range(8)}


@pytest.mark.parametrize(
    ("pod", "what", "expected"),
    [
        (soft(), "node", 1),
        (soft(SOFT_BY_NODE), "node", 1),
        (soft(SOFT_BY_NODE), "zone", None),
        (soft(SOFT_BY_ZONE), "zone", 6),
        (soft(SOFT_BY_NODE | {"topologyKey": "rack"}), "node", None),
    ],
)
def test_scores_bound_what_one_place_holds(pod: dict[str, Any], what: str, expected: int | None) -> None:
    found = scored(changed(pod, 6, nodes=MANY), what)
    assert (None if found is None else found.most) == expected


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    places=st.lists(st.sampled_from("ab"), min_size=2, max_size=7),
    replicas=st.integers(1, 5),
    surge=st.integers(0, 2),
    constraints=st.sampled_from([(), (SOFT_BY_NODE,), (SOFT_BY_ZONE,), (SOFT_BY_NODE, SOFT_BY_ZONE), (SOFT_BY_NODE | BY_REVISION,)]),
    skew=st.sampled_from([1, 5]),
    cpu=st.sampled_from(["", "100m", "700m", "1500m"]),
    others=st.lists(st.integers(0, 4), min_size=7, max_size=7),
    what=st.sampled_from(["node", "zone"]),
)
def test_no_schedule_has_more_there_than_scores_say(
    places: list[str], replicas: int, surge: int, constraints: tuple[Any, ...], skew: int, cpu: str, others: list[int], what: str
) -> None:
    nodes = {f"n{i}": zone for i, zone in enumerate(places)}
    pod, used = soft(*constraints, cpu=cpu, skew=skew), dict(zip(nodes, others, strict=False))
    begin = changed(pod, replicas, surge=surge, nodes=nodes, others=used)
    found = scored(begin, what)
    if found is not None:
        wanted = AtMost(deployment=WEB, floor=0, failures=Failures(), in_failure=0, what=what, most=found.most)
        assert explore(begin, wanted, 600, TIES).violation is None
