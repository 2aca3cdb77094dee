"""What the decoder of the server refuses, in two implementations that must agree."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgate.validate import NEWEST, causes, openapi, schemas
from tests.validate.validated import (
    DELETED,
    assert_said,
    changed,
    container,
    deployment,
    judged,
    pod_spec,
    said,
    thing,
    with_container,
    with_pod,
)

DEPLOYMENT = schemas.bundle().schema("apps/v1", "Deployment", NEWEST)
FAST = openapi.fast(DEPLOYMENT)
REFERENCE = openapi.reference(DEPLOYMENT)

scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=8)
json_values = st.recursive(scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=8), v, max_size=3), max_leaves=8)


def nodes(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path]
    for step, child in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += nodes(child, (*path, step))
    return found


RICH = with_pod(
    containers=[
        container(
            ports=[{"containerPort": 80, "name": "http", "protocol": "TCP"}],
            env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
            resources={"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m"}},
            livenessProbe={"httpGet": {"path": "/", "port": "http"}},
            volumeMounts=[{"name": "data", "mountPath": "/data"}],
            securityContext={"runAsUser": 1000, "capabilities": {"drop": ["ALL"]}},
        )
    ],
    volumes=[{"name": "data", "emptyDir": {"sizeLimit": "1Gi"}}],
    tolerations=[{"key": "a", "operator": "Exists"}],
    affinity={"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone", "labelSelector": {}}]}},
    topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
)
PLACES = nodes(RICH)


def put(path: tuple[str | int, ...], value: Any) -> Any:
    return changed(RICH, ".".join(map(str, path)), value) if path else value


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PLACES), json_values)
def test_both_implementations_find_the_same_faults_at_the_same_places(path: tuple[str | int, ...], value: Any) -> None:
    body = put(path, value)
    assert FAST(body) == REFERENCE(body)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([p for p in PLACES if p]), st.text(min_size=1, max_size=6), json_values)
def test_they_agree_on_unknown_fields_too(path: tuple[str | int, ...], name: str, value: Any) -> None:
    parent = put(path, {name: value})
    assert FAST(parent) == REFERENCE(parent)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([p for p in PLACES if p]), json_values)
def test_no_value_anywhere_in_a_deployment_crashes_the_judge(path: tuple[str | int, ...], value: Any) -> None:
    body = put(path, value)
    first = judged(body)
    assert judged(body) == first


@settings(max_examples=60, deadline=None)
@given(json_values)
def test_no_value_in_place_of_an_object_crashes_it_either(value: Any) -> None:
    for kind, version in [("Deployment", "apps/v1"), ("Service", "v1"), ("Secret", "v1"), ("Ingress", "networking.k8s.io/v1")]:
        judged({"apiVersion": version, "kind": kind, "metadata": value, "spec": value, "data": value})


def test_a_lone_surrogate_is_judged_by_the_reference() -> None:
    assert said(changed(deployment(), "metadata.annotations", {"a": "\ud800"})) == []
    assert said(changed(deployment(), "spec.\ud800", 1))


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("spec.template.spec.containers.0.imagee", "x", "spec.template.spec.containers[0].imagee"),
        ("spec.Replicas", 3, "spec.Replicas"),
        ("metadata.label", {}, "metadata.label"),
        ("spec.foo", None, "spec.foo"),
        ("status.foo", 1, "status.foo"),
    ],
)
def test_an_unknown_field_is_an_error_at_its_key(path: str, value: Any, field: str) -> None:
    (cause,) = causes(changed(deployment(), path, value))
    assert (cause.message, cause.field, cause.key) == (f'unknown field "{field}"', field, True)


@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        ("spec.template.spec.containers.0.imagee", 'did you mean "image"?'),
        ("spec.Replicas", 'did you mean "replicas"?'),
        ("spec.template.spec.containers.0.volumeMount", 'did you mean "volumeMounts"?'),
        ("spec.strategy.xyzzy", "remove it, or move it to where it belongs; known here: rollingUpdate, type"),
    ],
)
def test_an_unknown_field_comes_with_the_nearest_known_one(path: str, remedy: str) -> None:
    (cause,) = causes(changed(deployment(), path, "x"))
    assert cause.remediation == remedy


@pytest.mark.parametrize(
    ("path", "minor", "message"),
    [
        ("spec.template.spec.hostnameOverride", "1.33", 'unknown field "spec.template.spec.hostnameOverride", which came with 1.34'),
        ("spec.template.spec.containers.0.resizePolicy", "1.25", ", which came with 1.27"),
        ("spec.template.spec.xyzzy", "1.33", 'unknown field "spec.template.spec.xyzzy"'),
    ],
)
def test_a_field_of_another_minor_is_told_from_one_that_never_was(path: str, minor: str, message: str) -> None:
    (cause,) = [c for c in causes(changed(deployment(), path, "x"), version=minor) if "unknown field" in c.message]
    assert cause.message.endswith(message)
    assert ("kubernetes_version" in cause.remediation) == ("which" in message)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("spec.replicas", "3", 'spec.replicas must be an integer, got the string "3"'),
        ("spec.replicas", 1.5, "spec.replicas must be an integer, got the number 1.5"),
        ("spec.replicas", True, "spec.replicas must be an integer, got the boolean true"),
        ("spec.replicas", 2**31, "spec.replicas must be an integer from -2147483648 to 2147483647, got 2147483648"),
        ("spec.replicas", -(2**31) - 1, "spec.replicas must be an integer from"),
        ("metadata.labels.x", 1, "metadata.labels[x] must be a string, got the number 1"),
        ("spec.template.spec.containers", {}, "spec.template.spec.containers must be a list, got an object"),
        ("spec.template.spec.containers.0", "x", 'spec.template.spec.containers[0] must be an object, got the string "x"'),
        ("spec.template.spec", [], "spec.template.spec must be an object, got a list"),
        ("spec.paused", "yes", 'spec.paused must be true or false, got the string "yes"'),
        ("metadata.creationTimestamp", "yesterday", "metadata.creationTimestamp: not a time of RFC 3339"),
        ("spec.strategy.rollingUpdate.maxSurge", 1.5, "spec.strategy.rollingUpdate.maxSurge must be a string or an integer, got"),
    ],
)
def test_a_value_of_the_wrong_type_is_told_what_it_must_be(path: str, value: Any, message: str) -> None:
    (cause,) = causes(changed(deployment(), path, value))
    assert cause.reason == "BadRequest" and cause.message.startswith(message) and cause.remediation


@pytest.mark.parametrize(
    "value", ["100m", "1.5", "0.1", ".5", "5.", "1e3", "1E3", "12e-1", "1Ki", " 1Gi ", 1, 0.5, "+1", 10**40, "1k", None]
)
def test_quantities_are_read_as_the_server_reads_them(value: Any) -> None:
    assert_said(with_container(resources={"limits": {"cpu": value}}))


@pytest.mark.parametrize("value", ["", "1x", "1KB", "one", "1 Gi", "1Gi\nx", "--1", "1e", "e3", ".", "0x10", True, [], {}, "1K"])
def test_what_is_no_quantity_is_refused(value: Any) -> None:
    (cause,) = causes(with_container(resources={"limits": {"cpu": value}}))
    assert cause.reason == "BadRequest" and cause.field == "spec.template.spec.containers[0].resources.limits[cpu]"


@pytest.mark.parametrize("value", ["", "YQ==", "YWI=", "YWJj", "YW\nJj\n", "YWJj\r\n", None, [97, 98]])
def test_base64_is_read_as_the_server_reads_it(value: Any) -> None:
    assert_said(thing("v1", "Secret", data={"k": value}))


@pytest.mark.parametrize("value", ["YQ", "YQ=", "YQ===", "a b=", "é", "YQ==YQ==", 1, [256]])
def test_what_is_no_base64_is_refused(value: Any) -> None:
    assert [c.reason for c in causes(thing("v1", "Secret", data={"k": value}))] == ["BadRequest"]


@pytest.mark.parametrize(
    "path",
    [
        "spec.replicas", "spec.strategy", "spec.strategy.type", "spec.strategy.rollingUpdate", "metadata.labels", "metadata.labels.x",
        "metadata.annotations", "metadata.creationTimestamp", "status", "spec.template.metadata.creationTimestamp",
        "spec.template.spec.volumes", "spec.template.spec.containers.0.resources", "spec.template.spec.containers.0.ports",
        "spec.template.spec.containers.0.env", "spec.progressDeadlineSeconds", "spec.template.spec.securityContext",
    ],
)  # fmt: skip
def test_null_is_the_same_as_nothing(path: str) -> None:
    assert_said(changed(deployment(), path, None))


@pytest.mark.parametrize(
    "path", ["spec.selector", "metadata.name", "spec.template.spec.containers.0.name", "spec.template.spec.containers"]
)
def test_a_required_field_that_is_null_is_missing(path: str) -> None:
    assert said(changed(deployment(), path, None)) == said(changed(deployment(), path, DELETED)) != []


def test_one_item_of_a_list_may_be_null_where_nothing_is_required() -> None:
    assert_said(with_container(args=[None], command=["a", None]))


def test_what_cannot_be_decoded_is_not_judged_further() -> None:
    """The server decodes first: the second fault shows when the first is gone."""
    both = changed(changed(deployment(), "spec.replicas", "x"), "metadata.name", "Not Good")
    assert [c.reason for c in causes(both)] == ["BadRequest"]


def test_a_status_may_lack_what_its_schema_requires() -> None:
    assert_said(changed(deployment(), "status", {"conditions": [{"message": "x"}]}))


def test_a_kind_without_rules_of_its_own_still_needs_its_required_fields() -> None:
    assert_said(thing("storage.k8s.io/v1", "StorageClass"), "provisioner: Required value")


def test_without_the_fast_validator_the_reference_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(schema: Any) -> Any:
        raise ImportError

    body = changed(deployment(), "spec.replicas", "x")
    expected = said(body)
    openapi.compiled.cache_clear()
    monkeypatch.setattr(openapi, "fast", missing)
    try:
        assert said(body) == expected
    finally:
        openapi.compiled.cache_clear()


BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
BINDING = {"roleRef": {"kind": "ClusterRole", "name": "r"}, "subjects": [{"kind": "User", "name": "u", "apiGroup": ""}]}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "selector": {}, "volumeMode": "Block"}
JOB = {"parallelism": 1, "completions": 2, "completionMode": "Indexed", "template": {"spec": {**pod_spec(), "restartPolicy": "Never"}}}
LIMIT = {"type": "Container", "max": {"cpu": 1}, "min": {"cpu": 0}, "default": {"cpu": 1}, "defaultRequest": {"cpu": 1}}
PATHS = {"paths": [{"path": "/", "pathType": "Exact", "backend": BACKEND}]}
SCALED = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
PORTS = [{"port": 80, "targetPort": "http", "name": "http", "appProtocol": "http", "protocol": "TCP"}]
SOURCES = [
    {"secret": {"name": "s", "items": [{"key": "k", "path": "p"}]}},
    {"serviceAccountToken": {"path": "t", "expirationSeconds": 600}},
]
VOLUMES = [
    {"name": "a", "projected": {"sources": SOURCES}},
    {"name": "b", "downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "metadata.name"}, "mode": 0}]}},
    {"name": "c", "ephemeral": {"volumeClaimTemplate": {"spec": CLAIM}}},
    {"name": "d", "nfs": {"server": "s", "path": "/"}},
]
OTHERS = [
    thing(
        "v1",
        "Service",
        spec={
            "ports": PORTS,
            "selector": {"a": "b"},
            "clusterIP": "10.0.0.1",
            "clusterIPs": ["10.0.0.1"],
            "ipFamilies": ["IPv4"],
            "externalIPs": [],
        },
    ),
    thing("v1", "ConfigMap", data={"a": "b"}, binaryData={"c": "YQ=="}),
    thing("v1", "Secret", data={"a": "YQ=="}, stringData={"b": "c"}, type="Opaque"),
    thing("v1", "PersistentVolumeClaim", spec=CLAIM),
    thing("v1", "ReplicationController", spec={"replicas": 1, "template": {"metadata": {"labels": {"a": "b"}}, "spec": pod_spec()}}),
    thing("v1", "ResourceQuota", spec={"hard": {"pods": 1}, "scopes": ["BestEffort"]}),
    thing("v1", "LimitRange", spec={"limits": [LIMIT]}),
    thing(
        "v1",
        "Pod",
        spec=pod_spec(
            serviceAccountName="a", volumes=VOLUMES, dnsConfig={"searches": ["a"]}, hostAliases=[{"ip": "1.2.3.4", "hostnames": ["a"]}]
        ),
    ),
    thing("networking.k8s.io/v1", "Ingress", spec={"rules": [{"host": "a.b", "http": PATHS}], "tls": [{"hosts": ["a.b"]}]}),
    thing("rbac.authorization.k8s.io/v1", "ClusterRole", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]),
    thing("rbac.authorization.k8s.io/v1", "RoleBinding", **BINDING),
    thing("batch/v1", "CronJob", spec={"schedule": "* * * * *", "jobTemplate": {"spec": JOB}}),
    thing("batch/v1", "Job", spec={**JOB, "manualSelector": True, "selector": {}}),
    thing("policy/v1", "PodDisruptionBudget", spec={"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}),
    thing("autoscaling/v2", "HorizontalPodAutoscaler", spec={"maxReplicas": 2, "scaleTargetRef": SCALED}),
    thing("scheduling.k8s.io/v1", "PriorityClass", value=1, preemptionPolicy="Never"),
    {
        **deployment(serviceName="web", updateStrategy={"rollingUpdate": {"partition": 1}}, volumeClaimTemplates=[{"spec": CLAIM}]),
        "kind": "StatefulSet",
    },
]
OTHER_PLACES = [(body, path) for body in OTHERS for path in nodes(body) if path]


@pytest.mark.parametrize("body", OTHERS, ids=lambda body: str(body["kind"]))
def test_the_samples_are_sound(body: dict[str, Any]) -> None:
    assert_said(body)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(OTHER_PLACES), json_values)
def test_no_value_anywhere_in_any_kind_crashes_the_judge(place: tuple[dict[str, Any], tuple[str | int, ...]], value: Any) -> None:
    body, path = place
    judged(changed(body, ".".join(map(str, path)), value))
