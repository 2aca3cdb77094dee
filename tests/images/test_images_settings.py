"""The settings of `images:` are checked by hand for speed; a real JSON schema validator must agree."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate.errors import SettingError
from kgate.images.schema import SCHEMA
from kgate.images.settings import ImagesSettings, Scan, from_config


def test_nothing_set_is_the_default() -> None:
    assert from_config({}) == ImagesSettings()


def test_the_schema_tells_the_defaults_that_hold() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    told = {key: value["default"] for key, value in SCHEMA["properties"].items()}
    assert from_config(told) == ImagesSettings()


def test_every_setting_is_described() -> None:
    assert all(value["description"].endswith(".") for value in SCHEMA["properties"].values())


def test_what_is_written_is_what_holds() -> None:
    settings = from_config({"scan": "required", "severity": "LOW", "archives": {"nginx": "n.tar"}, "registries": ["quay.io"]}, offline=True)
    assert (settings.scan, settings.severity, settings.offline) == (Scan.REQUIRED, "LOW", True)
    assert (settings.archives, settings.registries) == ({"nginx": "n.tar"}, ("quay.io",))


@pytest.mark.parametrize(
    ("mapping", "path", "message", "hint"),
    [
        ({"scann": "off"}, ("scann",), "`scann` is no setting of images", "did you mean `scan"),
        ({"scan": "requird"}, ("scan",), "must be one of required, if-available, off", "did you mean `required`?"),
        ({"scan": False}, ("scan",), "must be a text, not False", ""),
        ({"offline": True}, ("offline",), "`offline` is no setting", ""),
        ({"timeout_s": 0}, ("timeout_s",), "0 is out of range", ""),
        ({"timeout_s": float("nan")}, ("timeout_s",), "nan is out of range", ""),
        ({"timeout_s": True}, ("timeout_s",), "must be a number", ""),
        ({"jobs": 1.5}, ("jobs",), "must be a whole number", ""),
        ({"platform": "--linux"}, ("platform",), "has not the form", "for example linux/amd64"),
        ({"trivy": ""}, ("trivy",), "must not be empty", ""),
        ({"registries": ["quay.io", 3]}, ("registries", 1), "must be a text", ""),
        ({"archives": {"nginx": 3}}, ("archives", "nginx"), "must be a text", ""),
        ({"archives": {"Nginx": "a"}}, ("archives", "Nginx"), "`Nginx` is no image reference", ""),
        ([], (), "must be a mapping", ""),
    ],
)
def test_a_wrong_setting_is_named_with_its_place(mapping: Any, path: tuple[str | int, ...], message: str, hint: str) -> None:
    with pytest.raises(SettingError) as e:
        from_config(mapping)
    assert e.value.path == path and message in e.value.message and hint in e.value.hint


values = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 100), st.floats(-1, 100), st.sampled_from(["off", "HIGH", "linux/arm64", "x", ""]),
    st.lists(st.sampled_from(["a", "", 1]), max_size=2),
    st.dictionaries(st.sampled_from(["nginx", "a/b:1"]), st.sampled_from(["a", "", 1])),
)  # fmt: skip


@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "other"]), values, max_size=4))
def test_the_hand_made_check_takes_what_the_schema_takes(mapping: dict[str, Any]) -> None:
    valid = jsonschema.Draft7Validator(SCHEMA).is_valid(mapping)
    try:
        from_config(mapping)
    except SettingError:
        assert not valid
    else:
        assert valid
