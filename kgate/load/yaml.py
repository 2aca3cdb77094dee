"""YAML exactly as Kubernetes reads it: sigs.k8s.io/yaml (go-yaml v2), strict, then JSON. Data first; places come from `compose` again."""

from __future__ import annotations

import base64
import binascii
from sys import intern
from typing import Any

from yaml import YAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError

from kgate.finding import Rule
from kgate.load import dialect, rules, scalars, syntax
from kgate.load.compose import TooDeep, compose
from kgate.load.fault import Fault, Parsed
from kgate.load.syntax import place_of

MAX_FAULTS = 20
"""Of one document: a thousand duplicate keys need not be told one by one."""
MAX_EXPANDED_TEXT = 64 * 1024 * 1024
"""Characters of scalars once every alias is written out."""

_TAG = "tag:yaml.org,2002:"
_STANDARD_TAGS = frozenset(
    _TAG + name
    for name in ("str", "int", "float", "bool", "null", "map", "seq", "binary", "timestamp", "set", "omap", "pairs", "merge", "value")
)
_RESOLVABLE = {_TAG + "int": int, _TAG + "float": float, _TAG + "bool": bool, _TAG + "null": type(None)}


class _Bomb(Exception):  # noqa: N818 (a condition of the text)
    def __init__(self, node: Node) -> None:
        super().__init__()
        self.node = node


def parse(text: str) -> Parsed:
    """The first document of `text`; whatever else it holds is a fault. Never raises for any text."""
    try:
        composed = compose(text)
        refused = [] if composed.root is None else dialect.faults(text, composed.root)
        builder = _Builder(aliases="*" in text, faults=refused)
        data = None if composed.root is None else builder.build(composed.root)
    except TooDeep as e:
        return _broken(syntax.too_deep(place_of(e.mark)))
    except _Bomb as e:
        message = "aliases expand to far more than was written"
        return _broken(Fault(rule=rules.ALIAS_BOMB, message=message, place=place_of(e.node.start_mark)))
    except ReaderError:
        return _broken(syntax.unprintable(text))
    except YAMLError as e:
        return _broken(syntax.fault(text, e))
    if composed.rest is not None:
        builder.fault(rules.SYNTAX, "text after the end of the document", composed.rest, "begin each document with a `---` line")
    return Parsed(data=data, faults=tuple(builder.faults))


def key_of(node: Any) -> str | None:
    """The key as JSON writes it, None for what cannot be one. Raises ValueError as `_scalar`."""
    if not isinstance(node, ScalarNode):
        return None
    tag: Any = node.tag
    text: str = node.value
    return text if isinstance(tag, tuple) and not tag[0] else scalars.key(_scalar(node))


def is_merge(node: Any) -> bool:
    """Only a plain `<<` merges; quoted, it is an ordinary key."""
    if not isinstance(node, ScalarNode) or node.value != "<<":
        return False
    tag: Any = node.tag
    return bool(tag[0]) if isinstance(tag, tuple) else tag == _TAG + "merge"


def _scalar(node: Any) -> scalars.Scalar:
    """Raises ValueError when the value is not what its written tag promises."""
    tag: Any = node.tag
    text: str = node.value
    if tag.__class__ is tuple:
        return scalars.plain(text) if tag[0] else text
    if tag == _TAG + "binary":
        return base64.b64decode(text.translate(_NO_SPACE), validate=True).decode("utf-8", "replace")
    if tag not in _RESOLVABLE:
        return text
    value = scalars.plain(text)
    if tag == _TAG + "float" and type(value) is int:
        return float(value)
    if type(value) is not _RESOLVABLE[tag]:
        raise ValueError(f"cannot be read as {tag.removeprefix(_TAG)}")
    return value


_NO_SPACE = dict.fromkeys(map(ord, " \t\r\n"))


class _Builder:
    """Builds plain data from nodes and collects the faults that leave the rest readable."""

    def __init__(self, *, aliases: bool, faults: list[Fault]) -> None:
        self.faults = faults[:MAX_FAULTS]
        self._aliases = aliases
        self._known: dict[int, tuple[Any, int, int] | None] = {}
        self._nodes = self._aliased = self._characters = 0

    def fault(self, rule: Rule, message: str, mark: Any, remediation: str | None = None) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(Fault(rule=rule, message=message, place=place_of(mark), remediation=remediation))

    def build(self, node: Node) -> Any:
        if node.__class__ is ScalarNode:
            return self._value(node)
        if not self._aliases:
            return self._mapping(node) if node.__class__ is MappingNode else self._sequence(node)
        return self._shared(node)

    def _shared(self, node: Node) -> Any:
        """Builds a node once however often aliases name it, and counts as if it were built each time (go-yaml v2, decode.go)."""
        identity = id(node)
        if identity not in self._known:
            self._known[identity] = None
            nodes, characters = self._nodes, self._characters
            self._nodes += 1
            value = self._mapping(node) if node.__class__ is MappingNode else self._sequence(node)
            self._known[identity] = (value, self._nodes - nodes, self._characters - characters)
            return value
        known = self._known[identity]
        if known is None:
            self.fault(rules.ALIAS_BOMB, "value contains itself through an alias", node.start_mark, "write the value out")
            return None
        value, size, text = known
        self._nodes += 1 + size
        self._aliased += size
        self._characters += text
        self._weigh(node)
        return value

    def _weigh(self, node: Node) -> None:
        """go-yaml's allowedAliasRatio: 99 % of up to 400,000 nodes may come from aliases, falling to 10 % at 4,000,000."""
        share = 0.99 if self._nodes <= 400_000 else max(0.10, 0.99 - 0.89 * (self._nodes - 400_000) / 3_600_000)
        excessive = self._aliased > 100 and self._nodes > 1000 and self._aliased > share * self._nodes
        if excessive or self._characters > MAX_EXPANDED_TEXT:
            raise _Bomb(node)

    def _value(self, node: Any) -> Any:
        if self._aliases:
            self._nodes += 1
            self._characters += len(node.value)
            if self._characters > MAX_EXPANDED_TEXT:
                raise _Bomb(node)
        tag = node.tag
        if tag.__class__ is tuple and not tag[0]:
            return node.value
        try:
            value = _scalar(node)
            if value.__class__ is float:
                return scalars.as_json(value)
        except (ValueError, binascii.Error):
            self.fault(rules.BAD_VALUE, f"{node.value!r} {_reason(tag)}", node.start_mark)
            return None
        if tag.__class__ is not tuple:
            self._foreign(node)
        return value

    def _foreign(self, node: Node) -> None:
        # Unlike upstream: go-yaml ignores tags it does not know. One that names another language's type (`!!python/name:`) is no accident.
        if node.tag.startswith(_TAG) and node.tag not in _STANDARD_TAGS:
            name = node.tag.removeprefix(_TAG)
            self.fault(rules.BAD_VALUE, f"tag !!{name} is none of YAML's own types", node.start_mark, "remove the tag")

    def _sequence(self, node: Any) -> list[Any]:
        if node.tag.__class__ is str:
            self._foreign(node)
        build = self.build
        return [build(item) for item in node.value]

    def _mapping(self, node: Any) -> dict[str, Any]:
        if node.tag.__class__ is str:
            self._foreign(node)
        out: dict[str, Any] = {}
        for key_node, value_node in node.value:
            tag = key_node.tag
            if tag.__class__ is tuple and key_node.value[:1] not in _SPECIAL:
                key: str | None = intern(key_node.value)  # the same few hundred keys, thousands of times
            elif is_merge(key_node):
                self._merge(out, key_node, value_node)
                continue
            else:
                key = self._key(key_node)
            value = self.build(value_node)
            if key is None:
                continue
            if key in out:
                self.fault(rules.DUPLICATE_KEY, f'key "{key}" is set twice in this mapping', key_node.start_mark)
            out[key] = value
        return out

    def _key(self, node: Any) -> str | None:
        try:
            key = key_of(node)
        except (ValueError, binascii.Error):
            self.fault(rules.BAD_VALUE, f"{node.value!r} {_reason(node.tag)}", node.start_mark)
            return None
        if key is None:
            self.fault(rules.BAD_KEY, f"{_kind(node)} is no key", node.start_mark, _key_remediation(node))
        elif node.tag.__class__ is str:
            self._foreign(node)
        return key

    def _merge(self, out: dict[str, Any], key_node: Node, value_node: Any) -> None:
        """`<<`: in strict mode a key that is set and merged is a duplicate, whichever comes first."""
        merged = self.build(value_node)
        # Earlier mappings of a list take precedence, so the later ones are laid down first.
        mappings = [merged] if isinstance(merged, dict) else list(reversed(merged)) if isinstance(merged, list) else [None]
        for mapping in mappings:
            if not isinstance(mapping, dict):
                self.fault(rules.SYNTAX, "`<<` merges a mapping or a list of mappings, and this is neither", key_node.start_mark)
                return
            for key, value in mapping.items():
                if key in out:
                    message = f'key "{key}" is set twice in this mapping: by a merge (`<<`) and beside it'
                    self.fault(
                        rules.DUPLICATE_KEY, message, key_node.start_mark, "keep one: strict decoding lets nothing override a merged key"
                    )
                out[key] = value


# First characters of a plain scalar that may be no string, or a merge.
_SPECIAL = frozenset({*"0123456789+-.~<", "", *(word[0] for word in scalars.WORDS if word)})


def _kind(node: Any) -> str:
    if not isinstance(node, ScalarNode):
        return "a list" if isinstance(node, SequenceNode) else "a mapping"
    return "null" if not node.value or node.value.lower() in ("~", "null") else node.value[:100]


def _key_remediation(node: Any) -> str | None:
    if isinstance(node, MappingNode) and node.flow_style:
        return 'quote it ("{...}"); if it is a template (`{{ }}`), render it first'
    return None


def _reason(tag: Any) -> str:
    return f"cannot be read as {tag.removeprefix(_TAG)}" if tag.__class__ is str else "has no place in JSON"


def _broken(fault: Fault) -> Parsed:
    return Parsed(faults=(fault,), broken=True)
