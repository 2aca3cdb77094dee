"""What may not change in an object that was applied before: one table a kind."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.validate.changes import assert_refused, claim, found, refused, volume
from tests.validate.validated import DELETED, changed, deployment, thing, with_container

FIXED = "field is immutable"
SEALED = "Forbidden: field is immutable when `immutable` is set"


def storage_class(**fields: Any) -> dict[str, Any]:
    return thing("storage.k8s.io/v1", "StorageClass", provisioner="csi.example.com", parameters={"type": "ssd"}, **fields)


def binding(kind: str = "RoleBinding", role: str = "Role", name: str = "reader") -> dict[str, Any]:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": name}
    return thing("rbac.authorization.k8s.io/v1", kind, roleRef=reference, subjects=[])


def custom_resource_definition(**spec: Any) -> dict[str, Any]:
    schema = {"openAPIV3Schema": {"type": "object"}}
    versions = [{"name": "v1", "served": True, "storage": True, "schema": schema}]
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
    body = thing("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    body["metadata"]["name"] = "widgets.example.com"
    return body | {"spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": versions} | spec}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


SELECTED = changed(deployment(), "spec.template.metadata.labels", {"app": "web", "tier": "front"})


@pytest.mark.parametrize(
    ("before", "path", "value", "field", "end"),
    [
        (SELECTED, "spec.selector", {"matchLabels": {"tier": "front"}}, "spec.selector", FIXED),
        (SELECTED, "spec.selector.matchExpressions", [{"key": "app", "operator": "Exists"}], "spec.selector", FIXED),
        (storage_class(), "provisioner", "other.example.com", "provisioner", f'"other.example.com": {FIXED}'),
        (storage_class(), "parameters.type", "hdd", "parameters", FIXED),
        (storage_class(), "parameters", DELETED, "parameters", FIXED),
        (storage_class(), "reclaimPolicy", "Retain", "reclaimPolicy", f'"Retain": {FIXED}'),
        (storage_class(), "volumeBindingMode", "WaitForFirstConsumer", "volumeBindingMode", FIXED),
        (storage_class(reclaimPolicy="Retain"), "reclaimPolicy", DELETED, "reclaimPolicy", f'"Delete": {FIXED}'),
        (binding(), "roleRef.name", "writer", "roleRef", "cannot change roleRef"),
        (binding(), "roleRef.kind", "ClusterRole", "roleRef", "cannot change roleRef"),
        (binding("ClusterRoleBinding", "ClusterRole"), "roleRef.name", "writer", "roleRef", "cannot change roleRef"),
        (
            thing("networking.k8s.io/v1", "IngressClass", spec={"controller": "example.com/one"}),
            "spec.controller",
            "example.com/two",
            "spec.controller",
            FIXED,
        ),
        (thing("node.k8s.io/v1", "RuntimeClass", handler="runc"), "handler", "kata", "handler", FIXED),
        (thing("scheduling.k8s.io/v1", "PriorityClass", value=5), "value", 6, "value", "Forbidden: may not be changed in an update."),
        (thing("scheduling.k8s.io/v1", "PriorityClass", value=5), "preemptionPolicy", "Never", "preemptionPolicy", FIXED),
        (
            thing("discovery.k8s.io/v1", "EndpointSlice", addressType="IPv4", endpoints=[], ports=[]),
            "addressType",
            "FQDN",
            "addressType",
            FIXED,
        ),
        (thing("storage.k8s.io/v1", "CSIDriver", spec={}), "spec.attachRequired", False, "spec.attachedRequired", FIXED),
        (custom_resource_definition(), "spec.scope", "Cluster", "spec.scope", f'"Cluster": {FIXED}'),
        (custom_resource_definition(), "spec.names.kind", "Gadget", "spec.names.kind", f'"Gadget": {FIXED}'),
        (thing("v1", "ResourceQuota", spec={"scopes": ["BestEffort"]}), "spec.scopes", ["Terminating"], "spec.scopes", FIXED),
        (thing("v1", "Node", spec={"providerID": "a"}), "spec.providerID", "b", "spec.providerID", 'except from "" to valid'),
        (thing("v1", "Secret", type="Opaque"), "type", "example.com/token", "type", f'"example.com/token": {FIXED}'),
        (thing("v1", "Secret", type="example.com/token"), "type", DELETED, "type", f'"Opaque": {FIXED}'),
        (thing("v1", "Secret"), "type", "example.com/token", "type", FIXED),
        (thing("v1", "ConfigMap", immutable=True, data={"a": "1"}), "data.a", "2", "data", SEALED),
        (thing("v1", "ConfigMap", immutable=True, data={"a": "1"}), "data.b", "2", "data", SEALED),
        (thing("v1", "ConfigMap", immutable=True, binaryData={"a": encoded("1")}), "binaryData", DELETED, "binaryData", SEALED),
        (thing("v1", "ConfigMap", immutable=True, data={"a": "1"}), "immutable", DELETED, "immutable", SEALED),
        (thing("v1", "Secret", immutable=True, data={"a": encoded("1")}), "data.a", encoded("2"), "data", SEALED),
        (thing("v1", "Secret", immutable=True, stringData={"a": "1"}), "stringData.a", "2", "data", SEALED),
        (thing("v1", "Secret", immutable=True), "immutable", False, "immutable", SEALED),
    ],
)
def test_what_is_for_life_is_refused_in_the_words_of_the_server(
    before: dict[str, Any], path: str, value: Any, field: str, end: str
) -> None:
    assert_refused(before, changed(before, path, value), (field, end))


@pytest.mark.parametrize(
    ("before", "path", "value"),
    [
        (deployment(), "spec.template.metadata.labels.tier", "front"),
        (deployment(), "spec.template.spec.containers.0.image", "registry.example.com/app:2"),
        (deployment(), "spec.selector.matchExpressions", []),
        (deployment(), "metadata.labels", {"team": "shop"}),
        (storage_class(), "reclaimPolicy", "Delete"),
        (storage_class(), "volumeBindingMode", "Immediate"),
        (storage_class(), "allowVolumeExpansion", True),
        (storage_class(), "mountOptions", ["ro"]),
        (binding(), "roleRef.apiGroup", DELETED),
        (binding(), "subjects", [{"kind": "User", "name": "eve", "apiGroup": "rbac.authorization.k8s.io"}]),
        (thing("scheduling.k8s.io/v1", "PriorityClass", value=5), "preemptionPolicy", "PreemptLowerPriority"),
        (thing("scheduling.k8s.io/v1", "PriorityClass", value=5), "description", "for the shop"),
        (thing("v1", "ResourceQuota", spec={"scopes": ["BestEffort", "NotTerminating"]}), "spec.scopes", ["NotTerminating", "BestEffort"]),
        (thing("v1", "Node", spec={}), "spec.providerID", "b"),
        (thing("v1", "Secret"), "type", "Opaque"),
        (thing("v1", "Secret", immutable=True, stringData={"a": "1"}), "data", {"a": encoded("1")}),
        (thing("v1", "Secret", immutable=True, stringData={"a": "1"}), "stringData", DELETED),
        (thing("v1", "ConfigMap", data={"a": "1"}), "data.a", "2"),
        (thing("v1", "ConfigMap", data={"a": "1"}), "immutable", True),
        (thing("v1", "ConfigMap", immutable=True, data={"a": "1"}), "metadata.labels", {"a": "b"}),
        (custom_resource_definition(), "spec.names.shortNames", ["wd"]),
        (thing("v1", "ServiceAccount"), "automountServiceAccountToken", False),
        (thing("v1", "Namespace"), "metadata.labels", {"team": "shop"}),
        (thing("storage.k8s.io/v1", "CSIDriver", spec={}), "spec.volumeLifecycleModes", ["Persistent"]),
    ],
)
def test_what_says_the_same_or_may_change_is_taken(before: dict[str, Any], path: str, value: Any) -> None:
    assert_refused(before, changed(before, path, value))


@pytest.mark.parametrize(("version", "end"), [("1.35", "Forbidden: updates to provisioner are forbidden."), ("1.36", FIXED)])
def test_the_words_are_those_of_the_minor(version: str, end: str) -> None:
    before = storage_class()
    assert_refused(before, changed(before, "provisioner", "other.example.com"), ("provisioner", end), version=version)


def test_a_version_in_which_objects_may_be_stored_must_stay() -> None:
    schema = {"openAPIV3Schema": {"type": "object"}}
    newer = {"name": "v2", "served": True, "storage": True, "schema": schema}
    before = custom_resource_definition()
    (message,) = refused(before, custom_resource_definition(versions=[newer]))
    assert message.startswith('status.storedVersions[0]: Invalid value: "v1": missing from spec.versions')
    older = {"name": "v1", "served": False, "storage": False, "schema": schema}
    assert_refused(before, custom_resource_definition(versions=[newer, older]))


ANNOTATION = "volume.beta.kubernetes.io/storage-class"
SPEC_FIXED = "for bound claims"


@pytest.mark.parametrize(
    ("path", "value", "field", "end"),
    [
        ("spec.accessModes", ["ReadWriteMany"], "spec", SPEC_FIXED),
        ("spec.storageClassName", "slow", "spec", SPEC_FIXED),
        ("spec.storageClassName", "", "spec", SPEC_FIXED),
        ("spec.storageClassName", DELETED, "spec", SPEC_FIXED),
        ("spec.selector", {"matchLabels": {"a": "b"}}, "spec", SPEC_FIXED),
        ("spec.resources.requests.storage", "4Gi", "spec.resources.requests.storage", "field can not be less than status.capacity"),
        ("spec.resources.limits", {"storage": "9Gi"}, "spec", SPEC_FIXED),
        ("spec.volumeMode", "Block", "spec", SPEC_FIXED),
        ("spec.dataSource", {"kind": "PersistentVolumeClaim", "name": "other"}, "spec", SPEC_FIXED),
        ("metadata.annotations", {ANNOTATION: "slow"}, "metadata.annotations", FIXED),
    ],
)
def test_a_claim_is_for_life_but_for_its_size(path: str, value: Any, field: str, end: str) -> None:
    before = claim()
    messages = refused(before, changed(before, path, value))
    assert len(messages) == 1 and messages[0].startswith(field) and messages[0].endswith(end), messages


@pytest.mark.parametrize(
    ("before", "path", "value"),
    [
        (claim(), "spec.resources.requests.storage", "6Gi"),
        (claim(), "spec.resources.requests.storage", "5120Mi"),
        (claim(), "spec.volumeMode", "Filesystem"),
        (claim(), "spec.volumeName", "pv-1"),
        (claim(), "metadata.labels", {"a": "b"}),
        (claim(volumeMode="Filesystem"), "spec.volumeMode", DELETED),
        (claim(storageClassName=None), "spec.storageClassName", "fast"),
        (claim(dataSource={"kind": "PersistentVolumeClaim", "name": "other"}), "spec.dataSource", DELETED),
    ],
)
def test_a_claim_may_grow_and_say_what_the_cluster_knows(before: dict[str, Any], path: str, value: Any) -> None:
    assert_refused(before, changed(before, path, value))


def test_without_a_class_nothing_grows() -> None:
    before = claim(storageClassName="")
    assert_refused(before, changed(before, "spec.resources.requests.storage", "6Gi"), ("spec", SPEC_FIXED))


def test_wrapped_base64_is_the_same_value() -> None:
    before = thing("v1", "ConfigMap", immutable=True, binaryData={"a": encoded("words and words")})
    wrapped = encoded("words and words")
    assert_refused(before, changed(before, "binaryData.a", wrapped[:8] + "\n" + wrapped[8:] + "\n"))


def test_the_class_may_move_from_the_annotation_to_the_field_but_not_change_on_the_way() -> None:
    before = changed(claim(storageClassName=None), "metadata.annotations", {ANNOTATION: "fast"})
    assert_refused(before, claim())
    assert len(refused(before, claim(storageClassName="slow"))) == 2


@pytest.mark.parametrize(
    ("path", "value", "field", "end"),
    [
        ("spec.nfs.path", "/other", "spec.persistentvolumesource", "is immutable after creation"),
        ("spec.nfs.readOnly", True, "spec.persistentvolumesource", "is immutable after creation"),
        ("spec.volumeMode", "Block", "volumeMode", f'"Block": {FIXED}'),
    ],
)
def test_a_volume_keeps_its_source_and_its_mode(path: str, value: Any, field: str, end: str) -> None:
    before = volume()
    assert_refused(before, changed(before, path, value), (field, end))


@pytest.mark.parametrize(
    ("path", "value"),
    [("spec.nfs.readOnly", False), ("spec.capacity.storage", "2Gi"), ("spec.persistentVolumeReclaimPolicy", "Delete")],
)
def test_the_rest_of_a_volume_may_change(path: str, value: Any) -> None:
    before = volume()
    assert_refused(before, changed(before, path, value))


def affine(key: str, zone: str = "a") -> dict[str, Any]:
    term = {"matchExpressions": [{"key": key, "operator": "In", "values": [zone]}]}
    return volume(nodeAffinity={"required": {"nodeSelectorTerms": [term]}})


def test_the_affinity_of_a_volume_may_only_move_to_the_stable_label() -> None:
    beta, stable = "failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"
    assert_refused(volume(), affine(stable))
    assert_refused(affine(beta), affine(stable))
    for before, after in ((affine(stable), affine(beta)), (affine(stable), affine(stable, "b")), (affine(beta), affine(stable, "b"))):
        assert_refused(before, after, ("nodeAffinity", "except for updating from beta label to GA"))


def test_a_base_that_the_server_had_refused_was_never_applied() -> None:
    before = changed(deployment(), "spec.replicas", -1)
    assert_refused(before, changed(SELECTED, "spec.selector", {"matchLabels": {"tier": "front"}}))


def test_a_finding_says_what_to_do_instead() -> None:
    (finding,) = found(SELECTED, changed(SELECTED, "spec.selector", {"matchLabels": {"tier": "front"}}))
    assert finding.path == "/spec/selector/matchLabels/tier"
    assert "delete Deployment web and create it anew" in finding.remediation


def test_an_item_that_stands_twice_in_a_list_by_key_cannot_be_applied_over_what_is_there() -> None:
    twice = with_container(env=[{"name": "A", "value": "1"}, {"name": "B"}, {"name": "A", "value": "2"}])
    (finding,) = found(deployment(), twice)
    assert finding.message == 'spec.template.spec.containers[0].env: duplicate entries for key [name="A"]'
    assert finding.path == "/spec/template/spec/containers/0/env/2"
    assert_refused(changed(twice, "spec.replicas", 1), twice)
