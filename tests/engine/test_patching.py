from __future__ import annotations

import copy
from typing import Any

import pytest

from kgate.engine import patching
from kgate.engine.errors import ApiError


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        ({"a": 1, "b": 2}, {"b": None, "c": 3}, {"a": 1, "c": 3}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": 1}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
    ],
)
def test_merge_patch_merges_mappings_and_replaces_the_rest(target: Any, patch: Any, expected: Any) -> None:
    before = copy.deepcopy(target)
    assert patching.merge_patch(target, patch) == expected
    assert target == before


CONTAINERS = {"containers": [{"name": "a", "image": "a:1", "ports": [{"containerPort": 80}]}, {"name": "b", "image": "b:1"}]}


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        (
            {"containers": [{"name": "b", "image": "b:2"}]},
            {"containers": [CONTAINERS["containers"][0], {"name": "b", "image": "b:2"}]},
        ),
        ({"containers": [{"name": "a", "$patch": "delete"}]}, {"containers": [CONTAINERS["containers"][1]]}),
        ({"containers": [{"$patch": "replace"}, {"name": "c"}]}, {"containers": [{"name": "c"}]}),
        ({"containers": [{"name": "c"}]}, {"containers": [*CONTAINERS["containers"], {"name": "c"}]}),
        ({"containers": None}, {}),
    ],
)
def test_strategic_merge_patch_knows_containers_by_name(patch: Any, expected: Any) -> None:
    assert patching.strategic_merge_patch(CONTAINERS, patch) == expected


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        ({"finalizers": ["a"]}, {"finalizers": ["b", "a"]}, {"finalizers": ["a", "b"]}),
        ({"finalizers": ["a", "b"]}, {"$deleteFromPrimitiveList/finalizers": ["a"]}, {"finalizers": ["b"]}),
        ({"args": ["a"]}, {"args": ["b"]}, {"args": ["b"]}),
        ({"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "b"}]}, {"tolerations": [{"key": "b"}]}),
        ({"m": {"a": 1}}, {"m": {"$patch": "replace", "b": 2}}, {"m": {"b": 2}}),
        ({"m": {"a": 1}}, {"m": {"$patch": "delete"}}, {}),
        ({"taints": [{"key": "a", "value": "1"}]}, {"taints": [{"key": "a", "value": "2"}]}, {"taints": [{"key": "a", "value": "2"}]}),
        ({"ports": [{"port": 1, "name": "x"}]}, {"ports": [{"port": 1, "name": "y"}]}, {"ports": [{"port": 1, "name": "y"}]}),
    ],
)
def test_strategic_merge_patch_directives_and_lists(target: Any, patch: Any, expected: Any) -> None:
    assert patching.strategic_merge_patch(target, patch) == expected


def test_retained_keys_drop_the_old_strategy() -> None:
    target = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}
    patch = {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}
    assert patching.strategic_merge_patch(target, patch) == {"strategy": {"type": "Recreate"}}


@pytest.mark.parametrize(
    ("live", "wanted", "expected"),
    [
        ("", "ab", "ab"),
        ("ab", "ab", "ab"),
        ("abc", "c", "abc"),  # what is not applied belongs to others and stays
        ("sa", "ab", "sab"),  # where it was: before the first shared one
        ("xay", "ab", "xayb"),
        ("asb", "ba", "sba"),  # the order applied counts
        ("abx", "bca", "bxca"),
    ],
)
def test_lists_with_identity_keep_the_order_applied_and_others_in_their_place(live: str, wanted: str, expected: str) -> None:
    here, there = ({"containers": [{"name": c} for c in names]} for names in (live, wanted))
    assert [c["name"] for c in patching.lay_over(here, there)["containers"]] == list(expected)


def test_apply_tells_ports_of_two_protocols_apart() -> None:
    live = {"ports": [{"containerPort": 53, "protocol": "TCP"}, {"containerPort": 53, "protocol": "UDP"}]}
    wanted = {"ports": [{"containerPort": 53, "protocol": "UDP", "name": "dns"}]}
    assert patching.lay_over(live, wanted)["ports"] == [
        {"containerPort": 53, "protocol": "TCP"},
        {"containerPort": 53, "protocol": "UDP", "name": "dns"},
    ]


def test_apply_replaces_selectors_as_a_whole() -> None:
    live = {"spec": {"nodeSelector": {"a": "1", "b": "2"}, "template": {"labels": {"a": "1"}}}}
    wanted = {"spec": {"nodeSelector": {"b": "3"}, "template": {"labels": {"b": "2"}}}}
    assert patching.lay_over(live, wanted) == {"spec": {"nodeSelector": {"b": "3"}, "template": {"labels": {"a": "1", "b": "2"}}}}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "add", "path": "/b", "value": 1}, {"a": [1, 2], "b": 1}),
        ({"op": "add", "path": "/a/-", "value": 3}, {"a": [1, 2, 3]}),
        ({"op": "add", "path": "/a/0", "value": 3}, {"a": [3, 1, 2]}),
        ({"op": "replace", "path": "/a/1", "value": 3}, {"a": [1, 3]}),
        ({"op": "remove", "path": "/a/0"}, {"a": [2]}),
        ({"op": "move", "from": "/a", "path": "/x~1y"}, {"x/y": [1, 2]}),
        ({"op": "copy", "from": "/a/0", "path": "/b"}, {"a": [1, 2], "b": 1}),
        ({"op": "test", "path": "/a/0", "value": 1}, {"a": [1, 2]}),
    ],
)
def test_json_patch_operations(operation: dict[str, Any], expected: Any) -> None:
    assert patching.json_patch({"a": [1, 2]}, [operation]) == expected


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/b", "value": 1},
        {"op": "remove", "path": "/a/5"},
        {"op": "test", "path": "/a/0", "value": 2},
        {"op": "add", "path": "/x/y", "value": 1},
        {"op": "test", "path": "/a/x", "value": 1},
    ],
)
def test_a_json_patch_that_does_not_fit_is_refused(operation: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as refused:
        patching.json_patch({"a": [1, 2]}, [operation])
    assert refused.value.code == 422


@pytest.mark.parametrize("patch", [{}, "x", [1], [{"op": "shout", "path": "/a"}]])
def test_what_is_no_json_patch_is_a_bad_request(patch: Any) -> None:
    with pytest.raises(ApiError) as refused:
        patching.json_patch({"a": 1}, patch)
    assert refused.value.code == 400


def test_a_json_patch_may_replace_the_whole() -> None:
    assert patching.json_patch({"a": 1}, [{"op": "replace", "path": "", "value": {"b": 2}}]) == {"b": 2}
    assert patching.json_patch({"a": {"b": 1}}, [{"op": "remove", "path": "/a/b"}]) == {"a": {}}
