"""The scheduler's picture of the cluster: the order of nodes, pods on nodes that are not there, counts that stay true."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from kgate.engine.api.core import Node
from kgate.engine.api.meta import FrozenMap, Key, LabelSelector
from kgate.engine.store import key_of
from tests.engine.scheduler.objects import World, node, pod

ZONE = "topology.kubernetes.io/zone"


def order(world: World) -> list[str]:
    return [n.name for n in world.scheduler.cache.nodes()]


def found(world: World, name: str) -> Node:
    it = world.store.get(Node, "", name)
    assert it is not None
    return it


def relabel(world: World, name: str, **labels: str) -> None:
    it = found(world, name)
    kept = {k: v for k, v in it.metadata.labels.items() if k != ZONE}
    world.store.update(replace(it, metadata=replace(it.metadata, labels=FrozenMap(kept | labels))))


def test_a_node_that_moves_goes_to_the_end_of_its_new_zone() -> None:
    world = World(node("n1", zone="a"), node("n2", zone="b"), node("n3", zone="a"))
    assert order(world) == ["n1", "n2", "n3"]
    relabel(world, "n1", **{ZONE: "b"})
    assert order(world) == ["n3", "n2", "n1"]


def test_a_zone_that_loses_its_last_node_loses_its_turn() -> None:
    world = World(node("n1", zone="a"), node("n2", zone="b"))
    world.store.delete(key_of(found(world, "n1")))
    world.put(node("n3", zone="a"))
    assert order(world) == ["n2", "n3"]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        # Zones a: n1, n2, n4 and b: n3.
        ({ZONE: "a"}, ["n1", "n3", "n2", "n4"]),
        ({"failure-domain.beta.kubernetes.io/zone": "a"}, ["n1", "n3", "n2", "n4"]),
        # n2 is a zone of its own.
        ({ZONE: "a", "topology.kubernetes.io/region": "r"}, ["n1", "n2", "n3", "n4"]),
        ({}, ["n1", "n2", "n3", "n4"]),
    ],
)
def test_old_and_new_zone_labels_are_one_zone_and_the_region_is_part_of_it(labels: dict[str, str], expected: list[str]) -> None:
    world = World(node("n1", zone="a"), node("n2", labels=labels), node("n3", zone="b"), node("n4", zone="a"))
    assert order(world) == expected


def test_pods_on_a_node_that_is_gone_are_remembered_and_count_again_when_it_is_back() -> None:
    world = World(node("n1", cpu="1"), pod("a", cpu="1", nodeName="n1"))
    world.store.delete(key_of(found(world, "n1")))
    assert order(world) == []
    world.put(node("n1", cpu="1"), pod("b", cpu="1"))
    assert not world.where("b")
    assert world.gone("a").where("b") == "n1"


def test_counts_follow_pods_nodes_and_labels() -> None:
    everything = LabelSelector(match_labels=FrozenMap(app="web"))
    world = World(node("n1", zone="a"), node("n2"), pod("p", labels={"app": "web"}, nodeName="n1"), pod("q", nodeName="n1"))
    counts = world.scheduler.cache.counts("default", everything)

    def by_zone() -> dict[str, int]:
        return dict(counts.by_domain(ZONE, world.scheduler.cache.node))

    assert counts.by_node == {"n1": 1} and by_zone() == {"a": 1}
    world.put(pod("r", labels={"app": "web"}, nodeName="n2"))
    assert counts.by_node == {"n1": 1, "n2": 1} and by_zone() == {"a": 1}
    relabel(world, "n2", **{ZONE: "a"})
    assert by_zone() == {"a": 2}
    # A pod on its way out no longer counts, though it still holds its resources.
    world.store.delete(Key("Pod", "default", "p"))
    assert counts.by_node == {"n2": 1} and by_zone() == {"a": 1}
    assert Key("Pod", "default", "p") in next(n for n in world.scheduler.cache.nodes() if n.name == "n1").pods


def test_a_change_of_status_alone_leaves_what_is_kept_alone() -> None:
    world = World(node("n1"), pod("a", cpu="1", nodeName="n1"))
    before = len(world.scheduler.cache.touched)
    it = world.pod("a")
    world.store.update_status(replace(it, status=replace(it.status, phase="Running")))
    assert len(world.scheduler.cache.touched) == before
    assert world.scheduler.cache.nodes()[0].pods[key_of(it)].pod.status.phase == "Running"


def test_the_size_of_an_image_is_what_its_first_node_said() -> None:
    def image(size: int) -> Any:
        return {"app:v1": size}

    world = World(node("n1", images=image(10)), node("n2", images=image(20)))
    assert world.scheduler.cache.image("app:v1") == (10, 2)
    world.store.delete(key_of(found(world, "n1")))
    assert world.scheduler.cache.image("app:v1") == (10, 1)
    world.store.delete(key_of(found(world, "n2")))
    assert world.scheduler.cache.image("app:v1") == (0, 0)
