"""What holds for any life of a Deployment: applied, scaled, paused, taken back, its pods and sets deleted, itself deleted in any way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kgate.engine import ApiError, Cluster, RolloutError
from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.codec import decode, encode
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key
from kgate.engine.trace import WatchEvent
from tests.engine.worlds import cluster, deployment, rest

Deed = tuple[Any, ...]

images = st.sampled_from(["app:v1", "app:v2", "app:v3", "app:bad"])
deeds = st.one_of(
    st.tuples(st.just("apply"), images, st.integers(0, 6)),
    st.tuples(st.just("scale"), st.integers(0, 6)),
    st.tuples(st.just("pause"), st.booleans()),
    st.tuples(st.just("undo"), st.integers(0, 3)),
    st.tuples(st.just("annotation"), st.integers(0, 3)),
    st.tuples(st.just("pod"), st.integers(0, 5)),
    st.tuples(st.just("set"), st.integers(0, 2), st.sampled_from(["Background", "Foreground", "Orphan"])),
    st.tuples(st.just("delete"), st.sampled_from(["Background", "Foreground", "Orphan"])),
    st.tuples(st.just("relabel"), st.integers(0, 5)),
    st.tuples(st.just("wait"), st.integers(0, 1500)),
)


def lived(story: list[Deed]) -> Cluster:
    world = cluster()
    world.apply(deployment())
    for deed in story:
        try:
            do(world, deed)
        except (ApiError, RolloutError):
            continue  # what cannot be done any more is not done
    return rest(world)


def do(world: Cluster, deed: Deed) -> None:
    match deed:
        case ("apply", image, replicas):
            world.apply(deployment(image, replicas=replicas, revisionHistoryLimit=2, progressDeadlineSeconds=5))
        case ("scale", replicas):
            world.scale("web", replicas)
        case ("pause", paused):
            world.patch("Deployment", "web", {"spec": {"paused": paused}})
        case ("undo", revision):
            world.undo("web", revision)
        case ("annotation", revision):
            world.patch("Deployment", "web", {"metadata": {"annotations": {"deprecated.deployment.rollback.to": str(revision)}}})
        case ("pod", n) if n < len(world.list("Pod")):
            world.delete("Pod", world.list("Pod")[n]["metadata"]["name"])
        case ("set", n, propagation) if n < len(world.list("ReplicaSet")):
            world.delete("ReplicaSet", world.list("ReplicaSet")[n]["metadata"]["name"], propagation=propagation)
        case ("delete", propagation):
            world.delete("Deployment", "web", propagation=propagation)
        case ("relabel", n) if n < len(world.list("Pod")):
            world.patch("Pod", world.list("Pod")[n]["metadata"]["name"], {"metadata": {"labels": {"app": "debug"}}})
        case ("wait", ms):
            world.run_for(ms)


def owner_of(world: Cluster, obj: Pod | ReplicaSet) -> object | None:
    ref = obj.metadata.controller
    if ref is None:
        return None
    found = world.store.get(ReplicaSet if ref.kind == "ReplicaSet" else Deployment, "default", ref.name)
    return found if found is not None and found.metadata.uid == ref.uid else None


@settings(deadline=None, max_examples=80)
@given(st.lists(deeds, max_size=8))
def test_at_rest_every_set_has_its_pods_and_nothing_refers_to_what_is_gone(story: list[Deed]) -> None:
    world = lived(story)
    for rs in world.store.list(ReplicaSet):
        assert len([p for p in world.store.owned_by(rs.metadata.uid, Pod) if p.active]) == rs.spec.replicas == rs.status.replicas
    for obj in (*world.store.list(Pod), *world.store.list(ReplicaSet)):
        assert not obj.metadata.owner_references or owner_of(world, obj) is not None
        assert not obj.metadata.deleting
    d = world.store.get(Deployment, "default", "web")
    if d is not None:
        owned = world.store.owned_by(d.metadata.uid, ReplicaSet)
        assert d.status.observed_generation == d.metadata.generation
        assert d.status.replicas == sum(rs.spec.replicas for rs in owned)


@settings(deadline=None, max_examples=40)
@given(st.lists(deeds, max_size=8))
def test_no_pod_is_lost_each_that_went_had_been_told_to(story: list[Deed]) -> None:
    told: set[str] = set()
    for event in lived(story).trace.of("Pod"):
        if event.after is None:
            assert event.object.metadata.uid in told
        elif event.after.metadata.deleting:
            told.add(event.after.metadata.uid)


@settings(deadline=None, max_examples=40)
@given(st.lists(deeds, max_size=8))
def test_versions_only_rise_and_generations_only_with_the_spec(story: list[Deed]) -> None:
    last = 0
    for event in lived(story).trace:
        assert event.resource_version > last
        last = event.resource_version
        if event.before is not None and event.after is not None:
            assert risen(event) in (0, 1)


def risen(event: WatchEvent) -> int:
    assert event.before is not None and event.after is not None
    return event.after.metadata.generation - event.before.metadata.generation


@settings(deadline=None, max_examples=25)
@given(st.lists(deeds, max_size=6))
def test_whatever_was_stored_survives_the_way_out_and_in_again(story: list[Deed]) -> None:
    for event in lived(story).trace:
        shown = encode(event.object)
        assert encode(decode(shown)) == shown


@settings(deadline=None, max_examples=25)
@given(st.lists(deeds, max_size=6))
def test_a_namespace_takes_everything_with_it(story: list[Deed]) -> None:
    world = lived(story)
    world.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "other"}})
    world.store.delete(Key("Namespace", "", "default"))  # past admission, which keeps it
    rest(world)
    assert [o.metadata.name for kind in world.store.kinds() for o in world.store.list_kind(kind, "default")] == []
    assert len(world.list("ConfigMap", "other")) == 1


STORY = """
import sys; sys.path.insert(0, {here!r})
from tests.engine.test_lifetime_laws import lived
deeds = [("apply", "app:v2", 5), ("wait", 300), ("undo", 0), ("pod", 1), ("wait", 900), ("apply", "app:bad", 4), ("wait", 9000),
         ("annotation", 1), ("relabel", 0), ("set", 0, "Orphan"),
         ("wait", 50), ("delete", "Foreground"), ("wait", 2000), ("apply", "app:v1", 2)]
print([(*e[:4], e.object) for e in lived(deeds).trace])
"""


def test_a_long_life_is_the_same_under_any_hash_seed() -> None:
    told = set()
    for seed in ("0", "1", "4242"):
        script = STORY.format(here=str(Path(__file__).parents[2]))
        done = subprocess.run(
            [sys.executable, "-c", script], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        told.add(done.stdout)
    assert len(told) == 1
