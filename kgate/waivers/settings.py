"""`waivers:` of .kgate.yaml."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kgate.errors import SettingError


class ObjectPattern(Struct, frozen=True, kw_only=True):
    """Objects by what they are called; `*` and `?` as in a shell, empty for any."""

    kind: str = ""
    namespace: str = ""
    name: str = ""


class SettingsWaiver(Struct, frozen=True, kw_only=True):
    """Rules that somebody answers for, in some files, in some objects or everywhere."""

    rules: tuple[str, ...]
    """As written; what they are called is looked up when they are applied."""
    reason: str
    owner: str = ""
    until: date | None = None
    """The last day on which it holds."""
    paths: tuple[str, ...] = ()
    """Patterns as git writes them; empty: every file."""
    objects: tuple[ObjectPattern, ...] = ()
    """Empty: every object."""

    def below(self, home: Callable[[str], str]) -> SettingsWaiver:
        """With its patterns as they read from elsewhere."""
        return replace(self, paths=tuple(map(home, self.paths)))


_DAY = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
_TEXT: Mapping[str, Any] = {"type": "string", "minLength": 1}
_KEYS = ("rules", "reason", "owner", "until", "paths", "objects")
_OBJECT_KEYS = ("kind", "namespace", "name")


def from_config(config: Any) -> tuple[SettingsWaiver, ...]:
    """Raises SettingError for the first thing that is wrong."""
    if not isinstance(config, list):
        raise SettingError((), "must be a list of waivers")
    return tuple(_waiver(entry, i) for i, entry in enumerate(config))


def _waiver(entry: Any, index: int) -> SettingsWaiver:
    _known(entry, _KEYS, (index,))
    for key in ("rules", "reason"):
        if key not in entry:
            raise SettingError((index,), f"the waiver has no {key}", f"write {key}: it must say which rules it waives, and why")
    objects = entry.get("objects", [])
    if not isinstance(objects, list):
        raise SettingError((index, "objects"), "must be a list", "for example [{kind: DaemonSet, namespace: kube-system}]")
    return SettingsWaiver(
        rules=_rules(entry["rules"], (index, "rules")),
        reason=_text(entry["reason"], (index, "reason")),
        owner=_text(entry["owner"], (index, "owner")) if "owner" in entry else "",
        until=_day(entry["until"], (index, "until")) if "until" in entry else None,
        paths=_texts(entry.get("paths", []), (index, "paths")),
        objects=tuple(_object(o, (index, "objects", i)) for i, o in enumerate(objects)),
    )


def _rules(value: Any, path: tuple[str | int, ...]) -> tuple[str, ...]:
    rules = _texts(value, path)
    if not rules:
        raise SettingError(path, "names no rule", "kgate rules lists the rules")
    for i, rule in enumerate(rules):
        if rule in ("*", "all"):
            raise SettingError((*path, i), "a waiver must name the rules that it waives", "kgate rules lists the rules")
    return rules


def _object(value: Any, path: tuple[str | int, ...]) -> ObjectPattern:
    _known(value, _OBJECT_KEYS, path)
    if not value:
        raise SettingError(path, "says nothing", "give it a kind, a namespace or a name")
    return ObjectPattern(**{key: _text(v, (*path, key)) for key, v in value.items()})


def _known(value: Any, keys: tuple[str, ...], path: tuple[str | int, ...]) -> None:
    if not isinstance(value, Mapping):
        raise SettingError(path, "must be a mapping")
    for key in value:
        if key not in keys:
            import difflib

            close = difflib.get_close_matches(str(key), keys, n=1)
            raise SettingError(
                (*path, key), f"unknown key {key!r}", f"did you mean {close[0]!r}?" if close else f"known: {', '.join(keys)}", key=True
            )


def _text(value: Any, path: tuple[str | int, ...]) -> str:
    if not isinstance(value, str) or not value.strip():
        raise SettingError(path, "must be a text that says something")
    return value.strip()


def _texts(value: Any, path: tuple[str | int, ...]) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise SettingError(path, "must be a list of texts")
    return tuple(_text(v, (*path, i)) for i, v in enumerate(value))


def _day(value: Any, path: tuple[str | int, ...]) -> date:
    try:
        if isinstance(value, str) and re.fullmatch(_DAY, value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise SettingError(path, f"{value!r} is no day", "write the last day on which it holds, for example 2027-01-31")


SCHEMA: Mapping[str, Any] = {
    "type": "array",
    "default": [],
    "description": "Findings that somebody answers for: they are told and do not count. See docs/waivers.md.",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["rules", "reason"],
        "description": "One waiver; without paths and objects it holds everywhere.",
        "properties": {
            "rules": {
                "type": "array",
                "minItems": 1,
                "description": "What is waived.",
                "items": {**_TEXT, "not": {"enum": ["*", "all"]}, "description": "Identifier or name of a rule."},
            },
            "reason": {**_TEXT, "description": "Why it does no harm."},
            "owner": {**_TEXT, "description": "Who answers for it."},
            "until": {
                "type": "string",
                "pattern": _DAY,
                "examples": ["2027-01-31"],
                "description": "The last day on which it holds, in UTC.",
            },
            "paths": {
                "type": "array",
                "default": [],
                "description": "The files it holds for, as git writes patterns, from the folder of this file.",
                "items": {**_TEXT, "description": "A pattern such as dev/**."},
            },
            "objects": {
                "type": "array",
                "default": [],
                "description": "The objects it holds for; * and ? stand for other characters.",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "minProperties": 1,
                    "description": "Objects by what they are called; what is not said may be anything.",
                    "properties": {
                        "kind": {**_TEXT, "description": "DaemonSet."},
                        "namespace": {**_TEXT, "description": "kube-*."},
                        "name": {**_TEXT, "description": "web-*."},
                    },
                },
            },
        },
    },
}
