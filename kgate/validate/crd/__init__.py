"""Custom resources: what the API server refuses once their CustomResourceDefinition is there (apiextensions-apiserver)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kgate.validate.crd.definitions import Definition, Definitions
from kgate.validate.crd.verdict import Checked
from kgate.validate.gates import Gates

__all__ = ["Checked", "Definition", "Definitions", "checked"]


def checked(
    body: Mapping[str, Any], definitions: Definitions, minor: str, on: Gates, most: int, old: Mapping[str, Any] | None = None
) -> Checked | None:
    """None when no definition describes the object. `most` causes are told. `old` is what is stored, and was taken by the server."""
    if not definitions.describing(body.get("apiVersion"), body.get("kind")):
        return None
    from kgate.validate.crd import resource  # with its formats and patterns: only custom resources need them

    return resource.checked(body, definitions, minor, on, most, old)
