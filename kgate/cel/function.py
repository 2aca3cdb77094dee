"""A function that expressions call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kgate.cel.faults import BudgetError

MOST = 10_000_000
"""Characters or items that one call may make."""
MOST_ITEMS = 500_000
"""That one call may walk through."""


@dataclass(frozen=True, slots=True)
class Function:
    do: Callable[..., Any]
    """Takes the receiver first, where it is a member. Raises CelError; TypeError stands for `no such overload`."""
    arity: tuple[int, ...]
    cost: Callable[..., int] | None = None
    """1 when None."""


def walked(*values: Any) -> int:
    """A tenth of what a walk through the values meets. Raises BudgetError."""
    return 1 + sum(weight(v) for v in values) // 10


def weight(value: Any) -> int:
    """Characters of texts, and items at every depth: lists that hold one list many times are walked as often as they hold it.

    Raises BudgetError beyond MOST_ITEMS.
    """
    kind = value.__class__
    if kind is str or kind is bytes:
        return len(value)
    if kind is not list and kind is not dict:
        return 1
    found, items, waiting = 0, 0, [value]
    while waiting:
        one = waiting.pop()
        kind = one.__class__
        if kind is str:
            found += len(one)
        elif kind is list or kind is dict:
            items += len(one)
            if items > MOST_ITEMS:
                raise BudgetError(f"it walks through more than {MOST_ITEMS} items")
            waiting.extend(one.values() if kind is dict else one)
    return found + items


def bounded(length: int) -> None:
    """Raises BudgetError before something is made that is longer than MOST."""
    if length > MOST:
        raise BudgetError(f"it makes more than {MOST} characters or items")
