"""One table for each score, worked by hand, and who wins a tie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate.engine.api.codec import decode
from kgate.engine.api.core import Pod
from kgate.engine.scheduler.framework import CycleState, Normalize, PreScore, Score, WideScore
from kgate.engine.scheduler.nodeinfo import PodInfo
from kgate.engine.scheduler.profile import default_profile
from kgate.engine.scheduler.selection import winner
from tests.engine.scheduler.objects import World, node, pod

MI = 2**20


def scores(plugin: str, target: Pod, world: World, *, version: str = "1.36") -> list[int] | None:
    """The plugin's scores of all nodes in the node tree's order, before its weight; None when it does not score the pod."""
    chosen = next(p for p in default_profile(version).plugins if p.name == plugin)
    state, nodes, info = CycleState(world.scheduler.cache), world.scheduler.cache.nodes(), PodInfo.of(target)
    if isinstance(chosen, WideScore):
        return chosen.scores(info, nodes, state)
    assert isinstance(chosen, Score)
    if isinstance(chosen, PreScore) and not chosen.prescore(info):
        return None
    raw = [chosen.score(info, n, state) for n in nodes]
    return chosen.normalize(raw) if isinstance(chosen, Normalize) else raw


@pytest.mark.parametrize(
    ("there", "wanted", "score"),
    [
        # cpu (4000-1000)*100/4000 = 75, memory (8-2)*100/8 = 75.
        ({}, {"cpu": "1", "memory": "2Gi"}, 75),
        # cpu (4000-1500)*100/4000 = 62, memory (8-2)/8 = 75; the mean is cut to 68.
        ({"cpu": "1", "memory": "1Gi"}, {"cpu": "500m", "memory": "1Gi"}, 68),
        # Without requests a container counts as 100m and 200Mi: 97 and 97.
        ({}, {}, 97),
        # More than there is scores nothing: cpu 0, memory 97.
        ({"cpu": "4"}, {"cpu": "1"}, 47),
    ],
)
def test_least_allocated_is_the_mean_of_what_is_left(there: dict[str, str], wanted: dict[str, str], score: int) -> None:
    world = World(node("n1"), *([pod("a", nodeName="n1", **there)] if there else []))
    assert scores("NodeResourcesFit", pod("p", **wanted), world) == [score]


@pytest.mark.parametrize(
    ("there", "wanted", "with_pod", "improvement"),
    [
        # Fractions with the pod .375 and .25, so 93; without it .25 and .125, so 93: no change is 75.
        ({"cpu": "1", "memory": "1Gi"}, {"cpu": "500m", "memory": "1Gi"}, 93, 75),
        # .5 and 0 with the pod: 75; an empty node is perfectly balanced: 100.
        ({}, {"cpu": "2"}, 75, 62),
        # The pod mends the balance: .5 and .5 after .5 and 0.
        ({"cpu": "2"}, {"memory": "4Gi"}, 100, 87),
        # Nothing requested: neither version scores it.
        ({}, {}, None, None),
    ],
)
def test_balanced_allocation_compares_with_and_without_the_pod_since_1_36(
    there: dict[str, str], wanted: dict[str, str], with_pod: int | None, improvement: int | None
) -> None:
    world = World(node("n1"), *([pod("a", nodeName="n1", **there)] if there else []))
    for version, expected in (("1.35", with_pod), ("1.36", improvement)):
        got = scores("NodeResourcesBalancedAllocation", pod("p", **wanted), world, version=version)
        assert got == (None if expected is None else [expected])


def soft_taint(key: str) -> dict[str, str]:
    return {"key": key, "effect": "PreferNoSchedule"}


def test_soft_taints_cost_points_in_proportion_to_the_worst_node() -> None:
    world = World(node("n1"), node("n2", taints=[soft_taint("a")]), node("n3", taints=[soft_taint("a"), soft_taint("b")]))
    assert scores("TaintToleration", pod("p"), world) == [100, 50, 0]
    assert scores("TaintToleration", pod("p", tolerations=[{"key": "a", "operator": "Exists"}]), world) == [100, 100, 0]
    assert scores("TaintToleration", pod("p", tolerations=[{"operator": "Exists"}]), world) == [100, 100, 100]


def test_preferred_node_affinity_adds_its_weights_in_proportion_to_the_best_node() -> None:
    world = World(node("n1", labels={"disk": "ssd"}), node("n2", labels={"disk": "ssd", "fast": "1"}), node("n3"))
    terms = [(30, "disk"), (70, "fast")]
    preferred = [{"weight": w, "preference": {"matchExpressions": [{"key": k, "operator": "Exists"}]}} for w, k in terms]
    wish = {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}}
    assert scores("NodeAffinity", pod("p", **wish), world) == [30, 100, 0]
    assert scores("NodeAffinity", pod("p"), world) is None


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        # 500 MB on one node of two count as 250 MB of a range from 23 MiB to 1000 MiB.
        ("app:v1", [(250_000_000 - 23 * MI) * 100 // (977 * MI), 0]),
        # A name without a tag is `:latest`; 2 GB on both nodes are cut at the top.
        ("base", [100, 100]),
        ("registry:5000/base", [0, 0]),
        ("other:v1", [0, 0]),
    ],
)
def test_nodes_that_have_the_images_score_more(image: str, expected: list[int]) -> None:
    big = 2_000_000_000
    world = World(node("n1", images={"app:v1": 500_000_000, "base:latest": big}), node("n2", images={"base:latest": big}))
    assert scores("ImageLocality", pod("p", container={"image": image}), world) == expected


def web(name: str, **spec: Any) -> Pod:
    return pod(name, labels={"app": "web"}, **spec)


def softly(key: str, skew: int = 1) -> dict[str, Any]:
    selector = {"matchLabels": {"app": "web"}}
    return {"maxSkew": skew, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector}


def test_soft_spreading_prefers_the_domain_with_fewer_pods() -> None:
    world = World(node("n1", zone="a"), node("n2", zone="b"), node("n3"), web("a", nodeName="n1"), web("b", nodeName="n1"))
    target = web("p", topologySpreadConstraints=[softly("topology.kubernetes.io/zone")])
    # Two domains weigh ln 4: n1 scores round(2 * 1.386) = 3, n2 nothing; normalized 100*(3+0-3)/3 and 100*3/3. n3 has no zone.
    assert [n.name for n in world.scheduler.cache.nodes()] == ["n1", "n2", "n3"]
    assert scores("PodTopologySpread", target, world) == [0, 100, 0]


def test_pods_of_a_replica_set_or_a_service_are_spread_by_default_and_others_are_not() -> None:
    meta = {"name": "web", "namespace": "default"}
    service = decode({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": {"app": "web"}}})
    plain = World(node("n1"), node("n2"), web("a", nodeName="n1"))
    assert scores("PodTopologySpread", web("p"), plain) is None
    plain.put(service)
    # By hostname: ln 4 * 1 + 2 is round(3.39) = 3 against 2; by zone (none has one): one domain, nothing for anybody.
    assert scores("PodTopologySpread", web("p"), plain) == [100 * (3 + 2 - 3) // 3, 100]
    assert scores("PodTopologySpread", pod("p", labels={"app": "db"}), plain) is None


def test_default_spreading_counts_by_replica_set_so_an_old_revision_does_not_count() -> None:
    def of(rev: str) -> dict[str, Any]:
        return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"web-{rev}", "uid": rev, "controller": True}

    def replica_set(rev: str) -> Any:
        selector = {"matchLabels": {"app": "web", "rev": rev}}
        meta = {"name": f"web-{rev}", "namespace": "default"}
        return decode({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta, "spec": {"selector": selector}})

    old = pod("old", labels={"app": "web", "rev": "1"}, owner=of("1"), nodeName="n1")
    world = World(node("n1"), node("n2"), replica_set("1"), replica_set("2"), old)
    assert scores("PodTopologySpread", pod("p", labels={"app": "web", "rev": "2"}, owner=of("2")), world) == [100, 100]
    assert scores("PodTopologySpread", pod("p", labels={"app": "web", "rev": "1"}, owner=of("1")), world) != [100, 100]


def wish(weight: int, app: str, *, anti: bool = False) -> dict[str, Any]:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": "topology.kubernetes.io/zone"}
    weighted = [{"weight": weight, "podAffinityTerm": term}]
    return {"affinity": {"podAntiAffinity" if anti else "podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": weighted}}}


def required(app: str) -> dict[str, Any]:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": "topology.kubernetes.io/zone"}
    return {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


@pytest.mark.parametrize(
    ("there", "spec", "expected"),
    [
        ([web("w", nodeName="n1")], wish(10, "web"), [100, 0, 0]),
        ([web("w", nodeName="n1")], wish(10, "web", anti=True), [0, 100, 100]),
        # Two in a and one in b: 20, 10, 0.
        ([web("w", nodeName="n1"), web("v", nodeName="n1"), web("u", nodeName="n2")], wish(10, "web"), [100, 50, 0]),
        # The wish of a pod that is there counts as well, and its required affinity counts 1.
        ([pod("g", nodeName="n2", **wish(5, "web"))], {}, [0, 100, 0]),
        ([pod("g", nodeName="n2", **wish(5, "web", anti=True))], {}, [100, 0, 100]),
        ([pod("g", nodeName="n2", **required("web"))], {}, [0, 100, 0]),
        ([web("w", nodeName="n1")], {}, None),
        ([web("w", nodeName="n3")], wish(10, "web"), None),
    ],
)
def test_preferred_affinity_between_pods_goes_by_domain(there: list[Pod], spec: dict[str, Any], expected: Sequence[int] | None) -> None:
    world = World(node("n1", zone="a"), node("n2", zone="b"), node("n3"), *there)
    assert scores("InterPodAffinity", web("p", **spec), world) == expected


@pytest.mark.parametrize(
    ("zones", "order"),
    [
        (["", "", ""], ["n1", "n2", "n3"]),
        (["a", "a", "b"], ["n1", "n3", "n2"]),
        (["b", "a", "a", "a", "b"], ["n1", "n2", "n5", "n3", "n4"]),
        (["a", "", "a", ""], ["n1", "n2", "n3", "n4"]),
    ],
)
def test_among_equals_the_first_in_the_order_of_the_node_tree_wins(zones: list[str], order: list[str]) -> None:
    world = World(*(node(f"n{i}", zone=zone) for i, zone in enumerate(zones, start=1)))
    assert [n.name for n in world.scheduler.cache.nodes()] == order
    decision = world.scheduler.placement.decide(pod("p"))
    assert decision.node == order[0] and list(decision.ties) == order


def test_a_single_node_that_is_left_is_taken_without_a_score() -> None:
    world = World(node("n1", cpu="1"), node("n2"))
    decision = world.scheduler.placement.decide(pod("p", cpu="2"))
    assert decision.ties == ("n2",)


@pytest.mark.parametrize(
    ("best", "expected"),
    [
        ([0], 0),
        ([0, 1, 2, 3], 0),
        ([1, 2], 1),
        # Below 1 are 3 and 4, below 2 are 5 and 6: whoever is under 1 comes before 2.
        ([2, 3], 3),
        ([2, 4], 4),
        ([3, 4], 3),
        ([2, 5], 2),
        ([5, 6, 9], 9),
        ([1, 3], 1),
    ],
)
def test_of_several_best_nodes_the_one_on_top_of_the_heap_wins(best: list[int], expected: int) -> None:
    assert winner(best) == expected


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_the_winner_is_what_making_a_heap_leaves_on_top(scores: list[int]) -> None:
    heap = list(range(len(scores)))
    for top in reversed(range(len(heap) // 2)):
        parent = top
        while (child := 2 * parent + 1) < len(heap):
            if child + 1 < len(heap) and scores[heap[child + 1]] > scores[heap[child]]:
                child += 1
            if scores[heap[child]] <= scores[heap[parent]]:
                break
            heap[parent], heap[child] = heap[child], heap[parent]
            parent = child
    assert winner([i for i, s in enumerate(scores) if s == max(scores)]) == heap[0]
