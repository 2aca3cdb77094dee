"""What becomes of an expression that gives no value."""

from __future__ import annotations


class CelError(Exception):
    """There is no value; `message` says why in the server's words where they are known."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class EvaluationError(CelError):
    """The server has no value either: it answers with an error."""


class UnknownError(CelError):
    """The server would have a value; here it is not known, or not certain."""


class BudgetError(UnknownError):
    """It costs more than the server lets an expression cost, as far as costs are counted here."""


class CompileError(CelError):
    """`message` is the compiler's, one line; `line` and `column` are 1-based and 0 where it tells none."""

    def __init__(self, message: str, *, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


def no_overload() -> EvaluationError:
    return EvaluationError("no such overload")
