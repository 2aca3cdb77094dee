"""`.kgate.yaml`: found in one place, read strictly, described by a schema that says the same as the reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from kgate.config import SCHEMA_ID, discover, from_config, nearest, schema, settled, version
from kgate.errors import ConfigError, UsageError
from kgate.finding import Severity


def written(folder: Path, text: str, name: str = ".kgate.yaml") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


# --- where settings come from


def test_the_settings_of_the_git_root_hold_in_every_folder_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    written(tmp_path, "fail_on: warning\n")
    monkeypatch.chdir(deep)
    assert discover((".",)) == "../../.kgate.yaml"


def test_a_worktree_has_a_git_file_instead_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "gitdir: elsewhere", name=".git")
    written(tmp_path, "")
    monkeypatch.chdir(tmp_path)
    assert discover(("x.yaml",)) == ".kgate.yaml"


def test_outside_of_git_only_the_working_directory_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "")
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    assert discover((".",)) is None
    monkeypatch.chdir(tmp_path)
    assert discover(("a",)) == ".kgate.yaml"


def test_a_folder_to_check_that_has_settings_of_its_own_is_checked_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    for name in ("shop", "bank"):
        (tmp_path / name).mkdir()
    written(tmp_path, "")
    written(tmp_path / "shop", "")
    monkeypatch.chdir(tmp_path)
    assert discover(("shop",)) == "shop/.kgate.yaml"
    assert discover(("bank",)) == ".kgate.yaml"
    assert discover(("shop", "bank")) == ".kgate.yaml"


def test_a_named_file_replaces_the_search_and_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "")
    other = written(tmp_path, "fail_on: warning", name="other.yaml")
    monkeypatch.chdir(tmp_path)
    assert discover((".",), named=other) == other
    with pytest.raises(UsageError, match="no such settings file"):
        discover((".",), named="missing.yaml")


# --- what they say


def test_without_settings_the_defaults_hold() -> None:
    options = settled(None)
    assert options.settings_file is None
    assert options.fail_on is Severity.ERROR


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    for text in ("", "# nothing\n", "policy:\nimages:\nrollout:\nexclude:\nfail_on:\nkubernetes_version:\n"):
        options = settled(written(tmp_path, text))
        assert (options.policy, options.images, options.rollout) == (settled(None).policy, settled(None).images, settled(None).rollout)


def test_every_key_reaches_its_option(tmp_path: Path) -> None:
    text = 'kubernetes_version: "1.30"\nfail_on: warning\n'
    text += 'exclude: ["vendor/**"]\npolicy: {labels: {required: [{key: team}]}}\nimages: {scan: off}\n'
    options = settled(written(tmp_path, text))
    assert options.kubernetes_version == "1.30"
    assert options.fail_on is Severity.WARNING
    assert options.exclude == ("vendor/**",)
    assert [r.key for r in options.policy.labels.required] == ["team"]
    assert options.images.scan.value == "off"


def test_files_are_named_from_the_folder_of_the_settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "repo").mkdir()
    written(
        tmp_path / "repo", "rollout: {cluster: clusters/prod.yaml}\nimages: {archives: {nginx: images/nginx.tar}}\nexclude: [a/**, b/]\n"
    )
    monkeypatch.chdir(tmp_path)
    options = settled("repo/.kgate.yaml")
    assert options.rollout.cluster == "repo/clusters/prod.yaml"
    assert options.images.archives == {"nginx": "repo/images/nginx.tar"}
    assert options.exclude == ("repo/a/**", "repo/**/b/")


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("fail_onn: error\n", "1:1: unknown key 'fail_onn'", "did you mean 'fail_on'?"),
        ("fail-on: error\n", "1:1: unknown key 'fail-on'", "did you mean 'fail_on'?"),
        ("exclude: []\nzzz: 1\n", "2:1: unknown key 'zzz'", "known: kubernetes_version, fail_on, exclude"),
        ("fail_on: info\n", "1:10: must be error or warning", ""),
        ("fail_on: [error]\n", "1:10: must be error or warning", ""),
        ("kubernetes_version: 1.30\n", "1:21: must be a text", 'write it in quotes: "1.36"'),
        ('kubernetes_version: "1.3"\n', "1:21: Kubernetes '1.3' is not known", "known: 1.25 to"),
        ("exclude: vendor\n", "1:10: must be a list", ""),
        ("exclude:\n  - vendor/**\n  - 3\n", "3:5: must be a pattern", ""),
        ("crds: crds/\n", "1:7: must be a list of paths", ""),
        ("crds:\n  - ''\n", "2:5: must be a path", ""),
        ("- a\n", "1:1: settings must be a mapping", ""),
        ("policy: 3\n", "1:9: ", ""),
        ("images:\n  scann: off\n", "2:", "scan"),
        ("rollout:\n  clutser: x\n", "2:", "cluster"),
        ("policy:\n  labels:\n    require: []\n", "3:", "required"),
        ("fail_on: error\nfail_on: error\n", "2:1: ", ""),
        ("a: [\n", "", ""),
        ("\tx: 1\n", "1:1: ", ""),
    ],
)
def test_a_mistake_is_an_error_with_its_place_and_what_was_meant(tmp_path: Path, text: str, said: str, hint: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigError) as raised:
        settled(file)
    assert raised.value.message.startswith(f"{file}:")
    assert said in raised.value.message
    assert hint in raised.value.hint + raised.value.message


@pytest.mark.parametrize(("text", "minor"), [("1.36", "1.36"), ("v1.36", "1.36"), ("1.36.2", "1.36"), ("v1.30.0-rc.1", "1.30")])
def test_a_version_is_known_by_its_minor(text: str, minor: str) -> None:
    assert version(text) == minor


@pytest.mark.parametrize("text", ["", "1", "2.36", "1.24", "1.99", "latest", "\x1b[2J"])
def test_an_unknown_version_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        version(text)


def test_the_nearest_name_is_offered_or_all_of_them() -> None:
    assert nearest("polcy", ("policy", "images")) == "did you mean 'policy'?"
    assert nearest("qqq", ("policy", "images")) == "known: policy, images"


# --- the schema

RIGHT: list[Any] = [
    {},
    None,
    {"kubernetes_version": "1.36"},
    {"kubernetes_version": "v1.36.2"},
    {"fail_on": "warning", "exclude": ["a/**", "b"]},
    {"policy": None, "images": None, "rollout": None},
    {"policy": {"rules": {"image-tag-missing": "error"}}},
    {"policy": {"images": {"allowed": ["registry.example.com/"]}, "labels": {"required": [{"key": "team", "pattern": "[a-z]+"}]}}},
    {"images": {"scan": "required", "severity": "CRITICAL", "timeout_s": 10}},
    {"rollout": {"cluster": "cluster.yaml"}},
]
WRONG: list[Any] = [
    [],
    "x",
    {"unknown": 1},
    {"kubernetes_version": 1.36},
    {"kubernetes_version": "1.99"},
    {"fail_on": "info"},
    {"fail_on": True},
    {"exclude": "a"},
    {"exclude": [""]},
    {"exclude": [1]},
    {"policy": []},
    {"policy": {"rulez": {}}},
    {"policy": {"rules": {"image-tag-missing": "fatal"}}},
    {"policy": {"labels": {"required": [{"value": "x"}]}}},
    {"images": {"scan": "sometimes"}},
    {"images": {"timeout_s": 0}},
    {"images": {"jobs": "4"}},
    {"rollout": {"clutser": "x"}},
    {"rollout": {"cluster": 3}},
]


def accepted_by_schema(settings: Any) -> bool:
    return jsonschema.Draft7Validator(schema()).is_valid(settings)


def accepted_by_reader(settings: Any) -> bool:
    try:
        from_config(settings, None, file=".kgate.yaml")
    except ConfigError:
        return False
    return True


@pytest.mark.parametrize("settings", RIGHT, ids=json.dumps)
def test_the_schema_and_the_reader_accept_right_settings(settings: Any) -> None:
    assert accepted_by_schema(settings)
    assert accepted_by_reader(settings)


@pytest.mark.parametrize("settings", WRONG, ids=json.dumps)
def test_the_schema_and_the_reader_refuse_wrong_settings(settings: Any) -> None:
    assert not accepted_by_schema(settings)
    assert not accepted_by_reader(settings)


def test_the_schema_is_a_valid_draft_7_schema_that_can_be_printed() -> None:
    jsonschema.Draft7Validator.check_schema(json.loads(json.dumps(schema())))
    assert schema()["$id"] == SCHEMA_ID


def test_the_schema_describes_every_key_and_closes_every_mapping_of_fixed_keys() -> None:
    def walk(node: Any, path: str) -> None:
        if not isinstance(node, dict):
            return
        for key, value in node.get("properties", {}).items():
            assert value.get("description"), f"{path}/{key} has no description"
            walk(value, f"{path}/{key}")
        if "properties" in node:
            assert node.get("additionalProperties") is False, f"{path} is open"
        for word in ("items", "additionalProperties"):
            walk(node.get(word), f"{path}/{word}")
        for word in ("oneOf", "anyOf", "allOf"):
            for i, part in enumerate(node.get(word, ())):
                walk(part, f"{path}/{word}/{i}")

    walk(schema(), "")
