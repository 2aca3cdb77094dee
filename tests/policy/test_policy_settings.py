from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from kgate.finding import Severity
from kgate.policy import PolicySettings, SettingError, from_config
from kgate.policy.settings import SCHEMA, DeniedRepository, ForbiddenKey, RequiredKey, TagPattern
from tests.policy.policy_texts import Judged

EVERYTHING: dict[str, Any] = {
    "rules": {
        "image-tag-floating": "error",
        "namespace-default": {"severity": "warning", "exclude": ["dev/**"]},
        "label-required": {"params": {"keys": ["team"]}},
        "KG2401": "off",
    },
    "images": {
        "allowed": ["registry.example.com/", "localhost:5000/team/"],
        "denied": [{"repository": "mysql", "message": "we run MariaDB", "replacement": "mariadb:<version>"}],
        "tags": [{"repository": "registry.example.com/**", "pattern": "v?[0-9]+"}, {"repository": "nginx", "semver": "^1.27"}],
        "digest_required": ["prod/**"],
    },
    "labels": {"required": [{"key": "app.kubernetes.io/name", "kinds": ["Deployment"]}, {"key": "team", "values": ["a", "b"]}]},
    "annotations": {
        "required": [{"key": "example.com/runbook", "paths": ["prod/**"], "pattern": "https://.*"}],
        "forbidden": [{"key": "example.com/*", "message": "no", "replacement": "yes"}],
    },
    "namespaces": {"denied": ["default", "kube-system"]},
}


def test_every_setting_is_read() -> None:
    settings = from_config(EVERYTHING)
    assert settings.of("image-tag-floating").severity is Severity.ERROR
    assert settings.of("namespace-default").exclude == ("dev/**",)
    assert settings.of("label-required").params == {"keys": ["team"]}
    assert settings.of("memory-request-missing").off
    assert settings.images.allowed == ("registry.example.com/", "localhost:5000/team/")
    assert settings.images.denied == (
        DeniedRepository(repository="docker.io/library/mysql", message="we run MariaDB", replacement="mariadb:<version>"),
    )
    assert settings.images.tags[1] == TagPattern(repository="docker.io/library/nginx", semver="^1.27")
    assert settings.images.digest_required == ("prod/**",)
    assert settings.labels.required[0] == RequiredKey(key="app.kubernetes.io/name", kinds=frozenset({"Deployment"}))
    assert settings.labels.required[1] == RequiredKey(key="team", values=("a", "b"))
    assert settings.annotations.required[0].pattern == "https://.*"
    assert settings.annotations.forbidden == (ForbiddenKey(key="example.com/*", message="no", replacement="yes"),)
    assert settings.namespaces.denied == ("default", "kube-system")


def test_nothing_said_is_the_default() -> None:
    assert from_config({}) == PolicySettings()


@pytest.mark.parametrize(
    ("config", "path", "message", "hint"),
    [
        ({"image": {}}, ("image",), "no setting", 'did you mean "images"?'),
        ({"images": {"alowed": []}}, ("images", "alowed"), "no setting", 'did you mean "allowed"?'),
        ({"images": []}, ("images",), "a mapping is expected here, not a list", ""),
        ({"images": {"allowed": "x/"}}, ("images", "allowed"), "a list is expected", ""),
        ({"images": {"allowed": [1]}}, ("images", "allowed", 0), "a text is expected here, not a number", ""),
        ({"images": {"allowed": [""]}}, ("images", "allowed", 0), "empty", ""),
        ({"images": {"allowed": ["quay.io"]}}, ("images", "allowed", 0), "does not end with a slash", 'write "quay.io/"'),
        ({"images": {"allowed": ["library/"]}}, ("images", "allowed", 0), "names no registry", 'write "docker.io/library/"'),
        ({"images": {"denied": [{}]}}, ("images", "denied", 0), '"repository" is missing', ""),
        ({"images": {"denied": [{"repository": "MySQL"}]}}, ("images", "denied", 0, "repository"), "upper-case", ""),
        (
            {"images": {"denied": [{"repository": "mysql:8"}]}},
            ("images", "denied", 0, "repository"),
            "one image",
            "docker.io/library/mysql",
        ),
        ({"images": {"tags": [{"repository": "a"}]}}, ("images", "tags", 0), "exactly one of pattern and semver", ""),
        ({"images": {"tags": [{"repository": "a", "pattern": "("}]}}, ("images", "tags", 0, "pattern"), "no regular expression", ""),
        ({"images": {"tags": [{"repository": "a", "semver": "new"}]}}, ("images", "tags", 0, "semver"), "no range", ">=1.20 <2"),
        ({"images": {"tags": [{"repository": "a", "pattern": "1", "semver": "1"}]}}, ("images", "tags", 0), "exactly one", ""),
        ({"labels": {"required": [{"kinds": ["Pod"]}]}}, ("labels", "required", 0), '"key" is missing', ""),
        ({"labels": {"required": [{"key": "a", "value": "b"}]}}, ("labels", "required", 0, "value"), "no setting", "values"),
        ({"rules": {"image-tag-flaoting": "off"}}, ("rules", "image-tag-flaoting"), "no policy", "image-tag-floating"),
        ({"rules": {"image-tag-latest": "fatal"}}, ("rules", "image-tag-latest"), 'not "fatal"', ""),
        ({"rules": {"image-tag-latest": "erorr"}}, ("rules", "image-tag-latest"), "one of", 'did you mean "error"?'),
        ({"rules": {"image-tag-latest": {"sevrity": "off"}}}, ("rules", "image-tag-latest", "sevrity"), "no setting", "severity"),
        ({"rules": {"image-tag-latest": True}}, ("rules", "image-tag-latest"), "true or false", ""),
        ({"rules": {"label-required": {"params": {"key": []}}}}, ("rules", "label-required", "params", "key"), "no param", "keys"),
        (
            {"rules": {"api-deprecated": {"params": {"apis": [{"version": "v1", "since": 3}]}}}},
            ("rules", "api-deprecated", "params", "apis", 0),
            '"kinds" is missing',
            "",
        ),
        (
            {"rules": {"field-deprecated": {"params": {"labels": {"a/b": 3}}}}},
            ("rules", "field-deprecated", "params", "labels", "a/b"),
            "is expected here",
            "",
        ),
        ({"rules": {"label-required": {"params": {"keys": "a"}}}}, ("rules", "label-required", "params", "keys"), "is a list", ""),
    ],
)
def test_a_wrong_setting_is_an_error_with_its_path_and_a_way_out(config: Any, path: tuple[str | int, ...], message: str, hint: str) -> None:
    with pytest.raises(SettingError, match=message.replace("(", r"\(")) as error:
        from_config(config)
    assert error.value.path == path
    assert hint in error.value.hint


def test_the_schema_accepts_what_is_accepted() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.Draft7Validator(SCHEMA).validate(EVERYTHING)


@pytest.mark.parametrize("config", [{"image": {}}, {"images": {"allowed": ["quay.io"]}}, {"images": {"tags": [{"repository": "a"}]}}])
def test_the_schema_refuses_what_is_refused(config: Any) -> None:
    assert list(jsonschema.Draft7Validator(SCHEMA).iter_errors(config))


def _schemas(node: Any) -> Iterator[dict[str, Any]]:
    """Everything in the schema that says what a value may be."""
    if isinstance(node, dict):
        if "type" in node or "enum" in node:
            yield node
        for inner in node.values():
            yield from _schemas(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _schemas(inner)


def test_every_key_is_described_and_no_other_key_is_allowed() -> None:
    assert all(schema.get("description") for schema in _schemas(SCHEMA))
    closed = [schema for schema in _schemas(SCHEMA) if "properties" in schema]
    assert len(closed) > 8
    assert all(schema["additionalProperties"] is False for schema in closed)
    assert all(key == key.lower() and "-" not in key for schema in closed for key in schema["properties"])


def pod(image: str) -> str:
    return f"{{apiVersion: v1, kind: Pod, metadata: {{name: web}}, spec: {{containers: [{{name: app, image: '{image}'}}]}}}}"


def test_a_denied_repository_comes_with_the_reason_and_the_replacement(judged: Judged) -> None:
    (found,) = judged(pod("docker.io/library/mysql:8.4.0"), "image-repository-denied", EVERYTHING)
    assert found.message.endswith("is of the denied repository docker.io/library/mysql: we run MariaDB")
    assert found.remediation == "use mariadb:<version>"


def test_an_allowed_prefix_is_no_open_prefix(judged: Judged) -> None:
    config = {"images": {"allowed": ["registry.example.com/team/"]}}
    assert judged(pod("registry.example.com/team/web:1"), "image-registry-allowed", config) == []
    for outside in ("registry.example.com/teams/web:1", "registry.example.com/web:1", "registry.example.com.evil.example/team/web:1"):
        assert len(judged(pod(outside), "image-registry-allowed", config)) == 1


def test_digests_are_required_in_the_named_files_only(judged: Judged) -> None:
    files = {"prod/web.yaml": pod("web:1.0.0"), "dev/web.yaml": pod("web:1.0.0")}
    assert [f.file for f in judged(files, "image-digest-required", EVERYTHING)] == ["prod/web.yaml"]
    assert judged(files, "image-digest-required") == []
    assert len(judged(files, "image-digest-required", {"rules": {"image-digest-required": "warning"}})) == 2


def test_required_labels_replace_the_built_in_one(judged: Judged) -> None:
    config = {"labels": {"required": [{"key": "team", "values": ["shop"], "paths": ["prod/**"]}]}}
    files = {"prod/web.yaml": pod("web:1"), "dev/web.yaml": pod("web:1")}
    (found,) = judged(files, "label-required", config)
    assert (found.file, found.message) == ("prod/web.yaml", "Pod web has no label team")
    assert found.remediation == "add the label team with one of the values shop under metadata.labels"


def test_a_label_value_is_reported_at_its_key(judged: Judged) -> None:
    text = """\
        apiVersion: v1
        kind: Pod
        metadata:
          name: web
          labels:
            team: nobody
        """
    (found,) = judged(text, "label-value-pattern", EVERYTHING)
    assert (found.line, found.column) == (6, 5)
    assert found.message == 'Pod web: the label team is "nobody", which is not one of a, b'


def test_a_hostile_value_is_never_tried_on_a_pattern_when_it_is_too_long(judged: Judged) -> None:
    config = {"labels": {"required": [{"key": "a", "pattern": "a*"}]}}
    text = "{apiVersion: v1, kind: Pod, metadata: {name: web, labels: {a: %s}}}"
    assert judged(text % ("a" * 1000), "label-value-pattern", config) == []
    assert len(judged(text % ("a" * 2000), "label-value-pattern", config)) == 1
