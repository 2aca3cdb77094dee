"""Admission policies in CEL and their bindings (pkg/apis/admissionregistration/validation/validation.go).

admissioncel compiles the expressions themselves.
"""

from __future__ import annotations

import re

from kgate.manifest import Path
from kgate.validate import formats, selectors, webhooks
from kgate.validate.cause import Body, Causes, duplicate, forbidden, invalid, items, not_supported, part, required, strings, text
from kgate.validate.gates import Gates

_SPEC: Path = ("spec",)
_NEITHER = "validations or auditAnnotations must contain at least one item"
_EXCLUSIVE = "name and selector are mutually exclusive"
_BOTH = (
    "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers "
    "serves no purpose)"
)
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_ACTIONS = ("Audit", "Deny", "Warn")
_MUTATIONS = ("*", "CONNECT", "CREATE", "UPDATE")
_PATCHES = {"JSONPatch": "jsonPatch", "ApplyConfiguration": "applyConfiguration"}
_MAX_ANNOTATIONS = 20
_MAX_ANNOTATION = 5 * 1024
_IDENTIFIER = re.compile("[_a-zA-Z][_a-zA-Z0-9]*").fullmatch
_RESERVED = {
    "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop",
    "package", "namespace", "return", "var", "void", "while",
}  # fmt: skip


def validating(body: Body, _: Gates) -> Causes:
    spec = part(body, "spec")
    yield from _common(spec)
    validations, annotations = list(items(spec, "validations", _SPEC)), list(items(spec, "auditAnnotations", _SPEC))
    if not validations and not annotations:
        yield required((*_SPEC, "validations"), _NEITHER)
        yield required((*_SPEC, "auditAnnotations"), _NEITHER)
    for at, validation in validations:
        yield from _validation(validation, at)
    if len(annotations) > _MAX_ANNOTATIONS:
        detail = f"must not have more than {_MAX_ANNOTATIONS} auditAnnotations"
        yield invalid((*_SPEC, "auditAnnotations"), len(annotations), detail)
    keys: set[str] = set()
    for at, annotation in annotations:
        yield from _annotation(annotation, text(part(body, "metadata"), "name"), at)
        if (key := text(annotation, "key")) in keys:
            yield duplicate((*at, "key"), key)
        keys.add(key)


def _common(spec: Body) -> Causes:
    yield from webhooks.choice(spec, "failurePolicy", _SPEC, webhooks.FAILURE_POLICIES)
    if (kind := spec.get("paramKind")) is not None:
        yield from _param_kind(kind, (*_SPEC, "paramKind"))
    constraints, at = spec.get("matchConstraints"), (*_SPEC, "matchConstraints")
    if constraints is None:
        yield required(at)
    else:
        yield from _matched(constraints, at)
        if not constraints.get("resourceRules"):
            yield required((*at, "resourceRules"))
    yield from webhooks.conditions(spec, _SPEC)
    for where, variable in items(spec, "variables", _SPEC):
        name = text(variable, "name")
        if not name.strip():
            yield required((*where, "name"), "name is not specified")
        elif not _IDENTIFIER(name) or name in _RESERVED:
            yield invalid((*where, "name"), name, "must be a valid CEL identifier")
        if not text(variable, "expression").strip():
            yield required((*where, "expression"), "expression is not specified")


def _param_kind(found: Body, path: Path) -> Causes:
    written, kind = text(found, "apiVersion"), text(found, "kind")
    group, slash, version = written.partition("/")
    group, version = (group, version) if slash else ("", written)
    if not written:
        yield required((*path, "apiVersion"))
    elif "/" in version:
        yield invalid((*path, "apiVersion"), written, f"unexpected GroupVersion string: {written}")
    else:
        if group and (faults := formats.dns1123_subdomain(group)):
            yield invalid((*path, "apiVersion"), group, ",".join(faults))
        if not version:
            yield invalid((*path, "apiVersion"), written, "version must be specified")
        elif faults := formats.dns1035_label(version):
            yield invalid((*path, "apiVersion"), version, ",".join(faults))
    if not kind:
        yield required((*path, "kind"))
    elif faults := formats.dns1035_label(kind.lower()):
        yield invalid((*path, "kind"), kind, f"may have mixed case, but should otherwise match: {','.join(faults)}")


def _matched(found: Body, path: Path) -> Causes:
    yield from webhooks.choice(found, "matchPolicy", path, webhooks.MATCH_POLICIES)
    for name in ("namespaceSelector", "objectSelector"):
        yield from selectors.causes(part(found, name), (*path, name))
    for name in ("resourceRules", "excludeResourceRules"):
        for at, rule in items(found, name, path):
            taken: set[str] = set()
            for where, resource in strings(rule, "resourceNames", at):
                for fault in formats.path_segment(resource):
                    yield invalid(where, resource, fault)
                if resource in taken:
                    yield duplicate(where, resource)
                taken.add(resource)
            yield from webhooks.rule(rule, at)


def _validation(found: Body, path: Path) -> Causes:
    message, expression = text(found, "message"), text(found, "messageExpression")
    if not text(found, "expression").strip():
        yield required((*path, "expression"), "expression is not specified")
    for name, value in (("messageExpression", expression), ("message", message)):
        if value and not value.strip():
            yield invalid((*path, name), value, "must be non-empty if specified")
    if re.search(r"[\n\r]", message.strip()):
        yield invalid((*path, "message"), message, "must not contain line breaks")
    yield from webhooks.choice(found, "reason", path, _REASONS)


def _annotation(found: Body, name: str, path: Path) -> Causes:
    key, value = text(found, "key"), text(found, "valueExpression").strip()
    if not name:
        yield invalid((*path, "key"), key, "requires metadata.name be non-empty")
    for fault in formats.label_key(f"{name}/{key}") if name else ():
        yield invalid((*path, "key"), f"{name}/{key}", fault)
    if not value:
        yield required((*path, "valueExpression"), "valueExpression is not specified")
    elif len(value.encode("utf-8", "replace")) > _MAX_ANNOTATION:
        yield required((*path, "valueExpression"), f"must not exceed {_MAX_ANNOTATION} bytes in length")


def validating_binding(body: Body, _: Gates) -> Causes:
    spec = part(body, "spec")
    yield from _binding(body, spec)
    actions = [action for _, action in strings(spec, "validationActions", _SPEC)]
    at, taken = (*_SPEC, "validationActions"), set()
    for i, action in enumerate(actions):
        if action not in _ACTIONS:
            yield not_supported((*at, i), action, _ACTIONS)
        if action in taken:
            yield duplicate((*at, i), action)
        taken.add(action)
    if {"Deny", "Warn"} <= taken:
        yield invalid(at, actions, _BOTH)
    if not actions:
        yield required(at, "at least one validation action is required")


def _binding(body: Body, spec: Body) -> Causes:
    policy = text(spec, "policyName")
    if not policy:
        yield required((*_SPEC, "policyName"))
    for fault in formats.dns1123_subdomain(policy) if policy else ():
        yield invalid((*_SPEC, "policyName"), policy, fault)
    if (reference := spec.get("paramRef")) is not None:
        alpha = text(body, "apiVersion").endswith("v1alpha1")  # where the action has a default
        yield from _param_ref(reference, (*_SPEC, "paramRef"), needs_action=not alpha)
    if (found := spec.get("matchResources")) is not None:
        yield from _matched(found, (*_SPEC, "matchResources"))


def _param_ref(reference: Body, path: Path, *, needs_action: bool) -> Causes:
    name, selector, action = text(reference, "name"), reference.get("selector"), text(reference, "parameterNotFoundAction")
    for fault in formats.path_segment(name):
        yield invalid((*path, "name"), name, fault)
    if selector is not None:
        yield from selectors.causes(selector, (*path, "selector"))
    if name and selector is not None:
        yield forbidden((*path, "name"), _EXCLUSIVE)
        yield forbidden((*path, "selector"), _EXCLUSIVE)
    if not name and selector is None:
        yield required(path, "one of name or selector must be specified")
    if action and action not in ("Allow", "Deny"):
        yield not_supported((*path, "parameterNotFoundAction"), action, ["Deny", "Allow"])
    elif not action and needs_action:
        yield required((*path, "parameterNotFoundAction"))


def mutating(body: Body, _: Gates) -> Causes:
    spec = part(body, "spec")
    yield from _common(spec)
    yield from _mutating_rules(part(spec, "matchConstraints"), (*_SPEC, "matchConstraints"))
    if not spec.get("mutations"):
        yield required((*_SPEC, "mutations"), "mutations must contain at least one item")
    for at, mutation in items(spec, "mutations", _SPEC):
        yield from _mutation(mutation, at)
    if not (policy := text(spec, "reinvocationPolicy")):
        yield required((*_SPEC, "reinvocationPolicy"))
    elif policy not in webhooks.REINVOCATION_POLICIES:
        yield not_supported((*_SPEC, "reinvocationPolicy"), policy, webhooks.REINVOCATION_POLICIES)


def _mutating_rules(found: Body, path: Path) -> Causes:
    for at, rule in items(found, "resourceRules", path):
        for where, operation in strings(rule, "operations", at):
            if operation not in _MUTATIONS:
                yield not_supported(where, operation, _MUTATIONS, at=(*path, "resourceRules", "operations"))


def _mutation(mutation: Body, path: Path) -> Causes:
    kind = text(mutation, "patchType")
    if not kind:
        yield required((*path, "patchType"))
    elif kind not in _PATCHES:
        yield not_supported((*path, "patchType"), kind, sorted(_PATCHES))
    else:
        own = _PATCHES[kind]
        other = next(name for name in _PATCHES.values() if name != own)
        if mutation.get(own) is None:
            yield required((*path, own), f"must be specified when patchType is {kind}")
        elif not text(mutation[own], "expression").strip():
            yield required((*path, own, "expression"))
        if mutation.get(other) is not None:
            yield invalid((*path, other), f"{{{other}}}", f"must not be specified when patchType is {kind}")


def mutating_binding(body: Body, _: Gates) -> Causes:
    spec = part(body, "spec")
    yield from _binding(body, spec)
    yield from _mutating_rules(part(spec, "matchResources"), (*_SPEC, "matchResources"))
