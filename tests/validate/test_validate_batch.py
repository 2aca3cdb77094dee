"""Jobs, schedules, and autoscalers."""

from __future__ import annotations

from typing import Any

import pytest

from kgate.validate import cron
from tests.validate.validated import assert_said, pod_spec, said, thing

SCHEDULES = [
    ("* * * * *", ""),
    ("*/15 0-6,22 ? jan-mar mon-fri", ""),
    ("@daily", ""),
    ("@every 1h30m", ""),
    ("5/20 * * * *", ""),
    ("*-5 * * * *", ""),
    ("0 0 31 2 *", ""),
    ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
    ("60 * * * *", "end of range (60) above maximum (59): 60"),
    ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
    ("* * * * 7", "end of range (7) above maximum (6): 7"),
    ("30-10 * * * *", "beginning of range (30) beyond end of range (10): 30-10"),
    ("*/0 * * * *", "step of range should be a positive number: */0"),
    ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
    ("1/2/3 * * * *", "too many slashes: 1/2/3"),
    ("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'),
    ("* * * mon *", 'failed to parse int from mon: strconv.Atoi: parsing "mon": invalid syntax'),
    ("@often", "unrecognized descriptor: @often"),
    ("@every day", "failed to parse duration @every day"),
]


@pytest.mark.parametrize(("schedule", "fault"), SCHEDULES)
def test_schedules_are_read_as_the_server_reads_them(schedule: str, fault: str) -> None:
    assert cron.fault(schedule) == fault


def job(**spec: Any) -> dict[str, Any]:
    return thing("batch/v1", "Job", spec={"template": {"spec": pod_spec(restartPolicy="Never")}, **spec})


CODES = {"operator": "In", "values": [1, 2]}
R = "spec.podFailurePolicy.rules[0]"
X = "spec.successPolicy.rules[0]"
INDEXED = {"completionMode": "Indexed", "completions": 5}


def failure(**rule: Any) -> dict[str, Any]:
    return {"podFailurePolicy": {"rules": [{"action": "FailJob", **rule}]}}


def success(**rule: Any) -> dict[str, Any]:
    return {**INDEXED, "successPolicy": {"rules": [rule]}}


JOBS: list[tuple[dict[str, Any], list[str]]] = [
    (failure(onExitCodes=CODES), []),
    (failure(onPodConditions=[{"type": "DisruptionTarget"}]), []),
    (failure(), [f'{R}: Invalid value: "": specifying one of OnExitCodes and OnPodConditions is required']),
    (failure(action="Stop", onExitCodes=CODES), [f'{R}.action: Unsupported value: "Stop": supported values: "Count", "FailIndex"']),
    (failure(action="FailIndex", onExitCodes=CODES), [f'{R}.action: Invalid value: "FailIndex": requires the backoffLimitPerIndex']),
    (failure(onExitCodes={**CODES, "values": [2, 1]}), [f"{R}.onExitCodes.values: Invalid value: [2,1]: must be ordered"]),
    (
        failure(onExitCodes={**CODES, "values": [0, 0]}),
        [f"{R}.onExitCodes.values[0]: I", f"{R}.onExitCodes.values[1]: I", f"{R}.onExitCodes.va"],
    ),
    (failure(onExitCodes={**CODES, "values": []}), [f"{R}.onExitCodes.values: Invalid value: []: at least one value is required"]),
    (failure(onExitCodes={**CODES, "containerName": "x"}), [f'{R}.onExitCodes.containerName: Invalid value: "x": must be one of']),
    (failure(onPodConditions=[{"type": "a b", "status": "yes"}]), [f"{R}.onPodConditions[0].type: I", f"{R}.onPodConditions[0].status: U"]),
    ({**failure(onExitCodes=CODES), "podReplacementPolicy": "TerminatingOrFailed"}, ["spec.podReplacementPolicy: Unsupported value"]),
    (success(succeededIndexes="0,2-4"), []),
    (success(succeededIndexes="0,2-5"), [f'{X}.succeededIndexes: Invalid value: "0,2-5": error parsing succeededIndexes: too large']),
    (success(succeededIndexes="2-2"), [f"{X}.succeededIndexes: Invalid value"]),
    (success(succeededIndexes="3,1"), [f"{X}.succeededIndexes: Invalid value"]),
    (success(succeededIndexes="a"), [f"{X}.succeededIndexes: Invalid value"]),
    (success(succeededIndexes="1", succeededCount=2), [f"{X}.succeededCount: Invalid value: 2: must be less than or equal to 1 (the num"]),
    (success(succeededCount=6), [f"{X}.succeededCount: Invalid value: 6: must be less than or equal to 5 (the number of specified"]),
    (success(), [f"{X}: Required value: at least one of succeededCount or succeededIndexes must be specified"]),
    ({"successPolicy": {"rules": [{"succeededCount": 1}]}}, ["spec.successPolicy: Invalid value"]),
    ({"completionMode": "Indexed"}, []),  # one completion
    ({"completionMode": "Indexed", "parallelism": 2}, ["spec.completions: Required value: when completion mode is Indexed"]),
    ({**INDEXED, "maxFailedIndexes": 6, "backoffLimitPerIndex": 1}, ["spec.maxFailedIndexes: Invalid value: 6: must be less than"]),
    ({**INDEXED, "maxFailedIndexes": 1}, ["spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified"]),
    ({"managedBy": "example.com/x"}, []),
    ({"managedBy": "me"}, ['spec.managedBy: Invalid value: "me": must be a domain-prefixed path']),
]


@pytest.mark.parametrize(("spec", "expected"), JOBS)
def test_jobs(spec: dict[str, Any], expected: list[str]) -> None:
    assert_said(job(**spec), *expected)


def test_the_hostname_of_the_last_index_is_no_longer_than_a_label() -> None:
    body = {**job(**INDEXED), "metadata": {"name": "a" * 62}}
    assert_said(body, "metadata.name: Invalid value")


def test_cron_jobs() -> None:
    def cron_job(**spec: Any) -> dict[str, Any]:
        return thing("batch/v1", "CronJob", spec={"schedule": "@daily", "jobTemplate": {"spec": job()["spec"]}, **spec})

    assert_said(cron_job(timeZone="Europe/Berlin"))
    assert_said(cron_job(schedule="61 * * * *"), 'spec.schedule: Invalid value: "61 * * * *": end of range (61) above maximum (59): 61')
    assert_said(cron_job(timeZone="local"), 'spec.timeZone: Invalid value: "local": timeZone must be an explicit time zone')
    assert_said(cron_job(timeZone="Europe/../x"), 'spec.timeZone: Invalid value: "Europe/../x": unknown time zone Europe/../x')


def autoscaler(*metrics: dict[str, Any], **spec: Any) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    found = {"metrics": list(metrics)} if metrics else {}
    return thing("autoscaling/v2", "HorizontalPodAutoscaler", spec={"maxReplicas": 3, "scaleTargetRef": target, **found, **spec})


def of_cpu(**target: Any) -> dict[str, Any]:
    return {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", **target}}}


PODS = {"type": "Pods", "pods": {"metric": {"name": "packets"}, "target": {"type": "AverageValue", "averageValue": "1k"}}}
M = "spec.metrics[0]"
B = "spec.behavior.scaleUp"
AUTOSCALERS: list[tuple[dict[str, Any], list[str]]] = [
    (autoscaler(of_cpu(averageUtilization=50), PODS), []),
    (autoscaler(of_cpu()), [f"{M}.resource.target.averageUtilization: Required value: must set either a target raw value or a target"]),
    (autoscaler(of_cpu(averageUtilization=0)), [f"{M}.resource.target.averageUtilization: Invalid value: 0: must be greater than 0"]),
    (autoscaler(of_cpu(averageUtilization=1, averageValue=1)), [f"{M}.resource.target.averageValue: Forbidden: may not set both"]),
    (autoscaler({**of_cpu(averageUtilization=1), "type": "Pods"}), [f"{M}.pods: Required value: must populate information"]),
    (autoscaler({**of_cpu(averageUtilization=1), "type": "CPU"}), [f'{M}.type: Unsupported value: "CPU": supported values: "ContainerRes']),
    (autoscaler({**PODS, "resource": of_cpu()["resource"]}), [f"{M}.resource: Forbidden: must populate the given metric source only"]),
    (autoscaler(behavior={"scaleUp": {"stabilizationWindowSeconds": 0}}), []),
    (
        autoscaler(behavior={"scaleUp": {"stabilizationWindowSeconds": 3601}}),
        [f"{B}.stabilizationWindowSeconds: Invalid value: 3601: must be"],
    ),
    (autoscaler(behavior={"scaleUp": {"policies": []}}), [f"{B}.policies: Required value: must specify at least one Policy"]),
    (
        autoscaler(behavior={"scaleUp": {"selectPolicy": "Sum"}}),
        [f'{B}.selectPolicy: Unsupported value: "Sum": supported values: "Disabled"'],
    ),
    (
        autoscaler(behavior={"scaleUp": {"policies": [{"type": "Pod", "value": 0, "periodSeconds": 1801}]}}),
        [f"{B}.policies[0].type: Unsupported", f"{B}.policies[0].value: Invalid value: 0", f"{B}.policies[0].periodSeconds: Invalid value"],
    ),
    (
        autoscaler(scaleTargetRef={"kind": "Deployment", "name": "web"}),
        ['spec.scaleTargetRef.apiVersion: Invalid value: "": apiVersion must'],
    ),
    (autoscaler(scaleTargetRef={"kind": "ReplicationController", "name": "web", "apiVersion": "v1"}), []),
]


@pytest.mark.parametrize(("body", "expected"), AUTOSCALERS)
def test_autoscalers(body: dict[str, Any], expected: list[str]) -> None:
    assert_said(body, *expected)


def test_an_autoscaler_of_old_has_one_percentage() -> None:
    spec = {**autoscaler()["spec"], "targetCPUUtilizationPercentage": 0}
    field = "spec.metrics[0].resource.target.averageUtilization"
    assert_said(thing("autoscaling/v1", "HorizontalPodAutoscaler", spec=spec), f"{field}: Invalid value: 0: must be greater than 0")


def test_servers_before_1_36_take_a_target_without_a_group() -> None:
    assert not said(autoscaler(scaleTargetRef={"kind": "Deployment", "name": "web"}), version="1.35")
