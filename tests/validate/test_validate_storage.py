"""Storage, networks and what belongs to the whole cluster."""

from __future__ import annotations

from typing import Any

import pytest

from tests.validate.validated import assert_said, said, thing


def volume(**fields: Any) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "nfs": {"server": "s", "path": "/"}, **fields}
    return thing("v1", "PersistentVolume", spec={k: v for k, v in spec.items() if v is not None})


AFFINITY = {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}]}}
REF = {"name": "s", "namespace": "n"}
VOLUMES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"nfs": None}, ["spec: Required value: must specify a volume type"]),
    ({"hostPath": {"path": "/x"}}, ["spec.nfs: Forbidden: may not specify more than 1 volume type"]),
    ({"accessModes": []}, ["spec.accessModes: Required value"]),
    ({"accessModes": ["Once"]}, ['spec.accessModes: Unsupported value: "Once"']),
    ({"capacity": {"storage": "0"}}, ['spec.capacity[storage]: Invalid value: "0": must be greater than zero']),
    ({"capacity": {"cpu": "1", "storage": 1}}, ["spec.capacity: Unsupported value"]),
    (
        {"persistentVolumeReclaimPolicy": "Keep"},
        ['spec.persistentVolumeReclaimPolicy: Unsupported value: "Keep": supported values: "Delete",'],
    ),
    ({"nfs": None, "local": {"path": "/d"}, "nodeAffinity": AFFINITY}, []),
    ({"nfs": None, "local": {"path": "/d"}}, ["spec.nodeAffinity: Required value: Local volume requires node affinity"]),
    ({"nodeAffinity": {}}, ["spec.nodeAffinity.required: Required value: must specify required node constraints"]),
    ({"nfs": None, "csi": {"driver": "d", "volumeHandle": "h", "nodeStageSecretRef": {}, "nodePublishSecretRef": REF}}, []),
    ({"nfs": None, "csi": {"driver": "d", "volumeHandle": ""}}, ["spec.csi.volumeHandle: Required value"]),
    (
        {"nfs": None, "csi": {"driver": "d", "volumeHandle": "h", "controllerExpandSecretRef": {"name": "S"}}},
        ["spec.csi.controllerExpandSe"] * 2,
    ),
    ({"storageClassName": "Fast"}, ['spec.storageClassName: Invalid value: "Fast"']),
    ({"volumeMode": "File"}, ['spec.volumeMode: Unsupported value: "File"']),
    (
        {"nfs": None, "hostPath": {"path": "//"}, "persistentVolumeReclaimPolicy": "Recycle"},
        ["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"],
    ),
]


@pytest.mark.parametrize(("fields", "expected"), VOLUMES)
def test_persistent_volumes(fields: dict[str, Any], expected: list[str]) -> None:
    assert_said(volume(**fields), *expected)


def zone(*values: str) -> dict[str, Any]:
    return {"matchLabelExpressions": [{"key": "zone", "values": list(values)}]}


CLASSES: list[tuple[dict[str, Any], list[str]]] = [
    ({"parameters": {"a": "b"}, "reclaimPolicy": "Retain", "volumeBindingMode": "WaitForFirstConsumer"}, []),
    ({"provisioner": "a b"}, ['provisioner: Invalid value: "a b"']),
    ({"provisioner": ""}, ["provisioner: Required value"]),
    ({"reclaimPolicy": "Recycle"}, ['reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"']),
    ({"volumeBindingMode": "Later"}, ["volumeBindingMode: Unsupported value"]),
    ({"parameters": {"": "x"}}, ['parameters: Invalid value: "": field can not be empty.']),
    ({"parameters": {"a": "x" * 256 * 1024}}, ["parameters: Too long"]),
    ({"allowedTopologies": [zone("a"), zone("b")]}, []),
    ({"allowedTopologies": [zone("a", "b"), zone("b", "a")]}, ["allowedTopologies[1].matchLabelExpressions: Duplicate value"]),
    ({"allowedTopologies": [zone("a", "a")]}, ['allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "a"']),
    ({"allowedTopologies": [zone()]}, ["allowedTopologies[0].matchLabelExpressions[0].values: Required value"]),
]


@pytest.mark.parametrize(("fields", "expected"), CLASSES)
def test_storage_classes(fields: dict[str, Any], expected: list[str]) -> None:
    assert_said(thing("storage.k8s.io/v1", "StorageClass", **{"provisioner": "csi.example.com", **fields}), *expected)


DRIVERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"attachRequired": False, "fsGroupPolicy": "File", "volumeLifecycleModes": ["Ephemeral"]}, []),
    ({"fsGroupPolicy": "Dir"}, ['spec.fsGroupPolicy: Unsupported value: "Dir"']),
    ({"volumeLifecycleModes": ["Forever"]}, ['spec.volumeLifecycleModes: Unsupported value: "Forever"']),
    ({"tokenRequests": [{"audience": "a"}, {"audience": "a"}]}, ['spec.tokenRequests[1].audience: Duplicate value: "a"']),
    ({"tokenRequests": [{"audience": "a", "expirationSeconds": 5}]}, ["spec.tokenRequests[0].expirationSeconds: Invalid value: 5"]),
    ({"serviceAccountTokenInSecrets": True}, ["spec.serviceAccountTokenInSecrets: Invalid value: true"]),
]


@pytest.mark.parametrize(("spec", "expected"), DRIVERS)
def test_csi_drivers(spec: dict[str, Any], expected: list[str]) -> None:
    assert_said(thing("storage.k8s.io/v1", "CSIDriver", spec=spec), *expected)


def test_other_storage() -> None:
    capacity = thing("storage.k8s.io/v1", "CSIStorageCapacity", storageClassName="a", capacity="-1")
    assert_said(capacity, 'capacity: Invalid value: "-1": must be greater than or equal to 0')
    assert_said(thing("storage.k8s.io/v1", "VolumeAttributesClass", driverName="d"), "parameters: Required value: must contain at least")
    drivers = [{"name": "d", "nodeID": "n", "topologyKeys": ["a", "a"]}, {"name": "d", "nodeID": ""}]
    found = said(thing("storage.k8s.io/v1", "CSINode", spec={"drivers": drivers}))
    assert [f.partition(": ")[0] for f in found] == ["spec.drivers[0]", "spec.drivers[1].nodeID", "spec.drivers[1].name"]


E = "spec.egress[0].to[0]"
POLICIES: list[tuple[dict[str, Any], list[str]]] = [
    ({"ingress": [{}], "policyTypes": ["Ingress"]}, []),
    ({"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]}]}, []),
    (
        {"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8"]}}]}]},
        [f'{E}.ipBlock.except[0]: Invalid value: "10.0.'],
    ),
    (
        {"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["::/16"]}}]}]},
        [f'{E}.ipBlock.except[0]: Invalid value: "::/16": must'],
    ),
    (
        {"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.1/8"}}]}]},
        [f'{E}.ipBlock.cidr: Invalid value: "10.0.0.1/8": must not have bits set'],
    ),
    ({"egress": [{"to": [{"ipBlock": {"cidr": "010.0.0.0/8"}}]}]}, [f'{E}.ipBlock.cidr: Invalid value: "010.0.0.0/8": must not have lead']),
    ({"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0"}}]}]}, [f'{E}.ipBlock.cidr: Invalid value: "10.0.0.0": must be a valid CIDR']),
    ({"egress": [{"to": [{"ipBlock": {"cidr": ""}}]}]}, [f"{E}.ipBlock.cidr: Required value"]),
    ({"egress": [{"to": [{}]}]}, [f"{E}: Required value: must specify a peer"]),
    (
        {"egress": [{"to": [{"ipBlock": {"cidr": "::/0"}, "podSelector": {}}]}]},
        [f"{E}: Forbidden: may not specify both ipBlock and another"],
    ),
    ({"egress": [{"ports": [{"port": 80, "endPort": 90, "protocol": "UDP"}]}]}, []),
    ({"egress": [{"ports": [{"port": 80, "endPort": 70}]}]}, ["spec.egress[0].ports[0].endPort: Invalid value: 80: must be greater than"]),
    (
        {"egress": [{"ports": [{"endPort": 70}]}]},
        ["spec.egress[0].ports[0].endPort: Invalid value: 70: may not be specified when `port` is n"],
    ),
    (
        {"egress": [{"ports": [{"port": "Http", "protocol": "tcp"}]}]},
        ["spec.egress[0].ports[0].protocol: Uns", "spec.egress[0].ports[0].port:"],
    ),
    ({"policyTypes": ["ingress"]}, ['spec.policyTypes[0]: Unsupported value: "ingress"']),
    ({"podSelector": {"matchLabels": {"a": "b c"}}}, ["spec.podSelector.matchLabels: Invalid value"]),
]


@pytest.mark.parametrize(("spec", "expected"), POLICIES)
def test_network_policies(spec: dict[str, Any], expected: list[str]) -> None:
    assert_said(thing("networking.k8s.io/v1", "NetworkPolicy", spec={"podSelector": {}, **spec}), *expected)


def test_older_servers_take_networks_with_bits_behind_the_prefix() -> None:
    spec = {"podSelector": {}, "egress": [{"to": [{"ipBlock": {"cidr": "010.0.0.1/08"}}]}]}
    assert not said(thing("networking.k8s.io/v1", "NetworkPolicy", spec=spec), version="1.35")


PARAMETERS = {"apiGroup": "example.com", "kind": "P", "name": "p"}
INGRESS_CLASSES: list[tuple[dict[str, Any], list[str]]] = [
    ({"controller": "example.com/x", "parameters": PARAMETERS}, []),
    ({"controller": "example.com"}, ['spec.controller: Invalid value: "example.com": must be a domain-prefixed path']),
    ({"controller": "example.com/a b"}, ['spec.controller: Invalid value: "a b": Invalid path']),
    ({"controller": ""}, ["spec.controller: Required value"]),
    ({"controller": "a.b/c", "parameters": {**PARAMETERS, "apiGroup": "a/v1"}}, ['spec.parameters.apiGroup: Invalid value: "a/v1"']),
    ({"controller": "a.b/c", "parameters": {**PARAMETERS, "scope": "Namespace"}}, ["spec.parameters.namespace: Required value"]),
    ({"controller": "a.b/c", "parameters": {**PARAMETERS, "namespace": "n"}}, ["spec.parameters.namespace: Forbidden"]),
]


@pytest.mark.parametrize(("spec", "expected"), INGRESS_CLASSES)
def test_ingress_classes(spec: dict[str, Any], expected: list[str]) -> None:
    assert_said(thing("networking.k8s.io/v1", "IngressClass", spec=spec), *expected)


def subset(ip: str, **fields: Any) -> dict[str, Any]:
    return thing("v1", "Endpoints", subsets=[{"addresses": [{"ip": ip}], **fields}])


def test_endpoints() -> None:
    assert_said(subset("10.0.0.1", ports=[{"port": 80}]))
    assert_said(subset("10.0.0.1", ports=[{"port": 80}, {"port": 81, "name": "b"}]), "subsets[0].ports[0].name: Required value")
    assert_said(subset("127.0.0.1"), 'subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range')
    assert_said(subset("169.254.1.1"), 'subsets[0].addresses[0].ip: Invalid value: "169.254.1.1": may not be in the link-local range')
    assert_said(subset("224.0.0.5"), 'subsets[0].addresses[0].ip: Invalid value: "224.0.0.5": may not be in the link-local multicast')
    assert_said(thing("v1", "Endpoints", subsets=[{}]), "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`")


def test_endpoint_slices() -> None:
    def slice_(kind: str, *addresses: str, **fields: Any) -> dict[str, Any]:
        return thing("discovery.k8s.io/v1", "EndpointSlice", addressType=kind, endpoints=[{"addresses": list(addresses), **fields}])

    assert_said(slice_("IPv4", "10.0.0.1"))
    assert_said(slice_("FQDN", "web.example.com."))
    assert_said(slice_("IPv4", "2001:db8::1"), 'endpoints[0].addresses: Invalid value: "2001:db8::1": must be an IPv4 address')
    assert_said(slice_("IPv6", "2001:DB8::1"), 'endpoints[0].addresses[0]: Invalid value: "2001:DB8::1": must be in canonical form')
    assert_said(slice_("FQDN", "web"), 'endpoints[0].addresses[0]: Invalid value: "web": should be a domain with at least two')
    assert_said(slice_("IPv5", "x"), 'addressType: Unsupported value: "IPv5"')
    assert_said(slice_("IPv4"), "endpoints[0].addresses: Required value: must contain at least 1 address")
    zones = {"forZones": [{"name": "a"}, {"name": "a"}]}
    assert_said(slice_("IPv4", "10.0.0.1", hints=zones), 'endpoints[0].hints.forZones[1].name: Duplicate value: "a"')
    many = thing("discovery.k8s.io/v1", "EndpointSlice", addressType="IPv4", endpoints=[{"addresses": ["1.2.3.4"]}] * 1001)
    assert_said(many, "endpoints: Too many: 1001: must have at most 1000 items")


TAINT = {"key": "a", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"taints": [TAINT, {**TAINT, "effect": "NoExecute"}], "podCIDRs": ["10.0.0.0/24", "fd00::/64"]}, []),
        ({"taints": [TAINT, TAINT]}, ["metadata.taints[1]: Duplicate value"]),
        ({"taints": [{"key": "a", "effect": "Never"}]}, ['metadata.taints[0].effect: Unsupported value: "Never"']),
        ({"podCIDR": "x"}, ['spec.podCIDRs[0]: Invalid value: "x"']),
        ({"podCIDRs": ["10.0.0.0/24", "10.0.1.0/24"]}, ["spec.podCIDRs: Invalid value"]),
    ],
)
def test_nodes(spec: dict[str, Any], expected: list[str]) -> None:
    assert_said(thing("v1", "Node", spec=spec), *expected)


def test_kinds_of_the_cluster() -> None:
    runtime = {"handler": "Kata", "overhead": {"podFixed": {"gpu": 1}}, "scheduling": {"tolerations": [{"operator": "Exists"}] * 2}}
    found = said(thing("node.k8s.io/v1", "RuntimeClass", **runtime))
    assert [f.partition(": ")[0] for f in found] == ["handler", *["overhead.limits[gpu]"] * 2, "scheduling.tolerations[1]"]
    assert_said(thing("v1", "Namespace", spec={"finalizers": ["mine"]}), 'spec.finalizers: Invalid value: "mine": name is neither')
    assert_said(thing("coordination.k8s.io/v1", "Lease", spec={"leaseDurationSeconds": 0}), "spec.leaseDurationSeconds: Invalid value: 0")


def test_api_services() -> None:
    def service(name: str = "v1.example.com", **spec: Any) -> dict[str, Any]:
        body = {"group": "example.com", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1, **spec}
        return {**thing("apiregistration.k8s.io/v1", "APIService", spec=body), "metadata": {"name": name}}

    assert_said(service(service={"name": "a", "namespace": "b"}))
    assert_said(service("x"), 'metadata.name: Invalid value: "x": must be `spec.version+"."+spec.group`: "v1.example.com"')
    assert_said(service(versionPriority=1001), "spec.versionPriority: Invalid value: 1001: must be positive and less than 1000")
    assert_said(
        service(service={"name": "a"}, caBundle="YQ==", insecureSkipTLSVerify=True), "spec.service.namespace: Req", "spec.insecureSk"
    )
    assert_said(service(insecureSkipTLSVerify=True), "spec.insecureSkipTLSVerify: Invalid value: true: local APIServices")
