"""Which kinds have no namespace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kgate.load.render.nodes import Node, Place, scalar

_CLUSTER: Mapping[str, frozenset[str]] = {
    group: frozenset(kinds.split())
    for group, kinds in {
        "": "ComponentStatus Namespace Node PersistentVolume",
        "admissionregistration.k8s.io": "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration "
        "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration",
        "apiextensions.k8s.io": "CustomResourceDefinition",
        "apiregistration.k8s.io": "APIService",
        "authentication.k8s.io": "SelfSubjectReview TokenReview",
        "authorization.k8s.io": "SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview",
        "certificates.k8s.io": "CertificateSigningRequest ClusterTrustBundle",
        "flowcontrol.apiserver.k8s.io": "FlowSchema PriorityLevelConfiguration",
        "internal.apiserver.k8s.io": "StorageVersion",
        "networking.k8s.io": "IngressClass IPAddress ServiceCIDR",
        "node.k8s.io": "RuntimeClass",
        "policy": "PodSecurityPolicy",
        "rbac.authorization.k8s.io": "ClusterRole ClusterRoleBinding",
        "resource.k8s.io": "DeviceClass DeviceTaintRule ResourceSlice",
        "scheduling.k8s.io": "PriorityClass",
        "storage.k8s.io": "CSIDriver CSINode StorageClass VolumeAttachment VolumeAttributesClass",
        "storagemigration.k8s.io": "StorageVersionMigration",
    }.items()
}
"""Of Kubernetes' own."""
Kind = tuple[str, str]
"""Group and kind."""


def defined(objects: Iterable[Node]) -> frozenset[Kind]:
    """The kinds without a namespace that CustomResourceDefinitions among the objects define."""
    return frozenset(
        (o.string("spec", "group"), o.string("spec", "names", "kind"))
        for o in objects
        if o.string("kind") == "CustomResourceDefinition" and o.string("spec", "scope") == "Cluster"
    )


def put(objects: Iterable[Node], namespace: str, place: Place, more: frozenset[Kind]) -> None:
    """Gives a namespace to what has none and needs one. A custom resource that nobody defines counts as namespaced."""
    for node in objects:
        group = node.string("apiVersion").rpartition("/")[0]
        kind = (group, node.string("kind"))
        metadata = node.get("metadata")
        if kind[1] in _CLUSTER.get(group, ()) or kind in more or metadata is None or not metadata.is_map:
            continue
        if not metadata.string("namespace"):
            metadata.children["namespace"] = scalar(namespace, place, key=place, quoted=True)
