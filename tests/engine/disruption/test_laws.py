"""What a PodDisruptionBudget promises, whatever is asked in whatever order."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kgate.engine import Behaviour, Cluster
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key
from kgate.engine.api.policy import PodDisruptionBudget
from tests.engine.disruption.budgets import answer, budget
from tests.engine.worlds import cluster, deployment, rest

amounts = st.integers(0, 6) | st.integers(0, 100).map(lambda n: f"{n}%")
specs = st.one_of(st.builds(lambda v: {"minAvailable": v}, amounts), st.builds(lambda v: {"maxUnavailable": v}, amounts))
acts = st.lists(st.tuples(st.sampled_from(["evict", "evict", "wait"]), st.integers(0, 30)), max_size=12)
behaviours = st.builds(Behaviour, startup_ms=st.integers(0, 900), termination_ms=st.integers(0, 900), serial_ms=st.sampled_from([0, 300]))


def healthy(world: Cluster) -> int:
    return sum(1 for p in world.store.list(Pod) if p.ready and not p.metadata.deleting)


def status(world: Cluster) -> PodDisruptionBudget:
    found = world.store.get(PodDisruptionBudget, "default", "pdb")
    assert found is not None
    return found


@settings(deadline=None, max_examples=80)
@given(specs, st.integers(1, 8), behaviours, acts)
def test_no_row_of_evictions_brings_the_healthy_pods_below_what_is_desired(
    spec: dict[str, Any], replicas: int, behaviour: Behaviour, rows: list[tuple[str, int]]
) -> None:
    world = cluster(behaviour)
    world.create(budget(**spec))
    world.apply(deployment(replicas=replicas))
    rest(world)
    for what, n in rows:
        before, wanted = healthy(world), status(world).status.desired_healthy
        if what == "wait":
            world.run_for(n * 50)
            assert healthy(world) >= before
            continue
        pods = world.store.list(Pod)
        answer(world, pods[n % len(pods)].metadata.name)
        assert healthy(world) >= min(before, wanted)
        assert status(world).status.current_healthy == healthy(world)
    rest(world)
    assert healthy(world) == replicas


@settings(deadline=None, max_examples=40)
@given(specs, st.integers(0, 6), st.sampled_from(["v1", "bad", "crash", "notready", "flaky"]))
def test_at_rest_another_look_writes_nothing_but_what_it_has_to_say(spec: dict[str, Any], replicas: int, tag: str) -> None:
    world = cluster()
    world.create(budget(**spec))
    world.apply(deployment(f"app:{tag}", replicas=replicas))
    world.run_for(60_000)
    before = len(world.trace)
    world.manager.enqueue("disruption", Key("PodDisruptionBudget", "default", "pdb"))
    world.manager.settle()
    assert {e.key.kind for e in list(world.trace)[before:]} <= {"Event"}


@settings(deadline=None, max_examples=30)
@given(specs, st.integers(1, 8))
def test_a_drain_that_is_not_blocked_leaves_the_application_as_it_was(spec: dict[str, Any], replicas: int) -> None:
    world = cluster()
    world.create(budget(**spec))
    world.apply(deployment(replicas=replicas))
    rest(world)
    desired = status(world).status.desired_healthy
    result = world.drain("n1")
    rest(world)
    assert healthy(world) == replicas
    assert result.blocked is bool([p for p in world.store.pods_on("n1") if p.active])
    assert result.blocked <= (desired >= replicas)
