"""Workloads: selectors, strategies, counts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.validate.validated import DELETED, assert_said, changed, deployment, pod_spec, said, thing, with_pod

MISMATCH = "spec.template.metadata.labels: Invalid value: "


def test_a_small_deployment_is_taken() -> None:
    assert_said(deployment())


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("spec.replicas", 0, []),
        ("spec.replicas", -1, ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]),
        ("spec.minReadySeconds", -1, ["spec.minReadySeconds: Invalid value: -1"]),
        ("spec.minReadySeconds", 600, ["spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds"]),
        ("spec.progressDeadlineSeconds", 0, ["spec.progressDeadlineSeconds: Invalid value: 0: must be greater than minReadySeconds"]),
        ("spec.revisionHistoryLimit", 0, []),
        ("spec.revisionHistoryLimit", -1, ["spec.revisionHistoryLimit: Invalid value: -1"]),
        ("spec.selector", DELETED, ["spec.selector: Required value", MISMATCH]),
        ("spec.selector", {}, ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"]),
        ("spec.selector.matchLabels", {"app": "other"}, [MISMATCH + '{"app":"web"}: `selector` does not match template `labels`']),
        ("spec.selector.matchLabels", {"app": "a b"}, ["spec.selector.matchLabels: Invalid value", "spec.selector: Invalid value"]),
        ("spec.template.metadata", DELETED, [MISMATCH + "null: `selector` does not match"]),
        ("spec.template.spec.restartPolicy", "Always", []),
        ("spec.template.spec.restartPolicy", "Never", ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values']),
        ("spec.template.spec.activeDeadlineSeconds", 5, ["spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in"]),
        ("spec.template.spec.containers", [], ["spec.template.spec.containers: Required value"]),
        ("spec.template", DELETED, [MISMATCH, "spec.template.spec.containers: Required value"]),
    ],
)
def test_the_spec_of_a_deployment(path: str, value: Any, expected: list[str]) -> None:
    assert_said(changed(deployment(), path, value), *expected)


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ({}, []),
        ({"type": ""}, []),
        ({"type": "Recreate"}, []),
        ({"type": "Recreate", "rollingUpdate": None}, []),
        ({"type": "Recreate", "rollingUpdate": {}}, ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type`"]),
        ({"type": "recreate"}, ["spec.strategy: Unsupported value"]),
        (
            {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}},
            ["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not"],
        ),
        (
            {"rollingUpdate": {"maxSurge": "0%", "maxUnavailable": "0%"}},
            ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%"'],
        ),
        ({"rollingUpdate": {"maxSurge": 0}}, []),
        ({"rollingUpdate": {"maxSurge": "200%"}}, []),
        ({"rollingUpdate": {"maxUnavailable": "101%"}}, ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be']),
        ({"rollingUpdate": {"maxUnavailable": -1}}, ["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: -1: must be greater"]),
        ({"rollingUpdate": {"maxSurge": "25"}}, ['spec.strategy.rollingUpdate.maxSurge: Invalid value: "25": a valid percent string']),
        ({"rollingUpdate": {"maxSurge": "2.5%"}}, ['spec.strategy.rollingUpdate.maxSurge: Invalid value: "2.5%"']),
        ({"rollingUpdate": {"maxSurge": ""}}, ['spec.strategy.rollingUpdate.maxSurge: Invalid value: "": a valid percent string']),
    ],
)
def test_the_strategy_of_a_deployment(strategy: dict[str, Any], expected: list[str]) -> None:
    assert_said(changed(deployment(), "spec.strategy", strategy), *expected)


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        ({"key": "app", "operator": "In", "values": ["web", "x"]}, []),
        ({"key": "app", "operator": "Exists"}, []),
        ({"key": "nope", "operator": "DoesNotExist"}, []),
        ({"key": "app", "operator": "NotIn", "values": ["other"]}, []),
        ({"key": "app", "operator": "NotIn", "values": ["web"]}, [MISMATCH]),
        ({"key": "app", "operator": "In"}, ["spec.selector.matchExpressions[0].values: Required value", "spec.selector: Invalid value"]),
        (
            {"key": "app", "operator": "Exists", "values": ["x"]},
            ["spec.selector.matchExpressions[0].values: Forbidden", "spec.selector: I"],
        ),
        ({"key": "app", "operator": "Equals"}, ["spec.selector.matchExpressions[0].operator: Invalid value", "spec.selector: Invalid"]),
    ],
)
def test_the_expressions_of_a_selector(requirement: dict[str, Any], expected: list[str]) -> None:
    assert_said(changed(deployment(), "spec.selector", {"matchExpressions": [requirement]}), *expected)


def test_the_selector_of_a_deployment_is_for_life() -> None:
    new = changed(changed(deployment(), "spec.selector.matchLabels.tier", "front"), "spec.template.metadata.labels.tier", "front")
    assert said(new) == []
    assert said(new, deployment()) == [
        'spec.selector: Invalid value: {"matchLabels":{"app":"web","tier":"front"}}: field is immutable',
    ]
    same = changed(deployment(), "spec.selector", {"matchExpressions": [], "matchLabels": {"app": "web"}})
    assert said(same, deployment()) == []


def stateful_set(**spec: Any) -> dict[str, Any]:
    return {**deployment(serviceName="web", **spec), "kind": "StatefulSet"}


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("spec.serviceName", DELETED, []),
        ("spec.serviceName", "a.b", ["spec.serviceName: Invalid value"]),
        ("spec.podManagementPolicy", "Parallel", []),
        ("spec.podManagementPolicy", "parallel", ["spec.podManagementPolicy: Invalid value"]),
        ("spec.updateStrategy", {"type": "OnDelete"}, []),
        ("spec.updateStrategy", {"type": "OnDelete", "rollingUpdate": {}}, ["spec.updateStrategy.rollingUpdate: Invalid value"]),
        ("spec.updateStrategy", {"rollingUpdate": {"partition": -1}}, ["spec.updateStrategy.rollingUpdate.partition: Invalid value"]),
        ("spec.updateStrategy", {"rollingUpdate": {"maxUnavailable": 0}}, []),  # its gate is off, so that the server drops it
        ("spec.template.spec.hostname", "Not Good", []),
        ("spec.selector", {}, ["spec.selector: Invalid value: {}: empty selector is invalid for statefulset"]),
    ],
)
def test_the_spec_of_a_stateful_set(path: str, value: Any, expected: list[str]) -> None:
    assert_said(changed(stateful_set(), path, value), *expected)


def test_a_claim_template_is_a_volume_of_its_pods() -> None:
    mounted = with_pod(containers=[{"name": "a", "image": "a:1", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}])
    template = mounted["spec"]["template"]
    assert_said(stateful_set(template=template), "spec.template.spec.containers[0].volumeMounts[0].name: Not found")
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
    assert_said(stateful_set(template=template, volumeClaimTemplates=[claim]))


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ({}, []),
        ({"type": "OnDelete"}, []),
        ({"rollingUpdate": {"maxSurge": 1}}, ["spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when"]),
        ({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}, []),
        ({"rollingUpdate": {"maxUnavailable": 0}}, ["spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0"]),
        ({"type": "Recreate"}, ["spec.updateStrategy: Unsupported value"]),
    ],
)
def test_the_strategy_of_a_daemon_set(strategy: dict[str, Any], expected: list[str]) -> None:
    body = {**deployment(updateStrategy=strategy), "kind": "DaemonSet"}
    del body["spec"]["replicas"]
    assert_said(body, *expected)


@pytest.mark.parametrize(
    ("policy", "expected"), [("OnFailure", []), ("Never", []), ("Always", ["spec.template.spec.restartPolicy: Requi"])]
)
def test_the_pods_of_a_job_end(policy: str, expected: list[str]) -> None:
    assert_said(thing("batch/v1", "Job", spec={"template": {"spec": pod_spec(restartPolicy=policy)}}), *expected)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("*/5 * * * *", []),
        ("@daily", []),
        ("@every 1h30m", []),
        ("* * * *", ["spec.schedule: Invalid value"]),
        ("@sometimes", ["spec.schedule: Invalid value"]),
        ("TZ=UTC * * * * *", ["spec.schedule: Invalid value"]),
        ("", ["spec.schedule: Required value"]),
    ],
)
def test_the_schedule_of_a_cron_job(schedule: str, expected: list[str]) -> None:
    template = {"spec": {"template": {"spec": pod_spec(restartPolicy="Never")}}}
    assert_said(thing("batch/v1", "CronJob", spec={"schedule": schedule, "jobTemplate": template}), *expected)
