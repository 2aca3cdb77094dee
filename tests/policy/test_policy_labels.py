"""Labels, annotations and namespaces: what is reported, and exactly where."""

from __future__ import annotations

import pytest

from tests.policy.policy_texts import Judged

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels:
    app.kubernetes.io/name: web
  annotations:
    seccomp.security.alpha.kubernetes.io/pod: runtime/default
spec:
  selector:
    matchLabels:
      app: web
      version: 1.9.0
  template:
    metadata:
      labels:
        app: web
        version: 1.9.0
        apps.kubernetes.io/name: web
      annotations:
        container.apparmor.security.beta.kubernetes.io/app: runtime/default
"""


def test_a_deprecated_annotation_is_found_on_the_object_and_on_its_pods(judged: Judged) -> None:
    found = judged(DEPLOYMENT, "annotation-forbidden")
    assert [(f.line, f.column, f.remediation) for f in found] == [
        (8, 5, "use securityContext.seccompProfile of the pod"),
        (21, 9, "use securityContext.appArmorProfile of the container"),
    ]


def test_a_misspelt_prefix_is_found_with_the_key_that_was_meant(judged: Judged) -> None:
    (found,) = judged(DEPLOYMENT, "label-reserved-prefix")
    assert (found.line, found.column, found.path) == (19, 9, "/spec/template/metadata/labels/apps.kubernetes.io~1name")
    assert found.remediation == "did you mean app.kubernetes.io/name? otherwise use a prefix of your own"


@pytest.mark.parametrize(
    "key", ["app.kubernetes.io/version", "pod-security.kubernetes.io/enforce", "example.com/kubernetes.io", "kubernetes.io"]
)
def test_known_keys_and_keys_of_others_are_left_alone(judged: Judged, key: str) -> None:
    assert judged(f"{{apiVersion: v1, kind: Namespace, metadata: {{name: web, labels: {{{key}: a}}}}}}", "label-reserved-prefix") == []


def test_a_version_in_the_selector_is_found_at_its_key(judged: Judged) -> None:
    (found,) = judged(DEPLOYMENT, "selector-unstable-label")
    assert (found.line, found.column) == (13, 7)
    assert "cannot" in found.message


@pytest.mark.parametrize(("name", "found"), [("web-v2", 0), ("v2-web", 0), ("web-v2-canary", 0), ("v2", 0), ("web-v22", 1), ("web", 1)])
def test_a_version_that_the_workload_is_called_after_does_not_change(judged: Judged, name: str, found: int) -> None:
    text = f"{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}}}, spec: {{selector: {{matchLabels: {{version: v2}}}}}}}}"
    assert len(judged(text, "selector-unstable-label")) == found


@pytest.mark.parametrize(
    ("kinds", "found"), [(["Deployment"], 1), (["Deployment.apps"], 1), (["Deployment.example.com"], 0), (["Service"], 0), ([], 1)]
)
def test_required_keys_concern_the_kinds_they_name(judged: Judged, kinds: list[str], found: int) -> None:
    entry = {"key": "team", **({"kinds": kinds} if kinds else {})}
    assert len(judged(DEPLOYMENT, "label-required", {"labels": {"required": [entry]}})) == found


def test_denied_namespaces_are_found_at_the_namespace(judged: Judged) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n  namespace: kube-system\n"
    (found,) = judged(text, "namespace-default", {"namespaces": {"denied": ["kube-system"]}})
    assert (found.line, found.column) == (5, 3)
    assert judged(text, "namespace-default", {"rules": {"namespace-default": "error"}}) == []


def test_an_object_without_a_namespace_is_only_denied_default(judged: Judged) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n"
    assert judged(text, "namespace-default", {"namespaces": {"denied": ["kube-system"]}}) == []
    assert len(judged(text, "namespace-default", {"namespaces": {"denied": ["kube-system", "default"]}})) == 1
