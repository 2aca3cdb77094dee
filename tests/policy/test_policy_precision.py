"""What well-kept repositories do on purpose is not found: each case once stood in one of them."""

from __future__ import annotations

import pytest

from kgate.finding import Severity
from tests.policy.policy_texts import Judged

POD = "{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: %s}, spec: {containers: [{name: app}], volumes: [%s]}}"
SECRET = "{apiVersion: v1, kind: Secret, metadata: {name: other, namespace: prod}}"
NEEDS = POD % ("prod", "{name: v, secret: {secretName: web-cert}}")
ROLE = (
    "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: web, namespace: %s},"
    " rules: [{apiGroups: [%s], resources: [%s], verbs: [%s]}]}"
)
PROBED = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: app
    ports: [{containerPort: 9443}]
    livenessProbe: {httpGet: {path: /healthz, port: 8081}}
    %s
"""
BINDING = (
    "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: %s, namespace: prod},"
    " roleRef: {apiGroup: rbac.authorization.k8s.io, kind: %s, name: mine}, subjects: [{kind: User, name: jane}]}"
)
MINE = (
    "{apiVersion: rbac.authorization.k8s.io/v1, kind: %s, metadata: {name: mine%s},"
    ' rules: [{apiGroups: ["*"], resources: ["*"], verbs: [%s]}]}'
)


def together(*objects: str) -> str:
    return "\n---\n".join(objects)


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ("args: []", 1),
        ('args: ["--health-probe-bind-address=:8081"]', 0),
        ("command: [/manager, --port, '8081']", 0),
        ("env: [{name: ADDRESS, value: '0.0.0.0:8081'}]", 0),
        ("args: [--memory=18081]", 1),
        ("args: [8081]", 0),
        ("args: 8081", 1),
    ],
)
def test_a_port_that_the_container_is_told_of_needs_no_declaration(judged: Judged, more: str, found: int) -> None:
    assert len(judged(PROBED % more, "probe-port-undeclared")) == found


def test_a_service_may_ask_a_port_that_the_container_is_told_of(judged: Judged) -> None:
    service = "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 80, targetPort: 9090}]}}"
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: web, labels: {app: web}}, spec: {containers: [%s]}}"
    declared = "name: app, ports: [{containerPort: 8080}]"
    assert len(judged(together(service, pod % f"{{{declared}}}"), "service-port-mismatch")) == 1
    assert judged(together(service, pod % f"{{{declared}, args: ['--metrics-addr=:9090']}}"), "service-port-mismatch") == []


@pytest.mark.parametrize(
    ("role", "found"),
    [
        (ROLE % ("prod", '""', "secrets", "create, get"), 0),
        (ROLE % ("prod", '"*"', '"*"', '"*"'), 0),
        (ROLE % ("prod", '""', "secrets", "get, list"), 1),
        (ROLE % ("prod", '""', "configmaps", "create"), 1),
        (ROLE % ("prod", "apps", "secrets", "create"), 1),
    ],
)
def test_a_secret_that_a_program_beside_may_create_is_not_missed(judged: Judged, role: str, found: int) -> None:
    assert len(judged(together(NEEDS, SECRET, role), "dangling-secret")) == found


def test_a_role_of_another_application_creates_nothing_here(judged: Judged) -> None:
    role = ROLE % ("dev", '""', "secrets", "create")
    assert len(judged({"web/web.yaml": together(NEEDS, SECRET), "dev/role.yaml": role}, "dangling-secret")) == 1


def test_a_certificate_that_a_service_asks_for_is_there(judged: Judged) -> None:
    service = (
        "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: prod,"
        " annotations: {service.beta.openshift.io/serving-cert-secret-name: web-cert}}, spec: {ports: [{port: 80}]}}"
    )
    assert len(judged(together(NEEDS, SECRET), "dangling-secret")) == 1
    assert judged(together(NEEDS, SECRET, service), "dangling-secret") == []


def test_what_installers_put_into_kube_system_is_there(judged: Judged) -> None:
    other = "{apiVersion: v1, kind: ConfigMap, metadata: {name: other, namespace: %s}}"
    for namespace, found in (("kube-system", 0), ("prod", 1)):
        needs = POD % (namespace, "{name: v, configMap: {name: kube-proxy}}")
        assert len(judged(together(needs, other % namespace), "dangling-configmap")) == found


@pytest.mark.parametrize(
    ("role", "kind", "binding", "found"),
    [
        (MINE % ("Role", ", namespace: prod", '"*"'), "Role", "web", 1),
        (MINE % ("ClusterRole", "", '"*"'), "ClusterRole", "web", 1),
        (MINE % ("ClusterRole", "", "delete, patch, update, create, watch, list, get"), "ClusterRole", "web", 1),
        (MINE % ("ClusterRole", "", "get, list"), "ClusterRole", "web", 0),
        (MINE % ("Role", ", namespace: dev", '"*"'), "Role", "web", 0),
        (MINE % ("ClusterRole", "", '"*"'), "Role", "web", 0),
        (MINE % ("ClusterRole", "", '"*"'), "ClusterRole", "system:web", 0),
    ],
)
def test_a_binding_to_a_role_that_allows_everything_makes_an_administrator(
    judged: Judged, role: str, kind: str, binding: str, found: int
) -> None:
    told = judged(together(role, BINDING % (f'"{binding}"', kind)), "cluster-admin")
    assert [f.path for f in told] == ["/roleRef/name"] * found


@pytest.mark.parametrize(("replicas", "severity"), [(1, Severity.WARNING), (2, Severity.ERROR)])
def test_one_pod_that_goes_during_a_rollout_is_no_error(judged: Judged, replicas: int, severity: Severity) -> None:
    spec = "{replicas: %d, strategy: {rollingUpdate: {maxUnavailable: 2}}}"
    web = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: " + spec + "}"
    assert [f.severity for f in judged(web % replicas, "max-unavailable-all")] == [severity]


@pytest.mark.parametrize("drop", ["all", "ALL", "net_raw", "NET_RAW"])
def test_runtimes_take_capabilities_in_any_case_and_the_standard_does_not(judged: Judged, drop: str) -> None:
    container = "{name: app, securityContext: {capabilities: {drop: [%s]}}}"
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [" + container + "]}}"
    config = {"rules": {"pss-capabilities-drop-all": {"params": {"drop": ["NET_RAW"]}}}}
    assert judged(pod % drop, "pss-capabilities-drop-all", config) == []
    assert len(judged(pod % drop, "pss-capabilities-drop-all")) == (drop != "ALL")


def test_one_of_several_probes_is_enough_where_the_params_say_so(judged: Judged) -> None:
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: app%s}]}}"
    config = {"rules": {"liveness-probe-missing": {"severity": "warning", "params": {"any_of": ["livenessProbe", "readinessProbe"]}}}}
    assert judged(pod % ", readinessProbe: {tcpSocket: {port: 80}}", "liveness-probe-missing", config) == []
    (found,) = judged(pod % "", "liveness-probe-missing", config)
    assert "no liveness or readiness probe" in found.message
