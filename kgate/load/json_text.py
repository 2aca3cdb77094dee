"""JSON documents: read as Go's decoder reads them, located by walking the text (no node is kept)."""

from __future__ import annotations

import json
import re
from typing import Any

from kgate.load.compose import MAX_DEPTH
from kgate.load.scalars import as_json
from kgate.manifest import Path

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.S)
_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.S)
_LITERAL = re.compile(r"[^\s,\]}]+")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class NotStrict(Exception):  # noqa: N818 (a condition of the text)
    """The text is no JSON that can be taken as it is: the YAML reader says why, with the place."""


def decode(text: str, position: int) -> tuple[Any, int]:
    """The value that begins at `position`, and where it ends. Raises NotStrict for anything but clean JSON."""
    try:
        data, end = _DECODER.raw_decode(text, position)
    except (ValueError, RecursionError) as e:
        raise NotStrict(str(e)) from e
    if too_deep(data):
        raise NotStrict("too deep")
    return (_well_formed(data) if _SURROGATE.search(text, position, end) else data), end


def skip_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def too_deep(data: object) -> bool:
    """Whether `data` nests beyond MAX_DEPTH; level by level, so that it costs no stack."""
    level = [data]
    for _ in range(MAX_DEPTH):
        level = [
            c for v in level for c in (v.values() if isinstance(v, dict) else v if isinstance(v, list) else ()) if type(c) in (dict, list)
        ]
        if not level:
            return False
    return True


def locate(text: str, position: int, path: Path, *, key: bool) -> int:
    """Where the value at `path` begins (its key, with `key`), or its nearest existing ancestor."""
    here = position = skip_space(text, position)
    for step in path:
        found = _child(text, position, step)
        if found is None:
            break
        here, position = found
    return here if key else position


def _child(text: str, position: int, step: str | int) -> tuple[int, int] | None:
    """Positions of the key (of the item, in a list) and of the value; the last of several equal keys."""
    opener, result, index = text[position : position + 1], None, 0
    if opener not in ("{", "["):
        return None
    position = skip_space(text, position + 1)
    while text[position : position + 1] not in ("}", "]", ""):
        begin, name = position, str(index)
        if opener == "{":
            string = _STRING.match(text, position)
            if string is None:
                return result
            name = json.loads(string.group())
            position = skip_space(text, skip_space(text, string.end()) + 1)
        if name == str(step):
            result = (begin, position)
            if opener == "[":
                return result
        position, index = skip_space(text, end_of(text, position)), index + 1
        if text[position : position + 1] == ",":
            position = skip_space(text, position + 1)
    return result


def end_of(text: str, position: int) -> int:
    """Just behind the value that begins at `position`."""
    if text[position : position + 1] not in ("{", "["):
        found = (_STRING if text[position : position + 1] == '"' else _LITERAL).match(text, position)
        return found.end() if found else len(text)
    depth = 0
    for token in _BRACKET.finditer(text, position):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token.group(), 0)
        if depth == 0:
            return token.end()
    return len(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise ValueError("duplicate key")
    return mapping


def _integer(digits: str) -> int | float:
    value = int(digits) if len(digits) <= 20 else float(digits)
    return value if -(2**63) <= value < 2**64 else float(value)


def _constant(name: str) -> object:
    raise ValueError(name)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_once, parse_float=lambda digits: as_json(float(digits)), parse_int=_integer, parse_constant=_constant
)


def _well_formed(data: Any) -> Any:
    """Lone surrogates become U+FFFD, as in Go."""
    if isinstance(data, str):
        return data.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(data, list):
        return [_well_formed(v) for v in data]
    return {_well_formed(k): _well_formed(v) for k, v in data.items()} if isinstance(data, dict) else data
