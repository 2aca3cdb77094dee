"""What the API server calls an object's resource: its plural, and whether it lives in a namespace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from kgate.manifest import Manifest
from kgate.policy.nodes import entries, text

_CLUSTER = {
    "": ("Namespace", "Node", "PersistentVolume", "ComponentStatus"),
    "admissionregistration.k8s.io": (
        *(
            "MutatingWebhookConfiguration",
            "ValidatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
        ),
        *("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"),
    ),
    "apiextensions.k8s.io": ("CustomResourceDefinition",),
    "apiregistration.k8s.io": ("APIService",),
    "authentication.k8s.io": ("TokenReview", "SelfSubjectReview"),
    "authorization.k8s.io": ("SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"),
    "certificates.k8s.io": ("CertificateSigningRequest", "ClusterTrustBundle"),
    "flowcontrol.apiserver.k8s.io": ("FlowSchema", "PriorityLevelConfiguration"),
    "internal.apiserver.k8s.io": ("StorageVersion",),
    "networking.k8s.io": ("IngressClass", "IPAddress", "ServiceCIDR"),
    "node.k8s.io": ("RuntimeClass",),
    "rbac.authorization.k8s.io": ("ClusterRole", "ClusterRoleBinding"),
    "resource.k8s.io": ("DeviceClass", "ResourceSlice", "DeviceTaintRule"),
    "scheduling.k8s.io": ("PriorityClass",),
    "storage.k8s.io": ("CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"),
    "storagemigration.k8s.io": ("StorageVersionMigration",),
}
_EXEMPT = ("admissionregistration.k8s.io", ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicy",
           "MutatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"))  # fmt: skip
_OTHER_GROUPS = ("apps", "autoscaling", "batch", "policy", "extensions", "events.k8s.io", "coordination.k8s.io", "discovery.k8s.io")
"""Groups of Kubernetes itself all of whose kinds live in namespaces."""


class Resource(Struct, frozen=True, kw_only=True):
    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool | None
    """None for a custom resource whose definition is not at hand and that names no namespace."""
    built_in: bool
    versions: tuple[str, ...] = ()
    """Those that its definition serves, where it is at hand."""

    @property
    def exempt(self) -> bool:
        """No policy is asked about what policies are configured with (apiserver pkg/admission/plugin/webhook/predicates/rules)."""
        return self.group == _EXEMPT[0] and self.kind in _EXEMPT[1]


class Resources(Struct, frozen=True, kw_only=True):
    definitions: Mapping[tuple[str, str], Manifest]

    @classmethod
    def of(cls, manifests: Iterable[Manifest]) -> Resources:
        found = [m for m in manifests if m.kind == "CustomResourceDefinition"]
        return cls(definitions={(text(m.body, "spec", "group"), text(m.body, "spec", "names", "kind")): m for m in reversed(found)})

    def of_manifest(self, manifest: Manifest) -> Resource:
        return self.named(manifest.api_version, manifest.kind, namespaced=True if manifest.namespace else None)

    def named(self, api_version: str, kind: str, *, namespaced: bool | None = None) -> Resource:
        group, slash, version = api_version.partition("/")
        group, version = (group, version) if slash else ("", api_version)
        if (definition := self.definitions.get((group, kind))) is not None:
            served = tuple(text(v, "name") for _, v in entries(definition.body, "spec", "versions") if v.get("served") is True)
            plural, scope = text(definition.body, "spec", "names", "plural"), text(definition.body, "spec", "scope")
            return Resource(
                group=group, version=version, kind=kind, plural=plural, namespaced=scope != "Cluster", built_in=False, versions=served
            )
        built_in = group in _CLUSTER or group in _OTHER_GROUPS
        if built_in:
            namespaced = kind not in _CLUSTER.get(group, ())
        return Resource(group=group, version=version, kind=kind, plural=plural_of(kind), namespaced=namespaced, built_in=built_in)


def plural_of(kind: str) -> str:
    """apimachinery pkg/api/meta/restmapper.go, UnsafeGuessKindToResource."""
    name = kind.lower()
    if name == "endpoints":
        return name
    if name.endswith("s"):
        return f"{name}es"
    return f"{name[:-1]}ies" if name.endswith("y") and name[-2:-1] not in "aeiou" else f"{name}s"
