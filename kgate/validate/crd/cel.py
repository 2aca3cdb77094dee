"""CEL behind a narrow seam: an expression becomes a Program or a reason, a Program with a value an answer or a reason.

The room kgate.cel compiles and evaluates. What the schema's values are not certain to be is a reason here, never an answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from kgate import cel
from kgate.validate.crd.celvalue import Converted

MAX_EXPRESSION = 5_000
"""Characters of an expression."""
MAX_COST = 300_000
"""Of one evaluation, as the server counts."""
NEWEST = 37
INSTALL = "install kgate[cel]"
NO_OLD, SOME_OLD = "optional.none()", "optional.of(oldSelf)"

_NAMES = frozenset(("self", "oldSelf"))
_ANSWERS = ("BOOL", "STRING", "DYN")
_NEAR = 64
_LITERAL = re.compile(
    r"//[^\n]*|[bB]?[rR][bB]?(?:'''.*?'''|\"\"\".*?\"\"\"|'[^'\n]*'|\"[^\"\n]*\")"
    r"|[bB]?(?:'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\"|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")",
    re.DOTALL,
)
_OLD_SELF = re.compile(r"(?<![\w.])oldSelf\b(?!\s*:)")
_CHAIN = re.compile(r"(?<![\w.])self((?:\s*\.\s*\??\s*\w+\b(?!\s*\())+)")
_LISTS_COMPARED = re.compile(r"[!=]=\s*\[|\]\s*[!=]=(?!\s*(?:''|[0-9-]|true\b|false\b|null\b))")
_NO_LIST_BEFORE = re.compile(r"(?:''|(?<![\w.])[0-9]+|\bsize\s*\(\s*\)|:\s*[0-9]+\s*\))\s*$")
_NO_LIST_BEHIND = re.compile(r"\s*(?:''|[0-9]+)(?!\s*[.\w\[])")
_MAX_MESSAGE = 5 * 1024


class UnsureError(Exception):
    """Not evaluated; the text says why."""


class CostError(UnsureError):
    """It costs more than it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    bare: str
    """The expression without its literals and comments."""
    expression: cel.Program = field(repr=False)


def available() -> bool:
    return cel.available()


@lru_cache(maxsize=4096)
def program(text: str, *, old: str = "", minor: int = NEWEST) -> Program | str:
    """`old` is what stands for `oldSelf`: NO_OLD where it has no value, as when an object is created. `minor` is 36 of 1.36."""
    if not cel.available():
        return INSTALL
    if len(text) > MAX_EXPRESSION:
        return f"it has more than {MAX_EXPRESSION} characters"
    if old:
        text = _replaced(text, old)
    try:
        expression = cel.compiled(text, _NAMES, minor - 1)
    except cel.CompileError as error:
        return f"{error.line}:{error.column}: {error.message}" if error.line else error.message
    except cel.CelError as error:
        return error.message
    if expression.kind not in _ANSWERS:
        return f"its value is of type {expression.kind}"
    return Program(bare=bare(text), expression=expression)


def bare(text: str) -> str:
    """The expression without its literals and comments."""
    return _LITERAL.sub(lambda m: "''" if not m[0].startswith("//") else " ", text)


def holds(rule: Program, value: Converted, limit: int = MAX_COST) -> tuple[bool, int]:
    """The answer and what it cost. Raises UnsureError, also where it costs more than `limit`."""
    if value.unordered and (_LISTS_COMPARED.search(rule.bare) or _joins(rule.bare)):
        raise UnsureError("it may compare or join lists whose order does not count")
    answer, cost = evaluated(rule, value, ordered=False, limit=limit)
    if value.unordered and _bool(evaluated(rule, value, ordered=True, limit=limit)[0]) is not _bool(answer):
        raise UnsureError("its answer depends on the order of a list whose order does not count")
    return _bool(answer), cost


def text(message: Program, value: Converted) -> str | None:
    """What a messageExpression says; None where it says nothing that the server would take."""
    try:
        answer, _ = evaluated(message, value, ordered=False, limit=MAX_COST)
    except UnsureError:
        return None
    said = answer.strip() if isinstance(answer, str) else ""
    return said if said and "\n" not in said and len(said.encode("utf-8", "replace")) <= _MAX_MESSAGE else None


def evaluated(what: Program, value: Converted, *, ordered: bool, limit: int) -> tuple[Any, int]:
    """Raises UnsureError."""
    if value.doubtful & set(re.findall(r"\w+", what.bare)) or "" in value.doubtful:
        raise UnsureError("it reads a value that CEL holds as time, duration or bytes")
    try:
        return what.expression.evaluate(_variables(value, ordered=ordered), limit)
    except cel.BudgetError:
        raise CostError("it may take too long") from None
    except cel.CelError as error:
        raise UnsureError(error.message) from error


def _variables(value: Converted, *, ordered: bool) -> dict[str, Any]:
    told = {"self": value} | ({"oldSelf": value.old} if value.old is not None else {})
    return {name: one.ordered if ordered else one.plain for name, one in told.items()}


def _joins(bare: str) -> bool:
    """Whether it may join lists: a `+` stands in it with neither a number nor a text at its side."""
    return any(
        not _NO_LIST_BEFORE.search(bare[: m.start()][-_NEAR:]) and not _NO_LIST_BEHIND.match(bare, m.end())
        for m in re.finditer(r"\+", bare)
    )


def fields(what: Program) -> list[list[str]]:
    """The fields that the expression names below `self`, in CEL's names, each as a chain."""
    return [re.findall(r"\w+", m[1]) for m in _CHAIN.finditer(what.bare)]


def _bool(answer: Any) -> bool:
    if not isinstance(answer, bool):
        raise UnsureError("its value is neither true nor false")
    return answer


def _replaced(expression: str, old: str) -> str:
    out, at = "", 0
    for m in _LITERAL.finditer(expression):
        out += _OLD_SELF.sub(old, expression[at : m.start()]) + m[0]
        at = m.end()
    return out + _OLD_SELF.sub(old, expression[at:])
