"""How kustomize names objects: group, version and kind, name and namespace, and which kinds it knows to have no namespace."""

from __future__ import annotations

from msgspec import Struct

NO_NAMESPACE = "_non_namespaceable_"

# kyaml/openapi/openapi.go, precomputedIsNamespaceScoped: what the OpenAPI document of Kubernetes 1.21 says. Any other kind counts as
# namespaced, custom resources included.
_CLUSTER_SCOPED: dict[str, tuple[str, ...]] = {
    "admissionregistration.k8s.io/v1": (
        "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
    ),
    "admissionregistration.k8s.io/v1beta1": ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"),
    "apiextensions.k8s.io/v1": ("CustomResourceDefinition",),
    "apiextensions.k8s.io/v1beta1": ("CustomResourceDefinition",),
    "apiregistration.k8s.io/v1": ("APIService",),
    "apiregistration.k8s.io/v1beta1": ("APIService",),
    "certificates.k8s.io/v1": ("CertificateSigningRequest",),
    "certificates.k8s.io/v1beta1": ("CertificateSigningRequest",),
    "flowcontrol.apiserver.k8s.io/v1beta1": ("FlowSchema", "PriorityLevelConfiguration"),
    "networking.k8s.io/v1": ("IngressClass",),
    "networking.k8s.io/v1beta1": ("IngressClass",),
    "node.k8s.io/v1": ("RuntimeClass",),
    "node.k8s.io/v1beta1": ("RuntimeClass",),
    "policy/v1beta1": ("PodSecurityPolicy",),
    "rbac.authorization.k8s.io/v1": ("ClusterRole", "ClusterRoleBinding"),
    "rbac.authorization.k8s.io/v1beta1": ("ClusterRole", "ClusterRoleBinding"),
    "scheduling.k8s.io/v1": ("PriorityClass",),
    "scheduling.k8s.io/v1beta1": ("PriorityClass",),
    "storage.k8s.io/v1": ("CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"),
    "storage.k8s.io/v1beta1": ("CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"),
    "v1": ("ComponentStatus", "Namespace", "Node", "NodeProxyOptions", "PersistentVolume"),
}  # fmt: skip


class Gvk(Struct, frozen=True):
    """Empty parts of a selecting one match anything."""

    group: str = ""
    version: str = ""
    kind: str = ""

    @classmethod
    def of(cls, api_version: str, kind: str) -> Gvk:
        group, slash, version = api_version.partition("/")
        return cls(group, version, kind) if slash else cls("", api_version, kind)

    def selected_by(self, other: Gvk) -> bool:
        return (
            (not other.group or self.group == other.group)
            and (not other.version or self.version == other.version)
            and (not other.kind or self.kind == other.kind)
        )

    @property
    def cluster_scoped(self) -> bool:
        """Whether kustomize is certain of it."""
        return self.kind in _CLUSTER_SCOPED.get(f"{self.group}/{self.version}" if self.group else self.version, ())

    def __str__(self) -> str:
        return f"{self.kind or '[noKind]'}.{self.version or '[noVer]'}.{self.group or '[noGrp]'}"


class Id(Struct, frozen=True):
    """`namespace` as written; an object's earlier names carry their effective one."""

    gvk: Gvk
    name: str
    namespace: str
    former: bool = False

    @property
    def effective(self) -> str:
        """The namespace that two names are compared by: none at all, `default`, or as written."""
        if not self.former and self.gvk.cluster_scoped:
            return NO_NAMESPACE
        return self.namespace or "default"

    def same(self, other: Id) -> bool:
        return self.name == other.name and self.gvk == other.gvk and self.effective == other.effective

    def __str__(self) -> str:
        return f"{self.gvk.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.gvk.kind} {self.name}"
