"""Manifests come from pull requests: whatever their shape, the judge answers with findings."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgate.manifest import Location, Manifest, Path
from kgate.policy import PolicySettings, catalog, examples, from_config, judge
from kgate.policy.policy import SubjectKind
from kgate.policy.requirement import Requirement
from kgate.policy.settings import RuleSettings
from tests.policy.policy_texts import TextSource

EVERY_RULE_ON = PolicySettings(
    rules={rule.name: RuleSettings(severity=rule.severity) for rule in catalog().rules},
    images=from_config(
        {"images": {"tags": [{"repository": "**", "semver": "^1"}], "denied": [{"repository": "**"}], "allowed": ["a.b/"]}}
    ).images,
    labels=from_config({"labels": {"required": [{"key": "a", "pattern": "b"}, {"key": "c", "values": ["d"]}]}}).labels,
)


class Nowhere(TextSource):
    def locate(self, document: int, path: Path, *, key: bool) -> Location:
        return Location(line=1, column=1)


def examples_of_all_policies() -> list[dict[str, Any]]:
    bodies: list[dict[str, Any]] = []
    for policy in catalog().policies:
        for example in (*examples(policy).good, *examples(policy).bad):
            if isinstance(example, list):
                bodies += example
            elif isinstance(example, dict) and "apiVersion" in example:
                bodies.append(example)
            elif policy.subject is SubjectKind.CONTAINER:
                bodies.append({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": [example]}})
    return bodies


BODIES = examples_of_all_policies()
odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("\ud800") | st.just(10**30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def _places(body: Any, path: Path = ()) -> list[Path]:
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    return [path, *(place for step, value in inner for place in _places(value, (*path, step)))]


def _with(body: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    changed: Any = deepcopy(body)
    node = changed
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return changed  # type: ignore[no-any-return]


@st.composite
def broken(draw: st.DrawFn) -> dict[str, Any]:
    """An example with one node replaced by something else."""
    body = draw(st.sampled_from(BODIES))
    places = [p for p in _places(body) if p and p not in (("apiVersion",), ("kind",))]
    return _with(body, draw(st.sampled_from(places)), draw(odd)) if places else body


def _manifests(bodies: list[dict[str, Any]]) -> list[Manifest]:
    source = Nowhere(file="a.yaml", text="")
    return [Manifest(source=source, document=i, body=body) for i, body in enumerate(bodies)]


@settings(max_examples=300, deadline=None)
@given(st.lists(broken(), min_size=1, max_size=4))
def test_a_broken_manifest_is_judged_without_a_traceback(bodies: list[dict[str, Any]]) -> None:
    judge(_manifests(bodies), catalog(), EVERY_RULE_ON)


@settings(max_examples=50, deadline=None)
@given(st.lists(broken(), min_size=2, max_size=4))
def test_what_is_found_does_not_hang_on_the_order_of_the_manifests(bodies: list[dict[str, Any]]) -> None:
    manifests = _manifests(bodies)
    assert judge(manifests, catalog(), EVERY_RULE_ON) == judge(manifests[::-1], catalog(), EVERY_RULE_ON)


@settings(max_examples=200, deadline=None)
@given(odd, st.sampled_from([p.require for p in catalog().policies if p.require is not None]))
def test_all_ways_to_judge_a_schema_say_the_same(body: Any, schema: dict[str, Any]) -> None:
    ways = [Requirement(schema=schema) for _ in range(3)]
    for way in ways[1:]:
        way.__dict__["_plain"] = False
    ways[2].__dict__["_fast"] = None
    first, *others = [list(way.faults(body)) for way in ways]
    assert others == [first, first]


@pytest.mark.parametrize("image", ["a" * 100_000, "a/" * 50_000, "a.b:" + "9" * 100_000, "[" * 10_000, "a" + "-" * 100_000 + "/"])
def test_an_endless_image_is_judged_at_once_and_its_message_is_cut(image: str) -> None:
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": [{"name": "a", "image": image}]}}
    found = judge(_manifests([body]), catalog(), PolicySettings())
    assert all(len(f.message) < 2100 for f in found)
