"""CEL behind a narrow seam: an expression becomes a Program or a reason, a Program with a value an answer or a reason.

The engine is cel-expr-python, the optional extra `cel`. It has no budget of its own, so what an expression may cost is estimated
beforehand, from its loops and from the size of the value: no clock decides. What the engine lacks or reads in another way than the
server (apiserver pkg/cel/environment/base.go) is a reason, never an answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import Any

from kgate.validate.crd import celfunctions
from kgate.validate.crd.celvalue import Converted

MAX_EXPRESSION = 5_000
"""Characters of an expression."""
MAX_COST = 300_000
"""Of one evaluation, in rounds of loops, each weighed with the size of the value."""
MAX_LOOPS = 32
MAX_MATCHED = 20_000
"""Characters of a text that a regular expression is applied to."""
_NEAR = 64
INSTALL = "install kgate[cel]"
NO_OLD, SOME_OLD = "optional.none()", "optional.of(oldSelf)"

_ANSWERS = ("BOOL", "STRING", "DYN")
_CONFIG = "name: kgate\nextensions:\n- name: strings\n- name: optional\n- name: sets\n- name: two-var-comprehensions\n"
_LITERAL = re.compile(
    r"//[^\n]*|[bB]?[rR][bB]?(?:'''.*?'''|\"\"\".*?\"\"\"|'[^'\n]*'|\"[^\"\n]*\")"
    r"|[bB]?(?:'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\"|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")",
    re.DOTALL,
)
_OLD_SELF = re.compile(r"(?<![\w.])oldSelf\b(?!\s*:)")
_CHAIN = re.compile(r"(?<![\w.])self((?:\s*\.\s*\??\s*\w+\b(?!\s*\())+)")
_LOOP = re.compile(r"\.\s*(?:all|exists|exists_one|existsOne|map|filter|transformList|transformMap|transformMapEntry)\s*(?=\()")
_MAKING = re.compile(r"\.\s*(?:map|transformList|transformMap|transformMapEntry)\s*\(")
_GROWING = re.compile(r"\b(?:replace|join|format|quote)\s*\(")
_SPLITTING = re.compile(r"\bsplit\s*\(")
_COMPUTED = re.compile(r"\bmatches\s*\((?!\s*''\s*\))")
_MATCHING = re.compile(r"\bmatches\s*\(")
_LISTS_COMPARED = re.compile(r"[!=]=\s*\[|\]\s*[!=]=(?!\s*(?:''|[0-9-]|true\b|false\b|null\b))")
_NO_LIST_BEFORE = re.compile(r"(?:''|(?<![\w.])[0-9]+|\bsize\s*\(\s*\)|:\s*[0-9]+\s*\))\s*$")
_NO_LIST_BEHIND = re.compile(r"\s*(?:''|[0-9]+)(?!\s*[.\w\[])")
_DOUBLE_TO_TEXT = re.compile(r"\bstring\s*\(|\bformat\s*\(|\bint\s*\(")
_UNSURE = re.compile(r"\b(?:reverse|transformMap|transformMapEntry|format|quote|lastIndexOf)\s*\(")
"""Functions that the server does not have at every version, or of which the engine's are not exactly its own."""


class UnsureError(Exception):
    """Not evaluated; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    bare: str
    """The expression without its literals and comments."""
    loops: int
    depth: int
    """Of loops in loops."""
    literal: int
    """Characters of the longest literal."""
    repeats: bool
    """Its regular expressions may count repetitions, which takes an engine of linear time long too."""
    expression: Any = field(repr=False)


def available() -> bool:
    return _engine() is not None


@lru_cache(maxsize=4096)
def program(text: str, *, old: str = "") -> Program | str:
    """`old` is what stands for `oldSelf`: NO_OLD where it has no value, as when an object is created."""
    engine = _engine()
    if engine is None:
        return INSTALL
    if len(text) > MAX_EXPRESSION:
        return f"it has more than {MAX_EXPRESSION} characters"
    if old:
        text = _replaced(text, old)
    without = bare(text)
    try:
        expression = engine.compile(text)
        kind = expression.return_type().name()
    except Exception as e:  # of whatever type: the text is anybody's
        return _first(e)
    if kind not in _ANSWERS:
        return f"its value is of type {kind}"
    literals = [m[0] for m in _LITERAL.finditer(text)]
    return Program(
        bare=without,
        loops=len(_LOOP.findall(without)),
        depth=_depth(without),
        literal=max(map(len, literals), default=0),
        repeats=any("{" in one for one in literals) or bool(_COMPUTED.search(without)),
        expression=expression,
    )


def bare(text: str) -> str:
    """The expression without its literals and comments."""
    return _LITERAL.sub(lambda m: "''" if not m[0].startswith("//") else " ", text)


def holds(rule: Program, value: Converted) -> bool:
    """Raises UnsureError."""
    if found := _UNSURE.search(rule.bare):
        raise UnsureError(f"{found[0].rstrip('( ')} is not certain to be the server's")
    if value.unordered and (_LISTS_COMPARED.search(rule.bare) or _joins(rule.bare)):
        raise UnsureError("it may compare or join lists whose order does not count")
    answer = _bool(evaluated(rule, value, ordered=False))
    if value.unordered and _bool(evaluated(rule, value, ordered=True)) is not answer:
        raise UnsureError("its answer depends on the order of a list whose order does not count")
    return answer


def text(message: Program, value: Converted) -> str | None:
    """What a messageExpression says; None where it says nothing that the server would take."""
    try:
        answer = evaluated(message, value, ordered=False)
    except UnsureError:
        return None
    said = answer.strip() if isinstance(answer, str) else ""
    return said if said and "\n" not in said and len(said.encode("utf-8", "replace")) <= _MAX_MESSAGE else None


_MAX_MESSAGE = 5 * 1024


def evaluated(what: Program, value: Converted, *, ordered: bool) -> Any:
    """Raises UnsureError."""
    if value.doubtful & set(re.findall(r"\w+", what.bare)) or "" in value.doubtful:
        raise UnsureError("it reads a value that CEL holds as time, duration or bytes")
    if value.doubles and _DOUBLE_TO_TEXT.search(what.bare):
        raise UnsureError("it may turn a floating point number into another form")
    if cost(what, value) > MAX_COST:
        raise UnsureError("it may take too long")
    try:
        answer = what.expression.eval(_engine().Activation(_variables(value, ordered=ordered)))
        if answer.type().name() == "ERROR":
            raise UnsureError(_first(answer.value()))
        return answer.value()
    except UnsureError:
        raise
    except Exception as e:  # of whatever type: the engine is foreign
        raise UnsureError(_first(e)) from e


def _variables(value: Converted, *, ordered: bool) -> dict[str, Any]:
    told = {"self": value} | ({"oldSelf": value.old} if value.old is not None else {})
    return {name: one.ordered if ordered else one.plain for name, one in told.items()}


def cost(what: Program, value: Converted) -> int:
    """Rounds of loops; where an expression makes its own lists or texts longer, every loop and every such call may multiply them."""
    written = what.bare.count(",") + what.bare.count("+") + what.bare.count("[") + 1
    growing, joined = len(_GROWING.findall(what.bare)), "+" in what.bare
    textual = growing or joined or _SPLITTING.search(what.bare)
    widest = max(value.widest, written, 2, max(value.longest, what.literal) + 2 if textual else 0)
    rounds = what.depth
    if growing or joined:
        widest, rounds = widest * (written if joined else 1), what.loops + growing
    elif len(_MAKING.findall(what.bare)) > 1:
        rounds = what.loops  # lists of lists of lists, made of one another
    if rounds > MAX_LOOPS or (value.longest > MAX_MATCHED and _MATCHING.search(what.bare)):
        return MAX_COST + 1
    per = 1 + (value.nodes + value.characters // 16) // 100
    if _MATCHING.search(what.bare):
        per += value.longest // 50 * (50 if what.repeats else 1)
    return min(int(widest**rounds), MAX_COST + 1) * max(what.loops, 1) * per


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


def _depth(bare: str) -> int:
    """Of loops within the parentheses of loops."""
    starts = {m.end() for m in _LOOP.finditer(bare)}
    stack: list[bool] = []
    deepest = 0
    for i, c in enumerate(bare):
        if c == "(":
            stack.append(i in starts)
            deepest = max(deepest, sum(stack))
        elif c == ")" and stack:
            stack.pop()
    return deepest


def _replaced(expression: str, old: str) -> str:
    out, at = "", 0
    for m in _LITERAL.finditer(expression):
        out += _OLD_SELF.sub(old, expression[at : m.start()]) + m[0]
        at = m.end()
    return out + _OLD_SELF.sub(old, expression[at:])


def _first(error: object) -> str:
    """The first line of what the engine says, without its own words around it."""
    said = str(error).strip().splitlines() or ["the engine gives no reason"]
    return re.sub(r"^[A-Z_]+: (?:ERROR: )?(?:<input>:)?", "", said[0])[:200]


@lru_cache(maxsize=1)
def _engine() -> Any:
    """The environment; None where the extra is not installed."""
    try:
        return environment(("self", "oldSelf"))
    except Exception:  # none there, or a release that has changed its ways, which is as good as none
        return None


def environment(names: Iterable[str]) -> Any:
    """One with these variables of any type."""
    cel: Any = import_module("cel_expr_python.cel")  # by its name: it brings no types, and may not be there
    config = cel.NewEnvConfigFromYaml(_CONFIG)
    return cel.NewEnv(config=config, variables=dict.fromkeys(names, cel.Type.DYN), functions=celfunctions.all_of(cel))
