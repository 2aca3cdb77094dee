"""From the mapping under `policy:` to PolicySettings: the schema says what is allowed, and every fault has its path."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from kgate.errors import SettingError
from kgate.finding import Severity
from kgate.manifest import Path
from kgate.policy.catalog import Catalog, catalog, did_you_mean
from kgate.policy.policy import Policy
from kgate.policy.schema import SCHEMA
from kgate.policy.semver import Range
from kgate.policy.settings import (
    AdmissionSettings,
    AnnotationSettings,
    DeniedRepository,
    ForbiddenKey,
    ImageSettings,
    LabelSettings,
    NamespaceSettings,
    PolicySettings,
    RequiredKey,
    RuleSettings,
    TagPattern,
)
from kgate.policy.standard import Standard
from kgate.policy.standard import parse as parse_standard
from kgate.reference import parse

_ADMISSION = ("KG2601", "admission-policy")
"""The rule of admission policies, which is no policy itself."""
_TYPES = {"string": (str, "a text"), "array": (list, "a list"), "object": (dict, "a mapping"), "boolean": (bool, "true or false")}


def read(config: Mapping[str, Any], *, folder: str = "") -> PolicySettings:
    """`folder` is where `paths` begin. Raises SettingError for the first thing that is wrong, from top to bottom."""
    _conform(config, SCHEMA, ())
    paths = tuple(os.path.normpath(os.path.join(folder, path)) for path in config.get("paths", ()))  # noqa: PTH118 (texts)
    known = _known(paths)
    images, labels, annotations = (config.get(key, {}) for key in ("images", "labels", "annotations"))
    return PolicySettings(
        paths=paths,
        admission=AdmissionSettings(pods=config.get("admission", {}).get("pods", False)),
        locked=tuple(config.get("locked", ())),
        rules=dict(_rule(name, said, known) for name, said in config.get("rules", {}).items()),
        images=ImageSettings(
            allowed=tuple(_prefix(p, ("images", "allowed", i)) for i, p in enumerate(images.get("allowed", ()))),
            denied=tuple(DeniedRepository(**_named(d, ("images", "denied", i))) for i, d in enumerate(images.get("denied", ()))),
            tags=tuple(_tag(t, ("images", "tags", i)) for i, t in enumerate(images.get("tags", ()))),
            digest_required=tuple(images.get("digest_required", ())),
        ),
        labels=LabelSettings(required=_keys(labels, "required")),
        annotations=AnnotationSettings(
            required=_keys(annotations, "required"), forbidden=tuple(ForbiddenKey(**f) for f in annotations.get("forbidden", ()))
        ),
        namespaces=NamespaceSettings(denied=tuple(config.get("namespaces", {}).get("denied", ()))),
        profile=config.get("profile", "default"),
        pod_security=_standard(config["pod_security"]) if "pod_security" in config else None,
    )


def _known(paths: tuple[str, ...]) -> Catalog:
    if not paths:
        return catalog()
    from kgate.policy.own import catalog_of

    return catalog_of(paths)


def _standard(text: str) -> Standard:
    try:
        return parse_standard(text)
    except ValueError as fault:
        raise SettingError(("pod_security",), str(fault), "write for example restricted or baseline:1.30") from None


def _conform(value: Any, schema: Mapping[str, Any], path: Path) -> None:
    """The part of draft-07 that SCHEMA uses, with messages that say what to write."""
    if "oneOf" in schema and "type" not in schema:
        scalar, mapping = schema["oneOf"]
        return _conform(value, mapping if isinstance(value, dict) else scalar, path)
    if "enum" in schema and value not in schema["enum"]:
        raise SettingError(
            path, f"one of {', '.join(schema['enum'])} is expected here, not {_shown(value)}", did_you_mean(value, schema["enum"])
        )
    kind, words = _TYPES.get(schema.get("type", ""), (object, ""))
    if not isinstance(value, kind):
        raise SettingError(path, f"{words} is expected here, not {_shown(value)}")
    if isinstance(value, str):
        _conform_text(value, schema, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _conform(item, schema["items"], (*path, index))
    elif isinstance(value, dict):
        _conform_mapping(value, schema, path)
    return None


def _conform_text(value: str, schema: Mapping[str, Any], path: Path) -> None:
    if len(value) < schema.get("minLength", 0):
        raise SettingError(path, "the text is empty")
    if schema.get("format") == "regex":
        try:
            re.compile(value)
        except re.error as fault:
            raise SettingError(path, f"this is no regular expression: {fault}") from None


def _conform_mapping(value: Mapping[str, Any], schema: Mapping[str, Any], path: Path) -> None:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for key, item in value.items():
        if key in properties:
            _conform(item, properties[key], (*path, key))
        elif others is False:
            raise SettingError((*path, key), f'there is no setting "{key}" here', did_you_mean(key, properties), key=True)
        elif isinstance(others, dict):
            _conform(item, others, (*path, key))
    for key in schema.get("required", ()):
        if key not in value:
            raise SettingError(path, f'"{key}" is missing here')
    if "oneOf" in schema and sum(all(key in value for key in choice["required"]) for choice in schema["oneOf"]) != 1:
        raise SettingError(path, f"exactly one of {' and '.join(choice['required'][0] for choice in schema['oneOf'])} is needed here")


def _rule(name: str, said: Any, known: Catalog) -> tuple[str, RuleSettings]:
    path: Path = ("rules", name)
    policy = known.find(name)
    if policy is None and name not in _ADMISSION:
        raise SettingError(path, f'there is no policy "{name}"', did_you_mean(name, (r.name for r in known.rules)))
    said = {"severity": said} if isinstance(said, str) else said
    severity = said.get("severity")
    return policy.name if policy else _ADMISSION[1], RuleSettings(
        severity=Severity(severity) if severity and severity != "off" else None,
        off=severity == "off",
        exclude=tuple(said.get("exclude", ())),
        params=params_of(policy, said.get("params", {}), (*path, "params")) if policy else {},
    )


def params_of(policy: Policy, params: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    for name, value in params.items():
        if name not in policy.params:
            raise SettingError((*path, name), f'the policy {policy.name} has no param "{name}"', did_you_mean(name, policy.params))
        if type(value) is not type(policy.params[name]):
            raise SettingError((*path, name), f'"{name}" is {_called(policy.params[name])} in the policy, not {_called(value)}')
        _alike(value, [policy.params[name]], (*path, name))
    return params


def _alike(value: Any, models: Sequence[Any], path: Path) -> None:
    """Checks rely on the shape of their params: what is below a list or mapping looks like one of its like in the policy."""
    if models and not any(type(value) is type(model) for model in models):
        raise SettingError(path, f"{_called(models[0])} is expected here, not {_called(value)}")
    if isinstance(value, list):
        below = [item for model in models if isinstance(model, list) for item in model]
        for i, item in enumerate(value):
            _alike(item, below, (*path, i))
    elif isinstance(value, dict):
        mappings = [model for model in models if isinstance(model, dict)]
        if len(mappings) > 1:  # the items of a list are of one form, while the keys of a lone mapping are the user's
            _alike_mapping(value, mappings, path)
        for key, item in value.items():
            below = [model[key] for model in mappings if key in model] or [v for model in mappings for v in model.values()]
            _alike(item, below, (*path, key))


def _alike_mapping(value: Mapping[str, Any], models: Sequence[Mapping[str, Any]], path: Path) -> None:
    known = {key: None for model in models for key in model}
    for key in value:
        if key not in known:
            raise SettingError((*path, key), f'there is no key "{key}" here', did_you_mean(key, known))
    for key in known:
        if key not in value and all(key in model for model in models):
            raise SettingError(path, f'"{key}" is missing here')


def _prefix(prefix: str, path: Path) -> str:
    if not prefix.endswith("/"):
        raise SettingError(
            path, f'"{prefix}" does not end with a slash, so it would allow "{prefix}.evil.example" too', f'write "{prefix}/"'
        )
    first = prefix.split("/")[0]
    if not (first == "localhost" or "." in first or ":" in first):
        raise SettingError(path, f'"{prefix}" names no registry', f'write "docker.io/{prefix}"')
    return prefix


def _named(entry: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    """`entry` with the repository's full name: `mysql` is docker.io/library/mysql. A pattern stays as it is."""
    repository = entry["repository"]
    if "*" in repository or "?" in repository:
        return entry
    try:
        reference = parse(repository)
    except ValueError as fault:
        raise SettingError((*path, "repository"), f'"{repository}" is no repository: {fault}') from None
    if reference.tag or reference.digest:
        raise SettingError((*path, "repository"), f'"{repository}" names one image, a repository is meant', f'write "{reference.name}"')
    return {**entry, "repository": reference.name}


def _tag(entry: Mapping[str, Any], path: Path) -> TagPattern:
    if "semver" in entry:
        try:
            Range.parse(entry["semver"])
        except ValueError as fault:
            raise SettingError((*path, "semver"), f"this is no range of versions: {fault}", "write for example >=1.20 <2") from None
    return TagPattern(**_named(entry, path))


def _keys(room: Mapping[str, Any], name: str) -> tuple[RequiredKey, ...]:
    return tuple(
        RequiredKey(
            key=entry["key"],
            kinds=frozenset(entry.get("kinds", ())),
            paths=tuple(entry.get("paths", ())),
            pattern=entry.get("pattern", ""),
            values=tuple(entry.get("values", ())),
        )
        for entry in room.get(name, ())
    )


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else _called(value)


def _called(value: Any) -> str:
    words = {
        dict: "a mapping",
        list: "a list",
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        type(None): "nothing",
    }
    return words.get(type(value), "a value")
