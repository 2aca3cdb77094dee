"""Paths inside volumes and on nodes (pkg/apis/core/validation/validation.go)."""

from __future__ import annotations

from kgate.manifest import Path
from kgate.validate.cause import Causes, invalid


def no_backsteps(value: str, path: Path, *, at: Path = ()) -> Causes:
    if ".." in value.split("/"):
        yield invalid(path, value, "must not contain '..'", at=at)


def descending(value: str, path: Path, *, at: Path = ()) -> Causes:
    if value.startswith("/"):
        yield invalid(path, value, "must be a relative path", at=at)
    yield from no_backsteps(value, path, at=at)


def not_reserved(value: str, path: Path, *, at: Path = ()) -> Causes:
    yield from descending(value, path, at=at)
    if value.startswith("..") and not value.startswith("../"):
        yield invalid(path, value, "must not start with '..'", at=at)
