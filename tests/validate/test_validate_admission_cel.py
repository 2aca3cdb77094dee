"""CEL in admission policies and match conditions: a broken expression is an error, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate.validate import Judged
from kgate.validate.crd import cel
from tests.validate.validated import judged

needs_engine = pytest.mark.skipif(not cel.available(), reason="the extra cel is not installed")

RULES = [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}]


def policy(*expressions: str, **spec: Any) -> dict[str, Any]:
    body = {"matchConstraints": {"resourceRules": RULES}, "validations": [{"expression": e} for e in expressions or ("true",)]}
    version, kind = "admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "limits"}, "spec": body | spec}


def webhook(expression: str) -> dict[str, Any]:
    hook = {
        "name": "a.example.com",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": "https://example.com"},
        "matchConditions": [{"name": "a", "expression": expression}],
    }
    version, kind = "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "hooks"}, "webhooks": [hook]}


def said(result: Judged) -> list[str]:
    return [f.message for f in result.findings]


@needs_engine
@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("object.spec.replicas <=", "compilation failed: ERROR: <input>:1:24: Syntax error: mismatched input '<EOF>'"),
        ("object.spec.all(x, x > 0", "compilation failed: ERROR: <input>:1:25: Syntax error: missing ')' at '<EOF>'"),
        ("objct.spec.replicas < 5", "compilation failed: ERROR: <input>:1:1: undeclared reference to 'objct' (in container '')"),
        ("object.x == params.y", "compilation failed: ERROR: <input>:1:13: undeclared reference to 'params' (in container '')"),
        ("variables.a == 1", "compilation failed: ERROR: <input>:1:1: undeclared reference to 'variables' (in container '')"),
        ("1 + 1", "must evaluate to bool but got int"),
        ("has(object)", "compilation failed: ERROR: <input>:1:5: has() argument must be a field selection"),
    ],
)
def test_a_broken_expression_is_an_error_in_the_servers_words(expression: str, fault: str) -> None:
    result = judged(policy(expression))
    (finding,) = result.findings
    assert finding.path == "/spec/validations/0/expression" and finding.severity.value == "error"
    assert finding.message.startswith("spec.validations[0].expression: Invalid value: ") and fault in finding.message
    assert not result.skipped


@needs_engine
@pytest.mark.parametrize(
    "expression",
    [
        "object.spec.replicas <= 5",
        "object.?metadata.?labels[?'a'].orValue('') == 'b'",
        "request.operation == 'CREATE' && oldObject == null && has(namespaceObject.metadata)",
        "object.spec.template.spec.containers.all(c, c.image.startsWith('registry.example.com/'))",
    ],
)
def test_a_sound_one_is_none(expression: str) -> None:
    result = judged(policy(expression))
    assert not result.findings and not result.skipped


@needs_engine
@pytest.mark.parametrize(
    "expression",
    [
        "math.greatest(1, object.x) == 2",
        "isIP(object.x, 4)",
        "quantity(1).sign() == 1",
    ],
)
def test_what_the_engine_does_not_know_is_told_as_not_compiled(expression: str) -> None:
    result = judged(policy(expression))
    assert not result.findings
    assert [
        s.reason.startswith("CEL of ValidatingAdmissionPolicy limits at spec.validations[0].expression not compiled: ")
        for s in result.skipped
    ]


@needs_engine
def test_variables_are_known_from_where_they_are_declared() -> None:
    variables = [{"name": "a", "expression": "object.x"}, {"name": "b", "expression": "variables.a + variables.c"}]
    result = judged(
        policy("variables.a == variables.b", "variables.c == 1", variables=variables, paramKind={"apiVersion": "v1", "kind": "X"})
    )
    assert [f.path for f in result.findings] == ["/spec/validations/1/expression", "/spec/variables/1/expression"]
    assert all("undefined field 'c'" in f.message for f in result.findings)


@needs_engine
def test_match_conditions_of_webhooks_are_compiled() -> None:
    assert not judged(webhook("object.metadata.name != 'a' && request.userInfo.username != 'b'")).findings
    (finding,) = judged(webhook("object.metadata.name = 'a'")).findings
    assert finding.path == "/webhooks/0/matchConditions/0/expression"
    assert not judged(webhook("object.metadata.name = 'a'"), version="1.27").findings


@needs_engine
def test_patches_may_make_objects() -> None:
    spec = {
        "matchConstraints": {"resourceRules": RULES},
        "reinvocationPolicy": "Never",
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "Object{spec: Object.spec{replicas: 1}}"}}],
    }
    body = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy", "metadata": {"name": "m"}, "spec": spec}
    assert not judged(body).findings


def test_without_the_engine_it_is_told_that_nothing_was_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cel, "available", lambda: False)
    result = judged(policy("object."))
    assert not result.findings
    assert [s.reason for s in result.skipped] == ["CEL of ValidatingAdmissionPolicy limits not compiled: install kgate[cel]"]


@needs_engine
@given(st.text(max_size=40))
def test_no_text_breaks_it(expression: str) -> None:
    judged(policy(expression))


def definition(rule: dict[str, Any], **more: Any) -> dict[str, Any]:
    spec = {
        "type": "object",
        "properties": {"n": {"type": "array", "maxItems": 9, "items": {"type": "integer", "x-kubernetes-validations": [rule]}}},
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
    }
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
    body = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version], **more}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": body,
    }


@needs_engine
@pytest.mark.parametrize(
    ("rule", "field", "says"),
    [
        ({"rule": "self >"}, "rule", "compilation failed: ERROR: <input>:1:7: Syntax error"),
        ({"rule": "slef > 1"}, "rule", "undeclared reference to 'slef'"),
        ({"rule": "1 + 1"}, "rule", "cel expression must evaluate to a bool"),
        ({"rule": "self > 1", "messageExpression": "1 + 1"}, "messageExpression", "must evaluate to a string"),
    ],
)
def test_a_definition_whose_rule_does_not_compile_is_refused(rule: dict[str, str], field: str, says: str) -> None:
    result = judged(definition(rule))
    (finding,) = result.findings
    assert finding.path.endswith(f"/properties/spec/properties/n/items/x-kubernetes-validations/0/{field}")
    assert finding.severity.value == "error" and says in finding.message


@needs_engine
def test_one_whose_rules_compile_is_not() -> None:
    for rule in ("self > 1 && self < 5", "self == oldSelf", "quantity('1').isInteger() && self > 0", "url('https://a/').getHost() == 'a'"):
        result = judged(definition({"rule": rule}))
        assert not result.findings and not result.skipped
    assert not judged(definition({"rule": "slef"}, group="")).findings[0].path.endswith("rule")
