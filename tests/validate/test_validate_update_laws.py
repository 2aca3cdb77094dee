"""What holds for every change: it never crashes, and to say what the server says already is no change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgate.validate import NEWEST, openapi
from kgate.validate.update.defaults import defaulted
from tests.validate.changes import claim, daemon_set, job, pod, refused, service, stateful_set, volume
from tests.validate.test_validate_openapi import OTHERS, json_values, nodes
from tests.validate.validated import DELETED, changed, deployment, thing, with_container, with_pod

SOURCES = [
    {"name": "a", "secret": {"secretName": "s", "items": [{"key": "k", "path": "p"}]}},
    {"name": "b", "hostPath": {"path": "/srv"}},
    {"name": "c"},
    {"name": "d", "downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "metadata.name"}}]}},
    {"name": "e", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}, {"configMap": {"name": "c"}}]}},
]
PROBES = {"readinessProbe": {"httpGet": {"port": 80}}, "livenessProbe": {"grpc": {"port": 80}}, "ports": [{"containerPort": 80}]}
LIMITED = {"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}
SAMPLES: list[dict[str, Any]] = [
    *OTHERS,
    deployment(),
    deployment(strategy={"type": "Recreate"}),
    with_pod(volumes=SOURCES, serviceAccountName="web"),
    with_container(**PROBES, image="registry.example.com/app"),
    stateful_set(),
    stateful_set(updateStrategy={"type": "OnDelete"}),
    daemon_set(),
    job(),
    changed(job(suspend=True), "spec.template.spec.volumes", SOURCES),
    pod(),
    pod(volumes=SOURCES, serviceAccountName="app", tolerations=[{"operator": "Exists"}], hostNetwork=True),
    changed(pod(), "spec.containers.0", {"name": "app", "image": "registry.example.com/app:1", **PROBES, **LIMITED}),
    service(),
    service(type="LoadBalancer"),
    claim(),
    claim(dataSource={"kind": "PersistentVolumeClaim", "name": "other"}),
    volume(),
    thing("storage.k8s.io/v1", "StorageClass", provisioner="csi.example.com"),
    thing("v1", "Secret", immutable=True, stringData={"a": "b"}, data={"c": "YQ=="}),
    thing("v1", "ConfigMap", immutable=True, data={"a": "b"}),
    thing("v1", "Node", spec={"podCIDRs": ["10.0.0.0/24"], "podCIDR": "10.0.0.0/24"}),
]
PLACES = [(body, path) for body in SAMPLES for path in nodes(body) if path]


def as_stored(body: dict[str, Any]) -> dict[str, Any]:
    schema = openapi.compiled(body["apiVersion"], body["kind"], NEWEST).schema
    stored: dict[str, Any] = defaulted(body, schema, schema)
    return stored


@pytest.mark.parametrize("body", SAMPLES, ids=lambda body: str(body["kind"]))
def test_what_the_server_filled_in_may_be_written_out_and_left_out_again(body: dict[str, Any]) -> None:
    assert refused(body, body) == []
    assert refused(body, as_stored(body)) == []
    assert refused(as_stored(body), body) == []


@pytest.mark.parametrize("body", SAMPLES, ids=lambda body: str(body["kind"]))
def test_to_fill_in_what_is_filled_in_changes_nothing(body: dict[str, Any]) -> None:
    assert as_stored(as_stored(body)) == as_stored(body)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PLACES), st.one_of(json_values, st.none(), st.just(DELETED)), st.booleans())
def test_no_value_anywhere_before_or_after_crashes_the_judge(place: tuple[dict[str, Any], Any], value: Any, first: bool) -> None:
    body, path = place
    other = changed(body, ".".join(map(str, path)), value)
    refused(*((other, body) if first else (body, other)))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PLACES), st.sampled_from(PLACES))
def test_two_changes_of_one_object_do_not_crash_it_either(one: tuple[dict[str, Any], Any], two: tuple[dict[str, Any], Any]) -> None:
    body, path = one
    without = changed(body, ".".join(map(str, path)), DELETED)
    if two[0] is body:
        refused(without, changed(body, ".".join(map(str, two[1])), None))
