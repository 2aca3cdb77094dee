"""A function that expressions call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kgate.cel.faults import BudgetError

MOST = 10_000_000
"""Characters or items that one call may make."""


@dataclass(frozen=True, slots=True)
class Function:
    do: Callable[..., Any]
    """Takes the receiver first, where it is a member. Raises CelError; TypeError stands for `no such overload`."""
    arity: tuple[int, ...]
    cost: Callable[..., int] | None = None
    """1 when None."""


def walked(*values: Any) -> int:
    """A tenth of the length of every text and list."""
    return 1 + sum(len(v) for v in values if v.__class__ in (str, bytes, list)) // 10


def bounded(length: int) -> None:
    """Raises BudgetError before something is made that is longer than MOST."""
    if length > MOST:
        raise BudgetError(f"it makes more than {MOST} characters or items")
