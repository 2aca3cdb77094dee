"""Another apiVersion as a fix: only where nothing else of the object has to change."""

from __future__ import annotations

from typing import Any

import pytest

from kgate.edit import made
from kgate.validate import NEWEST, causes
from kgate.validate.swaps import fix

TEMPLATE: dict[str, Any] = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}
SELECTOR = {"matchLabels": {"a": "b"}}
JOB = {**TEMPLATE, "spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}
ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "a"}


def body(version: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "a"}, **fields}


SAFE = [
    (body("batch/v1beta1", "CronJob", spec={"schedule": "* * * * *", "jobTemplate": {"spec": {"template": JOB}}}), "batch/v1"),
    (body("policy/v1beta1", "PodDisruptionBudget", spec={"minAvailable": 1, "selector": SELECTOR}), "policy/v1"),
    (body("apps/v1beta2", "Deployment", spec={"selector": SELECTOR, "template": TEMPLATE}), "apps/v1"),
    (body("rbac.authorization.k8s.io/v1beta1", "RoleBinding", roleRef=ROLE), "rbac.authorization.k8s.io/v1"),
    (body("scheduling.k8s.io/v1beta1", "PriorityClass", value=1), "scheduling.k8s.io/v1"),
    (body("storage.k8s.io/v1beta1", "StorageClass", provisioner="a.example"), "storage.k8s.io/v1"),
    (body("node.k8s.io/v1beta1", "RuntimeClass", handler="a"), "node.k8s.io/v1"),
    (body("extensions/v1beta1", "NetworkPolicy", spec={"podSelector": {}}), "networking.k8s.io/v1"),
    (body("networking.k8s.io/v1beta1", "IngressClass", spec={"controller": "a.example/b"}), "networking.k8s.io/v1"),
    (
        body(
            "autoscaling/v2beta2",
            "HorizontalPodAutoscaler",
            spec={"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}},
        ),
        "autoscaling/v2",
    ),
]


@pytest.mark.parametrize(("old", "use"), SAFE, ids=lambda v: v["apiVersion"] if isinstance(v, dict) else "")
def test_the_server_takes_the_object_under_its_new_version(old: dict[str, Any], use: str) -> None:
    assert causes(old)
    told = fix(old, NEWEST)
    assert told is not None and not told.unsafe
    (edit,) = told.edits
    new = made(old, edit)
    assert (new["apiVersion"], causes(new)) == (use, ())


def test_where_defaults_differ_it_is_not_safe() -> None:
    told = fix(body("extensions/v1beta1", "Deployment", spec={"selector": SELECTOR, "template": TEMPLATE}), NEWEST)
    assert told is not None
    assert "defaults of apps/v1" in told.unsafe


@pytest.mark.parametrize(
    "old",
    [
        body("extensions/v1beta1", "Deployment", spec={"template": TEMPLATE}),
        body("policy/v1beta1", "PodDisruptionBudget", spec={"minAvailable": 1, "selector": {}}),
        body("policy/v1beta1", "PodDisruptionBudget", spec={"minAvailable": 1}),
        body("extensions/v1beta1", "Ingress", spec={}),
        body("admissionregistration.k8s.io/v1beta1", "ValidatingWebhookConfiguration"),
        body("policy/v1beta1", "PodSecurityPolicy", spec={}),
        {"apiVersion": 1, "kind": ["a"]},
        {},
    ],
)
def test_what_needs_more_than_another_version_has_no_fix(old: dict[str, Any]) -> None:
    assert fix(old, NEWEST) is None
