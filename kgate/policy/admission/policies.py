"""ValidatingAdmissionPolicies and their bindings, compiled when the first request needs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kgate.cel import CelError, CompileError, Program, compiled
from kgate.cel.syntax import Ident, Select, walk
from kgate.manifest import Manifest
from kgate.policy.nodes import entries, mapping, text

KINDS = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
GROUP = "admissionregistration.k8s.io"
_NAMES = ("object", "oldObject", "request", "namespaceObject", "authorizer", "authorizer.requestResource", "variables")
_RETURNS = ("BOOL", "DYN", "ANY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    index: int
    program: Program
    text: str
    message: str
    says: Program | None
    """Its messageExpression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    conditions: tuple[tuple[str, Program], ...]
    variables: Mapping[str, Program]
    validations: tuple[Validation, ...]
    annotations: tuple[tuple[str, Program], ...]
    fault: str = ""
    """Why it cannot be evaluated."""


@dataclass(slots=True, kw_only=True)
class Policy:
    manifest: Manifest
    minor: int
    _compiled: Compiled | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def spec(self) -> Mapping[str, Any]:
        return mapping(self.manifest.body, "spec")

    @property
    def constraints(self) -> Mapping[str, Any]:
        return mapping(self.spec, "matchConstraints")

    @property
    def param_kind(self) -> Mapping[str, Any] | None:
        return mapping(self.spec, "paramKind") or None

    @property
    def fails(self) -> bool:
        """What it makes of an error: a denial, or nothing."""
        return text(self.spec, "failurePolicy") != "Ignore"

    @property
    def compiled(self) -> Compiled:
        if self._compiled is None:
            self._compiled = _compile(self)
        return self._compiled


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    manifest: Manifest

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def policy(self) -> str:
        return text(self.manifest.body, "spec", "policyName")

    @property
    def matched(self) -> Mapping[str, Any]:
        return mapping(self.manifest.body, "spec", "matchResources")

    @property
    def param_ref(self) -> Mapping[str, Any] | None:
        found = self.manifest.body.get("spec")
        ref = found.get("paramRef") if isinstance(found, dict) else None
        return ref if isinstance(ref, dict) else None

    @property
    def actions(self) -> tuple[str, ...]:
        found = mapping(self.manifest.body, "spec").get("validationActions")
        return tuple(a for a in found if isinstance(a, str)) if isinstance(found, list) else ()


def _compile(policy: Policy) -> Compiled:
    names = frozenset((*_NAMES, *(("params",) if policy.param_kind else ())))
    spec, libraries = policy.spec, policy.minor - 1
    where = ""
    declared: dict[str, Program] = {}
    try:
        conditions = []
        for i, found in entries(spec, "matchConditions"):
            where = f"spec.matchConditions[{i}].expression"
            conditions.append((text(found, "name"), _program(text(found, "expression"), names, libraries, None)))
        for i, found in entries(spec, "variables"):
            where = f"spec.variables[{i}].expression"
            declared[text(found, "name")] = _program(text(found, "expression"), names, libraries, declared)
        validations = []
        for i, found in entries(spec, "validations"):
            where = f"spec.validations[{i}].expression"
            program = _program(text(found, "expression"), names, libraries, declared)
            if program.kind not in _RETURNS:
                raise CompileError("must evaluate to bool")
            where = f"spec.validations[{i}].messageExpression"
            said = text(found, "messageExpression").strip()
            says = _program(said, names, libraries, declared) if said else None
            validations.append(
                Validation(index=i, program=program, text=program.text.strip(), message=text(found, "message").strip(), says=says)
            )
        annotations = []
        for i, found in entries(spec, "auditAnnotations"):
            where = f"spec.auditAnnotations[{i}].valueExpression"
            annotations.append((text(found, "key"), _program(text(found, "valueExpression"), names, libraries, declared)))
    except CelError as error:
        return Compiled(conditions=(), variables={}, validations=(), annotations=(), fault=f"{where}: {error.message}")
    return Compiled(conditions=tuple(conditions), variables=declared, validations=tuple(validations), annotations=tuple(annotations))


def _program(expression: str, names: frozenset[str], minor: int, declared: Mapping[str, Program] | None) -> Program:
    """Raises CompileError, UnknownError."""
    program = compiled(expression, names, minor)
    for node in walk(program.root):
        of_variables = isinstance(node, Select) and isinstance(node.operand, Ident) and node.operand.name == "variables"
        if isinstance(node, Select) and of_variables and (declared is None or node.field not in declared):
            raise CompileError(f"undefined field '{node.field}'")
    return program
