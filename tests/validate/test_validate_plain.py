"""What is read without compiling a schema is certainly right: nobody else finds a fault in it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgate.validate import NEWEST, openapi, plain, schemas
from kgate.validate.schemas import Schema
from tests.validate.test_validate_openapi import FAST, PLACES, RICH, json_values, put
from tests.validate.validated import changed, deployment

BUNDLE = schemas.bundle()
ROOT = {"$ref": BUNDLE.root("apps/v1", "Deployment")}


def define(name: str) -> Schema:
    return BUNDLE.definition(name, NEWEST)


def fits(body: Any) -> bool:
    return plain.fits(body, ROOT, define)


NEAR = st.sampled_from(
    [
        "",
        "1",
        "1Gi",
        "-1",
        "1.",
        "x\n",
        "1\n",
        "2024-05-01T12:00:00Z",
        0,
        1,
        -1,
        1.0,
        0.5,
        2**31,
        -(2**31),
        2**63,
        2**64,
        1e400,
        True,
        None,
        [],
        {},
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PLACES), json_values | NEAR)
def test_nobody_finds_a_fault_in_what_fits(path: tuple[str | int, ...], value: Any) -> None:
    body = put(path, value)
    if fits(body):
        assert FAST(body) == ()


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([p for p in PLACES if p]), st.text(min_size=1, max_size=6), json_values)
def test_nor_does_an_unknown_field_fit(path: tuple[str | int, ...], name: str, value: Any) -> None:
    body = put(path, {name: value})
    if fits(body):
        assert FAST(body) == ()


def test_what_is_right_fits() -> None:
    assert fits(RICH)
    assert fits(deployment())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.replicas", "3"),
        ("spec.replicas", 2**31),
        ("spec.replicas", float("inf")),
        ("spec.replica", 3),
        ("spec.template.spec.containers.0.resources", {"limits": {"cpu": "1 core"}}),
        ("metadata.labels", {"a": 1}),
        ("metadata", []),
        ("spec", None),
    ],
)
def test_what_is_wrong_or_odd_is_for_others_to_judge(path: str, value: Any) -> None:
    body = changed(deployment(), path, value)
    assert fits(body) <= (FAST(body) == ())


def test_a_body_without_end_is_for_others_to_judge() -> None:
    deep: Any = {}
    for _ in range(2000):
        deep = {"a": deep}
    anything: Schema = {"additionalProperties": {"$ref": "any"}}
    assert not plain.fits(deep, anything, lambda _name: anything)


def test_more_objects_than_few_are_judged_alike() -> None:
    wrong = changed(deployment(), "spec.replicas", "3")
    for body in (deployment(), wrong):
        said = [tuple(openapi.causes(body, "apps/v1", "Deployment", NEWEST)) for _ in range(openapi.FEW + 2)]
        assert len(set(said)) == 1
