from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from kgate.rollout.pods import PodManners
from kgate.rollout.settings import SCHEMA, RolloutSettings, SettingError, from_config

RIGHT: list[dict[str, Any]] = [
    {},
    {"enabled": False},
    {"cluster": "cluster.yaml"},
    {"cluster": None, "behaviour": None},
    {"behaviour": {"default": {"startup": 10}, "images": {"registry.example.com/web": {"mode": "crash", "termination": 0.5}}}},
    {"floors": {"prod/web": 4, "prod/*": 0, "*": "80%"}, "failures": {"node": 0, "zone": 1}},
    {"floors": None, "failures": None},
    {"behaviour": {"default": {"startup": [5, 20.5]}, "images": {"web": {"startup": [0, 0]}}}, "budget": 10},
]

WRONG: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
    ({"enable": True}, ("enable",)),
    ({"enabled": "yes"}, ("enabled",)),
    ({"cluster": ""}, ("cluster",)),
    ({"cluster": {"nodes": []}}, ("cluster",)),
    ({"behaviour": {"default": {"start": 1}}}, ("behaviour", "default", "start")),
    ({"behaviour": {"images": {"a": {"startup": -1}}}}, ("behaviour", "images", "a", "startup")),
    ({"behaviour": {"default": {"startup": [5, -1]}}}, ("behaviour", "default", "startup", 1)),
    ({"floors": {"web": 4}}, ("floors", "web")),
    ({"floors": {"*": "101%"}}, ("floors", "*")),
    ({"floors": {"*": -1}}, ("floors", "*")),
    ({"failures": {"node": 2}}, ("failures", "node")),
    ({"failures": {"rack": 1}}, ("failures", "rack")),
    ({"behaviour": {"images": {"a": {"mode": "broken"}}}}, ("behaviour", "images", "a", "mode")),
]


def test_the_defaults_are_no_settings() -> None:
    assert from_config({}) == RolloutSettings()


@pytest.mark.parametrize("config", RIGHT)
def test_the_schema_takes_what_is_right(config: dict[str, Any]) -> None:
    from_config(config)
    jsonschema.Draft7Validator(SCHEMA).validate(config)


@pytest.mark.parametrize(("config", "path"), WRONG)
def test_the_schema_refuses_what_is_wrong_and_the_fault_has_its_path(config: dict[str, Any], path: tuple[Any, ...]) -> None:
    with pytest.raises(SettingError) as fault:
        from_config(config)
    assert fault.value.path == path
    assert not jsonschema.Draft7Validator(SCHEMA).is_valid(config)


def test_the_schema_is_a_draft_07_schema() -> None:
    jsonschema.Draft7Validator.check_schema(dict(SCHEMA))


def test_an_image_behaves_as_its_tag_says_else_its_name_else_as_all() -> None:
    said = from_config(
        {
            "behaviour": {
                "default": {"startup": 5, "termination": 2},
                "images": {"r:5000/web": {"startup": 8}, "r:5000/web:2": {"mode": "crash"}},
            }
        }
    ).behaviour
    assert said.of("r:5000/web:1").startup_ms == 8000
    assert said.of("r:5000/web:1@sha256:abc").startup_ms == 8000
    assert said.of("r:5000/web:2") == PodManners(mode="crash", startup_ms=5000, termination_ms=2000)
    assert said.of("other").startup_ms == 5000


def test_a_floor_is_of_the_nearest_name_and_percentages_round_up() -> None:
    said = from_config({"floors": {"prod/web": 4, "prod/*": "50%", "*": "80%"}})
    assert said.floor("prod", "web", 10) == 4
    assert said.floor("prod", "api", 5) == 3
    assert said.floor("test", "web", 6) == 5
    assert RolloutSettings().floor("prod", "web", 10) is None


@pytest.mark.parametrize("span", [[20, 5], [5], [1, 2, 3], []])
def test_a_span_of_seconds_has_its_least_first(span: list[int]) -> None:
    with pytest.raises(SettingError, match="startup is no span") as fault:
        from_config({"behaviour": {"default": {"startup": span}}})
    assert fault.value.path == ("behaviour", "default", "startup")


def test_an_image_that_says_its_start_has_no_span_of_others() -> None:
    said = from_config(
        {"behaviour": {"default": {"startup": [5, 20]}, "images": {"web": {"startup": 8}, "db": {"termination": 1}}}}
    ).behaviour
    assert (said.of("web").startup_least_ms, said.of("web").startup_ms) == (None, 8000)
    assert (said.of("db").startup_least_ms, said.of("db").startup_ms) == (5000, 20_000)
