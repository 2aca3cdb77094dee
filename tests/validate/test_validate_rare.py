"""Kinds that few repositories hold: what the server demands of them beyond their schema."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from kgate.validate import causes
from kgate.validate.rare import CREATE
from kgate.validate.schemas import bundle
from tests.validate.validated import changed

PEM = b"-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n"
FLOW = "flowcontrol.apiserver.k8s.io/v1"


def thing(version: str, kind: str, name: str = "a", **fields: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **fields}


def flow_schema() -> dict[str, Any]:
    rule = {
        "subjects": [{"kind": "ServiceAccount", "serviceAccount": {"name": "*", "namespace": "shop"}}],
        "resourceRules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "namespaces": ["*"]}],
        "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/healthz/*"]}],
    }
    return thing(FLOW, "FlowSchema", spec={"priorityLevelConfiguration": {"name": "p"}, "rules": [rule]})


def priority_level() -> dict[str, Any]:
    response = {"type": "Queue", "queuing": {"queues": 64, "handSize": 6}}
    spec = {"type": "Limited", "limited": {"lendablePercent": 50, "limitResponse": response}}
    return thing(FLOW, "PriorityLevelConfiguration", spec=spec)


def request() -> dict[str, Any]:
    spec = {"request": base64.b64encode(PEM).decode(), "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"]}
    return thing("certificates.k8s.io/v1", "CertificateSigningRequest", spec=spec)


def claim() -> dict[str, Any]:
    first = {"name": "gpu", "exactly": {"deviceClassName": "gpu.example.com"}}
    second = {"name": "any", "firstAvailable": [{"name": "big", "deviceClassName": "big.example.com"}]}
    devices = {
        "requests": [first, second],
        "config": [{"requests": ["any/big"], "opaque": {"driver": "gpu.example.com", "parameters": {"kind": "X"}}}],
    }
    return thing("resource.k8s.io/v1", "ResourceClaim", spec={"devices": devices})


def attachment() -> dict[str, Any]:
    spec = {"attacher": "csi.example.com", "nodeName": "n", "source": {"persistentVolumeName": "pv"}}
    return thing("storage.k8s.io/v1", "VolumeAttachment", spec=spec)


def candidate() -> dict[str, Any]:
    spec = {"leaseName": "l", "binaryVersion": "1.36.0", "emulationVersion": "1.35.0", "strategy": "OldestEmulationVersion"}
    return thing("coordination.k8s.io/v1beta1", "LeaseCandidate", spec=spec)


def ip_address() -> dict[str, Any]:
    return thing("networking.k8s.io/v1", "IPAddress", "192.0.2.1", spec={"parentRef": {"resource": "services", "name": "web"}})


def service_cidr() -> dict[str, Any]:
    return thing("networking.k8s.io/v1", "ServiceCIDR", spec={"cidrs": ["10.0.0.0/16", "2001:db8::/108"]})


def pod_template() -> dict[str, Any]:
    return thing("v1", "PodTemplate", template={"spec": {"containers": [{"name": "c", "image": "registry.example.com/c:1"}]}})


SOUND = (flow_schema, priority_level, request, claim, attachment, candidate, ip_address, service_cidr, pod_template)
SUBJECT, RULE = "spec.rules.0.subjects.0", "spec.rules.0"
DEVICES, QUEUING = "spec.devices.requests", "spec.limited.limitResponse.queuing"


@pytest.mark.parametrize("sound", SOUND, ids=lambda f: f.__name__)
def test_a_sound_one_is_taken(sound: Callable[[], dict[str, Any]]) -> None:
    assert causes(sound(), version="1.36") == ()


@pytest.mark.parametrize(
    ("sound", "path", "value", "field", "detail"),
    [
        (flow_schema, "spec.matchingPrecedence", 1, "spec.matchingPrecedence", "only the schema named 'exempt'"),
        (flow_schema, "spec.matchingPrecedence", 10001, "spec.matchingPrecedence", "must not be greater than 10000"),
        (flow_schema, "spec.priorityLevelConfiguration", {"name": ""}, "spec.priorityLevelConfiguration.name", "must reference"),
        (flow_schema, "spec.distinguisherMethod", {"type": "ByIP"}, "spec.distinguisherMethod.type", "ByNamespace"),
        (flow_schema, f"{RULE}.subjects", [], "spec.rules[0].subjects", "at least one"),
        (flow_schema, f"{SUBJECT}.kind", "Robot", "spec.rules[0].subjects[0].kind", "Unsupported value"),
        (flow_schema, f"{SUBJECT}.user", {"name": "u"}, "spec.rules[0].subjects[0].user", "is forbidden when subject kind is not 'User'"),
        (flow_schema, f"{SUBJECT}.serviceAccount.namespace", "", "spec.rules[0].subjects[0].serviceAccount.namespace", "must specify"),
        (
            flow_schema,
            f"{RULE}.resourceRules.0.verbs",
            ["*", "get"],
            "spec.rules[0].resourceRules[0].verbs",
            "must not specify other verbs",
        ),
        (flow_schema, f"{RULE}.resourceRules.0.verbs", ["fetch"], "spec.rules[0].resourceRules[0].verbs", "Unsupported value"),
        (flow_schema, f"{RULE}.resourceRules.0.namespaces", [], "spec.rules[0].resourceRules[0].namespaces", "cluster scoped"),
        (flow_schema, f"{RULE}.nonResourceRules.0.nonResourceURLs", ["x"], "spec.rules[0].nonResourceRules[0].nonResourceURLs[0]", "slash"),
        (priority_level, "metadata.name", "exempt", "spec.type", "if and only if `name` is 'exempt'"),
        (priority_level, "spec.type", "Free", "spec.type", "Unsupported value"),
        (priority_level, "spec.limited.lendablePercent", 101, "spec.limited.lendablePercent", "between 0 and 100"),
        (priority_level, "spec.limited.limitResponse.type", "Reject", QUEUING, "must be nil"),
        (priority_level, f"{QUEUING}.handSize", 65, f"{QUEUING}.handSize", "should not be greater than queues (64)"),
        (priority_level, f"{QUEUING}.handSize", 11, f"{QUEUING}.handSize", "required entropy bits"),
        (request, "spec.request", base64.b64encode(b"x").decode(), "spec.request", "PEM block type must be CERTIFICATE REQUEST"),
        (request, "spec.usages", [], "spec.usages", "Required value"),
        (request, "spec.usages", ["any", "any"], "spec.usages[1]", "Duplicate value"),
        (request, "spec.signerName", "x", "spec.signerName", "fully qualified"),
        (request, "spec.expirationSeconds", 60, "spec.expirationSeconds", "less than 600 seconds"),
        (claim, f"{DEVICES}.0.exactly.deviceClassName", "", "spec.devices.requests[0].exactly.deviceClassName", "Required value"),
        (claim, f"{DEVICES}.0.exactly.count", -1, "spec.devices.requests[0].exactly.count", "must be greater than zero"),
        (claim, f"{DEVICES}.0.exactly.allocationMode", "Some", "spec.devices.requests[0].exactly.allocationMode", "Unsupported value"),
        (claim, f"{DEVICES}.1.name", "gpu", "spec.devices.requests[1]", "Duplicate value"),
        (claim, f"{DEVICES}.1.name", "Gpu", "spec.devices.requests[1].name", "RFC 1123"),
        (claim, "spec.devices.config.0.requests", ["none"], "spec.devices.config[0].requests[0]", "must be the name of a request"),
        (attachment, "spec.source", {}, "spec.source", "exactly one of"),
        (attachment, "spec.nodeName", "N", "spec.nodeName", "RFC 1123"),
        (candidate, "spec.binaryVersion", "1.34.0", "spec.binaryVersion", "must be greater than or equal"),
        (candidate, "spec.emulationVersion", "1.35", "spec.emulationVersion", "must be a valid semantic version"),
        (ip_address, "spec.parentRef.name", "", "spec.parentRef.name", "Required value"),
        (service_cidr, "spec.cidrs", ["10.0.0.0/16", "10.1.0.0/16"], "spec.cidrs", "no more than one IP for each IP family"),
        (service_cidr, "spec.cidrs", [], "spec.cidrs", "at least one CIDR required"),
        (pod_template, "template.spec.containers.0.name", "C", "template.spec.containers[0].name", "RFC 1123"),
    ],
)
def test_a_fault_stands_at_the_servers_field(sound: Callable[[], dict[str, Any]], path: str, value: Any, field: str, detail: str) -> None:
    found = causes(changed(sound(), path, value), version="1.36")
    assert any(c.field == field and detail in c.message for c in found), [(c.field, c.message) for c in found]


def test_a_request_of_the_first_beta_is_the_exact_one_itself() -> None:
    body = thing("resource.k8s.io/v1beta1", "ResourceClaim", spec={"devices": {"requests": [{"name": "a", "deviceClassName": "x.io"}]}})
    assert causes(body, version="1.36") == ()
    (cause,) = causes(changed(body, "spec.devices.requests.0.deviceClassName", "X"), version="1.36")
    assert cause.field == "spec.devices.requests[0].deviceClassName"


def test_every_one_of_them_is_a_kind_that_kubernetes_has() -> None:
    served = {(version.rpartition("/")[0], kind) for version, kinds in bundle().kinds.items() for kind in kinds}
    assert set(CREATE) <= served
