"""The compiler of the optional extra `cel`, cel-expr-python: it reads and checks expressions, and matches regular expressions.

What it compiles is evaluated by kgate itself (interpret.py): its values have no types of Kubernetes, and no budget.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from typing import Any

from kgate.cel import declarations
from kgate.cel.faults import CompileError, EvaluationError, UnknownError

INSTALL = "pip install 'kgate[cel]'"
AUTHORIZER = "authorizer"
_WHERE = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")


def available() -> bool:
    return _module() is not None


@lru_cache(maxsize=1)
def _module() -> Any:
    """None where the extra is not installed, or is of a release that has changed its ways, which is as good as none."""
    try:
        module: Any = import_module("cel_expr_python.cel")  # by its name: it brings no types, and may not be there
        assert hasattr(module.NewEnv(variables={}).compile("true"), "serialize")
    except Exception:
        return None
    return module


@lru_cache(maxsize=64)
def environment(minor: int, names: tuple[str, ...], beyond: bool) -> Any:
    """Raises CompileError where there is no compiler."""
    module = _module()
    if module is None:
        raise CompileError(f"kgate's extra cel is not installed: {INSTALL}")
    kinds = module.Type
    variables = {name: _variable(kinds, name) for name in names}
    config = module.NewEnvConfigFromYaml(json.dumps(declarations.config(minor, beyond=beyond)))
    return module.NewEnv(config=config, variables=variables)


def _variable(kinds: Any, name: str) -> Any:
    if name == AUTHORIZER:
        return kinds.AbstractType("kubernetes.authorization.Authorizer")
    if name == "authorizer.requestResource":
        return kinds.AbstractType("kubernetes.authorization.ResourceCheck")
    return kinds.DYN


def checked(text: str, minor: int, names: Iterable[str], *, beyond: bool, unchecked: bool = False) -> tuple[bytes, str]:
    """The expression serialised, and the name of its type. Raises CompileError with the first that is wrong."""
    env = environment(minor, tuple(sorted(names)), beyond)
    try:
        expression = env.compile(text, disable_check=unchecked)
        return expression.serialize(), str(expression.return_type().name())
    except Exception as error:  # of whatever type: the text is anybody's
        raise _fault(str(error)) from None


def _fault(said: str) -> CompileError:
    found = _WHERE.search(said)
    if found is None:
        first = (said.strip().splitlines() or ["the compiler gives no reason"])[0]
        return CompileError(first.removeprefix("INVALID_ARGUMENT: "))
    message = found[3].replace(" [INVALID_ARGUMENT]", "").strip()
    return CompileError(message, line=int(found[1]), column=int(found[2]))


_SHORT = 500
"""Characters of what is kept."""
_NATIVE = "name: kgate\nextensions:\n- name: regex\n"


@lru_cache(maxsize=8)
def _compiled(expression: str) -> tuple[Any, Any]:
    module = _module()
    assert module is not None
    kinds = module.Type
    env = module.NewEnv(
        config=module.NewEnvConfigFromYaml(_NATIVE + "- name: optional\n"), variables={"text": kinds.STRING, "pattern": kinds.STRING}
    )
    return env, env.compile(expression)


def native(expression: str, *, text: str, pattern: str) -> Any:
    """What the engine itself makes of `expression`. Raises EvaluationError."""
    if "\0" in text or "\0" in pattern:  # where the engine would end them
        raise UnknownError("a text with a null character is not matched here")
    known = _asked if len(text) + len(pattern) <= _SHORT else _asked.__wrapped__
    return known(expression, text, pattern)


@lru_cache(maxsize=4096)
def _asked(expression: str, text: str, pattern: str) -> Any:
    env, compiled = _compiled(expression)
    try:
        answer = compiled.eval(env.Activation({"text": text, "pattern": pattern}))
        if answer.type().name() == "ERROR":
            raise EvaluationError(str(answer.value()).splitlines()[0])
        return answer.plain_value()
    except EvaluationError:
        raise
    except Exception as error:  # of whatever type: the engine is foreign
        raise EvaluationError((str(error).splitlines() or ["no reason"])[0]) from None
