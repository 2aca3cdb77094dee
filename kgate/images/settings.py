"""What may be decided about the images stage, under `images:` in `.kgate.yaml`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kgate.errors import SettingError
from kgate.manifest import Path

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN")
"""Worst first. UNKNOWN is what nobody has rated, not what is harmless."""


MAX_NUMBER = 1e9
"""Seconds or days: more cannot be meant, and would overflow a clock."""


class Scan(StrEnum):
    REQUIRED = "required"
    IF_AVAILABLE = "if-available"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagesSettings:
    """Without any settings kgate reads no image: it uses no network, and nobody told it of an archive."""

    scan: Scan = Scan.IF_AVAILABLE
    scanner: str = "trivy"
    trivy: str = "trivy"
    """A name looked up on PATH, or an absolute path."""
    cache_dir: str = ""
    """Where Trivy keeps its database; empty for Trivy's own place."""
    platform: str = "linux/amd64"
    severity: str = "HIGH"
    """The lowest severity that is an error."""
    ignore_unfixed: bool = True
    """Vulnerabilities nobody has fixed are no errors; critical ones are still warned of."""
    max_database_age_days: float = 7
    timeout_s: float = 300
    """For one image."""
    timeout_all_s: float = 1800
    """For all images of a run together."""
    jobs: int = 4
    """Images scanned at once, at most."""
    offline: bool = False
    """Never pull, whatever `pull` says. `--offline` sets it; it is no key of the file."""
    pull: bool = False
    registries: tuple[str, ...] = ()
    """Registries to pull from, `host[:port]`; empty for every public one."""
    archives: Mapping[str, str] = field(default_factory=dict)
    """Image as the manifests name it -> `docker save` tar or OCI layout folder; relative to the working directory."""


SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Scanning the images that the manifests run for known vulnerabilities.",
    "additionalProperties": False,
    "properties": {
        "scan": {
            "type": "string",
            "enum": [s.value for s in Scan],
            "default": "if-available",
            "description": "What an image that could not be scanned means: required makes it an error, if-available reports it, "
            "off scans nothing.",
        },
        "scanner": {"type": "string", "enum": ["trivy"], "default": "trivy", "description": "The scanner to ask."},
        "trivy": {
            "type": "string",
            "minLength": 1,
            "default": "trivy",
            "description": "The trivy executable: a name on PATH, or an absolute path outside the working directory.",
        },
        "cache_dir": {
            "type": "string",
            "default": "",
            "description": "Folder of Trivy's vulnerability database (the one that holds db/trivy.db). Default: Trivy's own cache folder.",
        },
        "platform": {
            "type": "string",
            "pattern": "^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?$",
            "default": "linux/amd64",
            "description": "The platform of the nodes, as os/architecture: which image of a multi-platform image is scanned.",
        },
        "severity": {
            "type": "string",
            "enum": list(SEVERITIES),
            "default": "HIGH",
            "description": "The lowest severity of a vulnerability that is an error.",
        },
        "ignore_unfixed": {
            "type": "boolean",
            "default": True,
            "description": "Vulnerabilities without a fixed version are no errors; critical ones are still listed as warnings.",
        },
        "max_database_age_days": {
            "type": "number",
            "exclusiveMinimum": 0,
            "default": 7,
            "description": "An image scanned with an older vulnerability database does not count as scanned.",
        },
        "timeout_s": {"type": "number", "exclusiveMinimum": 0, "default": 300, "description": "Seconds for one image."},
        "timeout_all_s": {"type": "number", "exclusiveMinimum": 0, "default": 1800, "description": "Seconds for all images together."},
        "jobs": {"type": "integer", "minimum": 1, "maximum": 64, "default": 4, "description": "Images scanned at once, at most."},
        "pull": {
            "type": "boolean",
            "default": False,
            "description": "Let the scanner pull images from their registries. Without it kgate uses no network and scans "
            "only what `archives` names.",
        },
        "registries": {
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "default": [],
            "description": "With `pull`: the only registries to pull from, as host or host:port. Default: every registry that is not "
            "at a private, loopback or link-local address.",
        },
        "archives": {
            "type": "object",
            "additionalProperties": {"type": "string", "minLength": 1},
            "default": {},
            "description": "Image archives to scan instead of pulling: image as the manifests name it -> tar of `docker save`, or "
            "folder in OCI layout.",
        },
    },
}


def from_config(mapping: Mapping[str, Any], *, offline: bool = False) -> ImagesSettings:
    """The settings under `images:`. Raises SettingError, also for an archive whose image is no reference."""
    for fault in _faults(mapping, SCHEMA, ()):
        raise fault
    values: dict[str, Any] = dict(mapping)
    if "scan" in values:
        values["scan"] = Scan(values["scan"])
    values["registries"] = tuple(values.get("registries", ()))
    _check_archives(values.get("archives", {}))
    return ImagesSettings(offline=offline, **values)


def _check_archives(archives: Mapping[str, str]) -> None:
    from kgate.reference import parse

    for image in archives:
        try:
            parse(image)
        except ValueError as e:
            raise SettingError(("archives", image), f"`{image}` is no image reference: {e}") from e


_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "object": ((Mapping,), "a mapping"),
    "array": ((list, tuple), "a list"),
    "string": ((str,), "a text"),
    "boolean": ((bool,), "true or false"),
    "integer": ((int,), "a whole number"),
    "number": ((int, float), "a number"),
}


def _faults(value: Any, schema: Mapping[str, Any], path: Path) -> Iterator[SettingError]:
    """What of the JSON schema's few words used above `value` breaks: jsonschema itself would cost the start-up more than the stage."""
    kinds, words = _TYPES[schema["type"]]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        yield SettingError(path, f"must be {words}, not {_shown(value)}")
    elif isinstance(value, Mapping):
        yield from _faults_of_keys(value, schema, path)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _faults(item, schema["items"], (*path, index))
    else:
        yield from _faults_of_scalar(value, schema, path)


def _faults_of_keys(value: Mapping[str, Any], schema: Mapping[str, Any], path: Path) -> Iterator[SettingError]:
    known, others = schema.get("properties", {}), schema["additionalProperties"]
    for key, item in value.items():
        if key in known:
            yield from _faults(item, known[key], (*path, key))
        elif others:
            yield from _faults(key, {"type": "string"}, (*path, key))
            yield from _faults(item, others, (*path, key))
        else:
            yield SettingError((*path, key), f"`{key}` is no setting of images", _did_you_mean(str(key), known), key=True)


def _faults_of_scalar(value: Any, schema: Mapping[str, Any], path: Path) -> Iterator[SettingError]:
    import re

    if "enum" in schema and value not in schema["enum"]:
        hint = _did_you_mean(str(value), schema["enum"])
        yield SettingError(path, f"must be one of {', '.join(schema['enum'])}, not {_shown(value)}", hint)
    elif "pattern" in schema and not re.search(schema["pattern"], value):
        yield SettingError(path, f"{_shown(value)} has not the form {schema['pattern']}", f"for example {schema['default']}")
    elif len(value) < schema.get("minLength", 0) if isinstance(value, str) else False:
        yield SettingError(path, "must not be empty")
    elif not isinstance(value, str) and not _in_range(value, schema):
        yield SettingError(path, f"{value} is out of range")


def _in_range(value: float, schema: Mapping[str, Any]) -> bool:
    # NaN fails every comparison, so it is out of every range
    low = value > schema["exclusiveMinimum"] if "exclusiveMinimum" in schema else value >= schema.get("minimum", value)
    return bool(low and value <= schema.get("maximum", MAX_NUMBER))


def _did_you_mean(word: str, known: Any) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, [str(k) for k in known], n=1)
    return f"did you mean `{close[0]}`?" if close else f"known: {', '.join(str(k) for k in known)}"


def _shown(value: Any) -> str:
    return repr(value) if len(repr(value)) < 60 else repr(value)[:60] + "..."
