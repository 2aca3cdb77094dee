"""Pods: containers, volumes, probes, resources, scheduling, security. One row a rule, with the server's field and first words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.validate.validated import assert_said, changed, container, said, thing, with_container, with_pod

C = "spec.template.spec.containers[0]"
SPEC = "spec.template.spec"
Case = tuple[dict[str, Any], list[str]]

CONTAINERS: list[Case] = [
    ({"name": ""}, [f"{C}.name: Required value"]),
    ({"name": "App"}, [f'{C}.name: Invalid value: "App": a lowercase RFC 1123 label must']),
    ({"name": "a" * 64}, [f"{C}.name: Invalid value"]),
    ({"image": ""}, [f"{C}.image: Required value"]),
    ({"imagePullPolicy": "always"}, [f'{C}.imagePullPolicy: Unsupported value: "always": supported values: "Always", "IfNotPresent", "Ne']),
    ({"imagePullPolicy": ""}, []),
    ({"terminationMessagePolicy": "Log"}, [f"{C}.terminationMessagePolicy: Unsupported value"]),
    ({"restartPolicy": "Sometimes"}, [f"{C}.restartPolicy: Unsupported value"]),
    ({"restartPolicyRules": [{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}]}, [f"{C}.restartPolicy: Required"]),
    ({"resizePolicy": [{"resourceName": "cpu", "restartPolicy": "NotRequired"}]}, []),
    ({"resizePolicy": [{"resourceName": "disk", "restartPolicy": "NotRequired"}]}, [f"{C}.resizePolicy[0].resourceName: Unsupported"]),
]

PORTS: list[Case] = [
    ({"containerPort": 80}, []),
    ({"containerPort": 80, "protocol": ""}, []),
    ({}, [f"{C}.ports[0].containerPort: Required value"]),
    ({"containerPort": 0}, [f"{C}.ports[0].containerPort: Required value"]),
    ({"containerPort": 65536}, [f"{C}.ports[0].containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive"]),
    ({"containerPort": 80, "hostPort": -1}, [f"{C}.ports[0].hostPort: Invalid value: -1"]),
    (
        {"containerPort": 80, "protocol": "tcp"},
        [f'{C}.ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"'],
    ),
    ({"containerPort": 80, "name": "a" * 16}, [f"{C}.ports[0].name: Invalid value"]),
    ({"containerPort": 80, "name": "80"}, [f'{C}.ports[0].name: Invalid value: "80": must contain at least one letter']),
    ({"containerPort": 80, "name": "-a"}, [f'{C}.ports[0].name: Invalid value: "-a": must not begin or end with a hyphen']),
    ({"containerPort": 80, "name": "a--b"}, [f'{C}.ports[0].name: Invalid value: "a--b": must not contain consecutive hyphens']),
    ({"containerPort": 80, "name": "HTTP"}, [f"{C}.ports[0].name: Invalid value", f"{C}.ports[0].name: Invalid value"]),
]

ENVIRONMENT: list[Case] = [
    ({"name": "A"}, []),
    ({"name": "a.b-c 1", "value": "x"}, []),
    ({"name": ""}, [f"{C}.env[0].name: Required value"]),
    ({"name": "A=B"}, [f'{C}.env[0].name: Invalid value: "A=B": a valid environment variable name']),
    ({"name": "é"}, [f"{C}.env[0].name: Invalid value"]),
    ({"name": "A", "valueFrom": {}}, [f'{C}.env[0].valueFrom: Invalid value: "": must specify one of']),
    ({"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}, [f"{C}.env[0].valueFrom: Invalid value"]),
    ({"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}}, []),
    ({"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels"}}}, [f"{C}.env[0].valueFrom.fieldRef.fieldPath: Unsupported"]),
    ({"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.foo"}}}, [f"{C}.env[0].valueFrom.fieldRef.fieldPath: Invalid value"]),
    ({"name": "A", "valueFrom": {"fieldRef": {}}}, [f"{C}.env[0].valueFrom.fieldRef.fieldPath: Required value"]),
    ({"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}}, []),
    (
        {"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "2"}}},
        [f"{C}.env[0].valueFrom.resourceFieldR"],
    ),
    ({"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "cpu"}}}, [f"{C}.env[0].valueFrom.resourceFieldRef.resource: Unsupp"]),
    ({"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}, []),
    ({"name": "A", "valueFrom": {"secretKeyRef": {"name": "S", "key": "k"}}}, [f"{C}.env[0].valueFrom.secretKeyRef.name: Invalid value"]),
    ({"name": "A", "valueFrom": {"configMapKeyRef": {"name": "s"}}}, [f"{C}.env[0].valueFrom.configMapKeyRef.key: Required value"]),
    ({"name": "A", "valueFrom": {"configMapKeyRef": {"name": "s", "key": "a/b"}}}, [f"{C}.env[0].valueFrom.configMapKeyRef.key: Invalid"]),
]

PROBES: list[Case] = [
    ({"httpGet": {"port": 80}}, []),
    ({"httpGet": {"port": "http", "scheme": "HTTPS", "path": ""}}, []),
    ({"tcpSocket": {"port": 80}, "timeoutSeconds": 0, "periodSeconds": 0}, []),
    ({"grpc": {"port": 80}}, []),
    ({"exec": {"command": ["true"]}}, []),
    ({}, [f"{C}.livenessProbe: Required value: must specify a handler type"]),
    ({"exec": {}}, [f"{C}.livenessProbe.exec.command: Required value"]),
    (
        {"exec": {"command": ["true"]}, "grpc": {"port": 1}},
        [f"{C}.livenessProbe.grpc: Forbidden: may not specify more than 1 handler type"],
    ),
    ({"httpGet": {"port": 0}}, [f"{C}.livenessProbe.httpGet.port: Invalid value: 0: must be between"]),
    ({"httpGet": {"port": "h_p"}}, [f'{C}.livenessProbe.httpGet.port: Invalid value: "h_p": must contain only']),
    ({"httpGet": {"port": 80, "scheme": "http"}}, [f'{C}.livenessProbe.httpGet.scheme: Unsupported value: "http"']),
    ({"httpGet": {"port": 80, "httpHeaders": [{"name": "a b", "value": ""}]}}, [f"{C}.livenessProbe.httpGet.httpHeaders: Invalid value"]),
    ({"tcpSocket": {"port": 80}, "periodSeconds": -1}, [f"{C}.livenessProbe.periodSeconds: Invalid value: -1"]),
    ({"tcpSocket": {"port": 80}, "successThreshold": 2}, [f"{C}.livenessProbe.successThreshold: Invalid value: 2: must be 1"]),
    ({"tcpSocket": {"port": 80}, "terminationGracePeriodSeconds": 0}, [f"{C}.livenessProbe.terminationGracePeriodSeconds: Invalid value"]),
]

RESOURCES: list[Case] = [
    ({"requests": {"cpu": "500m"}, "limits": {"cpu": 0.5}}, []),
    ({"requests": {"memory": "1Gi"}, "limits": {"memory": "1024Mi"}}, []),
    (
        {"requests": {"cpu": "2"}, "limits": {"cpu": "500m"}},
        [f'{C}.resources.requests: Invalid value: "2": must be less than or equal to cpu limi'],
    ),
    ({"requests": {"cpu": "-1"}}, [f'{C}.resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0']),
    ({"limits": {"cpus": 1}}, [f'{C}.resources.limits[cpus]: Invalid value: "cpus": must be a standard resource'] * 2),
    ({"limits": {"pods": 1}}, [f'{C}.resources.limits[pods]: Invalid value: "pods": must be a standard resource for containers']),
    ({"limits": {"a b": 1}}, [f'{C}.resources.limits[a b]: Invalid value: "a b"'] * 2),
    ({"limits": {"nvidia.com/gpu": 1}}, []),
    ({"limits": {"nvidia.com/gpu": "500m"}}, [f'{C}.resources.limits[nvidia.com/gpu]: Invalid value: "500m": must be an integer']),
    ({"requests": {"nvidia.com/gpu": 1}}, [f"{C}.resources.limits: Required value: Limit must be set for non overcommitable resources"]),
    (
        {"requests": {"nvidia.com/gpu": 1}, "limits": {"nvidia.com/gpu": 2}},
        [f'{C}.resources.requests: Invalid value: "1": must be equal to'],
    ),
    ({"limits": {"hugepages-2Mi": "4Mi", "memory": "1Gi"}}, []),
    ({"limits": {"hugepages-2Mi": "3Mi", "memory": "1Gi"}}, [f'{C}.resources.limits[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not']),
    ({"limits": {"hugepages-2Mi": "4Mi"}}, [f"{C}.resources: Forbidden: HugePages require cpu or memory"]),
]

SECURITY: list[Case] = [
    ({"runAsUser": 0}, []),
    ({"runAsUser": -1}, [f"{C}.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive"]),
    ({"privileged": True, "allowPrivilegeEscalation": False}, [f"{C}.securityContext: Invalid value"]),
    ({"seccompProfile": {}}, [f"{C}.securityContext.seccompProfile.type: Required value: type is required when seccompProfile is set"]),
    ({"seccompProfile": {"type": "Foo"}}, [f'{C}.securityContext.seccompProfile.type: Unsupported value: "Foo"']),
    ({"seccompProfile": {"type": "Localhost"}}, [f"{C}.securityContext.seccompProfile.localhostProfile: Required value"]),
    (
        {"seccompProfile": {"type": "RuntimeDefault", "localhostProfile": "x"}},
        [f"{C}.securityContext.seccompProfile.localhostProfile: Inv"],
    ),
    ({"appArmorProfile": {"type": "Localhost", "localhostProfile": " x"}}, [f"{C}.securityContext.appArmorProfile.localhostProfile: Inv"]),
    ({"procMount": "Unmasked"}, [f"{C}.securityContext.procMount: Invalid value"]),
]


@pytest.mark.parametrize(("fields", "expected"), CONTAINERS)
def test_containers(fields: dict[str, Any], expected: list[str]) -> None:
    assert_said(with_container(**fields), *expected)


@pytest.mark.parametrize(("port", "expected"), PORTS)
def test_ports(port: dict[str, Any], expected: list[str]) -> None:
    assert_said(with_container(ports=[port]), *expected)


@pytest.mark.parametrize(("variable", "expected"), ENVIRONMENT)
def test_environment(variable: dict[str, Any], expected: list[str]) -> None:
    assert_said(with_container(env=[variable]), *expected)


@pytest.mark.parametrize(("probe", "expected"), PROBES)
def test_probes(probe: dict[str, Any], expected: list[str]) -> None:
    assert_said(with_container(livenessProbe=probe), *expected)


@pytest.mark.parametrize(("resources", "expected"), RESOURCES)
def test_resources(resources: dict[str, Any], expected: list[str]) -> None:
    assert_said(with_container(resources=resources), *expected)


@pytest.mark.parametrize(("context", "expected"), SECURITY)
def test_security_contexts_of_containers(context: dict[str, Any], expected: list[str]) -> None:
    assert_said(with_container(securityContext=context), *expected)


def test_names_of_containers_are_unique_across_init_containers() -> None:
    assert_said(with_pod(containers=[container(), container()]), 'spec.template.spec.containers[1].name: Duplicate value: "app"')
    assert_said(with_pod(initContainers=[container()]), 'spec.template.spec.initContainers[0].name: Duplicate value: "app"')


def test_equal_ports_are_taken_and_equal_names_of_ports_are_not() -> None:
    """The list is a map by containerPort and protocol, but only server-side apply cares."""
    assert_said(with_container(ports=[{"containerPort": 80}, {"containerPort": 80}], env=[{"name": "A"}, {"name": "A"}]))
    named = [{"containerPort": 80, "name": "http"}, {"containerPort": 81, "name": "http"}]
    assert_said(with_container(ports=named), f'{C}.ports[1].name: Duplicate value: "http"')
    twice = [{"containerPort": 80, "hostPort": 80}, {"containerPort": 81, "hostPort": 80}]
    assert_said(with_container(ports=twice), f'{C}.ports[1].hostPort: Duplicate value: "TCP//80"')


def test_only_sidecars_among_init_containers_have_probes() -> None:
    probe = {"tcpSocket": {"port": 80}}
    plain = with_pod(initContainers=[container(name="init", readinessProbe=probe)])
    assert_said(plain, "spec.template.spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without")
    assert_said(with_pod(initContainers=[container(name="init", readinessProbe=probe, restartPolicy="Always")]))


def test_a_readiness_probe_has_no_grace_period_and_may_need_several_successes() -> None:
    probe = {"tcpSocket": {"port": 80}, "successThreshold": 3}
    assert_said(with_container(readinessProbe=probe))
    assert_said(
        with_container(readinessProbe={**probe, "terminationGracePeriodSeconds": 5}), f"{C}.readinessProbe.terminationGracePeriodSec"
    )


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (30, True), (31, False), (-1, False)])
def test_a_hook_sleeps_no_longer_than_the_grace_period(seconds: int, good: bool) -> None:
    body = with_container(lifecycle={"preStop": {"sleep": {"seconds": seconds}}})
    assert_said(body, *([] if good else [f"{C}.lifecycle.preStop.sleep: Invalid value: {seconds}: must be non-negative and less than"]))


MOUNTS: list[tuple[list[dict[str, Any]], list[str]]] = [
    ([{"name": "data", "mountPath": "/data"}, {"name": "data", "mountPath": "/other"}], []),
    ([{"name": "data", "mountPath": "/a", "subPath": "b/c"}], []),
    ([{"name": "nope", "mountPath": "/data"}], [f'{C}.volumeMounts[0].name: Not found: "nope"']),
    ([{"mountPath": "/data"}], [f"{C}.volumeMounts[0].name: Required value", f'{C}.volumeMounts[0].name: Not found: ""']),
    ([{"name": "data"}], [f"{C}.volumeMounts[0].mountPath: Required value"]),
    ([{"name": "data", "mountPath": "/x"}] * 2, [f'{C}.volumeMounts[1].mountPath: Invalid value: "/x": must be unique']),
    ([{"name": "data", "mountPath": "/x", "subPath": "/a"}], [f'{C}.volumeMounts.subPath: Invalid value: "/a": must be a relative path']),
    ([{"name": "data", "mountPath": "/x", "subPath": "a/../b"}], [f'{C}.volumeMounts.subPath: Invalid value: "a/../b": must not contain']),
    ([{"name": "data", "mountPath": "/x", "subPath": "a", "subPathExpr": "b"}], [f"{C}.volumeMounts[0].subPathExpr: Invalid value"]),
    ([{"name": "data", "mountPath": "/x", "mountPropagation": "Bidirectional"}], [f"{C}.volumeMounts.mountPropagation: Forbidden"]),
    ([{"name": "data", "mountPath": "/x", "recursiveReadOnly": "Enabled"}], [f"{C}.volumeMounts.recursiveReadOnly: Forbidden"]),
]


@pytest.mark.parametrize(("mounts", "expected"), MOUNTS)
def test_mounts(mounts: list[dict[str, Any]], expected: list[str]) -> None:
    assert_said(with_pod(containers=[container(volumeMounts=mounts)], volumes=[{"name": "data", "emptyDir": {}}]), *expected)


V = "spec.template.spec.volumes[0]"
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
VOLUMES: list[Case] = [
    ({}, []),
    ({"emptyDir": None}, []),
    ({"emptyDir": {"sizeLimit": "-1"}}, [f"{V}.emptyDir.sizeLimit: Forbidden"]),
    ({"configMap": {"name": "c"}, "secret": {"secretName": "s"}}, [f"{V}.configMap: Forbidden: may not specify more than 1 volume type"]),
    ({"configMap": {}}, [f"{V}.configMap.name: Required value"]),
    ({"configMap": {"name": "c", "defaultMode": 0o1000}}, [f"{V}.configMap.defaultMode: Invalid value: 512: must be a number between 0"]),
    ({"configMap": {"name": "c", "items": [{"key": "k", "path": "../x"}]}}, [f"{V}.configMap.items[0].path: Invalid value"]),
    ({"configMap": {"name": "c", "items": [{"key": "k", "path": "..x"}]}}, [f'{V}.configMap.items[0].path: Invalid value: "..x": must']),
    ({"configMap": {"name": "c", "items": [{}]}}, [f"{V}.configMap.items[0].key: Required value", f"{V}.configMap.items[0].path: Req"]),
    ({"secret": {}}, [f"{V}.secret.secretName: Required value"]),
    ({"hostPath": {"path": "/x", "type": "Directory"}}, []),
    ({"hostPath": {"path": "/x", "type": "Folder"}}, [f"{V}.hostPath.type: Unsupported value"]),
    ({"hostPath": {"path": "/x/../y"}}, [f"{V}.hostPath.path: Invalid value"]),
    ({"persistentVolumeClaim": {"claimName": ""}}, [f"{V}.persistentVolumeClaim.claimName: Required value"]),
    ({"nfs": {"server": "s", "path": "x"}}, [f"{V}.nfs.path: Invalid value: \"x\": must be an absolute path"]),
    ({"downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}}, []),
    ({"downwardAPI": {"items": [{"path": "l"}]}}, [f"{V}.downwardAPI: Required value: one of fieldRef and resourceFieldRef is required"]),
    ({"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}, []),
    ({"projected": {"sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 5}}]}}, [f"{V}.projected.sources[0].serviceA"]),
    ({"projected": {"sources": [{"configMap": {"name": "c"}, "secret": {"name": "s"}}]}}, [f"{V}.projected.sources[0]: Forbidden"]),
    ({"ephemeral": {}}, [f"{V}.ephemeral.volumeClaimTemplate: Required value"]),
    ({"ephemeral": {"volumeClaimTemplate": {"spec": CLAIM}}}, []),
    ({"ephemeral": {"volumeClaimTemplate": {"spec": {**CLAIM, "accessModes": []}}}}, [f"{V}.ephemeral.volumeClaimTemplate.spec.accessM"]),
    ({"csi": {"driver": ""}}, [f"{V}.csi.driver: Required value"]),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), VOLUMES)
def test_volumes(source: dict[str, Any], expected: list[str]) -> None:
    assert_said(with_pod(volumes=[{"name": "data", **source}]), *expected)


def test_volumes_have_unique_names_and_a_wrong_one_cannot_be_mounted() -> None:
    twice = [{"name": "v"}, {"name": "v"}]
    assert_said(with_pod(volumes=twice), 'spec.template.spec.volumes[1].name: Duplicate value: "v"')
    mounted = [container(volumeMounts=[{"name": "v", "mountPath": "/v"}])]
    wrong = with_pod(volumes=[{"name": "v", "secret": {}}], containers=mounted)
    assert_said(wrong, f"{V}.secret.secretName: Required value", f"{C}.volumeMounts[0].name: Not found")


POD: list[Case] = [
    ({"serviceAccountName": "$NAME"}, [f"{SPEC}.serviceAccountName: Invalid value"]),
    ({"hostname": "a.b"}, [f"{SPEC}.hostname: Invalid value"]),
    ({"priorityClassName": "High"}, [f"{SPEC}.priorityClassName: Invalid value"]),
    ({"dnsPolicy": "default"}, [f"{SPEC}.dnsPolicy: Unsupported value"]),
    ({"dnsPolicy": "None"}, [f"{SPEC}.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"]),
    ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1", "2001:db8::1"]}}, []),
    ({"dnsConfig": {"nameservers": ["x"]}}, [f'{SPEC}.dnsConfig.nameservers[0]: Invalid value: "x": must be a valid IP address']),
    ({"dnsConfig": {"searches": ["_x.example.com.", "."]}}, []),
    ({"dnsConfig": {"searches": ["a b"]}}, [f"{SPEC}.dnsConfig.searches[0]: Invalid value"]),
    ({"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a.b"]}]}, []),
    (
        {"hostAliases": [{"ip": "300.0.0.1", "hostnames": ["A"]}]},
        [f"{SPEC}.hostAliases[0].ip: Inval", f"{SPEC}.hostAliases[0].hostnames[0]"],
    ),
    ({"nodeSelector": {"a b": "c"}}, [f"{SPEC}.nodeSelector: Invalid value"]),
    ({"readinessGates": [{"conditionType": "a b"}]}, [f"{SPEC}.readinessGates[0].conditionType: Invalid value"]),
    ({"schedulingGates": [{"name": "a"}, {"name": "a"}]}, [f"{SPEC}.schedulingGates[1]: Duplicate value"]),
    ({"os": {"name": "plan9"}}, [f"{SPEC}.os: Unsupported value"]),
    ({"ephemeralContainers": [container(name="e")]}, [f"{SPEC}.ephemeralContainers: Forbidden"]),
    ({"resources": {"limits": {"cpu": 1}}}, []),
    ({"resources": {"limits": {"nvidia.com/gpu": 1}}}, [f"{SPEC}.resources.limits[nvidia.com/gpu]: Unsupported value"]),
    ({"securityContext": {"fsGroup": -1}}, [f"{SPEC}.securityContext.fsGroup: Invalid value"]),
    ({"securityContext": {"fsGroupChangePolicy": "Foo"}}, [f"{SPEC}.securityContext.fsGroupChangePolicy: Unsupported value"]),
    ({"securityContext": {"sysctls": [{"name": "a.b", "value": "1"}] * 2}}, [f"{SPEC}.securityContext.sysctls[1].name: Duplicate value"]),
    ({"securityContext": {"sysctls": [{"name": "bad name", "value": "1"}]}}, [f"{SPEC}.securityContext.sysctls[0].name: Invalid value"]),
    (
        {"securityContext": {"windowsOptions": {"hostProcess": True}}},
        [f"{SPEC}.hostNetwork: Invalid value: false: hostNetwork must be true"],
    ),
]


@pytest.mark.parametrize(("fields", "expected"), POD)
def test_the_spec_of_a_pod(fields: dict[str, Any], expected: list[str]) -> None:
    assert_said(with_pod(**fields), *expected)


T = "spec.template.spec.tolerations[0]"
TOLERATIONS: list[Case] = [
    ({"operator": "Exists"}, []),
    ({"key": "a", "value": "b", "effect": "NoSchedule"}, []),
    ({"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}, []),
    ({"value": "b"}, [f'{T}.operator: Invalid value: "": operator must be Exists when `key` is empty']),
    ({"key": "a", "operator": "Exists", "value": "b"}, [f'{T}.operator: Invalid value: "b": value must be empty']),
    ({"key": "a", "operator": "Exists", "tolerationSeconds": 30}, [f"{T}.effect: Invalid value: \"\": effect must be 'NoExecute'"]),
    (
        {"key": "a", "effect": "Foo"},
        [f'{T}.effect: Unsupported value: "Foo": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"'],
    ),
    ({"key": "a", "operator": "Foo"}, [f'{T}.operator: Unsupported value: "Foo": supported values: "Equal", "Exists"']),
    ({"key": "a b"}, [f"{T}.key: Invalid value"]),
    ({"key": "a", "value": "b c"}, [f'{T}.operator: Invalid value: "b c": a valid label']),
]


@pytest.mark.parametrize(("toleration", "expected"), TOLERATIONS)
def test_tolerations(toleration: dict[str, Any], expected: list[str]) -> None:
    assert_said(with_pod(tolerations=[toleration]), *expected)


S = "spec.template.spec.topologySpreadConstraints[0]"
SOUND_SPREAD = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
SPREAD: list[Case] = [
    ({}, []),
    ({"maxSkew": 0}, [f"{S}.maxSkew: Invalid value: 0: must be greater than zero"]),
    ({"topologyKey": ""}, [f"{S}.topologyKey: Required value: can not be empty"]),
    ({"whenUnsatisfiable": ""}, [f'{S}.whenUnsatisfiable: Unsupported value: "": supported values: "DoNotSchedule", "ScheduleAnyway"']),
    ({"minDomains": 0}, [f"{S}.minDomains: Invalid value: 0: must be greater than zero"]),
    ({"minDomains": 2, "whenUnsatisfiable": "ScheduleAnyway"}, [f"{S}.minDomains: Invalid value: 2: can only use minDomains if"]),
    ({"nodeTaintsPolicy": "Foo"}, [f'{S}.nodeTaintsPolicy: Unsupported value: "Foo": supported values: "Honor", "Ignore"']),
    ({"matchLabelKeys": ["a"]}, [f"{S}.matchLabelKeys: Forbidden: must not be specified when labelSelector is not set"]),
    ({"matchLabelKeys": ["a"], "labelSelector": {}}, []),
    ({"labelSelector": {"matchLabels": {"a": "b c"}}}, [f"{S}.labelSelector.matchLabels: Invalid value"]),
]


@pytest.mark.parametrize(("fields", "expected"), SPREAD)
def test_spread_constraints(fields: dict[str, Any], expected: list[str]) -> None:
    assert_said(with_pod(topologySpreadConstraints=[{**SOUND_SPREAD, **fields}]), *expected)


def test_a_spread_constraint_is_there_once() -> None:
    assert_said(
        with_pod(topologySpreadConstraints=[SOUND_SPREAD] * 2), f'{S}.{{topologyKey, whenUnsatisfiable}}: Duplicate value: "{{zone, Do'
    )


REQUIRED, PREFERRED = "requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"
N, P = f"{SPEC}.affinity.nodeAffinity.{REQUIRED}", f"{SPEC}.affinity.podAntiAffinity"


def terms(*requirements: dict[str, Any]) -> dict[str, Any]:
    return {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": list(requirements)}]}}}


AFFINITY: list[Case] = [
    ({"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": []}}}, [f"{N}.nodeSelectorTerms: Required value: must have at least one node sel"]),
    (terms({"key": "a", "operator": "In", "values": ["b"]}, {"key": "a", "operator": "Gt", "values": ["1"]}), []),
    (terms({"key": "a", "operator": "In"}), [f"{N}.nodeSelectorTerms[0].matchExpressions[0].values: Required value"]),
    (terms({"key": "a", "operator": "Exists", "values": ["b"]}), [f"{N}.nodeSelectorTerms[0].matchExpressions[0].values: Forbidden"]),
    (terms({"key": "a", "operator": "Gt"}), [f"{N}.nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be specified si"]),
    (
        terms({"key": "", "operator": "Foo"}),
        [f"{N}.nodeSelectorTerms[0].matchExpressions[0].operator: Invalid value"] + [f"{N}.nodeSelect"] * 2,
    ),
    ({"nodeAffinity": {PREFERRED: [{"weight": 0, "preference": {}}]}}, [f"{SPEC}.affinity.nodeAffinity.{PREFERRED}[0].weight: Invalid"]),
    ({"podAntiAffinity": {REQUIRED: [{"topologyKey": "zone", "labelSelector": {}}]}}, []),
    ({"podAntiAffinity": {REQUIRED: [{}]}}, [f"{P}.{REQUIRED}[0].topologyKey: "] * 3),
    ({"podAntiAffinity": {PREFERRED: [{"weight": 101, "podAffinityTerm": {"topologyKey": "z"}}]}}, [f"{P}.{PREFERRED}[0].weight: Invalid"]),
    ({"podAntiAffinity": {REQUIRED: [{"topologyKey": "z", "namespaces": ["A"]}]}}, [f"{P}.{REQUIRED}[0].namespace: Invalid value"]),
]


@pytest.mark.parametrize(("affinity", "expected"), AFFINITY)
def test_affinity(affinity: dict[str, Any], expected: list[str]) -> None:
    assert_said(with_pod(affinity=affinity), *expected)


def test_a_pod_on_its_own_is_looked_at_more_closely_than_a_template() -> None:
    def pod(**fields: Any) -> dict[str, Any]:
        return thing("v1", "Pod", spec={"containers": [container()], **fields})

    assert_said(pod())
    assert_said(pod(restartPolicy="Never", activeDeadlineSeconds=10))
    assert_said(changed(pod(), "spec.containers.0.image", " a:1"), "spec.containers[0].image: Invalid value")
    assert_said(pod(ephemeralContainers=[container(name="e")]), "spec.ephemeralContainers: Forbidden: cannot be set on create")
    shared = [container(ports=[{"containerPort": 80}]), container(name="b", ports=[{"containerPort": 80}])]
    assert_said(pod(hostNetwork=True, containers=shared), "spec.containers[1].ports[0].hostPort: Duplicate value")
    assert_said(with_pod(hostNetwork=True, containers=shared))


SIDECAR = {"initContainers": [container(name="init", restartPolicy="Always", readinessProbe={"tcpSocket": {"port": 80}})]}
BY_MINOR: list[tuple[str, dict[str, Any], str]] = [
    ("1.31", {"containers": [container(env=[{"name": "a b"}])]}, f"{C}.env[0].name: Invalid value"),
    ("1.32", {"containers": [container(env=[{"name": "a b"}])]}, ""),
    ("1.35", {"hostAliases": [{"ip": "010.0.0.1"}]}, ""),
    ("1.36", {"hostAliases": [{"ip": "010.0.0.1"}]}, f'{SPEC}.hostAliases[0].ip: Invalid value: "010.0.0.1": must not have leading 0s'),
    ("1.36", {"hostAliases": [{"ip": "::ffff:1.2.3.4"}]}, f'{SPEC}.hostAliases[0].ip: Invalid value: "::ffff:1.2.3.4": must not be an'),
    ("1.34", {"containers": [container(restartPolicy="Never")]}, f"{C}.restartPolicy: Forbidden: may not be set for non-init containers"),
    ("1.35", {"containers": [container(restartPolicy="Never")]}, ""),
    ("1.28", SIDECAR, f"{SPEC}.initContainers[0].readinessProbe: Forbidden"),
    ("1.29", SIDECAR, ""),
    ("1.32", {"containers": [container(lifecycle={"preStop": {"sleep": {"seconds": 0}}})]}, f"{C}.lifecycle.preStop.sleep: Invalid value"),
    ("1.33", {"containers": [container(lifecycle={"preStop": {"sleep": {"seconds": 0}}})]}, ""),
    ("1.29", {"containers": [container(lifecycle={"preStop": {"sleep": {"seconds": 1}}})]}, f"{C}.lifecycle.preStop: Required value"),
    ("1.32", {"securityContext": {"seLinuxChangePolicy": "Foo"}}, ""),
    ("1.33", {"securityContext": {"seLinuxChangePolicy": "Foo"}}, f"{SPEC}.securityContext.seLinuxChangePolicy: Unsupported value"),
    ("1.32", {"dnsConfig": {"searches": ["_a"]}}, f"{SPEC}.dnsConfig.searches[0]: Invalid value"),
    ("1.33", {"dnsConfig": {"searches": ["_a"]}}, ""),
    ("1.33", {"resources": {"limits": {"example.com/x": 1}}}, ""),
    ("1.34", {"resources": {"limits": {"example.com/x": 1}}}, f"{SPEC}.resources.limits[example.com/x]: Unsupported value"),
]


@pytest.mark.parametrize(("minor", "fields", "expected"), BY_MINOR)
def test_a_minor_is_as_strict_as_its_feature_gates_make_it(minor: str, fields: dict[str, Any], expected: str) -> None:
    found = said(with_pod(**fields), version=minor)
    assert len(found) == bool(expected) and all(f.startswith(expected) for f in found), found
