"""Metadata of a custom resource, and of resources embedded in it (pkg/apiserver/schema/objectmeta)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from msgspec.structs import replace

from kgate.manifest import Path
from kgate.validate import formats, meta, openapi, schemas
from kgate.validate.cause import Cause, Causes, Key, invalid, required, shown
from kgate.validate.crd.structural import Structural
from kgate.validate.gates import Gates

_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_BY_PATH_SEGMENT = ("apiregistration.k8s.io", "APIService")
"""A kind whose name may be any segment of a path, as that of an embedded resource may."""


def decoding(body: Any, schema: Structural, minor: str) -> Causes:
    """What cannot be read as metadata, at the root and in embedded resources."""
    yield from _metadata(body, (), minor)
    for path, resource in _embedded(body, schema, ()):
        if path:
            yield from _metadata(resource, path, minor)
        for name in ("apiVersion", "kind"):
            if name in resource and not isinstance(resource[name], str):
                detail = f"{name} must be a string, got {shown(resource[name])[:60]}"
                yield Cause(path=(*path, name), reason="BadRequest", message=detail, remediation="put it in quotes")


def _metadata(resource: Mapping[str, Any], path: Path, minor: str) -> Causes:
    for cause in openapi.refused(_validator(minor), {"metadata": resource.get("metadata")}):
        yield replace(cause, path=(*path, *cause.path), at=(*path, *cause.at) if cause.at else ())


@cache
def _validator(minor: str) -> openapi.Validator:
    """A kind that consists of metadata alone."""
    found = schemas.bundle().schema("v1", "ConfigMap", minor)
    root = {"type": "object", "properties": {"metadata": {"$ref": f"#/$defs/{_META}"}}, "$defs": found["$defs"]}
    return openapi.validator(root)


def causes(body: Any, schema: Structural, minor: str, on: Gates) -> Causes:
    """What is wrong with embedded resources. They need no metadata, but apiVersion and kind."""
    for path, resource in _embedded(body, schema, ()):
        if not path or any(_metadata(resource, path, minor)):
            continue  # only a default of the schema can still be unreadable here
        checks: tuple[tuple[str, Callable[[object], str]], ...] = (("apiVersion", _version), ("kind", _kind))
        for name, check in checks:
            if name not in resource:
                yield required((*path, name))
            elif fault := check(resource[name]):
                yield invalid((*path, name), resource[name], fault)
        named = {
            "name": "name",
            **{k: v for k, v in (resource.get("metadata") or {}).items() if (k, v) not in (("name", ""), ("name", None))},
        }
        for cause in meta.causes({"metadata": named}, *_BY_PATH_SEGMENT, on):
            yield replace(cause, path=(*path, *cause.path), at=(*path, *cause.at) if cause.at else ())


def _version(value: object) -> str:
    if not isinstance(value, str):
        return "must be a string"
    if not value:
        return "must not be empty"
    return f"unexpected GroupVersion string: {value}" if value.count("/") > 1 else ""


def _kind(value: object) -> str:
    if not isinstance(value, str):
        return "must be a string"
    if not value:
        return "must not be empty"
    faults = formats.dns1035_label(value.lower())
    return f"may have mixed case, but should otherwise match: {','.join(faults)}" if faults else ""


def _embedded(x: Any, s: Structural, path: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    if isinstance(x, Mapping):
        if s.embedded:
            yield path, x
        for key, value in x.items():
            if (child := s.properties.get(key)) is not None:
                yield from _embedded(value, child, (*path, key))
            elif isinstance(s.additional, Structural):
                yield from _embedded(value, s.additional, (*path, Key(key)))
    elif isinstance(x, list) and s.items is not None:
        for i, value in enumerate(x):
            yield from _embedded(value, s.items, (*path, i))
