"""What Kubernetes promises about a rolling update, for any size, any fenceposts and any order of readiness."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgate.engine import Behaviour, Cluster, ImageBehaviour
from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import FrozenMap
from kgate.engine.controllers.deployment.rolling import fenceposts
from kgate.engine.store import key_of
from tests.engine.worlds import cluster, deployment, rest

amounts = st.integers(0, 4) | st.integers(0, 100).map(lambda n: f"{n}%")
behaviours = st.builds(
    lambda startup, termination, serial, second: Behaviour(
        startup_ms=startup,
        termination_ms=termination,
        serial_ms=serial,
        images=FrozenMap({"v2": ImageBehaviour(startup_ms=second)}),
    ),
    st.integers(0, 3000),
    st.integers(0, 3000),
    st.sampled_from([0, 0, 100, 700]),
    st.integers(0, 3000),
)


def totals(world: Cluster, since: int) -> list[tuple[int, int]]:
    """Sum of spec.replicas, and pods that are ready and not being deleted, after every write from `since` on."""
    sizes: dict[str, int] = {}
    ready: set[str] = set()
    seen = []
    for n, event in enumerate(world.trace):
        obj = event.after
        if event.key.kind == "ReplicaSet":
            sizes[event.key.name] = obj.spec.replicas if isinstance(obj, ReplicaSet) else 0
        elif event.key.kind == "Pod":
            alive = isinstance(obj, Pod) and obj.ready and not obj.metadata.deleting
            (ready.add if alive else ready.discard)(event.key.name)
        if n >= since:
            seen.append((sum(sizes.values()), len(ready)))
    return seen


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(st.integers(1, 12), amounts, amounts, behaviours, st.booleans())
def test_a_rollout_keeps_its_bounds_and_ends(
    replicas: int, surge: int | str, unavailable: int | str, behaviour: Behaviour, interrupted: bool
) -> None:
    world = cluster(behaviour)
    spec = {"replicas": replicas, "surge": surge, "unavailable": unavailable}
    world.apply(deployment("app:v1", **spec))  # type: ignore[arg-type]
    rest(world)
    since = len(world.trace)
    world.apply(deployment("app:v2", **spec))  # type: ignore[arg-type]
    if interrupted:
        world.run_for(400)
        world.apply(deployment("app:v3", **spec))  # type: ignore[arg-type]
    rest(world)
    d = world.store.get(Deployment, "default", "web")
    assert d is not None
    posts = fenceposts(d)
    assert max(total for total, _ in totals(world, since)) <= replicas + posts.surge
    assert min(ready for _, ready in totals(world, since)) >= replicas - posts.unavailable
    status = d.status
    assert (status.updated_replicas, status.available_replicas, status.replicas) == (replicas,) * 3
    assert status.unavailable_replicas == 0


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(["app:v1", "app:v2", "app:bad", "app:notready"]), st.integers(0, 8), st.integers(0, 4000), st.booleans()),
        min_size=1,
        max_size=5,
    ),
    amounts,
    amounts,
)
def test_whatever_is_asked_the_controllers_come_to_rest_and_then_write_nothing(
    asked: list[tuple[str, int, int, bool]], surge: int | str, unavailable: int | str
) -> None:
    world = cluster()
    for image, replicas, wait_ms, paused in asked:
        spec = {"replicas": replicas, "surge": surge, "unavailable": unavailable, "paused": paused, "progressDeadlineSeconds": 20}
        world.apply(deployment(image, **spec))  # type: ignore[arg-type]
        world.run_for(wait_ms)
    rest(world)
    before = len(world.trace)
    for controller, cls in (("deployment", Deployment), ("replicaset", ReplicaSet), ("kubelet", Pod), ("garbagecollector", Pod)):
        for obj in world.store.list(cls):  # type: ignore[type-var]
            world.manager.enqueue(controller, key_of(obj))
    world.manager.settle()
    assert len(world.trace) == before


STORY = """
import sys; sys.path.insert(0, {here!r})
from tests.engine.worlds import cluster, deployment, rest
world = cluster()
for image in ("app:v1", "app:v2", "app:bad"):
    world.apply(deployment(image, replicas=5, progressDeadlineSeconds=5))
    rest(world)
print([tuple(e[:4]) for e in world.trace])
"""


def test_the_trace_is_the_same_under_any_hash_seed() -> None:
    told = set()
    for seed in ("0", "1", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        script = STORY.format(here=str(Path(__file__).parents[2]))
        told.add(subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(told) == 1
