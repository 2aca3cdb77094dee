"""Schemas of few words are judged without a validator, and exactly as one judges them."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgate.policy import plain

names = st.sampled_from(["a", "b", "c"])
scalars = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, 1.5]) | names
bodies = st.recursive(scalars, lambda b: st.lists(b, max_size=3) | st.dictionaries(names, b, max_size=3), max_leaves=10)
types = st.sampled_from(["null", "boolean", "string", "array", "object"])
consts = st.none() | st.booleans() | st.integers(-2, 2) | names
leaves = st.just({}) | st.builds(lambda v: {"const": v}, consts) | st.builds(lambda t: {"type": t}, types)


def grown(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    words = {
        "not": inner,
        "items": inner,
        "properties": st.dictionaries(names, inner, max_size=2),
        "required": st.lists(names, unique=True),
    }
    return st.fixed_dictionaries({}, optional=words)


@settings(max_examples=500, deadline=None)
@given(st.recursive(leaves, grown, max_leaves=6), bodies)
def test_it_finds_what_a_validator_finds(schema: dict[str, Any], body: Any) -> None:
    assert plain.known(schema)
    found = jsonschema_rs.Draft202012Validator(schema).iter_errors(body)
    assert sorted(map(repr, plain.faults(body, schema))) == sorted(repr(tuple(e.instance_path)) for e in found)


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": [1]},
        {"const": [1]},
        {"const": 1.5},
        {"type": "integer"},
        {"type": ["string", "null"]},
        {"items": True},
        {"properties": {"a": {"pattern": "x"}}},
        {"not": {"anyOf": []}},
    ],
)
def test_other_words_are_for_a_validator(schema: dict[str, Any]) -> None:
    assert not plain.known(schema)
