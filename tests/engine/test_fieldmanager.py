from __future__ import annotations

from typing import Any

import pytest

from kgate.engine.errors import ApiError
from kgate.engine.fieldmanager import FieldManagers, dotted, fields
from tests.engine import worlds


def settled(managers: FieldManagers, live: Any, wanted: Any, manager: str = "git", *, force: bool = True) -> Any:
    """`wanted` applied and stored, as `git` unless said otherwise."""
    left, owned = managers.applied("u", live, wanted, manager, force=force)
    managers.commit("u", owned, left)
    return left


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "uid": "b"}, "status": {"phase": "x"}}, []),
        ({"metadata": {"labels": {"app.io/x": "1"}}}, [".metadata.labels.app.io/x"]),
        ({"spec": {"selector": {"matchLabels": {"a": "b"}}}}, [".spec.selector"]),
        (
            {"spec": {"containers": [{"name": "a", "args": ["x"]}]}},
            ['.spec.containers[name="a"]', '.spec.containers[name="a"].name', '.spec.containers[name="a"].args'],
        ),
        (
            {"ports": [{"containerPort": 80}]},
            ['.ports[containerPort=80,protocol="TCP"]', '.ports[containerPort=80,protocol="TCP"].containerPort'],
        ),
        ({"metadata": {"finalizers": ["a"]}}, ['.metadata.finalizers[="a"]']),
        ({"spec": {"tolerations": [{"key": "a"}], "volumes": []}}, [".spec.tolerations", ".spec.volumes"]),
    ],
)
def test_fields_are_told_as_the_server_tells_them(body: Any, paths: list[str]) -> None:
    assert [dotted(path) for path, _ in fields(body)] == paths


@pytest.mark.parametrize(
    ("live", "first", "then", "left"),
    [
        ({}, {"a": 1, "b": 2}, {"a": 1}, {"a": 1}),
        ({"tty": True}, {"a": 1}, {"b": 1}, {"tty": True, "b": 1}),
        ({}, {"containers": [{"name": "a"}, {"name": "b"}]}, {"containers": [{"name": "b"}]}, {"containers": [{"name": "b"}]}),
        ({"containers": [{"name": "s"}]}, {"containers": [{"name": "a"}]}, {"x": 1}, {"containers": [{"name": "s"}], "x": 1}),
        ({}, {"strategy": {"rolling": {"surge": 1}}}, {}, {}),
        (
            {"strategy": {"rolling": {"unavailable": 1}}},
            {"strategy": {"rolling": {"surge": 1}}},
            {},
            {"strategy": {"rolling": {"unavailable": 1}}},
        ),
        (
            {},
            {"containers": [{"name": "a", "image": "x", "tty": True}]},
            {"containers": [{"name": "a", "image": "x"}]},
            {"containers": [{"name": "a", "image": "x"}]},
        ),
        ({"finalizers": ["x"]}, {"finalizers": ["a", "b"]}, {"finalizers": ["b"]}, {"finalizers": ["x", "b"]}),
    ],
)
def test_what_a_manager_omits_later_is_gone_and_what_it_never_set_stays(live: Any, first: Any, then: Any, left: Any) -> None:
    managers = FieldManagers()
    assert settled(managers, settled(managers, live, first), then) == left


def test_what_another_manager_has_changed_since_stays() -> None:
    managers = FieldManagers()
    live = settled(managers, {}, {"replicas": 3, "paused": True})
    scaled = {**live, "replicas": 9}
    managers.commit("u", managers.updated("u", live, scaled, "kubectl-scale"), scaled)
    assert settled(managers, scaled, {"paused": True}) == {"replicas": 9, "paused": True}


def test_what_a_controller_has_changed_since_stays() -> None:
    managers = FieldManagers()
    live = settled(managers, {}, {"replicas": 3, "paused": True})
    assert settled(managers, {**live, "replicas": 9}, {"paused": True}) == {"replicas": 9, "paused": True}


def test_two_managers_with_the_same_value_share_it_until_both_let_go() -> None:
    managers = FieldManagers()
    live = settled(managers, settled(managers, {}, {"a": 1}, "one"), {"a": 1}, "two", force=False)
    live = settled(managers, live, {}, "one")
    assert live == {"a": 1}
    assert settled(managers, live, {}, "two") == {}


def test_an_item_stays_while_another_manager_owns_a_field_in_it() -> None:
    managers = FieldManagers()
    live = settled(managers, {}, {"containers": [{"name": "a", "image": "x"}]}, "one")
    live = settled(managers, live, {"containers": [{"name": "a", "tty": True}]}, "two")
    assert settled(managers, live, {}, "one") == {"containers": [{"name": "a", "tty": True}]}


def test_one_conflict_is_told_in_one_line() -> None:
    managers = FieldManagers()
    live = settled(managers, {}, {"spec": {"replicas": 3}}, "one")
    with pytest.raises(ApiError) as refused:
        managers.applied("u", live, {"apiVersion": "apps/v1", "spec": {"replicas": 4}}, "two", force=False)
    assert refused.value.code == 409
    assert refused.value.message == 'Apply failed with 1 conflict: conflict with "one": .spec.replicas'
    assert [(c.field, c.message, c.reason) for c in refused.value.causes] == [
        (".spec.replicas", 'conflict with "one"', "FieldManagerConflict")
    ]


def test_several_conflicts_are_told_by_manager() -> None:
    managers = FieldManagers()
    live = settled(managers, {}, {"a": 1, "b": 1}, "two")
    after = {**live, "c": 1}
    managers.commit("u", managers.updated("u", live, after, "one"), after)
    with pytest.raises(ApiError) as refused:
        managers.applied("u", after, {"apiVersion": "v1", "a": 2, "b": 2, "c": 2}, "three", force=False)
    said = 'Apply failed with 3 conflicts: conflicts with "one" using v1:\n- .c\nconflicts with "two":\n- .a\n- .b'
    assert refused.value.message == said


def test_force_takes_the_fields_over() -> None:
    managers = FieldManagers()
    live = settled(managers, {}, {"a": 1, "b": 1}, "one")
    live = settled(managers, live, {"a": 2}, "two")
    assert live == {"a": 2, "b": 1}
    assert settled(managers, live, {}, "one") == {"a": 2}


def test_whoever_scales_by_hand_is_not_overruled_by_git_that_says_nothing() -> None:
    world = worlds.cluster()
    world.apply(worlds.deployment(replicas=None))
    world.scale("web", 7)
    world.apply(worlds.deployment("app:v2", replicas=None))
    assert world.get("Deployment", "web")["spec"]["replicas"] == 7


def test_the_server_says_who_scaled_when_git_insists_politely() -> None:
    world = worlds.cluster()
    world.apply(worlds.deployment(replicas=3))
    world.scale("web", 7)
    with pytest.raises(ApiError) as refused:
        world.apply(worlds.deployment(replicas=3), force=False)
    assert refused.value.message == 'Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas'
    world.apply(worlds.deployment(replicas=3))
    assert world.get("Deployment", "web")["spec"]["replicas"] == 3


def test_an_object_that_was_deleted_and_made_anew_has_no_managers_of_old() -> None:
    world = worlds.cluster()
    world.apply(worlds.deployment(), "one")
    world.delete("Deployment", "web")
    world.apply(worlds.deployment(replicas=5), "two", force=False)
    assert world.get("Deployment", "web")["spec"]["replicas"] == 5


def test_an_apply_that_is_refused_changes_no_owner() -> None:
    world = worlds.cluster()
    world.apply(worlds.deployment(replicas=3))
    with pytest.raises(ApiError):
        world.apply(worlds.deployment(replicas=-1), "other")
    world.apply(worlds.deployment(replicas=None))
    assert world.get("Deployment", "web")["spec"]["replicas"] == 1
