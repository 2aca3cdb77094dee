"""CEL that objects hold: admission policies, match conditions (pkg/apis/admissionregistration/validation/validation.go), rules of CRDs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kgate.manifest import Path
from kgate.validate.cause import Body, Cause, Key, dotted, invalid, items, part, text
from kgate.validate.schematext import listed, node

_RULE = frozenset(("self", "oldSelf"))
_OBJECTS = ("object", "oldObject", "request", "namespaceObject")
_SPEC: Path = ("spec",)
_WEBHOOKS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
_POLICIES = ("ValidatingAdmissionPolicy", "MutatingAdmissionPolicy")
_MATCH_CONDITIONS = 28
"""The minor that has the gate AdmissionWebhookMatchConditions on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    path: Path
    text: str
    names: frozenset[str]
    returns: tuple[str, ...] = ()
    """Types of its value that are taken; empty where none is looked at."""
    declared: frozenset[str] | None = None
    """The names below `variables`."""
    wrong: str = ""
    """What is said of a value of another type; empty for the words of admission."""


def checked(body: Body, kind: str, number: int) -> tuple[list[Cause], list[str]]:
    """What the server says of expressions that it cannot compile, and what could not be looked at. `number` is 36 of 1.36."""
    found = list(_found(body, kind))
    if not found or (kind in _WEBHOOKS and number < _MATCH_CONDITIONS):
        return [], []
    from kgate.validate.crd import cel

    named = f"{kind} {text(part(body, 'metadata'), 'name')}"
    # Of the rules of a definition that cannot be looked at, the custom resources tell that they are not evaluated.
    silent = kind == "CustomResourceDefinition"
    if not cel.available():
        return [], [] if silent else [f"CEL of {named} not compiled: {cel.INSTALL}"]
    causes, unknown = _compiled(found, named, number)
    return causes, [] if silent else unknown


def _found(body: Body, kind: str) -> Iterator[Expression]:
    if kind in _WEBHOOKS:
        return _webhooks(body)
    return _definition(body) if kind == "CustomResourceDefinition" else _policy(body, mutating=kind == _POLICIES[1])


def _compiled(found: list[Expression], named: str, minor: int) -> tuple[list[Cause], list[str]]:
    from kgate.validate import celsyntax

    causes: list[Cause] = []
    unknown: list[str] = []
    for one in found:
        said = celsyntax.fault(one.text, one.names, minor=minor, returns=one.returns, declared=one.declared)
        if isinstance(said, celsyntax.Unknown):
            unknown.append(f"CEL of {named} at {dotted(one.path)} not compiled: {said.why}")
        elif said:
            said = one.wrong if one.wrong and said.startswith("must evaluate to ") else said
            causes.append(invalid(one.path, one.text, said, remediation="correct the expression"))
    return causes, unknown


def _definition(body: Body) -> Iterator[Expression]:
    """The rules in the schemas of each version (apiextensions-apiserver pkg/apiserver/schema/cel/compilation.go)."""
    for at, version in items(part(body, "spec"), "versions", _SPEC):
        waiting: list[tuple[Body, Path]] = [(node(part(version, "schema").get("openAPIV3Schema")), (*at, "schema", "openAPIV3Schema"))]
        while waiting:
            schema, path = waiting.pop()
            for i, written in enumerate(listed(schema, "x-kubernetes-validations")):
                rule, where = node(written), (*path, "x-kubernetes-validations", i)
                yield from _written(rule, "rule", where, _RULE, ("bool",), wrong="cel expression must evaluate to a bool")
                yield from _written(rule, "messageExpression", where, _RULE, ("string",), wrong="must evaluate to a string")
            waiting += [(node(schema.get(name)), (*path, name)) for name in ("items", "additionalProperties") if schema.get(name)]
            properties = node(schema.get("properties"))
            waiting += [(node(found), (*path, "properties", Key(name))) for name, found in properties.items()]


def _webhooks(body: Body) -> Iterator[Expression]:
    for at, hook in items(body, "webhooks", ()):
        yield from _conditions(hook, at, frozenset(("object", "oldObject", "request", "authorizer")))


def _conditions(body: Body, path: Path, names: frozenset[str]) -> Iterator[Expression]:
    for at, condition in items(body, "matchConditions", path):
        yield from _written(condition, "expression", at, names, ("bool",))


def _policy(body: Body, *, mutating: bool) -> Iterator[Expression]:
    spec = part(body, "spec")
    plain = frozenset((*_OBJECTS, *(("params",) if spec.get("paramKind") is not None else ())))
    yield from _conditions(spec, _SPEC, plain | {"authorizer"})
    variables = list(items(spec, "variables", _SPEC))
    names = plain | {"authorizer", *(("variables",) if variables else ())}
    known: frozenset[str] = frozenset()
    for at, variable in variables:
        yield from _written(variable, "expression", at, names, (), known)
        known |= {text(variable, "name")}
    declared = known if variables else None
    for at, validation in items(spec, "validations", _SPEC):
        yield from _written(validation, "expression", at, names, ("bool",), declared)
        yield from _written(validation, "messageExpression", at, names - {"authorizer"}, ("string",), declared)
    for at, annotation in items(spec, "auditAnnotations", _SPEC):
        yield from _written(annotation, "valueExpression", at, names, ("string", "null_type"), declared)
    for at, mutation in items(spec, "mutations", _SPEC) if mutating else ():
        for name in ("jsonPatch", "applyConfiguration"):
            yield from _written(part(mutation, name), "expression", (*at, name), names, (), declared)


def _written(
    body: Body,
    name: str,
    path: Path,
    names: frozenset[str],
    returns: tuple[str, ...],
    declared: frozenset[str] | None = None,
    wrong: str = "",
) -> Iterator[Expression]:
    if (expression := text(body, name)).strip():
        yield Expression(path=(*path, name), text=expression, names=names, returns=returns, declared=declared, wrong=wrong)
