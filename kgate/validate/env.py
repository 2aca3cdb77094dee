"""Environment of a container (validateEnv, validateEnvFrom)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kgate.manifest import Path
from kgate.validate import fields, formats, paths
from kgate.validate.cause import Body, Causes, invalid, items, required, text
from kgate.validate.gates import Gates

_ONE_OF = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
_ONE_AT_A_TIME = "may not have more than one field specified at a time"


def variables(container: Body, path: Path, on: Gates) -> Causes:
    for at, variable in items(container, "env", path):
        name = text(variable, "name")
        if not name:
            yield required((*at, "name"))
        for fault in _name_faults(name, on) if name else ():
            yield invalid((*at, "name"), name, fault)
        if variable.get("valueFrom") is not None:
            yield from _value_from(variable, (*at, "valueFrom"))


def _name_faults(name: str, on: Gates) -> formats.Faults:
    return formats.env_name(name) if "RelaxedEnvironmentVariableValidation" in on else formats.strict_env_name(name)


def _value_from(variable: Body, path: Path) -> Causes:
    source = variable["valueFrom"]
    present = [name for name in _SOURCES if source.get(name) is not None]
    for name in present:
        yield from _SOURCES[name](source[name], (*path, name))
    if not present:
        yield invalid(path, "", _ONE_OF)
    elif text(variable, "value"):
        yield invalid(path, "", "may not be specified when `value` is not empty")
    elif len(present) > 1:
        yield invalid(path, "", _ONE_AT_A_TIME)


def _field(source: Body, path: Path) -> Causes:
    yield from fields.object_field(source, path, fields.OF_ENV)


def _key(source: Body, path: Path) -> Causes:
    name, key = text(source, "name"), text(source, "key")
    for fault in formats.dns1123_subdomain(name):
        yield invalid((*path, "name"), name, fault)
    if not key:
        yield required((*path, "key"))
    for fault in formats.config_key(key) if key else ():
        yield invalid((*path, "key"), key, fault)


def _file(source: Body, path: Path) -> Causes:
    key, volume, file = (text(source, name) for name in ("key", "volumeName", "path"))
    for name, value in (("key", key), ("volumeName", volume), ("path", file)):
        if not value:
            yield required((*path, name))
    for fault in formats.env_name(key) if key else ():
        yield invalid((*path, "key"), key, fault)
    for fault in formats.dns1123_label(volume) if volume else ():
        yield invalid((*path, "volumeName"), volume, fault)
    yield from paths.no_backsteps(file, (*path, "path"))


_SOURCES: Mapping[str, Callable[[Body, Path], Causes]] = {
    "fieldRef": _field,
    "resourceFieldRef": fields.resource_field,
    "configMapKeyRef": _key,
    "secretKeyRef": _key,
    "fileKeyRef": _file,
}


def sources(container: Body, path: Path, on: Gates) -> Causes:
    """envFrom: all keys of a ConfigMap or a Secret."""
    for at, source in items(container, "envFrom", path):
        prefix = text(source, "prefix")
        for fault in _name_faults(prefix, on) if prefix else ():
            yield invalid((*at, "prefix"), prefix, fault)
        present = [name for name in ("configMapRef", "secretRef") if source.get(name) is not None]
        for name in present:
            yield from _whole(source[name], (*at, name))
        if not present:
            yield invalid(at, "", "must specify one of: `configMapRef` or `secretRef`", at=at[:-1])
        if len(present) > 1:
            yield invalid(at, "", _ONE_AT_A_TIME, at=at[:-1])


def _whole(reference: Body, path: Path) -> Causes:
    """The name may end in a dash, as the start of a generated name does."""
    name = text(reference, "name")
    if not name:
        yield required((*path, "name"))
    masked = name[:-1] + "a" if len(name) > 1 and name.endswith("-") else name
    for fault in formats.dns1123_subdomain(masked) if name else ():
        yield invalid((*path, "name"), name, fault)
