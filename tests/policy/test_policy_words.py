"""The small languages that settings and policies use: version ranges, path patterns, label selectors, amounts of pods."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate.policy.amount import amount
from kgate.policy.globs import MAX_TEXT, matches
from kgate.policy.selectors import selects, selects_equal
from kgate.policy.semver import Range, Version


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        (">=1.20 <2", ["1.20.0", "v1.27.3"], ["1.19.9", "2.0.0", "2.0.0-rc.1"]),
        ("^1.2.3", ["1.2.3", "1.9.0"], ["1.2.2", "2.0.0"]),
        ("^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0", "1.0.0"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4", "0.0.2"]),
        ("^1", ["1.0.0", "1.99.0"], ["2.0.0"]),
        ("~1.4", ["1.4.0", "1.4.9"], ["1.5.0", "1.3.9"]),
        ("~1.4.2", ["1.4.2", "1.4.9"], ["1.4.1", "1.5.0"]),
        ("~1", ["1.0.0", "1.9.9"], ["2.0.0"]),
        ("1.x || 3.x", ["1.2.3", "3.0.0"], ["2.0.0", "4.0.0"]),
        ("1.2", ["1.2.0", "1.2.7"], ["1.3.0"]),
        ("=1.2.3", ["1.2.3", "1.2.3+build"], ["1.2.4", "1.2.3-rc.1"]),
        (">1.2", ["1.3.0"], ["1.2.9", "1.2.0"]),
        (">1.2.3", ["1.2.4"], ["1.2.3"]),
        ("<=1.2", ["1.2.9", "1.0.0"], ["1.3.0"]),
        ("<=1.2.3", ["1.2.3"], ["1.2.4"]),
        ("*", ["0.0.1", "99.0.0"], ["1.0.0-rc.1"]),
        (">=1.2.3-rc.1", ["1.2.3-rc.1", "1.2.3-rc.2", "1.2.3", "2.0.0"], ["1.2.3-beta", "1.3.0-rc.1"]),
        (">=1.2.3-0", ["1.2.3-alpha", "1.2.3"], ["1.2.2"]),
        (">= 1.2 < 1.4", ["1.3.0"], ["1.4.0"]),
    ],
)
def test_a_range_holds_what_node_semver_says(text: str, inside: list[str], outside: list[str]) -> None:
    wanted = Range.parse(text)
    assert [v for v in inside if not wanted.holds(_version(v))] == []
    assert [v for v in outside if wanted.holds(_version(v))] == []


@pytest.mark.parametrize("text", ["", "new", "1 ||", ">=", "1.2.3.4", ">=a.b", "1 - 2"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"part of it|comparison"):
        Range.parse(text)


@pytest.mark.parametrize("text", ["1", "1.2", "latest", "1.2.3.4", "01.2.3", "v1.2.3-", "1.2.3-alpine_3"])
def test_a_tag_that_is_no_full_version_has_none(text: str) -> None:
    assert Version.parse(text) is None


def test_versions_are_ordered_as_semver_org_orders_them() -> None:
    rising = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1"]
    keys = [_version(v).key for v in rising]
    assert keys == sorted(keys)


@given(st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99)))
def test_a_version_is_inside_its_own_caret_tilde_and_equality(numbers: tuple[int, int, int]) -> None:
    text = ".".join(map(str, numbers))
    assert all(Range.parse(operator + text).holds(_version(text)) for operator in ("", "=", "^", "~", ">=", "<="))
    assert not any(Range.parse(operator + text).holds(_version(text)) for operator in ("<", ">"))


def _version(text: str) -> Version:
    found = Version.parse(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("pattern", "inside", "outside"),
    [
        ("prod/**", ["prod/web.yaml", "prod/eu/web.yaml", "./prod/web.yaml"], ["prod", "production/web.yaml", "x/prod/web.yaml"]),
        ("prod/", ["prod/web.yaml", "prod/a/b"], ["prod"]),
        ("**/web.yaml", ["web.yaml", "a/web.yaml", "a/b/web.yaml"], ["a/myweb.yaml"]),
        ("a/**/z", ["a/z", "a/b/z", "a/b/c/z"], ["a/bz"]),
        ("*.yaml", ["web.yaml"], ["a/web.yaml"]),
        ("a?c", ["abc"], ["ac", "a/c"]),
        ("a.c", ["a.c"], ["abc"]),
        ("docker.io/bitnami/**", ["docker.io/bitnami/redis"], ["docker.io/bitnamilegacy/redis"]),
        ("./prod/*", ["prod/web.yaml"], []),
        ("prod/**", ["prod\\web.yaml"], []),
    ],
)
def test_a_pattern_matches_whole_paths(pattern: str, inside: list[str], outside: list[str]) -> None:
    assert [p for p in inside if not matches(pattern, p)] == []
    assert [p for p in outside if matches(pattern, p)] == []


def test_a_very_long_text_matches_nothing() -> None:
    assert not matches("**", "a" * (MAX_TEXT + 1))


@pytest.mark.parametrize(
    ("selector", "labels", "expected"),
    [
        ({}, {}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "2"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, {"a": "2"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {"a": "1"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": ""}, False),
        ({"matchExpressions": [{"key": "a", "operator": "Near"}]}, {"a": ""}, False),
        ({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "Exists"}]}, {"a": "1"}, False),
    ],
)
def test_a_selector_selects_as_the_api_server_says(selector: dict[str, Any], labels: dict[str, str], expected: bool) -> None:
    assert selects(selector, labels) is expected


def test_the_empty_selector_of_a_service_selects_nothing() -> None:
    assert not selects_equal({}, {"a": "1"})
    assert selects_equal({"a": "1"}, {"a": "1"})


@pytest.mark.parametrize(
    ("value", "total", "up", "expected"),
    [
        (3, 10, True, 3),
        ("25%", 6, True, 2),
        ("25%", 6, False, 1),
        ("0%", 6, True, 0),
        ("100%", 6, False, 6),
        ("150%", 6, False, 9),
        ("1%", 1, True, 1),
        (True, 6, True, None),
        ("3", 6, True, None),
        ("-1%", 6, True, None),
        (None, 6, True, None),
    ],
)
def test_an_amount_is_rounded_as_told(value: Any, total: int, up: bool, expected: int | None) -> None:
    assert amount(value, total, up=up) == expected
