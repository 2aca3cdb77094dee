"""The templates of an ApplicationSet: `{{path.basename}}`, and of Go's language what names a parameter, `{{ .path.basename }}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kgate.load.render.nodes import Node, Place
from kgate.load.render.rendering import NotRendered

Parameters = Mapping[str, Any]
MAX_TEXT = 100_000
"""Characters of one text."""

_ACTION = re.compile(r"\{\{-?(.*?)-?\}\}", re.DOTALL)
_FIELD = re.compile(r"\.?([A-Za-z_][\w]*(?:\.[A-Za-z_]\w*)*)")
_INDEX = re.compile(r"index\s+\.([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)((?:\s+(?:\d{1,4}|\"[^\"\\]*\"))+)")


def filled(node: Node, parameters: Parameters, *, go: bool) -> Node:
    """A copy with every text and key filled in. Raises NotRendered for what kgate cannot evaluate, or nobody has set."""
    made = node.copy()
    pending = [made]
    while pending:
        here = pending.pop()
        if here.is_map:
            here.children = {(text_of(k, parameters, v.place, go=go) if "{{" in k else k): v for k, v in here.children.items()}
            pending += here.children.values()
        elif here.is_list:
            pending += here.children
        elif "{{" in here.text:
            here.write(text_of(here.text, parameters, here.place, go=go), tag="str")
            here.quoted = True
    return made


def text_of(text: str, parameters: Parameters, place: Place, *, go: bool) -> str:
    def value(found: re.Match[str]) -> str:
        inside = found[1].strip()
        return _go(inside, parameters, place) if go else _plain(inside, parameters, place)

    if text.count("{{") > 1000:
        raise NotRendered("a text has too many parameters", place=place)
    out = _ACTION.sub(value, text)
    if len(out) > MAX_TEXT:
        raise NotRendered(f"a text of more than {MAX_TEXT} characters", place=place)
    return out


def _plain(name: str, parameters: Parameters, place: Place) -> str:
    """Flat names. Unlike upstream: what nobody has set, which would stay as it is written, is refused."""
    if name not in parameters:
        raise NotRendered(f"no generator sets {name[:100]!r}", place=place)
    return str(parameters[name])


def _go(inside: str, parameters: Parameters, place: Place) -> str:
    if (field := _FIELD.fullmatch(inside)) is not None and inside.startswith("."):
        return _shown(_at(parameters, field[1].split("."), place), place)
    if (index := _INDEX.fullmatch(inside)) is not None:
        value = _at(parameters, index[1].split("."), place)
        for step in re.findall(r"\d+|\"[^\"]*\"", index[2]):
            value = _step(value, step.strip('"') if step.startswith('"') else int(step), place)
        return _shown(value, place)
    raise NotRendered(f"{{{{ {inside[:100]} }}}} is not evaluated", place=place)


def _at(value: Any, path: list[str], place: Place) -> Any:
    for step in path:
        value = _step(value, step, place)
    return value


def _step(value: Any, step: str | int, place: Place) -> Any:
    if isinstance(step, str) and isinstance(value, Mapping) and step in value:
        return value[step]
    if isinstance(step, int) and isinstance(value, list) and step < len(value):
        return value[step]
    raise NotRendered(f"no generator sets {str(step)[:100]!r}", place=place)


def _shown(value: Any, place: Place) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    raise NotRendered("a parameter is no text", place=place)


def normalized(name: str) -> str:
    """As a name of an object can be (applicationset/utils, SanitizeName)."""
    return re.sub(r"[^-a-z0-9.]", "-", name.lower())[:253].strip("-.")
