"""What a run says about rendering."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kgate.errors import SettingError


@dataclass(frozen=True, slots=True, kw_only=True)
class HelmRelease:
    """One release of a chart that lies in the repository."""

    chart: str
    """Its folder."""
    release: str = ""
    """Empty: the name of that folder."""
    namespace: str = "default"
    values: tuple[str, ...] = ()
    """Files, later ones win."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSettings:
    """`render:` of the settings, and what else renderers need to know."""

    helm: tuple[HelmRelease, ...] = ()
    """Of a chart that is named here these releases are rendered, in place of one with its own values."""
    repository: tuple[str, ...] = ()
    """URLs by which apps name this repository, beside those of the clone's remotes."""
    kubernetes_version: str = ""
    """`1.36`: what charts are told."""

    def homed(self, homed: Callable[[str], str]) -> RenderSettings:
        """With its files as `homed` finds them."""
        releases = (replace(r, chart=homed(r.chart), values=tuple(map(homed, r.values))) for r in self.helm)
        return replace(self, helm=tuple(releases))


_RELEASE = ("chart", "release", "namespace", "values")


def from_config(value: object) -> RenderSettings:
    """`render:` of .kgate.yaml. Raises SettingError."""
    if not isinstance(value, Mapping):
        raise SettingError((), "must be a mapping")
    _known(value, ("helm", "repository"), ())
    releases = value.get("helm") or []
    if not isinstance(releases, list):
        raise SettingError(("helm",), "must be a list of releases")
    return RenderSettings(
        helm=tuple(_release(r, ("helm", n)) for n, r in enumerate(releases)), repository=_texts(value.get("repository"), ("repository",))
    )


def _release(value: object, path: tuple[str | int, ...]) -> HelmRelease:
    if not isinstance(value, Mapping):
        raise SettingError(path, "must be a mapping with a chart")
    _known(value, _RELEASE, path)
    fields = {}
    for key in ("chart", "release", "namespace"):
        text = value.get(key)
        if text is not None and (not isinstance(text, str) or not text):
            raise SettingError((*path, key), "must be a text")
        if text is not None:
            fields[key] = text
    if "chart" not in fields:
        raise SettingError(path, "chart is missing", "name the folder of the chart")
    return HelmRelease(**fields, values=_texts(value.get("values"), (*path, "values")))


def _texts(value: object, path: tuple[str | int, ...]) -> tuple[str, ...]:
    listed = [] if value is None else value if isinstance(value, list) else [value]
    for n, text in enumerate(listed):
        if not isinstance(text, str) or not text:
            raise SettingError((*path, n) if isinstance(value, list) else path, "must be a text")
    return tuple(listed)


def _known(value: Mapping[Any, Any], keys: tuple[str, ...], path: tuple[str | int, ...]) -> None:
    for key in value:
        if key not in keys:
            raise SettingError((*path, key), f"unknown key {str(key)!r}", f"known: {', '.join(keys)}", key=True)


SCHEMA: Mapping[str, Any] = {
    "description": "What is rendered, and how. See docs/gitops.md.",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "helm": {
            "description": "Releases of charts in this repository; a chart that is not named is rendered once, with its own values.",
            "type": ["array", "null"],
            "default": [],
            "items": {
                "description": "One release.",
                "type": "object",
                "additionalProperties": False,
                "required": ["chart"],
                "properties": {
                    "chart": {"description": "The folder of the chart, from that of this file.", "type": "string", "minLength": 1},
                    "release": {"description": "Name of the release; that of the folder unless given.", "type": ["string", "null"]},
                    "namespace": {"description": "Namespace of the release.", "type": ["string", "null"], "default": "default"},
                    "values": {
                        "description": "Files of values, from the folder of this file; later ones win.",
                        "type": ["array", "string", "null"],
                        "items": {"description": "A file.", "type": "string", "minLength": 1},
                    },
                },
            },
        },
        "repository": {
            "description": "URLs by which Argo CD and Flux name this repository, beside those that git knows.",
            "type": ["array", "string", "null"],
            "items": {"description": "A URL.", "type": "string", "minLength": 1},
            "default": [],
        },
    },
}
