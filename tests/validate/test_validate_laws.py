"""Whatever stands wherever in an object of a kind, the judge ends with findings."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.validate import test_validate_admission as admission
from tests.validate import test_validate_definitions as definitions
from tests.validate import test_validate_rare as rare
from tests.validate import test_validate_storage as storage
from tests.validate.test_validate_batch import PODS, autoscaler, failure, job, of_cpu, success
from tests.validate.test_validate_openapi import json_values, nodes
from tests.validate.validated import assert_said, changed, container, judged, pod_spec, thing

VOLUMES = [
    {"name": "a", "iscsi": {"targetPortal": "p", "iqn": "eui.0123456789abcdef", "initiatorName": "eui.0123456789abcdef"}},
    {"name": "b", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "n"}}},
    {"name": "c", "flexVolume": {"driver": "d", "options": {"a": "b"}}},
    {"name": "d", "quobyte": {"registry": "a:1", "volume": "v"}},
]
POD = pod_spec(
    volumes=VOLUMES,
    resources={"requests": {"cpu": "1"}, "limits": {"cpu": "1"}},
    resourceClaims=[{"name": "x", "resourceClaimName": "y"}],
    containers=[container(resources={"claims": [{"name": "x", "request": "r"}], "requests": {"cpu": "1"}})],
    securityContext={"windowsOptions": {"runAsUserName": "a\\b", "gmsaCredentialSpec": "c"}},
    hostnameOverride="a",
    overhead={"cpu": "1"},
    runtimeClassName="r",
)
ANNOTATED = {"controller.kubernetes.io/pod-deletion-cost": "1", "container.seccomp.security.alpha.kubernetes.io/app": "unconfined"}
SLICE = {"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"], "hints": {"forZones": [{"name": "z"}]}}], "ports": [{"port": 1}]}
BLOCK = {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}
SCHEMA = {
    "properties": {"spec": definitions.MAP, "name": {"type": "string", "default": "a", "enum": ["a"], "pattern": "a"}},
    "x-kubernetes-validations": [{"rule": "true", "reason": "FieldValueInvalid"}],
    "anyOf": [{"required": ["a"]}],
}
SAMPLES = [
    {**thing("v1", "Pod", spec=POD), "metadata": {"name": "thing", "annotations": ANNOTATED}},
    job(**failure(onExitCodes={"operator": "In", "values": [1]})),
    job(**success(succeededIndexes="1,2", succeededCount=1)),
    autoscaler(of_cpu(averageUtilization=1), PODS, behavior={"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1}]}}),
    storage.volume(nodeAffinity=storage.AFFINITY),
    thing("storage.k8s.io/v1", "StorageClass", provisioner="p", parameters={"a": "b"}, allowedTopologies=[storage.zone("a")]),
    thing("storage.k8s.io/v1", "CSIDriver", spec={"tokenRequests": [{"audience": "a", "expirationSeconds": 600}]}),
    thing("storage.k8s.io/v1", "CSINode", spec={"drivers": [{"name": "d", "nodeID": "n", "topologyKeys": ["a"]}]}),
    thing("storage.k8s.io/v1", "CSIStorageCapacity", storageClassName="a", capacity="1", nodeTopology={}),
    thing("storage.k8s.io/v1", "VolumeAttributesClass", driverName="a", parameters={"a": "b"}),
    thing(
        "networking.k8s.io/v1", "NetworkPolicy", spec={"podSelector": {}, "egress": [{"to": [BLOCK], "ports": [{"port": 1, "endPort": 2}]}]}
    ),
    thing("networking.k8s.io/v1", "IngressClass", spec={"controller": "a.b/c", "parameters": {"kind": "K", "name": "n"}}),
    storage.subset("10.0.0.1", ports=[{"port": 80}]),
    thing("discovery.k8s.io/v1", "EndpointSlice", **SLICE),
    thing("v1", "Node", spec={"taints": [storage.TAINT], "podCIDRs": ["10.0.0.0/24"]}, status={"capacity": {"cpu": "1"}}),
    thing("v1", "Namespace", spec={"finalizers": ["kubernetes"]}),
    thing("coordination.k8s.io/v1", "Lease", spec={"leaseDurationSeconds": 1, "leaseTransitions": 0}),
    thing("node.k8s.io/v1", "RuntimeClass", handler="h", overhead={"podFixed": {"cpu": 1}}, scheduling={"nodeSelector": {"a": "b"}}),
    thing(admission.API, "ValidatingWebhookConfiguration", webhooks=[admission.HOOK]),
    thing(admission.API, "MutatingWebhookConfiguration", webhooks=[{**admission.HOOK, "clientConfig": {"url": "https://a.b/c"}}]),
    thing(admission.API, "ValidatingAdmissionPolicy", spec=admission.POLICY),
    thing(admission.API, "ValidatingAdmissionPolicyBinding", spec={**admission.BINDING, "paramRef": admission.PARAMS}),
    *(make() for make in rare.SOUND),
    definitions.schema(**SCHEMA),
    definitions.version(subresources={"status": {}}, additionalPrinterColumns=[{"name": "A", "type": "string", "jsonPath": ".a"}]),
]
PLACES = [(body, path) for body in SAMPLES for path in nodes(body) if path]


@pytest.mark.parametrize("body", SAMPLES, ids=lambda body: str(body["kind"]))
def test_the_samples_are_sound(body: dict[str, Any]) -> None:
    assert_said(body)


@settings(max_examples=800, deadline=None)
@given(st.sampled_from(PLACES), json_values)
def test_no_value_anywhere_crashes_the_judge(place: tuple[dict[str, Any], tuple[str | int, ...]], value: Any) -> None:
    body, path = place
    judged(changed(body, ".".join(map(str, path)), value))
