"""What may not change in workloads and Services, and what an apply leaves behind."""

from __future__ import annotations

from typing import Any

import pytest

from tests.validate.changes import assert_refused, daemon_set, found, job, pod, refused, service, stateful_set
from tests.validate.validated import DELETED, changed, deployment, thing

FIXED = "field is immutable"
ONLY = "and 'minReadySeconds' are forbidden"
PODS = "(allow it to be set to 1 if it was previously negative)"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.serviceName", "other"),
        ("spec.podManagementPolicy", "Parallel"),
        ("spec.volumeClaimTemplates.0.spec.resources.requests.storage", "2Gi"),
        ("spec.volumeClaimTemplates.0.spec.storageClassName", "fast"),
        ("spec.volumeClaimTemplates.0.metadata.labels", {"a": "b"}),
        ("spec.volumeClaimTemplates", []),
        ("spec.selector.matchExpressions", [{"key": "app", "operator": "Exists"}]),
    ],
)
def test_of_a_stateful_set_only_some_fields_may_change(path: str, value: Any) -> None:
    before = stateful_set()
    assert_refused(before, changed(before, path, value), ("spec", ONLY))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.replicas", 5),
        ("spec.template.spec.containers.0.image", "registry.example.com/db:2"),
        ("spec.updateStrategy", {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}),
        ("spec.minReadySeconds", 5),
        ("spec.ordinals", {"start": 1}),
        ("spec.revisionHistoryLimit", 3),
        ("spec.persistentVolumeClaimRetentionPolicy", {"whenScaled": "Delete"}),
        ("spec.podManagementPolicy", "OrderedReady"),
        ("spec.volumeClaimTemplates.0.spec.volumeMode", "Filesystem"),
        ("spec.volumeClaimTemplates.0.spec.resources.requests.storage", "1024Mi"),
        ("spec.volumeClaimTemplates.0.apiVersion", "v1"),
        ("spec.volumeClaimTemplates.0.status", {}),
        ("spec.volumeClaimTemplates.0.metadata.creationTimestamp", None),
    ],
)
def test_the_rest_of_a_stateful_set_may_change(path: str, value: Any) -> None:
    before = stateful_set()
    assert_refused(before, changed(before, path, value))


def test_each_field_of_a_stateful_set_is_a_finding_at_its_own_place() -> None:
    before = stateful_set()
    after = changed(changed(before, "spec.serviceName", "other"), "spec.volumeClaimTemplates.0.spec.resources.requests.storage", "2Gi")
    assert [f.path for f in found(before, after)] == ["/spec/serviceName", "/spec/volumeClaimTemplates/0/spec/resources/requests/storage"]


def test_the_history_of_a_stateful_set_is_free_since_1_33() -> None:
    before = stateful_set()
    after = changed(before, "spec.revisionHistoryLimit", 3)
    assert_refused(before, after, ("spec", "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"), version="1.32")


@pytest.mark.parametrize(
    ("before", "path", "value", "field", "end"),
    [
        (job(), "spec.template.spec.containers.0.image", "registry.example.com/load:2", "spec.template", FIXED),
        (job(), "spec.template.metadata.labels", {"a": "b"}, "spec.template", FIXED),
        (job(), "spec.template.spec.containers.0.securityContext", {}, "spec.template", FIXED),
        (job(), "spec.completions", 2, "spec.completions", f"2: {FIXED}"),
        (job(), "spec.selector", {"matchLabels": {"a": "b"}}, "spec.selector", FIXED),
        (job(completions=2), "spec.completionMode", "Indexed", "spec.completionMode", FIXED),
        (
            job(),
            "spec.podFailurePolicy",
            {"rules": [{"action": "Ignore", "onExitCodes": {"operator": "In", "values": [3]}}]},
            "spec",
            FIXED,
        ),
        (
            job(completions=2, parallelism=2, completionMode="Indexed"),
            "spec.completions",
            3,
            "spec.completions",
            "in tandem with spec.parallelism",
        ),
        (job(suspend=True), "spec.template.spec.containers.0.image", "registry.example.com/load:2", "spec.template.spec", FIXED),
    ],
)
def test_the_pods_of_a_job_are_for_life(before: dict[str, Any], path: str, value: Any, field: str, end: str) -> None:
    messages = refused(before, changed(before, path, value))
    assert any(message.startswith(field) and message.endswith(end) for message in messages), messages


@pytest.mark.parametrize(
    ("before", "path", "value"),
    [
        (job(), "spec.parallelism", 3),
        (job(), "spec.backoffLimit", 1),
        (job(), "spec.suspend", True),
        (job(), "spec.ttlSecondsAfterFinished", 60),
        (job(), "spec.completions", 1),
        (job(), "spec.completionMode", "NonIndexed"),
        (job(), "spec.template.spec.containers.0.imagePullPolicy", "IfNotPresent"),
        (job(), "spec.template.spec.dnsPolicy", "ClusterFirst"),
        (job(), "spec.template.spec.hostNetwork", False),
        (job(), "spec.template.metadata.labels", {"job-name": "thing", "batch.kubernetes.io/job-name": "thing"}),
        (job(suspend=True), "spec.template.spec.nodeSelector", {"zone": "a"}),
        (job(suspend=True), "spec.template.spec.tolerations", [{"operator": "Exists"}]),
        (job(suspend=True), "spec.template.metadata", {"annotations": {"a": "b"}}),
        (job(suspend=True), "spec.template.spec.containers.0.resources", {"limits": {"cpu": "1"}}),
    ],
)
def test_the_rest_of_a_job_may_change(before: dict[str, Any], path: str, value: Any) -> None:
    assert_refused(before, changed(before, path, value))


def test_an_indexed_job_grows_with_its_parallelism() -> None:
    before = job(completions=2, parallelism=2, completionMode="Indexed")
    assert_refused(before, job(completions=3, parallelism=3, completionMode="Indexed"))


def test_the_resources_of_a_suspended_job_are_free_since_1_36() -> None:
    before = job(suspend=True)
    after = changed(before, "spec.template.spec.containers.0.resources", {"limits": {"cpu": "1"}})
    assert_refused(before, after, ("spec.template", FIXED), version="1.35")


def test_what_a_job_runs_is_named_at_its_place_and_the_way_out_is_a_new_job() -> None:
    before = job()
    (finding,) = found(before, changed(before, "spec.template.spec.containers.0.image", "registry.example.com/load:2"))
    assert finding.path == "/spec/template/spec/containers/0/image"
    assert finding.remediation == "a Job's pods are for life: give the Job another name, or delete Job thing and create it anew"


@pytest.mark.parametrize(
    ("before", "path", "value", "field", "end"),
    [
        (pod(), "spec.containers.0.command", ["sh"], "spec", PODS),
        (pod(), "spec.containers.0.resources", {"limits": {"cpu": "1"}}, "spec", PODS),
        (pod(), "spec.hostNetwork", True, "spec", PODS),
        (pod(), "spec.containers.1", None, "spec.containers", "may not add or remove containers"),
        (pod(), "spec.schedulingGates", [{"name": "a.example.com/gate"}], "spec.schedulingGates[0].name", "'a.example.com/gate'"),
        (pod(activeDeadlineSeconds=5), "spec.activeDeadlineSeconds", 6, "spec.activeDeadlineSeconds", "equal to previous value"),
        (pod(activeDeadlineSeconds=5), "spec.activeDeadlineSeconds", DELETED, "spec.activeDeadlineSeconds", "to nil value"),
        (
            pod(tolerations=[{"key": "a", "operator": "Exists"}]),
            "spec.tolerations",
            [{"key": "b", "operator": "Exists"}],
            "spec.tolerations",
            "except its tolerationSeconds",
        ),
        (
            pod(schedulingGates=[{"name": "a.example.com/gate"}], nodeSelector={"zone": "a"}),
            "spec.nodeSelector",
            {"zone": "b"},
            "spec.nodeSelector",
            "(no mutations or deletions)",
        ),
    ],
)
def test_a_pod_is_nearly_for_life(before: dict[str, Any], path: str, value: Any, field: str, end: str) -> None:
    if path == "spec.containers.1":
        after = changed(
            before, "spec.containers", [*before["spec"]["containers"], {"name": "more", "image": "registry.example.com/more:1"}]
        )
    else:
        after = changed(before, path, value)
    assert_refused(before, after, (field, end))


@pytest.mark.parametrize(
    ("before", "path", "value"),
    [
        (pod(), "spec.containers.0.image", "registry.example.com/app:2"),
        (pod(), "spec.activeDeadlineSeconds", 5),
        (pod(activeDeadlineSeconds=5), "spec.activeDeadlineSeconds", 4),
        (pod(), "spec.tolerations", [{"key": "a", "operator": "Exists"}]),
        (pod(tolerations=[{"operator": "Exists", "effect": "NoExecute"}]), "spec.tolerations.0.tolerationSeconds", 5),
        (pod(schedulingGates=[{"name": "a.example.com/gate"}]), "spec.schedulingGates", DELETED),
        (pod(schedulingGates=[{"name": "a.example.com/gate"}]), "spec.nodeSelector", {"zone": "a"}),
        (pod(), "spec.serviceAccountName", "default"),
        (pod(), "spec.enableServiceLinks", True),
        (pod(), "spec.nodeName", "node-1"),
        (pod(), "metadata.labels", {"a": "b"}),
    ],
)
def test_of_a_pod_a_few_things_may_change(before: dict[str, Any], path: str, value: Any) -> None:
    assert_refused(before, changed(before, path, value))


ONCE = "may not change once set"


@pytest.mark.parametrize(
    ("before", "after", "field", "end"),
    [
        (service(), service(clusterIP="None"), "spec.clusterIPs[0]", f'["None"]: {ONCE}'),
        (service(clusterIP="None"), service(clusterIP="10.0.0.9"), "spec.clusterIPs[0]", f'["10.0.0.9"]: {ONCE}'),
        (service(clusterIP="10.0.0.8"), service(clusterIP="10.0.0.9"), "spec.clusterIPs[0]", ONCE),
        (
            service(clusterIP="10.0.0.8", clusterIPs=["10.0.0.8", "fd00::8"], ipFamilyPolicy="PreferDualStack"),
            service(clusterIP="10.0.0.8", clusterIPs=["10.0.0.8"], ipFamilyPolicy="PreferDualStack"),
            "spec.ipFamilyPolicy",
            "when releasing the secondary clusterIP",
        ),
        (service(ipFamilies=["IPv4"]), service(ipFamilies=["IPv6"]), "spec.ipFamilies[0]", ONCE),
        (
            service(type="LoadBalancer", loadBalancerClass="example.com/a"),
            service(type="LoadBalancer", loadBalancerClass="example.com/b"),
            "spec.loadBalancerClass",
            ONCE,
        ),
        (
            service(type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=30001),
            service(type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=30002),
            "spec.healthCheckNodePort",
            f"Forbidden: {FIXED}",
        ),
        (
            service(type="NodePort", ports=[{"name": "a", "port": 80}, {"name": "b", "port": 81}]),
            service(ports=[{"name": "a", "port": 80}]),
            "spec.ports[0].nodePort",
            "may not be used when `type` is 'ClusterIP'",
        ),
    ],
)
def test_a_service_keeps_what_it_was_given(before: dict[str, Any], after: dict[str, Any], field: str, end: str) -> None:
    assert_refused(before, after, (field, end))


NAMED = {"type": "ExternalName", "externalName": "web.example.com", "ports": None}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (service(), service(clusterIP="10.0.0.9")),
        (service(clusterIP="None"), service()),
        (service(clusterIP="10.0.0.9"), service()),
        (service(clusterIP="10.0.0.9"), service(clusterIP="10.0.0.9", clusterIPs=["10.0.0.9"])),
        (service(clusterIP="None"), service(**NAMED)),
        (service(**NAMED), service(clusterIP="None")),
        (service(), service(type="LoadBalancer")),
        (service(type="LoadBalancer", externalTrafficPolicy="Local"), service()),
        (service(type="NodePort", ports=[{"port": 80, "nodePort": 30080}]), service()),
        (service(type="NodePort"), service(ports=[{"port": 80}, {"name": "b", "port": 81}][:1])),
        (service(sessionAffinity="ClientIP"), service()),
        (service(ipFamilies=["IPv4"]), service(ipFamilies=["IPv4", "IPv6"], ipFamilyPolicy="PreferDualStack")),
        (service(), service(selector={"app": "other"})),
        (service(), service(ports=[{"port": 80, "targetPort": 80, "protocol": "TCP"}])),
    ],
)
def test_a_service_may_change_the_rest(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert_refused(before, after)


RECREATE = "Forbidden: may not be specified when strategy `type` is 'Recreate'"


@pytest.mark.parametrize("rolling", [None, {"type": "RollingUpdate"}])
def test_the_amounts_that_the_server_filled_in_stay_when_the_type_becomes_recreate(rolling: dict[str, Any] | None) -> None:
    before = deployment() if rolling is None else deployment(strategy=rolling)
    (finding,) = found(before, deployment(strategy={"type": "Recreate"}))
    assert finding.message == f"spec.strategy.rollingUpdate: {RECREATE}"
    assert "the server filled in spec.strategy.rollingUpdate" in finding.remediation


@pytest.mark.parametrize("rolling", [{"maxSurge": 1}, {"maxSurge": 1, "maxUnavailable": 0}, {}])
def test_amounts_that_the_base_wrote_go_with_it(rolling: dict[str, Any]) -> None:
    before = deployment(strategy={"type": "RollingUpdate", "rollingUpdate": rolling})
    assert_refused(before, deployment(strategy={"type": "Recreate"}))


def test_null_does_not_take_the_amounts_away() -> None:
    assert_refused(
        deployment(), deployment(strategy={"type": "Recreate", "rollingUpdate": None}), ("spec.strategy.rollingUpdate", RECREATE)
    )


def test_the_partition_stays_when_pods_are_to_be_replaced_by_hand() -> None:
    (message,) = refused(stateful_set(), stateful_set(updateStrategy={"type": "OnDelete"}))
    assert message.endswith("only allowed for updateStrategy 'RollingUpdate'")
    assert_refused(daemon_set(), daemon_set(updateStrategy={"type": "OnDelete"}))


def test_a_volume_without_a_source_is_an_empty_directory_for_good() -> None:
    def with_volume(**source: Any) -> dict[str, Any]:
        return changed(deployment(), "spec.template.spec.volumes", [{"name": "data", **source}])

    config = {"configMap": {"name": "web"}}
    (message,) = refused(with_volume(), with_volume(**config))
    assert message.endswith("may not specify more than 1 volume type")
    assert_refused(with_volume(emptyDir={}), with_volume(**config))


def test_a_replication_controller_keeps_the_selector_that_it_took_from_its_template() -> None:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": "registry.example.com/app:1"}]}}
    before = thing("v1", "ReplicationController", spec={"template": template})
    (message,) = refused(before, changed(before, "spec.template.metadata.labels", {"app": "other"}))
    assert message.endswith("`selector` does not match template `labels`")


def test_a_probe_may_become_another_one() -> None:
    def probed(**action: Any) -> dict[str, Any]:
        return changed(deployment(), "spec.template.spec.containers.0.readinessProbe", action)

    assert_refused(probed(httpGet={"port": 80}), probed(tcpSocket={"port": 80}))
    assert_refused(probed(tcpSocket={"port": 80}), probed(exec={"command": ["true"]}))
