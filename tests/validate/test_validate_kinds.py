"""The kinds around a workload."""

from __future__ import annotations

from typing import Any

import pytest

from tests.validate.validated import assert_said, thing

PORT = {"port": 80}
SERVICES: list[tuple[dict[str, Any], list[str]]] = [
    ({"ports": [PORT]}, []),
    ({"clusterIP": "None"}, []),
    ({"type": "ExternalName", "externalName": "example.com."}, []),
    ({"type": "LoadBalancer", "ports": [{**PORT, "nodePort": 30000}], "externalTrafficPolicy": "Local"}, []),
    ({"ports": [PORT, {"port": 443, "name": "b"}]}, ["spec.ports[0].name: Required value"]),
    ({}, ["spec.ports: Required value"]),
    ({"type": "Nope", "ports": [PORT]}, ['spec.type: Unsupported value: "Nope": supported values: "ClusterIP", "ExternalName", "LoadBal']),
    ({"ports": [{"port": 0}]}, ["spec.ports[0].port: Invalid value: 0", "spec.ports[0].targetPort: Invalid value: 0"]),
    ({"ports": [{**PORT, "targetPort": "Http"}]}, ['spec.ports[0].targetPort: Invalid value: "Http": must contain only']),
    ({"ports": [{**PORT, "protocol": "tcp"}]}, ["spec.ports[0].protocol: Unsupported value"]),
    ({"ports": [{**PORT, "nodePort": 30000}]}, ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"]),
    ({"ports": [{**PORT, "name": "a"}, {**PORT, "name": "b"}]}, ["spec.ports[1]: Duplicate value"]),
    ({"ports": [{**PORT, "name": "a"}, {"port": 81, "name": "a"}]}, ['spec.ports[1].name: Duplicate value: "a"']),
    ({"ports": [PORT], "selector": {"app": "a b"}}, ["spec.selector: Invalid value"]),
    ({"ports": [PORT], "sessionAffinity": "Client"}, ["spec.sessionAffinity: Unsupported value"]),
    ({"ports": [PORT], "sessionAffinityConfig": {}}, []),
    ({"ports": [PORT], "clusterIP": "x"}, ['spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address']),
    ({"ports": [PORT], "externalTrafficPolicy": "Local"}, ["spec.externalTrafficPolicy: Invalid value"]),
    ({"ports": [PORT], "loadBalancerSourceRanges": ["10.0.0.0/8"]}, ["spec.LoadBalancerSourceRanges: Forbidden"]),
    ({"type": "ExternalName"}, ["spec.externalName: Required value"]),
    ({"type": "NodePort", "clusterIP": "None", "ports": [PORT]}, ["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None'"]),
]


@pytest.mark.parametrize(("spec", "expected"), SERVICES)
def test_services(spec: dict[str, Any], expected: list[str]) -> None:
    assert_said(thing("v1", "Service", spec=spec), *expected)


def rules(*found: dict[str, Any]) -> dict[str, Any]:
    return {"rules": list(found)}


def binding(**fields: Any) -> dict[str, Any]:
    return {"roleRef": {"kind": "ClusterRole", "name": "r", "apiGroup": "rbac.authorization.k8s.io"}, **fields}


ACCOUNT = {"kind": "ServiceAccount", "name": "sa"}
RBAC: list[tuple[str, dict[str, Any], list[str]]] = [
    ("Role", rules({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}), []),
    ("Role", rules({"apiGroups": [""], "resources": ["pods"]}), ["rules[0].verbs: Required value"]),
    ("Role", rules({"verbs": ["get"]}), ["rules[0].apiGroups: Required value", "rules[0].resources: Required value"]),
    ("Role", rules({"nonResourceURLs": ["/"], "verbs": ["get"]}), ["rules[0].nonResourceURLs: Invalid value"]),
    ("ClusterRole", rules({"nonResourceURLs": ["/"], "verbs": ["get"]}), []),
    ("ClusterRole", {"aggregationRule": {}}, ["aggregationRule.clusterRoleSelectors: Required value"]),
    ("RoleBinding", binding(subjects=[ACCOUNT]), []),
    ("ClusterRoleBinding", binding(subjects=[{**ACCOUNT, "namespace": "x"}]), []),
    ("ClusterRoleBinding", binding(subjects=[ACCOUNT]), ["subjects[0].namespace: Required value"]),
    ("ClusterRoleBinding", {"roleRef": {"kind": "Role", "name": "r"}}, ['roleRef.kind: Unsupported value: "Role"']),
    ("RoleBinding", {"roleRef": {"kind": "Role"}}, ["roleRef.name: Required value"]),
    ("RoleBinding", binding(subjects=[{"kind": "User", "name": "me"}]), []),
    ("RoleBinding", binding(subjects=[{"kind": "Robot", "name": "me"}]), ["subjects[0].kind: Unsupported value"]),
    ("RoleBinding", binding(subjects=[{**ACCOUNT, "apiGroup": "rbac.authorization.k8s.io"}]), ["subjects[0].apiGroup: Unsupported value"]),
]


@pytest.mark.parametrize(("kind", "fields", "expected"), RBAC)
def test_access(kind: str, fields: dict[str, Any], expected: list[str]) -> None:
    assert_said(thing("rbac.authorization.k8s.io/v1", kind, **fields), *expected)


BACKEND = {"service": {"name": "web", "port": {"number": 80}}}


def paths(*found: dict[str, Any], host: str = "example.com") -> dict[str, Any]:
    return {"rules": [{"host": host, "http": {"paths": list(found)}}]}


B = "spec.rules[0].http.paths[0]"
INGRESSES: list[tuple[dict[str, Any], list[str]]] = [
    (paths({"path": "/", "pathType": "Prefix", "backend": BACKEND}), []),
    (paths({"pathType": "ImplementationSpecific", "backend": BACKEND}, host="*.example.com"), []),
    ({"defaultBackend": BACKEND}, []),
    ({}, ["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"]),
    (paths({"path": "/", "backend": BACKEND}), [f"{B}.pathType: Required value: pathType must be specified"]),
    (paths({"path": "/", "pathType": "prefix", "backend": BACKEND}), [f"{B}.pathType: Unsupported value"]),
    (paths({"path": "x", "pathType": "Exact", "backend": BACKEND}), [f'{B}.path: Invalid value: "x": must be an absolute path']),
    (paths({"path": "/a//b", "pathType": "Exact", "backend": BACKEND}), [f"{B}.path: Invalid value: \"/a//b\": must not contain '//'"]),
    (paths({"path": "/", "pathType": "Exact", "backend": {"service": {"name": "web"}}}), [f"{B}.backend: Required value: port name or"]),
    (paths({"path": "/", "pathType": "Exact", "backend": {}}), [f'{B}.backend: Invalid value: "": resource or service backend is']),
    (paths({"path": "/", "pathType": "Exact", "backend": BACKEND}, host="1.2.3.4"), ['spec.rules[0].host: Invalid value: "1.2.3.4": must']),
    (paths({"path": "/", "pathType": "Exact", "backend": BACKEND}, host="a.*.b"), ["spec.rules[0].host: Invalid value"]),
]


@pytest.mark.parametrize(("spec", "expected"), INGRESSES)
def test_ingresses(spec: dict[str, Any], expected: list[str]) -> None:
    assert_said(thing("networking.k8s.io/v1", "Ingress", spec=spec), *expected)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"minAvailable": 1, "selector": {}}, []),
        ({"maxUnavailable": "50%"}, []),
        ({"minAvailable": -1}, ["spec.minAvailable: Invalid value: -1"]),
        ({"minAvailable": "half"}, ['spec.minAvailable: Invalid value: "half": a valid percent']),
        ({"maxUnavailable": "101%"}, ['spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%']),
        ({"minAvailable": 1, "maxUnavailable": 1}, ["spec: Invalid value"]),
        ({"unhealthyPodEvictionPolicy": "Never"}, ["spec.unhealthyPodEvictionPolicy: Unsupported value"]),
    ],
)
def test_disruption_budgets(spec: dict[str, Any], expected: list[str]) -> None:
    assert_said(thing("policy/v1", "PodDisruptionBudget", spec=spec), *expected)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"maxReplicas": 3}, []),
        ({"maxReplicas": 3, "minReplicas": 3}, []),
        ({"maxReplicas": 3, "minReplicas": 5}, ["spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`"]),
        ({"maxReplicas": 0}, ["spec.maxReplicas: Required value: must be set and greater than 0", "spec.maxReplicas: Invalid value: 0"]),
        (
            {"maxReplicas": 3, "minReplicas": 0},
            ["spec.minReplicas: Invalid value: 0: must be greater than or equal to 1", "spec.metrics: Forb"],
        ),
        (
            {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "apiVersion": "apps/v1"}},
            ["spec.scaleTargetRef.name: Required value"],
        ),
    ],
)
def test_autoscalers(fields: dict[str, Any], expected: list[str]) -> None:
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}, **fields}
    assert_said(thing("autoscaling/v2", "HorizontalPodAutoscaler", spec=spec), *expected)


DATA: list[tuple[str, dict[str, Any], list[str]]] = [
    ("ConfigMap", {"data": {"a.b_c-1": "x"}, "binaryData": {"b": "YQ=="}}, []),
    ("ConfigMap", {"data": {"a/b": "x"}}, ['data[a/b]: Invalid value: "a/b": a valid config key must']),
    ("ConfigMap", {"data": {"..": "x"}}, ["data[..]: Invalid value: \"..\": must not be '..'"]),
    ("ConfigMap", {"data": {"..a": "x"}}, ["data[..a]: Invalid value: \"..a\": must not start with '..'"]),
    ("ConfigMap", {"data": {"k": "x"}, "binaryData": {"k": ""}}, ['data[k]: Invalid value: "k": duplicate of key present in binaryData']),
    ("ConfigMap", {"data": {"k": "x" * 1024 * 1024}}, []),
    ("ConfigMap", {"data": {"k": "x" * 1024 * 1024 + "x"}}, [": Too long: may not be more than 1048576 bytes"]),
    ("Secret", {"stringData": {"a/b": "x"}}, ["data[a/b]: Invalid value"]),
    ("Secret", {"type": "kubernetes.io/tls", "data": {"tls.crt": ""}}, ["data[tls.key]: Required value"]),
    ("Secret", {"type": "kubernetes.io/tls", "data": {"tls.crt": ""}, "stringData": {"tls.key": "x"}}, []),
    ("Secret", {"type": "kubernetes.io/basic-auth"}, ["data[username]: Required value", "data[password]: Required value"]),
    ("Secret", {"type": "anything/else"}, []),
]


@pytest.mark.parametrize(("kind", "fields", "expected"), DATA)
def test_configuration(kind: str, fields: dict[str, Any], expected: list[str]) -> None:
    assert_said(thing("v1", kind, **fields), *expected)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}, []),
        ({"resources": {"requests": {"storage": "1Gi"}}}, ["spec.accessModes: Required value: at least 1 access mode is required"]),
        ({"accessModes": ["Once"], "resources": {"requests": {"storage": "1Gi"}}}, ["spec.accessModes: Unsupported value"]),
        ({"accessModes": ["ReadWriteOnce"]}, ["spec.resources[storage]: Required value"]),
        ({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": 0}}}, ['spec.resources[storage]: Invalid value: "0"']),
    ],
)
def test_claims(spec: dict[str, Any], expected: list[str]) -> None:
    assert_said(thing("v1", "PersistentVolumeClaim", spec=spec), *expected)


def test_quotas_and_limits() -> None:
    assert_said(thing("v1", "ResourceQuota", spec={"hard": {"pods": "10", "requests.cpu": "1", "count/jobs.batch": 5}}))
    assert_said(thing("v1", "ResourceQuota", spec={"hard": {"pods": "-1"}}), 'spec.hard[pods]: Invalid value: "-1"')
    assert_said(thing("v1", "ResourceQuota", spec={"scopes": ["Nope"]}), 'spec.scopes: Invalid value: ["Nope"]: unsupported scope')

    def limit(**fields: Any) -> dict[str, Any]:
        return thing("v1", "LimitRange", spec={"limits": [{"type": "Container", **fields}]})

    assert_said(limit(max={"cpu": 2}, min={"cpu": "100m"}, default={"cpu": 1}))
    assert_said(limit(type="Pod", default={"cpu": 1}), "spec.limits[0].default: Forbidden")
    assert_said(limit(type="Nope"), 'spec.limits[0].type: Invalid value: "Nope": must be a standard limit type or fully qualified')
    # max is the default where none is written, and the default is the request.
    found = ["spec.limits[0].defaultRequest[cpu]: Invalid value", 'spec.limits[0].default[cpu]: Invalid value: "2": default value 2 is']
    assert_said(limit(max={"cpu": 1}, default={"cpu": 2}), *found)


def test_priorities() -> None:
    assert_said(thing("scheduling.k8s.io/v1", "PriorityClass", value=0))
    assert_said(thing("scheduling.k8s.io/v1", "PriorityClass"))
    assert_said(thing("scheduling.k8s.io/v1", "PriorityClass", value=1_000_000_001), "value: Forbidden: maximum allowed value of a user")


def test_a_replication_controller_selects_the_labels_of_its_template() -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}
    assert_said(thing("v1", "ReplicationController", spec={"template": template}))
    assert_said(
        thing("v1", "ReplicationController", spec={"template": template, "selector": {"a": "c"}}), "spec.template.metadata.labels: In"
    )
    assert_said(thing("v1", "ReplicationController", spec={}), "spec.selector: Required value", "spec.template: Required value")
    assert_said(thing("v1", "ReplicationController", spec={"template": template, "replicas": -1}), "spec.replicas: Invalid value: -1")
