"""One request before one policy with one binding and one set of parameters (apiserver plugin/policy/validating/validator.go)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kgate.cel import CALL_LIMIT, TOTAL_LIMIT, BudgetError, CelError, Lazy, Program, Unknown, UnknownError
from kgate.cel.values import type_of
from kgate.manifest import Path
from kgate.policy.admission import place
from kgate.policy.admission.policies import Compiled, Policy, Validation
from kgate.policy.admission.request import Request

_MAX_MESSAGE = 5 * 1024
_AUTHORIZER = Unknown("the authorizer is known to the API server alone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    index: int | None
    """Of the validation; None where another part of the policy failed."""
    message: str
    path: Path = ()
    """Of the node that it is about, in the object as it stands in the request."""


class Asking:
    """The names that expressions see, and what may still be spent."""

    def __init__(self, policy: Policy, request: Request, params: Any, namespace: Any) -> None:
        self.compiled: Compiled = policy.compiled
        self.left = TOTAL_LIMIT
        self.names: dict[str, Any] = {
            "object": request.object,
            "oldObject": request.old_object,
            "request": request.told,
            "namespaceObject": namespace,
            "authorizer": _AUTHORIZER,
            "authorizer.requestResource": _AUTHORIZER,
            "variables": Lazy(self.compiled.variables, lambda name: self.value(self.compiled.variables[name])),
        }
        if policy.param_kind is not None:
            self.names["params"] = params

    def value(self, program: Program) -> Any:
        """Raises CelError."""
        value, cost = program.evaluate(self.names, min(CALL_LIMIT, self.left))
        self.left -= cost
        if self.left < 0:
            raise BudgetError("the policy costs more than the server lets it cost")
        return value


def denials(policy: Policy, request: Request, params: Any, namespace: Any) -> tuple[list[Denial], list[str]]:
    """What the policy says against the request, and why it could not be asked wholly."""
    asking = Asking(policy, request, params, namespace)
    try:
        concerned = _concerned(asking)
    except UnknownError as error:
        return [], [error.message]
    except CelError as error:
        return _error(policy, None, error.message)
    if not concerned:
        return [], []
    found: list[Denial] = []
    unknown: list[str] = []
    for validation in asking.compiled.validations:
        more, why = _validated(policy, asking, validation, request)
        found += more
        unknown += why
    more, why = _annotated(policy, asking)
    return [*found, *more], [*unknown, *why]


def _concerned(asking: Asking) -> bool:
    """All match conditions hold. One that does not hold decides, whatever the others say (matchconditions/matcher.go)."""
    wrong: CelError | None = None
    for name, program in asking.compiled.conditions:
        try:
            if asking.value(program) is not True:
                return False
        except CelError as error:
            if wrong is None or isinstance(error, UnknownError):
                text = f"match condition {name}: {_said(program.text, error)}"
                wrong = UnknownError(error.message) if isinstance(error, UnknownError) else type(error)(text)
    if wrong is not None:
        raise wrong
    return True


def _validated(policy: Policy, asking: Asking, validation: Validation, request: Request) -> tuple[list[Denial], list[str]]:
    try:
        if asking.value(validation.program) is True:
            return [], []
    except UnknownError as error:
        return [], [f"validation {validation.index}: {error.message}"]
    except CelError as error:
        return _error(policy, validation.index, _said(validation.text, error))
    path = place.of(validation.program, asking.names, asking.compiled.variables)
    return [Denial(index=validation.index, message=_message(asking, validation), path=path)], []


def _error(policy: Policy, index: int | None, message: str) -> tuple[list[Denial], list[str]]:
    return ([Denial(index=index, message=message)] if policy.fails else []), []


def _said(text: str, error: CelError) -> str:
    return f"expression '{text.strip()}' resulted in error: {error.message}"


def _message(asking: Asking, validation: Validation) -> str:
    if validation.says is not None:
        try:
            said = asking.value(validation.says)
        except CelError:
            said = ""
        said = said.strip() if isinstance(said, str) else ""
        if said and "\n" not in said and len(said.encode("utf-8", "replace")) <= _MAX_MESSAGE:
            return said
    return validation.message or f"failed expression: {validation.text}"


def _annotated(policy: Policy, asking: Asking) -> tuple[list[Denial], list[str]]:
    """An annotation for the audit log that cannot be made is a denial, too."""
    found: list[Denial] = []
    unknown: list[str] = []
    for key, program in asking.compiled.annotations:
        try:
            value = asking.value(program)
        except UnknownError as error:
            unknown.append(f"audit annotation {key}: {error.message}")
            continue
        except CelError as error:
            found += _error(policy, None, _said(program.text, error))[0]
            continue
        if value is not None and not isinstance(value, str):
            found += _error(policy, None, f"valueExpression '{program.text}' resulted in unsupported return type: {type_of(value).name}")[0]
    return found, unknown
