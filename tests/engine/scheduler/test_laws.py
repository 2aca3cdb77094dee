"""What holds on every cluster: nothing is over-committed, names do not matter, and what is kept between pods is never stale."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kgate.engine.api.codec import decode
from kgate.engine.api.core import Node, Pod
from kgate.engine.api.meta import FrozenMap
from kgate.engine.api.resources import pod_requests
from kgate.engine.scheduler import columns, table
from kgate.engine.scheduler.cache import KINDS, Cache
from kgate.engine.scheduler.placement import Placement
from kgate.engine.scheduler.profile import default_profile
from kgate.engine.store import key_of
from tests.engine.scheduler.objects import World, node, pod

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
APPS = ("web", "db")

NODES = st.lists(
    st.fixed_dictionaries({
        "cpu": st.sampled_from(["1", "2", "4"]),
        "memory": st.sampled_from(["2Gi", "8Gi"]),
        "pods": st.sampled_from(["2", "110"]),
        "zone": st.sampled_from(["", "a", "b"]),
        "unschedulable": st.booleans().filter(bool) | st.just(False),
        "taints": st.sampled_from([[], [{"key": "t", "effect": "NoSchedule"}], [{"key": "t", "effect": "PreferNoSchedule"}]]),
        "images": st.sampled_from([{}, {"app:v1": 500_000_000}]),
    }),
    min_size=1,
    max_size=5,
)  # fmt: skip


def term(app: str, key: str) -> dict[str, Any]:
    return {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key}


def spec_of(kind: str, app: str, key: str) -> dict[str, Any]:
    if kind == "hard" or kind == "soft":
        action = "DoNotSchedule" if kind == "hard" else "ScheduleAnyway"
        return {"topologySpreadConstraints": [{"maxSkew": 1, "whenUnsatisfiable": action, **term(app, key)}]}
    if kind in ("near", "far"):
        wish = {"requiredDuringSchedulingIgnoredDuringExecution": [term(app, key)]}
        return {"affinity": {"podAffinity" if kind == "near" else "podAntiAffinity": wish}}
    if kind == "rather":
        wish = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 7, "podAffinityTerm": term(app, key)}]}
        return {"affinity": {"podAntiAffinity": wish}}
    if kind == "zoned":
        return {"nodeSelector": {ZONE: "a"}}
    if kind == "picky":
        hard = {"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "nodeTaintsPolicy": "Honor", "minDomains": 2, **term(app, key)}
        wish = {"weight": 5, "preference": {"matchExpressions": [{"key": ZONE, "operator": "In", "values": ["b"]}]}}
        near = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [wish]}}
        return {"topologySpreadConstraints": [hard, {**hard, "topologyKey": ZONE, "minDomains": None}], "affinity": near}
    if kind == "port":
        return {"container": {"ports": [{"containerPort": 80, "hostPort": 8080}]}}
    return {"tolerations": [{"operator": "Exists"}]} if kind == "tolerant" else {}


PODS = st.lists(
    st.fixed_dictionaries({
        "app": st.sampled_from(APPS),
        "cpu": st.sampled_from(["", "250m", "1"]),
        "memory": st.sampled_from(["", "1Gi"]),
        "kind": st.sampled_from(["plain", "hard", "soft", "near", "far", "rather", "port", "tolerant", "zoned", "picky"]),
        "key": st.sampled_from([ZONE, HOST]),
        "priority": st.sampled_from([0, 0, 0, 10]),
        "owned": st.booleans(),
    }),
    max_size=8,
)  # fmt: skip


def pods(drawn: list[dict[str, Any]]) -> list[Pod]:
    made = []
    for i, p in enumerate(drawn):
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": p["app"], "uid": f"rs-{p['app']}", "controller": True}
        spec = spec_of(p["kind"], p["app"], p["key"])
        labels = {"app": p["app"]}
        more = {"owner": owner} if p["owned"] else {}
        made.append(pod(f"p{i}", labels=labels, cpu=p["cpu"], memory=p["memory"], priority=p["priority"], **spec, **more))
    return made


def replica_sets() -> list[Any]:
    return [
        decode({
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": app, "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": app}}},
        })
        for app in APPS
    ]  # fmt: skip


def world_of(nodes: list[dict[str, Any]], drawn: list[dict[str, Any]], *, prefix: str = "n") -> World:
    world = World(*(node(f"{prefix}{i}", **spec) for i, spec in enumerate(nodes)), *replica_sets())
    for each in pods(drawn):
        world.put(each)
    return world


def disturb(world: World, what: list[tuple[str, int]]) -> None:
    """Deletes and changes things, as a day in a cluster does. A node comes back as large as it was: its pods are still bound to it."""
    gone: dict[str, Node] = {}
    for action, n in what:
        found, there = world.store.list(Node), world.store.list(Pod)
        if action == "pod" and there:
            world.store.delete(key_of(there[n % len(there)]), grace_seconds=n % 2)
        elif action == "node" and found:
            gone[found[n % len(found)].metadata.name] = found[n % len(found)]
            world.store.delete(key_of(found[n % len(found)]))
        elif action == "cordon" and found:
            it = found[n % len(found)]
            world.store.update(replace(it, spec=replace(it.spec, unschedulable=not it.spec.unschedulable)))
        elif action == "zone" and found:
            it = found[n % len(found)]
            labels = FrozenMap({**it.metadata.labels, ZONE: "ab"[n % 2]})
            world.store.update(replace(it, metadata=replace(it.metadata, labels=labels)))
        elif action == "finish" and there:
            it = there[n % len(there)]
            world.store.update_status(replace(it, status=replace(it.status, phase="Succeeded")))
        elif action == "back" and gone:
            world.store.create(gone.pop(sorted(gone)[n % len(gone)]))
        elif action == "add":
            world.store.create(node(f"new{world.store.resource_version}", zone="ab"[n % 2]))
        world.manager.settle()


DISTURBANCES = st.lists(
    st.tuples(st.sampled_from(["pod", "node", "back", "cordon", "zone", "finish", "add"]), st.integers(0, 9)), max_size=6
)


@settings(max_examples=60, deadline=None)
@given(NODES, PODS, DISTURBANCES)
def test_no_node_is_ever_over_committed(nodes: list[dict[str, Any]], drawn: list[dict[str, Any]], what: list[tuple[str, int]]) -> None:
    world = world_of(nodes, drawn)
    disturb(world, what)
    for each in world.store.list(Node):
        there = [p for p in world.store.pods_on(each.metadata.name) if not p.terminal]
        used: Counter[str] = Counter(pods=len(there))
        for p in there:
            used.update(pod_requests(p.spec))
        assert all(n <= each.status.allocatable.get(resource, 0) for resource, n in used.items() if n)


@settings(max_examples=60, deadline=None)
@given(NODES, PODS, DISTURBANCES)
def test_the_cache_equals_one_built_afresh_from_the_store(
    nodes: list[dict[str, Any]], drawn: list[dict[str, Any]], what: list[tuple[str, int]]
) -> None:
    world = world_of(nodes, drawn)
    disturb(world, what)
    fresh = Cache()
    for kind in KINDS:
        for obj in world.store.list_kind(kind):
            fresh.observe(None, obj)
    assert world.scheduler.cache.contents() == fresh.contents()
    assert sorted(n.name for n in world.scheduler.cache.nodes()) == sorted(n.name for n in fresh.nodes())


@settings(max_examples=60, deadline=None)
@given(NODES, PODS, DISTURBANCES, PODS.filter(bool))
def test_what_is_kept_between_pods_decides_as_if_nothing_were_kept(
    nodes: list[dict[str, Any]], drawn: list[dict[str, Any]], what: list[tuple[str, int]], more: list[dict[str, Any]]
) -> None:
    world = world_of(nodes, drawn)
    kept = world.scheduler.placement
    for round_ in range(2):
        for target in pods(more):
            fresh = Placement(world.scheduler.cache, default_profile())
            fresh.nominations = kept.nominations
            a, b = kept.decide(target), fresh.decide(target)
            assert (a.ties, a.rejections, a.everywhere) == (b.ties, b.rejections, b.everywhere)
        if round_ == 0:
            disturb(world, what)


@settings(max_examples=80, deadline=None)
@given(NODES, PODS, DISTURBANCES, PODS.filter(bool))
def test_columns_and_plain_boards_give_the_same_placements(
    nodes: list[dict[str, Any]], drawn: list[dict[str, Any]], what: list[tuple[str, int]], more: list[dict[str, Any]]
) -> None:
    pytest.importorskip("numpy")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(table, "LARGE", 1)
        patched.setattr(columns, "FEW", 1)
        world = world_of(nodes, drawn)
        kept = world.scheduler.placement
        for round_ in range(2):
            for target in pods(more):
                plain = Placement(world.scheduler.cache, default_profile(), columns=False)
                plain.nominations = kept.nominations
                a, b = kept.decide(target), plain.decide(target)
                assert (a.ties, a.node, a.rejections, a.tally, a.everywhere) == (b.ties, b.node, b.rejections, b.tally, b.everywhere)
            if round_ == 0:
                disturb(world, what)
        other = plain_twin(nodes, drawn, what, patched)
    assert [p.spec.node_name for p in world.store.list(Pod)] == other


def plain_twin(nodes: list[dict[str, Any]], drawn: list[dict[str, Any]], what: list[tuple[str, int]], patched: Any) -> list[str]:
    """Where the pods of the same day are when no column was ever looked at."""
    patched.setattr(table, "LARGE", 10**9)
    world = world_of(nodes, drawn)
    disturb(world, what)
    return [p.spec.node_name for p in world.store.list(Pod)]


@settings(max_examples=60, deadline=None)
@given(NODES, PODS)
def test_other_names_for_the_nodes_change_nothing(nodes: list[dict[str, Any]], drawn: list[dict[str, Any]]) -> None:
    one, other = world_of(nodes, drawn), world_of(nodes, drawn, prefix="zz-other-")
    assert [p.spec.node_name.replace("n", "", 1) for p in one.store.list(Pod)] == [
        p.spec.node_name.removeprefix("zz-other-") for p in other.store.list(Pod)
    ]
    assert one.said("FailedScheduling") == other.said("FailedScheduling")


@settings(max_examples=60, deadline=None)
@given(NODES, PODS, PODS.filter(bool))
def test_another_order_of_the_nodes_changes_only_who_wins_a_tie(
    nodes: list[dict[str, Any]], there: list[dict[str, Any]], more: list[dict[str, Any]]
) -> None:
    bound = world_of(nodes, there)
    running = [p for p in bound.store.list(Pod) if p.spec.node_name]
    made = [node(f"n{i}", **spec) for i, spec in enumerate(nodes)]
    for target in pods(more):
        decisions = []
        for order in (made, made[::-1]):
            world = World(*order, *replica_sets(), *running)
            decision = world.scheduler.placement.decide(target)
            decisions.append((sorted(decision.ties), decision.reasons(len(made)) if not decision.ties else ""))
        assert decisions[0] == decisions[1]


@settings(max_examples=20, deadline=None)
@given(NODES, PODS)
def test_the_same_cluster_gives_the_same_trace(nodes: list[dict[str, Any]], drawn: list[dict[str, Any]]) -> None:
    def trace() -> list[Any]:
        world = world_of(nodes, drawn)
        return [(p.metadata.name, p.spec.node_name, p.status.conditions) for p in world.store.list(Pod)]

    assert trace() == trace()
