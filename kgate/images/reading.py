"""What is written under `images:` becomes ImagesSettings, or a SettingError with the place of what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kgate.errors import SettingError
from kgate.images.schema import SCHEMA
from kgate.images.settings import EndOfLife, ImagesSettings, Override, Scan, Unscanned, Update, Waiver
from kgate.manifest import Path
from kgate.reference import parse

_LISTS = (
    "registries", "networks", "insecure", "exclude_packages", "exclude_paths", "vex", "platforms", "covered", "db_repositories",
    "java_db_repositories",
)  # fmt: skip
MAX_NUMBER = 1e9
"""Seconds or days: more cannot be meant, and would overflow a clock."""


def settings_of(mapping: Mapping[str, Any], *, offline: bool = False) -> ImagesSettings:
    """The settings under `images:`. Raises SettingError, also for an archive whose image is no reference."""
    for fault in _faults(mapping, SCHEMA, ()):
        raise fault
    values: dict[str, Any] = dict(mapping)
    if "scan" in values:
        values["scan"] = Scan(values["scan"])
    for key in _LISTS:
        values[key] = tuple(values.get(key, ()))
    if "on_unscanned" in values:
        values["on_unscanned"] = Unscanned(values["on_unscanned"])
    if "end_of_life" in values:
        values["end_of_life"] = EndOfLife(values["end_of_life"])
    values["waivers"] = tuple(_waiver(w, ("waivers", i)) for i, w in enumerate(values.get("waivers", ())))
    values["overrides"] = tuple(_override(o) for o in values.get("overrides", ()))
    values["updates"] = tuple(_update(u, ("updates", i)) for i, u in enumerate(values.get("updates", ())))
    _check_images(values)
    _check_scanner(values)
    _check_networks(values["networks"])
    return ImagesSettings(offline=offline, **values)


def _check_images(values: Mapping[str, Any]) -> None:
    for key in ("archives", "sboms"):
        for image in values.get(key, ()):
            try:
                parse(image)
            except ValueError as e:
                raise SettingError((key, image), f"`{image}` is no image reference: {e}") from e


def _check_scanner(values: Mapping[str, Any]) -> None:
    """What only some scanners can do, or cannot do without."""
    scanner = values.get("scanner", "trivy")
    for key in ("sbom", "sboms", "db_repositories", "java_db_repositories"):
        able = ("trivy", "grype") if key == "sboms" else ("trivy",)
        if values.get(key) and scanner not in able:
            raise SettingError((key,), f"{scanner} has no use for it", f"{' and '.join(able)} alone {'have' if able[1:] else 'has'}")
    if scanner in ("clair", "sysdig") and not values.get("server"):
        raise SettingError(("scanner",), f"{scanner} needs the URL of its server", "set images.server")
    for key in ("db_repositories", "java_db_repositories"):
        for index, repository in enumerate(values.get(key, ())):
            try:
                parse(repository)
            except ValueError as e:
                raise SettingError((key, index), f"`{repository}` is no repository: {e}") from e


def _check_networks(networks: Sequence[str]) -> None:
    from ipaddress import ip_network

    for index, network in enumerate(networks):
        try:
            ip_network(network, strict=False)
        except ValueError as e:
            raise SettingError(("networks", index), f"`{network}` is no network", "for example 10.0.0.0/8") from e


def _tuples(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, (list, tuple)) else value for key, value in mapping.items()}


def _waiver(mapping: Mapping[str, Any], path: Path) -> Waiver:
    from datetime import date

    try:
        date.fromisoformat(mapping["expires"])
    except ValueError as e:
        raise SettingError((*path, "expires"), f"there is no day {mapping['expires']}", "for example 2027-01-31") from e
    return Waiver(**_tuples(mapping))


def _override(mapping: Mapping[str, Any]) -> Override:
    values = _tuples(mapping)
    for key, kind in (("on_unscanned", Unscanned), ("end_of_life", EndOfLife)):
        if key in values:
            values[key] = kind(values[key])
    return Override(**values)


def _update(mapping: Mapping[str, Any], path: Path) -> Update:
    import re

    try:
        re.compile(mapping["pattern"])
    except re.error as e:
        raise SettingError((*path, "pattern"), f"it is no regular expression: {e}") from e
    return Update(**mapping)


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
    for key in schema.get("required", ()):
        if key not in value:
            yield SettingError(path, f"`{key}` is missing", f"known: {', '.join(known)}")
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
        yield SettingError(
            path,
            f"{_shown(value)} has not the form {schema['pattern']}",
            f"for example {schema.get('examples', [schema.get('default')])[0]}",
        )
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
