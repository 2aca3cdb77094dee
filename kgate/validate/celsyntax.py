"""Would the server compile a CEL expression? Told for certain or not at all: its library has functions that the engine at hand lacks.

apiserver pkg/admission/plugin/cel/compile.go. What is told are faults of syntax, names that nothing declares, and values of a wrong type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from kgate.cel import engine
from kgate.validate.crd import cel

_WHERE = re.compile(r"ERROR: <input>:(\d+):(\d+): ")
_CERTAIN = ("Syntax error: ", "reserved identifier: ", "has() argument must be a field selection")
_UNDECLARED = re.compile(r"undeclared reference to '([A-Za-z_][\w.]*)'")
_LIBRARIES = frozenset(("base64", "cel", "format", "jsonpatch", "math", "net", "optional", "proto", "regex", "sets", "strings"))
"""Names before the functions of some library: none of a variable."""
_VARIABLE = re.compile(r"(?<![\w.])variables\s*\.\s*(\w+)\b(?!\s*\()")
_KINDS: Mapping[str, str] = {"BOOL": "bool", "BYTES": "bytes", "DOUBLE": "double", "INT": "int", "STRING": "string", "UINT": "uint"}
_ANY = ("DYN", "ANY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """The engine cannot tell; the text says why."""

    why: str


def fault(
    text: str, names: frozenset[str], *, minor: int, returns: tuple[str, ...], declared: frozenset[str] | None = None
) -> str | Unknown:
    """What is wrong with it in the server's words, nothing where it is right. `returns`: `bool`, `string`...; empty for anything.

    `names` are the variables of the environment, `minor` is 36 of 1.36. `declared`: those below `variables`, where there are such.
    """
    if len(text) > cel.MAX_EXPRESSION:
        return Unknown(why=f"it has more than {cel.MAX_EXPRESSION} characters")
    bare = cel.bare(text)
    try:
        kind = engine.environment(minor - 1, tuple(sorted(names)), False).compile(text).return_type().name()
    except Exception as e:  # of whatever type: the text is anybody's
        return _broken(str(e), text, bare)
    for found in _VARIABLE.finditer(bare) if declared is not None else ():
        if declared is not None and found[1] not in declared:
            return f"compilation failed: undefined field '{found[1]}'"
    if returns and kind not in _ANY and kind in _KINDS and _KINDS[kind] not in returns:
        wanted = returns[0] if len(returns) == 1 else f"one of [{' '.join(returns)}]"
        return f"must evaluate to {wanted} but got {_KINDS[kind]}"
    return ""


def _broken(said: str, text: str, bare: str) -> str | Unknown:
    """The first error that is certainly the server's as well."""
    lines = [line for line in said.splitlines() if _WHERE.search(line)]
    for line in lines:
        where = _WHERE.search(line)
        what = line[where.end() :].replace(" [INVALID_ARGUMENT]", "") if where else ""
        name = _UNDECLARED.match(what)
        if where and what.startswith(_CERTAIN):
            return f"compilation failed: ERROR: <input>:{where[1]}:{where[2]}: {what}"
        if where and name and _is_variable(first := name[1].partition(".")[0], bare):
            column = _column(first, int(where[1]), text)
            return f"compilation failed: ERROR: <input>:{where[1]}:{column}: undeclared reference to '{first}' (in container '')"
    return Unknown(why=(_WHERE.sub("", lines[0]) if lines else "the engine gives no reason").replace("INVALID_ARGUMENT: ", "")[:200])


def _column(name: str, line: int, text: str) -> int:
    """Of the first `name` that is a variable in the line."""
    found = re.search(rf"(?<![\w.]){name}\b", text.split("\n")[line - 1])
    return found.start() + 1 if found else 1


def _is_variable(name: str, bare: str) -> bool:
    """It stands where only a variable can: neither is it called, nor a type, nor bound by a macro that the engine may not know."""
    if not name[0].islower() or name in _LIBRARIES or "cel." in bare:
        return False
    called, bound, selected = rf"\b{name}\s*[({{]", rf"\(\s*{name}\s*,|,\s*{name}\s*,", rf"(?<![\w.]){name}\b"
    return not re.search(called, bare) and not re.search(bound, bare) and bool(re.search(selected, bare))
