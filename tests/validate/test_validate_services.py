"""What Services, Ingresses, quotas and limits say beyond their basics."""

from __future__ import annotations

from typing import Any

import pytest

from tests.validate.validated import assert_said, said, thing

PORTS = [{"port": 80}]
BALANCED = {"type": "LoadBalancer", "ports": PORTS}
SERVICES: list[tuple[dict[str, Any], list[str]]] = [
    ({"ports": PORTS, "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1", "fd00::1"], "ipFamilies": ["IPv4", "IPv6"]}, []),
    ({"ports": PORTS, "clusterIPs": ["10.0.0.1"]}, ['spec.clusterIPs: Invalid value: ["10.0.0.1"]: must be empty when `clusterIP` is not']),
    ({"ports": PORTS, "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1", "10.0.0.2"]}, ["spec.clusterIPs: Invalid value"]),
    (
        {"ports": PORTS, "clusterIP": "10.0.0.1", "ipFamilies": ["IPv6"]},
        ['spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6'],
    ),
    ({"ports": PORTS, "externalIPs": ["127.0.0.1"]}, ['spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback']),
    ({"ports": PORTS, "sessionAffinity": "ClientIP"}, []),
    ({"ports": PORTS, "sessionAffinity": "None", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 0}}}, []),
    (
        {"ports": PORTS, "sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 86401}}},
        ["spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401"],
    ),
    ({**BALANCED, "loadBalancerSourceRanges": ["10.0.0.0/8 "], "loadBalancerClass": "example.com/lb"}, []),
    (
        {**BALANCED, "loadBalancerSourceRanges": ["10.0.0.0"]},
        ['spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.0": must be a valid'],
    ),
    ({**BALANCED, "loadBalancerClass": "a b"}, ['spec.loadBalancerClass: Invalid value: "a b"']),
    ({**BALANCED, "externalTrafficPolicy": "Local", "healthCheckNodePort": 70000}, ["spec.healthCheckNodePort: Invalid value: 70000"]),
    ({"ports": PORTS, "trafficDistribution": "PreferClose"}, []),
    ({"ports": PORTS, "trafficDistribution": "Random"}, ['spec.trafficDistribution: Unsupported value: "Random"']),
]


@pytest.mark.parametrize(("spec", "expected"), SERVICES)
def test_services(spec: dict[str, Any], expected: list[str]) -> None:
    assert_said(thing("v1", "Service", spec=spec), *expected)


def test_annotations_of_services() -> None:
    def service(kind: str, **annotations: str) -> dict[str, Any]:
        prefix = {"ranges": "service.beta.kubernetes.io/load-balancer-source-ranges"}
        noted = {prefix.get(k, f"service.kubernetes.io/topology-{k.replace('_', '-')}"): v for k, v in annotations.items()}
        return {**thing("v1", "Service", spec={"type": kind, "ports": PORTS}), "metadata": {"name": "web", "annotations": noted}}

    assert not said(service("LoadBalancer", ranges="10.0.0.0/8, fd00::/8"))
    assert len(said(service("ClusterIP", ranges="10.0.0.0/33"))) == 2
    assert len(said(service("ClusterIP", mode="Auto", aware_hints="Disabled"))) == 1


def test_the_resources_of_a_backend() -> None:
    def ingress(**resource: Any) -> dict[str, Any]:
        return thing("networking.k8s.io/v1", "Ingress", spec={"defaultBackend": {"resource": resource}, "tls": [{"secretName": "s"}]})

    assert_said(ingress(kind="Bucket", name="b", apiGroup="example.com"))
    assert_said(ingress(kind="", name="a/b"), "spec.defaultBackend.resource.kind: Required", "spec.defaultBackend.resource.name: Invalid")
    secret = thing("networking.k8s.io/v1", "Ingress", spec={**ingress(kind="B", name="b")["spec"], "tls": [{"secretName": "S_"}]})
    assert_said(secret, 'spec.tls[0].secretName: Invalid value: "S_"')


E = "spec.scopeSelector.matchExpressions"
QUOTAS: list[tuple[dict[str, Any], list[str]]] = [
    ({"hard": {"pods": 1}, "scopes": ["BestEffort"]}, []),
    ({"hard": {"cpu": 1}, "scopes": ["BestEffort"]}, ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource']),
    ({"hard": {"count/jobs.batch": 1, "requests.nvidia.com/gpu": 1, "hugepages-2Mi": "4Mi"}}, []),
    ({"hard": {"storage": 1}}, ['spec.hard[storage]: Invalid value: "storage": must be a standard resource for quota']),
    ({"hard": {"cpus": 1}}, ['spec.hard[cpus]: Invalid value: "cpus": must be a standard resource type', "spec.hard[cpus]: Invalid value"]),
    ({"scopes": ["BestEffort", "NotBestEffort"]}, ['spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes']),
    ({"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}}, []),
    ({"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In"}]}}, [f"{E}.values: Required value: must be"]),
    (
        {"scopeSelector": {"matchExpressions": [{"scopeName": "Terminating", "operator": "In", "values": ["a"]}]}},
        [f"{E}.operator: Invalid"],
    ),
    (
        {"scopeSelector": {"matchExpressions": [{"scopeName": "Name", "operator": "Exists", "values": ["a"]}]}},
        [f"{E}.scopeName", f"{E}.values"],
    ),
]


@pytest.mark.parametrize(("spec", "expected"), QUOTAS)
def test_quotas(spec: dict[str, Any], expected: list[str]) -> None:
    assert_said(thing("v1", "ResourceQuota", spec=spec), *expected)


L = "spec.limits[0]"
LIMITS: list[tuple[dict[str, Any], list[str]]] = [
    ({"type": "Container", "max": {"cpu": 4}, "min": {"cpu": 1}, "maxLimitRequestRatio": {"cpu": 4}}, []),
    (
        {"type": "Container", "max": {"cpu": 4}, "min": {"cpu": 1}, "maxLimitRequestRatio": {"cpu": 5}},
        [f"{L}.maxLimitRequestRatio[cpu]: I"],
    ),
    (
        {"type": "Pod", "maxLimitRequestRatio": {"cpu": "500m"}},
        [f'{L}.maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less'],
    ),
    ({"type": "Pod", "max": {"storage": 1}}, [f'{L}.max[storage]: Invalid value: "storage": must be a standard resource for containers']),
    ({"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}, []),
    ({"type": "PersistentVolumeClaim"}, [f"{L}.limits: Required value: either minimum or maximum storage value is required"]),
]


@pytest.mark.parametrize(("limit", "expected"), LIMITS)
def test_limits(limit: dict[str, Any], expected: list[str]) -> None:
    assert_said(thing("v1", "LimitRange", spec={"limits": [limit]}), *expected)


def test_the_name_of_a_disruption_budget_may_be_almost_anything() -> None:
    body = thing("policy/v1", "PodDisruptionBudget", spec={"minAvailable": 1})
    assert not said({**body, "metadata": {"name": "My_Budget"}})
    assert said({**body, "metadata": {"name": "a/b"}})


def test_the_priorities_of_the_system_are_its_own() -> None:
    def priority(name: str, value: int, **fields: Any) -> dict[str, Any]:
        return {**thing("scheduling.k8s.io/v1", "PriorityClass", value=value, **fields), "metadata": {"name": name}}

    assert not said(priority("system-node-critical", 2_000_001_000))
    for body in (
        priority("system-mine", 1),
        priority("system-node-critical", 1),
        priority("system-node-critical", 2_000_001_000, globalDefault=True),
    ):
        assert_said(body, "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: ")


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"stringData": {".dockerconfigjson": '{"auths": {}}'}}, False),
        ({"data": {".dockerconfigjson": "e30K"}}, False),
        ({"data": {".dockerconfigjson": "bnVsbA=="}}, False),  # null
        ({"data": {".dockerconfigjson": ""}}, True),
        ({"data": {".dockerconfigjson": "W10="}}, True),  # []
        ({"stringData": {".dockerconfigjson": "<login>"}}, True),
        ({"stringData": {".dockerconfigjson": "{}"}, "data": {".dockerconfigjson": "eA=="}}, False),  # stringData wins
    ],
)
def test_logins_of_registries_are_json_and_are_not_shown(fields: dict[str, Any], wrong: bool) -> None:
    found = said(thing("v1", "Secret", type="kubernetes.io/dockerconfigjson", **fields))
    assert len(found) == wrong and all('data[.dockerconfigjson]: Invalid value: "<secret contents redacted>"' in f for f in found), found
