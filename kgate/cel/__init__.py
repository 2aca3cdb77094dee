"""The Common Expression Language as Kubernetes speaks it: compiled by the optional extra `cel`, evaluated here.

A floor below the stages: CustomResourceDefinitions, admission policies and policies of kgate's own form are written in it.
"""

from __future__ import annotations

from kgate.cel.engine import INSTALL, available
from kgate.cel.faults import BudgetError, CelError, CompileError, EvaluationError, UnknownError
from kgate.cel.interpret import CALL_LIMIT, TOTAL_LIMIT
from kgate.cel.program import Program, compiled
from kgate.cel.values import Lazy, Unknown

__all__ = [
    "CALL_LIMIT",
    "INSTALL",
    "TOTAL_LIMIT",
    "BudgetError",
    "CelError",
    "CompileError",
    "EvaluationError",
    "Lazy",
    "Program",
    "Unknown",
    "UnknownError",
    "available",
    "compiled",
]
