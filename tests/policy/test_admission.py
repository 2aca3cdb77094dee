"""ValidatingAdmissionPolicies of the repository judge its objects as the API server would."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from kgate import cel, load
from kgate.manifest import Manifest
from kgate.policy import PolicySettings, admission, from_config
from kgate.policy.admission.defaults import stored
from tests.policy.policy_texts import manifests_of

pytestmark = pytest.mark.skipif(not cel.available(), reason="the extra cel is not installed")

HEAD = "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: p}\nspec:\n"
RULES = (
    "  matchConstraints:\n    resourceRules:\n    - {apiGroups: [apps], apiVersions: [v1], operations: ['*'], resources: [deployments]}\n"
)
BINDING = (
    "---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: {name: b}\n"
    "spec: {policyName: p, validationActions: [Deny]}\n"
)
WEB = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: prod
  labels: {tier: front}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: nginx:1.27
        - name: side
          image: evil:1
"""


def policy(validations: str, *, rules: str = RULES, more: str = "", binding: str = BINDING) -> str:
    return f"{HEAD}{rules}{more}  validations:\n  - {validations}\n{binding}"


def judge(
    policies: str, objects: str = WEB, *, base: str = "", beside: str = "", settings: PolicySettings | None = None, minor: int = 36
) -> admission.Judged:
    return admission.judge(
        [*manifests_of(policies, "policy.yaml"), *manifests_of(objects, "web.yaml")],
        settings or PolicySettings(),
        minor=minor,
        base=manifests_of(base, "web.yaml") if base else (),
        beside=manifests_of(beside, "beside.yaml") if beside else (),
    )


def found(judged: admission.Judged) -> list[tuple[int, str, str]]:
    return [(f.line, f.severity.value, f.message) for f in judged.findings]


def reasons(judged: admission.Judged) -> list[str]:
    return [s.reason for s in judged.skipped if s.wanted]


SAYS = "ValidatingAdmissionPolicy 'p' with binding 'b': "


def test_a_denial_stands_at_the_field_that_is_wrong() -> None:
    judged = judge(
        policy("expression: \"object.spec.template.spec.containers.all(c, c.image.startsWith('nginx'))\"\n    message: only nginx")
    )
    assert found(judged) == [(16, "error", f"{SAYS}only nginx (spec.validations[0])")]
    assert judged.findings[0].path == "/spec/template/spec/containers/1/image"


def test_where_several_fields_may_be_wrong_it_stands_at_the_object() -> None:
    judged = judge(policy("expression: object.metadata.labels.tier == object.metadata.annotations.tier || object.spec.paused"))
    assert [f.path for f in judged.findings] == [""]


@pytest.mark.parametrize(
    ("expression", "path"),
    [
        ("!has(object.metadata.labels.tier)", "/metadata/labels/tier"),
        ("object.kind != 'Deployment' || object.metadata.labels.tier == 'back'", "/metadata/labels/tier"),
        ("object.kind == 'Deployment' ? object.metadata.name == 'x' || object.spec.selector == {} : true", "/spec/selector"),
        ("has(object.spec.selector) && object.spec.selector.matchLabels.app == 'x'", "/spec/selector/matchLabels/app"),
        ("object.spec.template.spec.containers.all(c, c.name == 'x')", "/spec/template/spec/containers"),
        ("object.spec.template.spec.containers.exists(c, c.name == 'x')", "/spec/template/spec/containers"),
        ("object.spec.template.spec.containers[1].name != 'side'", "/spec/template/spec/containers/1/name"),
        ("object.?metadata.?labels.?tier.orValue('') == 'back'", "/metadata/labels/tier"),
    ],
)
def test_the_place_follows_the_failing_part(expression: str, path: str) -> None:
    judged = judge(policy(f'expression: "{expression}"'))
    assert [f.path for f in judged.findings] == [path]


def test_variables_params_and_messages() -> None:
    text = (
        f"{HEAD}  paramKind: {{apiVersion: v1, kind: ConfigMap}}\n{RULES}"
        "  variables:\n  - {name: most, expression: 'int(params.data.most)'}\n  - {name: more, expression: 'variables.most + 1'}\n"
        "  validations:\n  - expression: object.spec.replicas < variables.more\n    messageExpression: \"'at most ' + params.data.most\"\n"
        f"{BINDING.replace('policyName: p,', 'policyName: p, paramRef: {name: limits, namespace: prod, parameterNotFoundAction: Deny},')}"
    )
    limits = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: limits, namespace: prod}\ndata: {most: '2'}\n"
    many = WEB.replace("spec:\n  selector", "spec:\n  replicas: 3\n  selector", 1)
    assert found(judge(text, many, beside=limits)) == [(8, "error", f"{SAYS}at most 2 (spec.validations[0])")]
    assert found(judge(text, WEB, beside=limits)) == []  # one replica is what the server fills in
    missing = judge(text, many)
    assert not missing.findings
    assert "its parameters (ConfigMap limits) are not among the manifests" in reasons(missing)[0]


def test_params_are_selected_and_each_is_asked() -> None:
    text = policy("expression: 'object.spec.replicas >= int(params.data.least)'", more="  paramKind: {apiVersion: v1, kind: ConfigMap}\n")
    text = text.replace("policyName: p,", "policyName: p, paramRef: {selector: {matchLabels: {of: p}}, parameterNotFoundAction: Allow},")
    one = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: prod, labels: {of: p}}\ndata: {least: '1'}\n"
    assert found(judge(text, beside=one)) == []
    both = one + "---\n" + one.replace("name: a", "name: c").replace("'1'", "'5'")
    assert len(found(judge(text, beside=both))) == 1


@pytest.mark.parametrize(("action", "severity"), [("Deny", "error"), ("Warn", "warning"), ("Audit", "info")])
def test_the_action_is_the_severity(action: str, severity: str) -> None:
    text = policy("expression: 'false'", binding=BINDING.replace("Deny", action))
    assert [(s, m) for _, s, m in found(judge(text))] == [(severity, f"{SAYS}failed expression: false (spec.validations[0])")]


def test_without_a_binding_nothing_is_judged_and_that_is_told() -> None:
    judged = judge(policy("expression: 'false'", binding=""))
    assert not judged.findings
    assert [(s.reason, s.wanted) for s in judged.skipped] == [("ValidatingAdmissionPolicy p has no binding: nothing is held to it", False)]
    named = judge("", beside=policy("expression: 'false'", binding=""))
    assert reasons(named) == ["ValidatingAdmissionPolicy p has no binding: nothing is held to it"]


@pytest.mark.parametrize(("failure", "count"), [("Fail", 1), ("Ignore", 0)])
def test_an_error_is_what_the_failure_policy_makes_of_it(failure: str, count: int) -> None:
    judged = judge(policy("expression: object.spec.missing == 1", more=f"  failurePolicy: {failure}\n"))
    assert len(judged.findings) == count
    assert not reasons(judged)
    if count:
        assert "resulted in error: no such key: missing" in judged.findings[0].message


@pytest.mark.parametrize(
    "expression",
    [
        "authorizer.group('').resource('pods').check('create').allowed()",
        "request.userInfo.username == 'x'",
        "object.metadata.uid == 'x'",
        "namespaceObject.metadata.labels.env == 'prod'",
        "variables.nothing == 1",
        "object.spec.replicas ==",
    ],
)
def test_what_cannot_be_evaluated_is_told_and_does_not_pass(expression: str) -> None:
    judged = judge(policy(f'expression: "{expression}"'))
    assert not judged.findings
    assert len(reasons(judged)) == 1
    assert reasons(judged)[0].startswith("ValidatingAdmissionPolicy p not evaluated for Deployment prod/web: ")


def test_many_objects_that_cannot_be_judged_are_told_once() -> None:
    objects = "---\n".join(WEB.replace("name: web\n  namespace", f"name: web{i}\n  namespace") for i in range(3))
    (reason,) = reasons(judge(policy("expression: request.userInfo.username == 'x'"), objects))
    assert "for Deployment prod/web0 and 2 more: validation 0: who asks" in reason


@pytest.mark.parametrize(
    ("conditions", "count"),
    [
        ("[{name: a, expression: 'true'}]", 1),
        ("[{name: a, expression: 'false'}]", 0),
        ("[{name: a, expression: 'object.spec.missing == 1'}, {name: b, expression: 'false'}]", 0),
        ("[{name: a, expression: 'object.spec.missing == 1'}]", 1),
    ],
)
def test_match_conditions_decide_whether_it_is_asked(conditions: str, count: int) -> None:
    assert len(judge(policy("expression: 'false'", more=f"  matchConditions: {conditions}\n")).findings) == count


@pytest.mark.parametrize(
    ("rules", "count"),
    [
        ("resourceRules: [{apiGroups: ['*'], apiVersions: ['*'], operations: [CREATE], resources: ['*']}]", 1),
        ("resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [UPDATE], resources: [deployments]}]", 0),
        ("resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: ['*'], resources: [pods]}]", 0),
        ("resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: ['*'], resources: [deployments], resourceNames: [db]}]", 0),
        ("resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: ['*'], resources: [deployments], scope: Cluster}]", 0),
        ("resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: ['*'], resources: [deployments/scale]}]", 0),
        (
            (
                "resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: ['*'], resources: ['*']}]\n    "
                "excludeResourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: ['*'], resources: [deployments]}]"
            ),
            0,
        ),
        (
            (
                "objectSelector: {matchLabels: {tier: back}}\n    "
                "resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: ['*'], resources: ['*']}]"
            ),
            0,
        ),
    ],
)
def test_constraints_decide_whom_it_is_asked_about(rules: str, count: int) -> None:
    assert len(judge(policy("expression: 'false'", rules=f"  matchConstraints:\n    {rules}\n")).findings) == count


def test_another_version_is_converted_by_the_server_alone() -> None:
    rules = RULES.replace("[v1]", "[v1beta1]")
    assert "written for another version" in reasons(judge(policy("expression: 'false'", rules=rules)))[0]
    exact = rules.replace("matchConstraints:\n", "matchConstraints:\n    matchPolicy: Exact\n")
    assert judge(policy("expression: 'false'", rules=exact)) == admission.Judged()


def test_namespaces_are_those_of_the_repository() -> None:
    rules = RULES.replace("matchConstraints:\n", "matchConstraints:\n    namespaceSelector: {matchLabels: {env: prod}}\n")
    text = policy("expression: \"namespaceObject.metadata.labels.env == 'x'\"", rules=rules)
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: prod, labels: {env: prod}}\n"
    assert len(judge(text, beside=namespace).findings) == 1
    assert judge(text, beside=namespace.replace("env: prod", "env: test")).findings == ()
    assert "labels of the namespace prod, which is not among the manifests" in reasons(judge(text))[0]
    assert "the manifest names none" in reasons(judge(text, WEB.replace("  namespace: prod\n", "")))[0]
    by_name = rules.replace("env: prod", "kubernetes.io/metadata.name: prod")
    assert len(judge(policy("expression: 'false'", rules=by_name)).findings) == 1


def test_what_changes_since_the_base_is_an_update_with_the_old_object() -> None:
    text = policy("expression: \"request.operation != 'UPDATE' || object.metadata.labels == oldObject.metadata.labels\"")
    assert judge(text, base=WEB).findings == ()
    assert len(judge(text, base=WEB.replace("tier: front", "tier: back")).findings) == 1
    assert judge(policy("expression: oldObject == null"), base="").findings == ()


def test_pods_of_workloads_are_judged_where_the_settings_say_so() -> None:
    pods = RULES.replace("[apps]", "['']").replace("deployments", "pods")
    text = policy("expression: \"object.spec.containers.all(c, c.name != 'side')\"\n    message: no sides", rules=pods)
    assert judge(text).findings == ()
    (finding,) = judge(text, settings=from_config({"admission": {"pods": True}})).findings
    assert finding.path == "/spec/template/spec/containers/1/name"
    assert finding.message.startswith("pods of Deployment prod/web: ")


def test_the_settings_can_switch_it_off_and_exclude_files() -> None:
    text = policy("expression: 'false'")
    assert judge(text, settings=from_config({"rules": {"admission-policy": "off"}})).findings == ()
    excluding = from_config({"rules": {"admission-policy": {"exclude": ["web.yaml"]}}})
    assert judge(text, settings=excluding).findings == ()


def test_without_the_extra_every_bound_policy_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["kgate.policy.admission.judge"], "available", lambda: False)
    (reason,) = reasons(judge(policy("expression: 'true'")))
    assert "pip install 'kgate[cel]'" in reason


def test_policies_are_not_asked_about_policies() -> None:
    rules = "  matchConstraints:\n    resourceRules: [{apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*']}]\n"
    assert [f.file for f in judge(policy("expression: 'false'", rules=rules)).findings] == ["web.yaml"]


def test_libraries_of_later_servers_do_not_compile() -> None:
    text = policy("expression: isSemver('1.0.0')")
    assert judge(text, minor=35).skipped == ()
    assert "does not compile" in reasons(judge(text, minor=33))[0]


@pytest.mark.parametrize(
    ("kind", "body", "path", "value"),
    [
        ("Deployment.apps", {"spec": {}}, ("spec", "strategy", "rollingUpdate", "maxSurge"), "25%"),
        ("Pod", {"spec": {"containers": [{"image": "a"}]}}, ("spec", "containers", 0, "imagePullPolicy"), "Always"),
        ("Pod", {"spec": {"containers": [{"image": "a:1"}]}}, ("spec", "containers", 0, "imagePullPolicy"), "IfNotPresent"),
        ("Pod", {"spec": {"containers": []}}, ("spec", "serviceAccountName"), "default"),
        ("Pod", {"spec": {"containers": [{"resources": {"limits": {"cpu": 0.5}}}]}},
         ("spec", "containers", 0, "resources", "requests", "cpu"), "500m"),
        ("Service", {"spec": {"ports": [{"port": 80}]}}, ("spec", "ports", 0, "targetPort"), 80),
        ("Secret", {"stringData": {"a": "b"}}, ("data", "a"), "Yg=="),
        ("CronJob.batch", {"spec": {"jobTemplate": {"spec": {"template": {"spec": {}}}}}},
         ("spec", "jobTemplate", "spec", "template", "spec", "restartPolicy"), "Always"),
    ],
)  # fmt: skip
def test_objects_are_asked_about_as_the_server_fills_them_in(
    kind: str, body: dict[str, Any], path: tuple[str | int, ...], value: Any
) -> None:
    before = json.dumps(body)
    made: Any = stored(body, kind, built_in=True)
    for step in path:
        made = made[step]
    assert made == value
    assert json.dumps(body) == before


BANK = Path(__file__).parents[3] / "shared" / "bank" / "policy"


@pytest.mark.skipif(not BANK.is_dir(), reason="the bank is not here")
def test_the_policies_of_a_public_library_say_what_its_own_tests_say() -> None:
    cases = [c for c in json.loads((BANK / "index.json").read_text()) if c["tool"] == "kubescape-vap"]
    wrong = [c["manifest"] for c in cases if _verdict(c) != c["expect"]]
    assert not wrong
    assert cases


def _verdict(case: dict[str, Any]) -> str:
    beside = list(load.manifests([str(BANK / case[key]) for key in ("policy", "params") if case.get(key)]).manifests)
    ours = next(m for m in beside if m.kind == "ValidatingAdmissionPolicy")
    params = next((m for m in beside if m.kind != "ValidatingAdmissionPolicy"), None)
    spec: dict[str, Any] = {"policyName": ours.name, "validationActions": ["Deny"]}
    if params is not None and ours.body["spec"].get("paramKind"):
        spec["paramRef"] = {"name": params.name, "parameterNotFoundAction": "Deny"}
    body = {"apiVersion": ours.api_version, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "b"}, "spec": spec}
    binding = Manifest(source=ours.source, document=0, body=body)
    judged = admission.judge(
        load.manifests([str(BANK / case["manifest"])]).manifests, PolicySettings(), minor=36, beside=[*beside, binding]
    )
    return "fail" if judged.findings else "unknown" if reasons(judged) else "pass"
