"""An expression, compiled once and evaluated as often as there is something to ask it about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from kgate.cel import engine, syntax
from kgate.cel.faults import CompileError, UnknownError
from kgate.cel.interpret import CALL_LIMIT, State, Step, closure
from kgate.cel.syntax import Node

MAX_EXPRESSION = 100_000
"""Characters of an expression."""
_DEEP = "it is nested deeper than kgate follows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    text: str
    kind: str
    """Of its value, as the compiler names it: BOOL, STRING, DYN, LIST<DYN>..."""
    root: Node = field(repr=False)
    positions: Mapping[int, int] = field(repr=False)
    run: Step = field(repr=False)
    parts: dict[int, tuple[Node, Step]] = field(default_factory=dict, repr=False, compare=False)
    """Nodes that were asked alone, by identity. A cache."""

    def evaluate(self, names: Mapping[str, Any], budget: int = CALL_LIMIT) -> tuple[Any, int]:
        """The value and what it cost. Raises CelError.

        `names` are values of CEL, which what JSON holds is; Unknown stands for what only a cluster has.
        """
        state = State(dict(names), budget)
        try:
            value = self.run(state)
        except RecursionError:
            raise UnknownError(_DEEP) from None
        state.pay(0)
        return value, budget - state.left

    def part(self, node: Node, names: Mapping[str, Any]) -> Any:
        """The value of one node of this expression, or of one that it is made of. Raises CelError."""
        if (known := self.parts.get(id(node))) is None:
            known = self.parts[id(node)] = (node, closure(node))
        try:
            return known[1](State(dict(names), CALL_LIMIT))
        except RecursionError:
            raise UnknownError(_DEEP) from None


@lru_cache(maxsize=4096)
def compiled(text: str, names: frozenset[str], minor: int, beyond: bool = False) -> Program:
    """`minor` is of the libraries: those of 1.35 for a server of 1.36, which takes no expression that its predecessor would not.

    Raises CompileError for what the server would not take either, and UnknownError for what is not evaluated here.
    """
    if len(text) > MAX_EXPRESSION:
        raise UnknownError(f"it has more than {MAX_EXPRESSION} characters")
    if "\0" in text:
        raise UnknownError("it has a null character")
    serialised, kind = engine.checked(text, minor, names, beyond=beyond)
    return made(text, serialised, kind)


def made(text: str, serialised: bytes, kind: str) -> Program:
    """Raises UnknownError."""
    try:
        found = syntax.read(serialised)
        return Program(text=text, kind=kind, root=found.root, positions=found.positions, run=closure(found.root))
    except RecursionError:
        raise UnknownError(_DEEP) from None


__all__ = ["CompileError", "Program", "compiled", "made"]
