"""A fork goes on as its original would, and neither sees what happens to the other."""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from kgate.engine import Behaviour, Cluster, ImageBehaviour
from kgate.engine.api.meta import FrozenMap
from kgate.engine.fork import fork
from tests.engine.worlds import cluster, deployment

Json = dict[str, Any]
ZONE = "topology.kubernetes.io/zone"


def autoscaler() -> Json:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 6, "metrics": [metric]}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}, "spec": spec}


def budget() -> Json:
    spec = {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}, "spec": spec}


def quota() -> Json:
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "all"}, "spec": {"hard": {"pods": "9", "count/secrets": "3"}}}


PLAYED = FrozenMap({"app:v1": ImageBehaviour(start_ms=300, exit_after_ms=9000, exit_code=1), "app:v2": ImageBehaviour(mode="crash")})


def everything() -> Cluster:
    """A cluster in which every controller has something to remember."""
    world = cluster(Behaviour(startup_ms=2000, termination_ms=900, images=PLAYED), nodes=4)
    for name, zone in (("n1", "a"), ("n2", "b")):
        world.patch("Node", name, {"metadata": {"labels": {ZONE: zone}}})
    for body in (autoscaler(), budget(), quota()):
        world.create(body)
    pod = {"containers": [{"name": "app", "image": "app:v1", "resources": {"requests": {"cpu": "500m"}}}]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod}
    world.apply(deployment(replicas=5, template=template))
    world.apply(deployment("slow:1", name="side"))
    world.run_for(2500)
    for found in world.store.list_kind("Pod"):
        world.metrics.of_pod(found, {c.name: FrozenMap(cpu=400) for c in found.spec.containers})
    world.apply(deployment("slow:2", name="side", surge=2, unavailable=0))
    world.stop_node("n3")
    world.run_for(700)
    return world


def test_a_fork_writes_what_its_original_writes() -> None:
    world = everything()
    for at_ms in (0, 40_000, 20_000, 300_000):
        world.run_for(at_ms)
        other = world.fork()
        for each in (other, world):
            each.scale("side", 4 + at_ms % 3)
            each.run_for(60_000)
        assert list(other.trace) == list(world.trace)


def test_forks_of_forks_at_every_instant_end_alike() -> None:
    world = cluster()
    world.apply(deployment(replicas=4))
    world.run_for(500)
    world.apply(deployment("app:v2", replicas=4))
    forks = [world.fork()]
    while (due := forks[-1].manager.next_timer_ms()) is not None and due < 5000:
        forks.append(forks[-1].fork())
        forks[-1].run_for(due - forks[-1].now_ms)
    assert len(forks) > 3
    for each in forks:
        assert each.run_to_rest(1_000_000)
    assert all(list(f.trace) == list(forks[0].trace) for f in forks)


Deed = tuple[Any, ...]
deeds = st.lists(
    st.one_of(
        st.tuples(st.just("image"), st.sampled_from(["app:v1", "app:v2", "flaky", "crash"])),
        st.tuples(st.just("scale"), st.integers(0, 6)),
        st.tuples(st.just("stop"), st.sampled_from(["n1", "n2", "n3"])),
        st.tuples(st.just("start"), st.sampled_from(["n1", "n2", "n3"])),
        st.tuples(st.just("wait"), st.integers(0, 60_000)),
    ),
    max_size=6,
)


def do(world: Cluster, story: list[Deed]) -> None:
    for deed in story:
        match deed:
            case ("image", image):
                world.apply(deployment(image, replicas=4))
            case ("scale", replicas):
                world.scale("web", replicas)
            case ("stop", node):
                world.stop_node(node)
            case ("start", node):
                world.start_node(node)
            case ("wait", ms):
                world.run_for(ms)


@settings(max_examples=40, deadline=None)
@given(before=deeds, mine=deeds, others=deeds)
def test_whatever_is_done_to_a_fork_the_original_lives_as_if_there_were_none(
    before: list[Deed], mine: list[Deed], others: list[Deed]
) -> None:
    alone, forked = cluster(), cluster()
    for world in (alone, forked):
        world.apply(deployment())
        do(world, before)
    fork = forked.fork()
    do(fork, others)
    do(forked, mine)
    do(fork, mine)
    do(alone, mine)
    for world in (alone, forked):
        world.run_for(120_000)
    assert list(forked.trace) == list(alone.trace)


def test_no_container_that_can_change_is_shared() -> None:
    """Whatever a new component remembers is found here, too: an object that is in both is told by its path."""
    world = everything()
    first, second = mutables(world), mutables(world.fork())
    both = sorted(path for n, path in first.items() if n in second and not path.endswith(ALLOWED))
    assert not both
    assert len(first) > 200  # it has seen them at all


ALLOWED = ("._validate", "._fields._owned[]", "._fields._seen[]", ".weights")
"""The caller's own; what is replaced as a whole, never changed; and what is written once, at the start."""


def mutables(root: object) -> dict[int, str]:
    """By identity: everything that can change, reachable in any way but through objects of the API."""
    found: dict[int, str] = {}
    seen: dict[int, object] = {}
    waiting: deque[tuple[str, Any]] = deque([("", root)])
    while waiting:
        path, value = waiting.popleft()
        if id(value) in seen or isinstance(value, (type, types.ModuleType, str, bytes, int, float, FrozenMap)):
            continue
        seen[id(value)] = value
        if type(value).__module__.startswith("kgate.engine.api.") or path.endswith(ALLOWED):
            continue
        if changes(value):
            found[id(value)] = path
        waiting.extend((path + step, part) for step, part in parts(value))
    return found


def changes(value: object) -> bool:
    if isinstance(value, Struct):
        return not type(value).__struct_config__.frozen
    if isinstance(value, (types.MethodType, types.FunctionType, types.BuiltinFunctionType, tuple, frozenset)):
        return False
    return isinstance(value, (dict, list, set, deque)) or bool(getattr(value, "__dict__", None))


def parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, types.MethodType):
        yield "()", value.__self__
    elif isinstance(value, types.FunctionType):
        yield from (("()", cell.cell_contents) for cell in value.__closure__ or ())
    elif isinstance(value, dict):
        yield from (("[]", part) for part in value.values())
        yield from (("[key]", part) for part in value)
    elif isinstance(value, (list, tuple, set, frozenset, deque)):
        yield from (("[]", part) for part in value)
    elif isinstance(value, Struct):
        yield from ((f".{n}", getattr(value, n)) for n in value.__struct_fields__)
    else:
        yield from ((f".{n}", part) for n, part in getattr(value, "__dict__", {}).items())


class Remembers:
    """A component of the usual sort, and what people might forget of it."""

    def __init__(self, store: Any) -> None:
        self.seen: dict[str, list[int]] = {"a": [1]}
        self.pairs: list[tuple[str, list[int]]] = [("a", self.seen["a"])]
        self.hears: Callable[[int], None] = lambda n: self.seen["a"].append(n)
        self.store = store


def test_what_is_shared_within_stays_shared_within() -> None:
    one = Remembers(None)
    two = fork(one)
    two.hears(2)
    assert (one.seen, two.seen, two.pairs) == ({"a": [1]}, {"a": [1, 2]}, [("a", [1, 2])])


def test_what_cannot_be_copied_is_told_and_not_shared() -> None:
    with pytest.raises(TypeError, match="generator cannot be forked"):
        fork(Remembers(n for n in range(3)))


def test_a_fork_is_asked_by_its_own_watchers() -> None:
    world = cluster()
    heard: list[int] = []
    world.store.subscribe(lambda event: heard.append(event.resource_version))
    other = world.fork()
    other.apply(deployment())
    assert heard == []
