"""The YAML of policy files: data that kgate's own rooms or the user wrote, read quickly, located only when it is wrong.

Scalars mean what JSON says: `on`, `yes` and `2026-01-31` are strings, so a pattern or a name is never something else by accident.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

import yaml

from kgate.errors import ConfigError
from kgate.manifest import Location, Path

try:
    _Parser: Any = importlib.import_module("yaml.cyaml").CParser
except ImportError:  # PyYAML was built without libyaml
    _Parser = yaml.Loader
_WORDS = {"null": None, "~": None, "": None, "true": True, "false": False}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")


def read(text: str, file: str) -> Any:
    """The one document of `text` as mappings, lists and scalars. Raises ConfigError for what is no YAML, and for anchors."""
    parser = _Parser(text)
    try:
        while not isinstance(event := parser.get_event(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                value = _value(parser, parser.get_event())
                _end(parser)
                return value
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise ConfigError.at(file, line, column, f"this cannot be read: {error.problem or error}") from None
    except yaml.YAMLError as error:
        raise ConfigError.at(file, 1, 1, f"this is no YAML: {error}") from None
    return None


def _end(parser: Any) -> None:
    event = parser.get_event()
    while not isinstance(event, yaml.StreamEndEvent):
        if isinstance(event, yaml.DocumentStartEvent):
            raise _problem(event, "a policy file holds one document, a second one begins here")
        event = parser.get_event()


def _problem(event: Any, what: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=what, problem_mark=event.start_mark)


def _value(parser: Any, event: Any) -> Any:
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if isinstance(event, yaml.MappingStartEvent):
        found: dict[str, Any] = {}
        while not isinstance(key := parser.get_event(), yaml.MappingEndEvent):
            name = _key(key, found)
            found[name] = _value(parser, parser.get_event())
        return found
    if isinstance(event, yaml.SequenceStartEvent):
        items = []
        while not isinstance(item := parser.get_event(), yaml.SequenceEndEvent):
            items.append(_value(parser, item))
        return items
    raise _problem(event, "anchors and aliases are not used in policy files")


def _key(event: Any, found: dict[str, Any]) -> str:
    if not isinstance(event, yaml.ScalarEvent):
        raise _problem(event, "a key is no plain text")
    if event.value in found:
        raise _problem(event, f'the key "{event.value}" is there twice')
    return str(event.value)


def _scalar(event: Any) -> Any:
    value = event.value
    if not event.implicit[0]:  # quoted, or tagged
        return value
    if value in _WORDS:
        return _WORDS[value]
    if value[0] in "-0123456789" and _NUMBER.fullmatch(value):
        return int(value) if value.lstrip("-").isdigit() else float(value)
    return value


def locate(text: str, path: Path) -> Location:
    """Where the key (or list item) at `path` begins, or its nearest ancestor that exists. `text` has been read before."""
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    mark = node.start_mark
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = (node.value[step], node.value[step])
        else:
            found = None
        if found is None:
            break
        mark, node = found[0].start_mark, found[1]
    return Location(line=mark.line + 1, column=mark.column + 1)
