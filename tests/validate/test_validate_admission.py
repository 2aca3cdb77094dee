"""Webhooks and admission policies."""

from __future__ import annotations

from typing import Any

import pytest

from tests.validate.validated import assert_said, thing

API = "admissionregistration.k8s.io/v1"
SERVICE = {"name": "hook", "namespace": "n", "path": "/validate"}
RULE = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}
HOOK = {
    "name": "hook.example.com",
    "clientConfig": {"service": SERVICE},
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
    "rules": [RULE],
}
W = "webhooks[0]"
HOOKS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"clientConfig": {"url": "https://example.com:8443/x"}}, []),
    ({"name": "hook.example"}, [f'{W}.name: Invalid value: "hook.example": should be a domain with at least three segments']),
    ({"name": ""}, [f"{W}.name: Required value"]),
    ({"sideEffects": None}, [f"{W}.sideEffects: Required value: must specify one of None, NoneOnDryRun"]),
    ({"sideEffects": "Some"}, [f'{W}.sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"']),
    ({"failurePolicy": "Wait"}, [f'{W}.failurePolicy: Unsupported value: "Wait": supported values: "Fail", "Ignore"']),
    ({"matchPolicy": "exact"}, [f"{W}.matchPolicy: Unsupported value"]),
    ({"timeoutSeconds": 31}, [f"{W}.timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds"]),
    ({"admissionReviewVersions": []}, [f"{W}.admissionReviewVersions: Required value: must specify one of v1, v1beta1"]),
    (
        {"admissionReviewVersions": ["v2", "v2"]},
        [f"{W}.admissionReviewVersions[1]: Invalid", f"{W}.admissionReviewVersions: Invalid value"],
    ),
    ({"clientConfig": {}}, [f"{W}.clientConfig: Required value: exactly one of url or service is required"]),
    ({"clientConfig": {"url": "http://example.com"}}, [f"{W}.clientConfig.url: Invalid value: \"http\": 'https' is the only allowed"]),
    ({"clientConfig": {"url": "https://u:p@example.com/?a#b"}}, [f"{W}.clientConfig.url: Invalid value"] * 3),
    ({"clientConfig": {"url": "https://{host}/"}}, [f"{W}.clientConfig.url: Required value: url must be a valid URL"]),
    ({"clientConfig": {"url": "https:///x"}}, [f'{W}.clientConfig.url: Invalid value: "": host must be specified']),
    # The server has name and namespace the wrong way round.
    ({"clientConfig": {"service": {"name": "", "namespace": "n"}}}, [f"{W}.clientConfig.service.namespace: Required value"]),
    (
        {"clientConfig": {"service": {**SERVICE, "port": 0, "path": "/X"}}},
        [f"{W}.clientConfig.service.port: I", f"{W}.clientConfig.service.path: I"],
    ),
    (
        {"clientConfig": {"service": {**SERVICE, "path": "/a//b"}}},
        [f'{W}.clientConfig.service.path: Invalid value: "/a//b": segment[1] may'],
    ),
    ({"objectSelector": {"matchLabels": {"a": "b c"}}}, [f"{W}.objectSelector.matchLabels: Invalid value"]),
    ({"rules": [{**RULE, "operations": []}]}, [f"{W}.rules[0].operations: Required value"]),
    ({"rules": [{**RULE, "operations": ["*", "CREATE"]}]}, [f"{W}.rules[0].operations: Invalid value"]),
    ({"rules": [{**RULE, "operations": ["create"]}]}, [f'{W}.rules[0].operations[0]: Unsupported value: "create"']),
    ({"rules": [{**RULE, "apiGroups": ["*", ""], "apiVersions": [""]}]}, [f"{W}.rules[0].apiGroups: I", f"{W}.rules[0].apiVersions[0]: R"]),
    ({"rules": [{**RULE, "resources": ["pods/*", "pods/status"]}]}, [f"{W}.rules[0].resources[1]: Invalid value"]),
    ({"rules": [{**RULE, "resources": ["*", "pods"]}]}, [f"{W}.rules[0].resources: Invalid value"]),
    ({"rules": [{**RULE, "resources": ["*/*", "pods"], "scope": "All"}]}, [f"{W}.rules[0].resources: I", f"{W}.rules[0].scope: U"]),
    ({"matchConditions": [{"name": "a", "expression": " "}]}, [f"{W}.matchConditions[0].expression: Required value"]),
    ({"matchConditions": [{"name": "a", "expression": "true"}] * 2}, [f'{W}.matchConditions[1].name: Duplicate value: "a"']),
]


@pytest.mark.parametrize("kind", ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"])
@pytest.mark.parametrize(("fields", "expected"), HOOKS)
def test_webhooks(kind: str, fields: dict[str, Any], expected: list[str]) -> None:
    assert_said(thing(API, kind, webhooks=[{**HOOK, **fields}]), *expected)


def test_names_of_webhooks_differ() -> None:
    assert_said(
        thing(API, "ValidatingWebhookConfiguration", webhooks=[HOOK, HOOK]), 'webhooks[1].name: Duplicate value: "hook.example.com"'
    )


def test_only_mutating_webhooks_are_invoked_again() -> None:
    found = 'webhooks[0].reinvocationPolicy: Unsupported value: "Always"'
    assert_said(thing(API, "MutatingWebhookConfiguration", webhooks=[{**HOOK, "reinvocationPolicy": "Always"}]), found)


MATCH = {"resourceRules": [RULE]}
POLICY = {"matchConstraints": MATCH, "validations": [{"expression": "object.spec.replicas < 5"}]}
POLICIES: list[tuple[dict[str, Any], list[str]]] = [
    ({"paramKind": {"apiVersion": "example.com/v1", "kind": "Limit"}, "variables": [{"name": "a", "expression": "1"}]}, []),
    ({"matchConstraints": None}, ["spec.matchConstraints: Required value"]),
    ({"matchConstraints": {}}, ["spec.matchConstraints.resourceRules: Required value"]),
    ({"validations": []}, ["spec.validations: Required value: validations or", "spec.auditAnnotations: Required value"]),
    ({"failurePolicy": "Warn"}, ["spec.failurePolicy: Unsupported value"]),
    ({"paramKind": {"apiVersion": "a/b/c", "kind": "a b"}}, ["spec.paramKind.apiVersion: Invalid", "spec.paramKind.kind: Invalid value"]),
    ({"paramKind": {"apiVersion": "Example/v1", "kind": "A"}}, ['spec.paramKind.apiVersion: Invalid value: "Example"']),
    (
        {"variables": [{"name": "for", "expression": ""}]},
        ["spec.variables[0].name: Invalid value", "spec.variables[0].expression: Required"],
    ),
    ({"validations": [{"expression": ""}]}, ["spec.validations[0].expression: Required value: expression is not specified"]),
    ({"validations": [{"expression": "true", "message": "a\nb"}]}, ["spec.validations[0].message: Invalid value"]),
    ({"validations": [{"expression": "true", "reason": "Bad"}]}, ['spec.validations[0].reason: Unsupported value: "Bad"']),
    ({"auditAnnotations": [{"key": "a b", "valueExpression": ""}]}, ["spec.auditAnnotations[0].key: I", "spec.auditAnnotations[0].valueE"]),
    ({"auditAnnotations": [{"key": "a", "valueExpression": "x"}] * 2}, ['spec.auditAnnotations[1].key: Duplicate value: "a"']),
    (
        {"matchConstraints": {"resourceRules": [{**RULE, "resourceNames": ["a", "a"]}]}},
        ["spec.matchConstraints.resourceRules[0].resourceN"],
    ),
]


@pytest.mark.parametrize(("fields", "expected"), POLICIES)
def test_validating_policies(fields: dict[str, Any], expected: list[str]) -> None:
    assert_said(thing(API, "ValidatingAdmissionPolicy", spec={**POLICY, **fields}), *expected)


BINDING = {"policyName": "p", "validationActions": ["Deny"]}
PARAMS = {"name": "a", "parameterNotFoundAction": "Deny"}
BINDINGS: list[tuple[dict[str, Any], list[str]]] = [
    ({"paramRef": PARAMS, "matchResources": {}}, []),
    ({"policyName": "A_"}, ['spec.policyName: Invalid value: "A_"']),
    ({"validationActions": ["Deny", "Warn"]}, ["spec.validationActions: Invalid value"]),
    ({"validationActions": ["Deny", "Deny"]}, ['spec.validationActions[1]: Duplicate value: "Deny"']),
    ({"validationActions": []}, ["spec.validationActions: Required value: at least one validation action is required"]),
    ({"validationActions": ["deny"]}, ['spec.validationActions[0]: Unsupported value: "deny"']),
    ({"paramRef": {**PARAMS, "selector": {}}}, ["spec.paramRef.name: Forbidden", "spec.paramRef.selector: Forbidden"]),
    ({"paramRef": {"name": "a"}}, ["spec.paramRef.parameterNotFoundAction: Required value"]),
    ({"paramRef": {"parameterNotFoundAction": "Never"}}, ["spec.paramRef: Required value", "spec.paramRef.parameterNotFoundAction: Unsup"]),
]


@pytest.mark.parametrize(("fields", "expected"), BINDINGS)
def test_bindings(fields: dict[str, Any], expected: list[str]) -> None:
    assert_said(thing(API, "ValidatingAdmissionPolicyBinding", spec={**BINDING, **fields}), *expected)


MUTATION = {"patchType": "JSONPatch", "jsonPatch": {"expression": "[]"}}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"mutations": []}, ["spec.mutations: Required value: mutations must contain at least one item"]),
        ({"reinvocationPolicy": ""}, ["spec.reinvocationPolicy: Required value"]),
        (
            {"mutations": [{"patchType": "Merge"}]},
            ['spec.mutations[0].patchType: Unsupported value: "Merge": supported values: "ApplyConf'],
        ),
        ({"mutations": [{**MUTATION, "applyConfiguration": {"expression": "x"}}]}, ["spec.mutations[0].applyConfiguration: Invalid value"]),
        ({"mutations": [{"patchType": "JSONPatch"}]}, ["spec.mutations[0].jsonPatch: Required value: must be specified when patchType is"]),
        (
            {"matchConstraints": {"resourceRules": [{**RULE, "operations": ["DELETE"]}]}},
            ["spec.matchConstraints.resourceRules.operations: U"],
        ),
    ],
)
def test_mutating_policies(fields: dict[str, Any], expected: list[str]) -> None:
    spec = {"matchConstraints": MATCH, "mutations": [MUTATION], "reinvocationPolicy": "Never", **fields}
    assert_said(thing(API, "MutatingAdmissionPolicy", spec=spec), *expected)
    assert_said(thing(API, "MutatingAdmissionPolicyBinding", spec={"policyName": "p"}))
