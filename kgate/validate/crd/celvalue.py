"""What CEL sees of a value: the schema decides its types, the names of its fields, and what is there at all.

apiserver pkg/cel/common/{schemas,valuesunstructured}.go, pkg/cel/escaping.go.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kgate.validate.crd.structural import Structural

_RESERVED = frozenset(
    (
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop"),
        *("package", "namespace", "return", "var", "void", "while"),
    )
)
_ESCAPED = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_TO_ESCAPE = re.compile(r"__|[-./]")
_NAME = re.compile(r"[A-Za-z_./-][A-Za-z0-9_./-]*").fullmatch
_OTHER_TYPES = ("byte", "duration", "date", "date-time")
"""Formats of strings that CEL holds as bytes, durations and times."""
_TEXT = Structural(types=("string",), declared=True)
_META = Structural(types=("object",), properties={"name": _TEXT, "generateName": _TEXT}, declared=True)
_ROOT = {"apiVersion": _TEXT, "kind": _TEXT, "metadata": _META}


class InexactError(Exception):
    """The value is not what its schema says, or no value of CEL; the text says so."""


@dataclass(slots=True, kw_only=True)
class Converted:
    """A value for CEL, and what decides whether an expression may be asked about it."""

    plain: Any = None
    ordered: Any = None
    """The same with its sets and maps in an order of their own."""
    nodes: int = 0
    widest: int = 0
    """Items of the largest list or object."""
    longest: int = 0
    """Characters of the longest text."""
    characters: int = 0
    doubles: bool = False
    unordered: bool = False
    """It has a list of several items whose order does not count."""
    old: Converted | None = None
    """What `oldSelf` is; the sizes are then those of both."""
    doubtful: set[str] = field(default_factory=set)
    """The fields whose value could not be told to CEL; an empty name for one in no field."""


def escaped(name: str) -> str | None:
    """The name of a field in CEL; None where it has none."""
    if name in _RESERVED:
        return f"__{name}__"
    return _TO_ESCAPE.sub(lambda m: _ESCAPED[m[0]], name) if _NAME(name) else None


def converted(value: Any, schema: Structural, *, root: bool) -> Converted:
    """`root`: of a resource. Raises InexactError."""
    out = Converted()
    out.plain = _value(value, schema, root, "", out, False)
    out.ordered = _value(value, schema, root, "", Converted(), True) if out.unordered else out.plain
    return out


def beside(new: Converted, old: Converted) -> Converted:
    """`new` as `self` and `old` as `oldSelf`."""
    return replace(
        new,
        nodes=new.nodes + old.nodes,
        widest=max(new.widest, old.widest),
        longest=max(new.longest, old.longest),
        characters=new.characters + old.characters,
        doubles=new.doubles or old.doubles,
        unordered=new.unordered or old.unordered,
        old=old,
        doubtful=new.doubtful | old.doubtful,
    )


def unknown(chain: Iterable[str], s: Structural, *, root: bool) -> str:
    """The first field of `self.a.b` that CEL's type of the value does not have; empty when it has all, or might."""
    for name in chain:
        if s.types != ("object",):
            return "" if s.types != ("string",) else name
        if isinstance(s.additional, Structural):
            s = s.additional
            root = s.embedded
            continue
        known = _root(s) if root else s.properties
        found = next((child for key, child in known.items() if child.declared and escaped(key) == name), None)
        if found is None:
            return name
        s, root = found, found.embedded
    return ""


def _value(x: Any, s: Structural, root: bool, name: str, out: Converted, ordered: bool) -> Any:
    out.nodes += 1
    if x is None:
        return None
    if isinstance(x, Mapping):
        return _mapping(x, s, root, name, out, ordered)
    if isinstance(x, list):
        return _list(x, s, name, out, ordered)
    if isinstance(x, str):
        return _text(x, s, name, out)
    return _number(x, s, out)


def _text(x: str, s: Structural, name: str, out: Converted) -> str:
    if "string" not in s.types:
        raise InexactError("a text where the schema has none")
    if len(s.types) == 1 and s.values.get("format") in _OTHER_TYPES:
        out.doubtful.add(name)
    out.longest, out.characters = max(out.longest, len(x)), out.characters + len(x)
    return _plain(x)


def _plain(text: str) -> str:
    """Raises InexactError for what the engine cuts off or cannot hold."""
    try:
        text.encode()
    except UnicodeEncodeError as e:
        raise InexactError("a text that is no Unicode") from e
    if "\0" in text:
        raise InexactError("a text with a null character")
    return text


def _number(x: Any, s: Structural, out: Converted) -> Any:
    if isinstance(x, bool):
        if s.types != ("boolean",):
            raise InexactError("a boolean where the schema has none")
        return x
    if s.types == ("number",) and isinstance(x, (int, float)):
        out.doubles = True
        return float(x) if abs(x) < 1e300 else _beyond()
    whole = int(x) if isinstance(x, float) and x.is_integer() and s.types == ("integer",) else x
    if "integer" not in s.types or not isinstance(whole, int):
        raise InexactError("a number of another type than the schema's")
    return whole if -(2**63) <= whole < 2**63 else _beyond()


def _beyond() -> Any:
    raise InexactError("a number that does not fit")


def _list(x: list[Any], s: Structural, name: str, out: Converted, ordered: bool) -> list[Any]:
    if s.types != ("array",) or s.items is None:
        raise InexactError("a list where the schema has none")
    out.widest = max(out.widest, len(x))
    items = s.items
    made = [_value(item, items, items.embedded, name, out, ordered) for item in x]
    if s.list_type in ("set", "map") and len(x) > 1:
        out.unordered = True
        if ordered:
            made.sort(key=lambda item: json.dumps(item, sort_keys=True))
    return made


def _mapping(x: Mapping[str, Any], s: Structural, root: bool, name: str, out: Converted, ordered: bool) -> dict[str, Any]:
    if s.types != ("object",):
        raise InexactError("an object where the schema has none")
    out.widest = max(out.widest, len(x))
    fields = _root(s) if root else s.properties
    if not fields and isinstance(s.additional, Structural):
        of = s.additional
        out.longest = max(out.longest, max(map(len, x), default=0))
        return {_plain(key): _value(value, of, of.embedded, name, out, ordered) for key, value in x.items()}
    made: dict[str, Any] = {}
    for key, value in x.items():
        known = fields.get(key)
        written = escaped(key) if known is not None and known.declared and value is not None else None
        if written is None or known is None:
            made[f" {_plain(key)}"] = _hidden(value, out)  # no expression can name it, but it counts where objects are compared
        else:
            made[written] = _value(value, known, known.embedded, written, out, ordered)
    return made


def _root(s: Structural) -> Mapping[str, Structural]:
    """WithTypeAndObjectMeta: of metadata the name, unless the schema itself says more."""
    said = s.properties.get("metadata")
    whole = said is not None and all(n in said.properties for n in ("name", "generateName"))
    return s.properties if whole and all(n in s.properties for n in ("kind", "apiVersion")) else {**s.properties, **_ROOT}


def _hidden(value: Any, out: Converted) -> str:
    """Compared as a whole."""
    told = json.dumps(value, sort_keys=True, default=str)
    out.characters += len(told)
    return told
