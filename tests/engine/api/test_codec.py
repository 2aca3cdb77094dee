from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate.engine.api.apps import Deployment
from kgate.engine.api.codec import DecodeError, decode, encode, freeze, thaw, timestamp
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import FrozenMap, Unstructured

RICH: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"a": "b"}, "annotations": {"x/y": "z"}, "finalizers": ["f"]},
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "In", "values": ["x"]}]},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "25%"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "initContainers": [{"name": "proxy", "image": "p:1", "restartPolicy": "Always", "resources": {}}],
                "containers": [
                    {
                        "name": "app",
                        "image": "app:v1",
                        "ports": [{"containerPort": 80, "hostPort": 8080, "hostIP": "10.0.0.1"}],
                        "resources": {"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"example.com/gpu": "2"}},
                        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 5},
                    }
                ],
                "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}, {"name": "e", "emptyDir": {}}],
                "affinity": {
                    "nodeAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": {
                            "nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}]
                        }
                    },
                    "podAntiAffinity": {
                        "preferredDuringSchedulingIgnoredDuringExecution": [
                            {"weight": 1, "podAffinityTerm": {"topologyKey": "zone", "labelSelector": {}, "namespaceSelector": {}}}
                        ]
                    },
                },
                "tolerations": [{"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 0}],
                "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "minDomains": 2}],
                "overhead": {"cpu": "10m"},
                "schedulingGates": [{"name": "g"}],
                "priority": 0,
                "dnsPolicy": "ClusterFirst",
            },
        },
    },
}


def test_what_is_decoded_is_shown_again_whole() -> None:
    assert encode(decode(RICH)) == RICH


def test_decoding_what_was_shown_gives_an_equal_object_that_can_be_hashed() -> None:
    obj = decode(RICH)
    again = decode(json.loads(json.dumps(encode(obj))))
    assert again == obj
    assert hash(again) == hash(obj)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"cpu": "500m"}, {"cpu": 0.5}),
        ({"cpu": "1"}, {"cpu": "1000m"}),
        ({"memory": "1024Mi"}, {"memory": "1Gi"}),
        ({"memory": "1Gi", "cpu": 1}, {"cpu": 1, "memory": 1073741824}),
    ],
)
def test_quantities_are_compared_by_amount(one: dict[str, Any], other: dict[str, Any]) -> None:
    def pod(requests: dict[str, Any]) -> Any:
        return decode({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "a", "resources": {"requests": requests}}]}})

    assert pod(one) == pod(other)


def test_null_is_absent_and_the_order_of_keys_does_not_matter() -> None:
    a = decode({"apiVersion": "v1", "kind": "Pod", "spec": {"nodeName": None, "hostPID": True, "dnsConfig": {"a": 1, "b": None, "c": 2}}})
    b = decode({"apiVersion": "v1", "kind": "Pod", "spec": {"dnsConfig": {"c": 2, "a": 1}, "hostPID": True}})
    assert a == b
    assert isinstance(a, Pod)


def test_the_order_of_lists_matters() -> None:
    def pod(*args: str) -> Any:
        return decode({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "a", "args": list(args)}]}})

    assert pod("a", "b") != pod("b", "a")


def test_unknown_kinds_are_kept_as_they_are() -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}, "immutable": True}
    obj = decode(body)
    assert isinstance(obj, Unstructured)
    assert encode(obj) == body


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"replicas": "3"}, "spec.replicas: cannot read string as int"),
        ({"replicas": True}, "spec.replicas: cannot read bool as int"),
        ({"template": []}, "spec.template: cannot read array as PodTemplateSpec"),
        ({"template": {"spec": {"containers": {}}}}, "spec.template.spec.containers: cannot read object as a list"),
        ({"template": {"metadata": {"labels": {"a": 1}}}}, "spec.template.metadata.labels.a: cannot read number as str"),
        (
            {"template": {"spec": {"containers": [{"resources": {"limits": {"cpu": "1 Gi"}}}]}}},
            "spec.template.spec.containers[0].resources.limits.cpu: ",
        ),
    ],
)
def test_what_has_the_wrong_shape_is_refused_with_its_place(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(DecodeError) as refused:
        decode({"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec})
    assert str(refused.value).startswith(message)


def test_times_are_virtual_milliseconds_shown_in_whole_seconds() -> None:
    assert timestamp(61_999) == "1970-01-01T00:01:01Z"
    pod = decode({"apiVersion": "v1", "kind": "Pod", "metadata": {"creationTimestamp": "1970-01-01T00:01:01Z"}})
    assert pod.metadata.creation_timestamp_ms == 61_000


json_values = st.recursive(
    st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(json_values)
def test_freezing_and_thawing_is_the_identity(value: Any) -> None:
    assert thaw(freeze(value)) == value
    hash(freeze(value))


@given(st.dictionaries(st.sampled_from(["hostPID", "dnsConfig", "volumes2", "x"]), json_values, max_size=3))
def test_fields_that_are_not_modelled_survive(extra: dict[str, Any]) -> None:
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 2, "template": {"spec": extra}}}
    obj = decode(body)
    assert isinstance(obj, Deployment)
    assert encode(obj)["spec"].get("template", {"spec": {}}).get("spec", {}) == extra
    assert decode(encode(obj)) == obj


def test_a_frozen_map_cannot_be_changed() -> None:
    frozen = FrozenMap({"a": 1})
    for change in (lambda: frozen.__setitem__("b", 2), lambda: frozen.update(b=2), frozen.clear, lambda: frozen.pop("a")):
        with pytest.raises(TypeError):
            change()
    assert frozen.with_("b", 2) == {"a": 1, "b": 2}
    assert frozen.without("a") == {}
