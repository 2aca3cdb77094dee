from __future__ import annotations

from typing import Any

import pytest

from kgate.engine import Behaviour, Cluster
from kgate.engine.api.meta import Key
from kgate.rollout.census import Census, Low, census

WEB = Key("Deployment", "default", "web")


def node(name: str, zone: str) -> dict[str, Any]:
    labels = {"topology.kubernetes.io/zone": zone}
    return {"metadata": {"name": name, "labels": labels}, "status": {"capacity": {"cpu": "4", "memory": "8Gi", "pods": "110"}}}


def web(image: str, replicas: int, **spec: Any) -> dict[str, Any]:
    container = {"name": "app", "image": image, "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template} | spec
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def counted(*, floor: int = 1, unavailable: int = 0, **spec: Any) -> Census:
    """Of a rolling update of four pods on two nodes of two zones."""
    cluster = Cluster(behaviour=Behaviour(startup_ms=1000, termination_ms=500))
    for name in ("a", "b"):
        cluster.add_node(node(name, name.upper()))
    strategy = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": unavailable}}
    cluster.apply(web("web:1", 4, strategy=strategy, **spec))
    cluster.run_for(60_000)
    begin, begin_ms = len(cluster.trace), cluster.now_ms
    cluster.apply(web("web:2", 4, strategy=strategy, **spec))
    cluster.run_for(60_000)
    return census(list(cluster.trace), begin, begin_ms, {WEB: floor})[WEB]


def test_a_node_that_is_lost_takes_its_pods_along() -> None:
    found = counted()
    assert found.lowest == Low(available=4, at_ms=0)
    assert found.without_node is not None
    assert found.without_node.available == found.without_node.there == 2


def test_a_zone_is_all_of_its_nodes() -> None:
    found = counted()
    assert found.without_zone is not None
    assert (found.without_zone.lost, found.without_zone.available) == ("A", 2)


@pytest.mark.parametrize(("unavailable", "lowest"), [(0, 4), (1, 3), (2, 2)])
def test_the_lowest_moment_is_the_strategys(unavailable: int, lowest: int) -> None:
    low = counted(unavailable=unavailable).lowest
    assert low is not None
    assert low.available == lowest


def test_pods_are_not_available_before_they_were_ready_for_long_enough() -> None:
    low = counted(unavailable=1, minReadySeconds=5).lowest
    assert low is not None
    assert low.available == 3


def test_a_floor_that_was_never_reached_is_not_judged() -> None:
    assert counted(floor=9).lowest is None


def test_terminating_pods_still_hold_what_they_asked_for() -> None:
    found = counted(unavailable=1)
    assert (found.peak_cpu, found.peak_memory) == (700, 7 * 64 * 2**20)
