"""Where the bytes of volumes come from, in pods; claims; what a pod says of itself in annotations."""

from __future__ import annotations

from typing import Any

import pytest

from tests.validate.validated import DELETED, assert_said, changed, container, deployment, pod_spec, said, thing, with_pod

V = "spec.template.spec.volumes[0]"
DISK = {"diskName": "d", "diskURI": "https://a.blob.core.windows.net/c/d.vhd"}
ISCSI = {"targetPortal": "10.0.0.1:3260", "iqn": "iqn.2024-01.com.example:storage", "lun": 0}
SOURCES: list[tuple[dict[str, Any], list[str]]] = [
    ({"iscsi": ISCSI}, []),
    ({"iscsi": {**ISCSI, "iqn": "abc"}}, [f'{V}.iscsi.iqn: Invalid value: "abc": must be valid format starting with iqn, eui, or naa']),
    ({"iscsi": {**ISCSI, "iqn": "iqn.24-01.x:y"}}, [f"{V}.iscsi.iqn: Invalid value"]),
    ({"iscsi": {**ISCSI, "iqn": "eui.0123456789abcdef", "initiatorName": "naa.1"}}, [f"{V}.iscsi.initiatorname: Invalid value"]),
    ({"iscsi": {**ISCSI, "lun": 256, "chapAuthSession": True}}, [f"{V}.iscsi.lun: Invalid value: 256", f"{V}.iscsi.secretRef: Required"]),
    ({"fc": {"targetWWNs": ["a"], "lun": 1}}, []),
    ({"fc": {"wwids": ["a"]}}, []),
    ({"fc": {}}, [f"{V}.fc.targetWWNs: Required value: must specify either"]),
    ({"fc": {"targetWWNs": ["a"], "wwids": ["b"]}}, [f"{V}.fc.targetWWNs: Invalid value", f"{V}.fc.lun: Required value: lun is"]),
    ({"rbd": {"monitors": ["a"], "image": "i"}}, []),
    ({"rbd": {"image": "i", "monitors": []}}, [f"{V}.rbd.monitors: Required value"]),
    ({"cephfs": {"monitors": []}}, [f"{V}.cephfs.monitors: Required value"]),
    ({"azureDisk": DISK}, []),
    ({"azureDisk": {**DISK, "kind": "Managed"}}, [f"{V}.azureDisk.diskURI: Unsupported value"]),
    ({"azureDisk": {**DISK, "kind": "Managed", "diskURI": "/subscriptions/s/d"}}, []),
    ({"azureDisk": {**DISK, "cachingMode": "Off"}}, [f'{V}.azureDisk.cachingMode: Unsupported value: "Off": supported values: "None",']),
    ({"azureFile": {"secretName": "s", "shareName": ""}}, [f"{V}.azureFile.shareName: Required value"]),
    ({"glusterfs": {"endpoints": "", "path": "p"}}, [f"{V}.glusterfs.endpoints: Required value"]),
    ({"flocker": {}}, [f"{V}.flocker: Required value: one of datasetName and datasetUUID is required"]),
    ({"flocker": {"datasetName": "a/b"}}, [f'{V}.flocker.datasetName: Invalid value: "a/b": must not contain']),
    ({"quobyte": {"registry": "a:1,b:2", "volume": "v"}}, []),
    ({"quobyte": {"registry": "a", "volume": "v"}}, [f"{V}.quobyte.registry: Invalid value"]),
    ({"flexVolume": {"driver": "d", "options": {"x.k8s.io/a": "b"}}}, [f"{V}.flexVolume.options[x.k8s.io/a]: Invalid value"]),
    ({"scaleIO": {"gateway": "g", "system": "", "secretRef": {}}}, [f"{V}.scaleIO.system: Required", f"{V}.scaleIO.volumeName: Required"]),
    ({"storageos": {"volumeName": "A"}}, [f'{V}.storageos.volumeName: Invalid value: "A"']),
    ({"cinder": {"volumeID": "v", "secretRef": {}}}, [f"{V}.cinder.secretRef.name: Required value"]),
    (
        {"gcePersistentDisk": {"pdName": "", "partition": 256}},
        [f"{V[:-11]}.volumes[0].persistentDisk.pdName: Req", f"{V}.persistentDisk.p"],
    ),
    ({"nfs": {"server": "s", "path": "p"}}, [f'{V}.nfs.path: Invalid value: "p": must be an absolute path']),
    ({"csi": {"driver": "Driver.example.com"}}, []),
    ({"csi": {"driver": "a_b"}}, [f'{V}.csi.driver: Invalid value: "a_b"']),
    ({"csi": {"driver": "a" * 64}}, [f"{V}.csi.driver: Too long: may not be more than 63 bytes"]),
    ({"csi": {"driver": "d", "nodePublishSecretRef": {"name": "A"}}}, [f'{V}.csi.name: Invalid value: "A"']),
    ({"image": {"pullPolicy": "Sometimes"}}, [f"{V}.image.pullPolicy: Unsupported value"]),
    ({"image": {}}, []),
]


@pytest.mark.parametrize(("source", "expected"), SOURCES)
def test_volume_sources(source: dict[str, Any], expected: list[str]) -> None:
    assert_said(with_pod(volumes=[{"name": "data", **source}]), *expected)


CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
SNAPSHOT = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"dataSource": SNAPSHOT}, []),
        ({"dataSource": {**SNAPSHOT, "name": ""}}, ["spec.dataSource.name: Required value"]),
        ({"dataSource": {"kind": "ConfigMap", "name": "x"}}, []),  # the server drops it
        ({"dataSourceRef": {"kind": "ConfigMap", "name": "x"}}, ['spec.dataSourceRef: Invalid value: "ConfigMap": must be']),
        ({"dataSourceRef": {"apiGroup": "A", "kind": "X", "name": "x"}}, ['spec.dataSourceRef.apiGroup: Invalid value: "A"']),
        (
            {"dataSource": SNAPSHOT, "dataSourceRef": {**SNAPSHOT, "name": "t"}},
            ['spec: Invalid value: "dataSource": must match dataSourceRef'],
        ),
        ({"volumeAttributesClassName": "A_"}, ["spec.volumeAttributesClassName: Invalid value"]),
        ({"accessModes": ["ReadWriteOncePod", "ReadWriteOnce"]}, ["spec.accessModes: Forbidden: may not use ReadWriteOncePod"]),
    ],
)
def test_claims(fields: dict[str, Any], expected: list[str]) -> None:
    assert_said(thing("v1", "PersistentVolumeClaim", spec={**CLAIM, **fields}), *expected)


def test_the_claim_of_a_volume_has_labels_and_annotations_and_nothing_else() -> None:
    template = {"metadata": {"labels": {"a": "b c"}, "name": "x"}, "spec": CLAIM}
    found = said(with_pod(volumes=[{"name": "data", "ephemeral": {"volumeClaimTemplate": template}}]))
    assert [f.partition(": ")[0] for f in found] == [f"{V}.ephemeral.volumeClaimTemplate.metadata.{n}" for n in ("labels", "name")]


ANNOTATIONS: list[tuple[dict[str, str], dict[str, Any], list[str]]] = [
    ({"controller.kubernetes.io/pod-deletion-cost": "-5"}, {}, []),
    ({"controller.kubernetes.io/pod-deletion-cost": "+5"}, {}, ["controller.kubernetes.io/pod-deletion-cost]: Invalid value"]),
    ({"kubernetes.io/config.mirror": "x"}, {}, ["[kubernetes.io/config.mirror]: Invalid value"]),
    ({"kubernetes.io/config.mirror": "x"}, {"nodeName": "n"}, []),
    ({"seccomp.security.alpha.kubernetes.io/pod": "localhost/../x"}, {}, [".seccomp.security.alpha.kubernetes.io/pod: Invalid value"]),
    ({"container.seccomp.security.alpha.kubernetes.io/app": "x"}, {}, ['io/app: Invalid value: "x": must be a valid seccomp profile']),
    ({"container.apparmor.security.beta.kubernetes.io/app": "localhost/x"}, {}, []),
    (
        {"container.apparmor.security.beta.kubernetes.io/other": "x"},
        {},
        ['io/other]: Invalid value: "other"', 'io/other]: Invalid value: "x"'],
    ),
    (
        {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"},
        {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}},
        ["securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match"],
    ),
    (
        {"container.apparmor.security.beta.kubernetes.io/app": "localhost/a"},
        {"containers": [container(securityContext={"appArmorProfile": {"type": "Localhost", "localhostProfile": "b"}})]},
        ["appArmorProfile.localhostProfile: Forbidden: apparmor profile in annotation and field must match"],
    ),
]


@pytest.mark.parametrize(("annotations", "fields", "expected"), ANNOTATIONS)
def test_annotations_of_a_pod_and_of_a_template(annotations: dict[str, str], fields: dict[str, Any], expected: list[str]) -> None:
    pod = thing("v1", "Pod", spec=pod_spec(**fields), metadata={"name": "x", "annotations": annotations})
    template = changed(
        deployment(), "spec.template", {"metadata": {"labels": {"app": "web"}, "annotations": annotations}, "spec": pod["spec"]}
    )
    for body in (pod, template):
        found = said(body)
        assert len(found) == len(expected) and all(e in f for e, f in zip(expected, found, strict=True)), found


WINDOWS = {"os": {"name": "windows"}}
S = "spec.template.spec"
SYSTEMS: list[tuple[dict[str, Any], list[str]]] = [
    ({**WINDOWS, "securityContext": {"windowsOptions": {"runAsUserName": "NT AUTHORITY\\SYSTEM"}}}, []),
    ({**WINDOWS, "hostPID": True, "hostUsers": True}, [f"{S}.hostUsers: Forbidden: cannot be set for a windows pod", f"{S}.hostPID: For"]),
    ({**WINDOWS, "securityContext": {"fsGroup": 1}}, [f"{S}.securityContext.fsGroup: Forbidden: cannot be set for a windows pod"]),
    (
        {**WINDOWS, "containers": [container(securityContext={"privileged": False})]},
        [f"{S}.containers[0].securityContext.privileged: Forbidden: cannot be set for a windows pod"],
    ),
    (
        {"os": {"name": "linux"}, "securityContext": {"windowsOptions": {}}},
        [f"{S}.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod"],
    ),
    ({"securityContext": {"windowsOptions": {"gmsaCredentialSpecName": "A"}}}, [f"{S}.securityContext.windowsOptions.gmsaCredentialSpecN"]),
    ({"securityContext": {"windowsOptions": {"gmsaCredentialSpec": ""}}}, [f"{S}.securityContext.windowsOptions.gmsaCredentialSpec: Inv"]),
    ({"hostUsers": False, "hostNetwork": True}, [f"{S}.hostNetwork: Forbidden: when `hostUsers` is false"]),
    ({"hostUsers": False, "hostPID": True}, [f"{S}.HostPID: Forbidden: when `hostUsers` is false"]),
    ({"hostnameOverride": "a.b"}, []),
    ({"hostnameOverride": "a", "hostNetwork": True}, [f"{S}.hostnameOverride: Forbidden: may not be specified when hostNetwork is true"]),
]


@pytest.mark.parametrize(("fields", "expected"), SYSTEMS)
def test_operating_systems_and_hosts(fields: dict[str, Any], expected: list[str]) -> None:
    assert_said(with_pod(**fields), *expected)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("ContainerUser", ""),
        ("corp.example.com\\me", ""),
        ("", "cannot be an empty string"),
        ("a\tb", "cannot contain control characters"),
        ("a\\b\\c", "cannot contain more than one backslash"),
        ("corp\\", "'s User cannot be empty"),
        ("a/b", "'s User cannot contain the following characters"),
        ("..", "'s User cannot contain only periods or spaces"),
        (".corp:\\me", "'s Domain doesn't match the NetBios nor the DNS format"),
        ("a" * 105, "'s User length must not be longer than 104 characters"),
    ],
)
def test_names_of_windows_users(name: str, fault: str) -> None:
    found = said(with_pod(securityContext={"windowsOptions": {"runAsUserName": name}}))
    assert (fault in found[0] and len(found) == 1) if fault else not found


def sized(cpu: str, **fields: Any) -> dict[str, Any]:
    return container(resources={"requests": {"cpu": cpu}}, **fields)


def test_containers_together_ask_for_no_more_than_their_pod() -> None:
    pod = {"requests": {"cpu": "2"}, "limits": {"cpu": "2"}}
    assert_said(with_pod(resources=pod, containers=[sized("1"), sized("1", name="b")]))
    over = [f'{S}.resources.requests[cpu]: Invalid value: "2": must be greater than or equal to aggregate container requests of 2500m']
    assert_said(with_pod(resources=pod, containers=[sized("1"), sized("1500m", name="b")]), *over)
    # The sidecar runs while the second init container starts: 1 + 1500m.
    init = [sized("1", name="s", restartPolicy="Always"), sized("1500m", name="i")]
    assert_said(with_pod(resources=pod, containers=[sized("100m")], initContainers=init), *over)
    limited = container(resources={"limits": {"cpu": 3}, "requests": {"cpu": 1}})
    assert_said(with_pod(resources=pod, containers=[limited]), f'{S}.resources.containers[0][cpu].limits: Invalid value: "3": must be less')
    assert_said(with_pod(resources=pod, **WINDOWS), f"{S}.resources: Forbidden: may not be set for a windows pod")


def test_containers_use_the_resource_claims_of_their_pod() -> None:
    claims = [{"name": "gpu", "resourceClaimName": "gpus"}]
    uses = [container(resources={"claims": [{"name": "gpu"}]})]
    assert_said(with_pod(resourceClaims=claims, containers=uses))
    assert_said(with_pod(containers=uses), f'{S}.containers[0].resources.claims[0]: Not found: "gpu"')
    assert_said(with_pod(resourceClaims=[{"name": "gpu"}]), f"{S}.resourceClaims[0]: Invalid value")
    assert_said(with_pod(resourceClaims=[*claims, *claims]), f'{S}.resourceClaims[1].name: Duplicate value: "gpu"')


def test_variables_come_from_files_of_empty_directories() -> None:
    env = [{"name": "A", "valueFrom": {"fileKeyRef": {"volumeName": "v", "path": "p", "key": "k"}}}]
    at = f"{S}.containers[0].env[0].valueFrom.fileKeyRef.volumeName"
    assert_said(with_pod(volumes=[{"name": "v", "emptyDir": {}}], containers=[container(env=env)]))
    assert_said(with_pod(containers=[container(env=env)]), f'{at}: Not found: "v"')
    assert_said(with_pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}], containers=[container(env=env)]), f"{at}: Invalid value")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"overhead": {"cpu": 1}}, ["spec.overhead: Forbidden: pod rejected: Pod Overhead set without"]),
        ({"overhead": {"cpu": 1}, "runtimeClassName": "kata"}, []),
        ({"nodeName": "n", "schedulingGates": [{"name": "a"}]}, ["spec.nodeName: Forbidden: cannot be set until all schedulingGates"]),
        ({"volumes": [{"name": "v", "image": {}}]}, ["spec.volumes[0].image.reference: Required value"]),
    ],
)
def test_what_only_a_pod_may_not_have(fields: dict[str, Any], expected: list[str]) -> None:
    assert_said(thing("v1", "Pod", spec=pod_spec(**fields)), *expected)


def test_the_claims_of_a_stateful_set_are_judged_since_1_36() -> None:
    def stateful(spec: dict[str, Any]) -> dict[str, Any]:
        claim = {"metadata": {"name": "data"}, "spec": spec}
        return {**deployment(serviceName="web", strategy=None, volumeClaimTemplates=[claim]), "kind": "StatefulSet"}

    sound, empty = (changed(stateful(spec), "spec.strategy", DELETED) for spec in (CLAIM, {}))
    assert_said(sound)
    at = "spec.volumeClaimTemplates[0].spec"
    assert_said(empty, f"{at}.accessModes: Required value", f"{at}.resources[storage]: Required value")
    assert not said(empty, version="1.35")


def test_rules_that_came_with_1_36() -> None:
    devices = [container(volumeDevices=[{"name": "v", "devicePath": "/dev/x"}])]
    claim = [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]
    blocks = with_pod(hostUsers=False, volumes=claim, containers=devices)
    assert_said(blocks, f"{S}.containers[0].volumeDevices: Forbidden: when `hostUsers` is false")
    resized = with_pod(initContainers=[container(name="i", resizePolicy=[{"resourceName": "cpu", "restartPolicy": "RestartContainer"}])])
    assert_said(resized, f'{S}.initContainers[0].resizePolicy[0].restartPolicy: Invalid value: "RestartContainer": must not be set to')
    assert not said(blocks, version="1.35") and not said(resized, version="1.35")
