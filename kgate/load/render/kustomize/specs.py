"""Which fields the built-in transformers change: facts of kustomize's own tables (api/internal/konfig/builtinpluginconsts)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from msgspec import Struct, field
from msgspec.structs import replace

from kgate.load.render.kustomize.identity import Gvk
from kgate.load.render.rendering import NotRendered


class FieldSpec(Struct, frozen=True):
    """A path of objects of some kind, with `/` between the steps; `create` what is missing on the way."""

    path: str
    gvk: Gvk = Gvk()
    create: bool = False


class NameReference(Struct, frozen=True):
    """Fields that hold the name of an object of kind `to`."""

    to: Gvk
    referrers: tuple[FieldSpec, ...]


FieldSpecs = tuple[FieldSpec, ...]


class Config(Struct, frozen=True, kw_only=True):
    """The tables of one kustomization: the built-in ones, and those of `configurations`."""

    name_prefix: FieldSpecs = ()
    name_suffix: FieldSpecs = ()
    namespace: FieldSpecs = ()
    common_labels: FieldSpecs = ()
    labels: FieldSpecs = ()
    template_labels: FieldSpecs = ()
    common_annotations: FieldSpecs = ()
    var_reference: FieldSpecs = ()
    images: FieldSpecs = ()
    replicas: FieldSpecs = ()
    name_reference: tuple[NameReference, ...] = field(default=())

    def merged(self, other: Config) -> Config:
        """Both, each path once. Raises NotRendered where one creates what the other does not."""
        if other is self or other == _EMPTY:
            return self
        if self == _EMPTY:
            return other
        fields = {f: merged(getattr(self, f), getattr(other, f)) for f in TABLES}
        return Config(**fields, name_reference=_merged_references(self.name_reference, other.name_reference))


_EMPTY = Config()
TABLES = (
    "name_prefix", "name_suffix", "namespace", "common_labels", "labels", "template_labels",
    "common_annotations", "var_reference", "images", "replicas",
)  # fmt: skip


def merged(specs: FieldSpecs, more: Iterable[FieldSpec]) -> FieldSpecs:
    """`specs` and what of `more` they do not hold, in upstream's order."""
    out = list(specs)
    known: dict[str, list[FieldSpec]] = {}
    for s in specs:
        known.setdefault(s.path, []).append(s)
    for spec in more:
        same = next((s for s in known.get(spec.path, ()) if s.gvk.selected_by(spec.gvk)), None)
        if same is None:
            out.append(spec)
            known.setdefault(spec.path, []).append(spec)
        elif same.create != spec.create:
            raise NotRendered(f"configurations: {spec.path} is both created and not created")
    return tuple(out)


def _merged_references(references: tuple[NameReference, ...], more: tuple[NameReference, ...]) -> tuple[NameReference, ...]:
    out = list(references)
    for reference in more:
        at = next((n for n, r in enumerate(out) if r.to == reference.to), None)
        if at is None:
            out.append(reference)
        else:
            out[at] = replace(out[at], referrers=merged(out[at].referrers, reference.referrers))
    return tuple(out)


# Where the pod stands in each kind that has one.
_POD: Mapping[str, str] = {
    "Pod": "spec", "PodTemplate": "template/spec", "Deployment": "spec/template/spec", "ReplicaSet": "spec/template/spec",
    "DaemonSet": "spec/template/spec", "StatefulSet": "spec/template/spec", "Job": "spec/template/spec",
    "CronJob": "spec/jobTemplate/spec/template/spec", "ReplicationController": "spec/template/spec",
}  # fmt: skip


def _of(kind: str, *paths: str, group: str = "", version: str = "", create: bool = False) -> FieldSpecs:
    return tuple(FieldSpec(p, Gvk(group, version, kind), create) for p in paths)


def _in_pods(kinds: Iterable[str], *paths: str) -> FieldSpecs:
    return tuple(FieldSpec(f"{_POD[k]}/{p}", Gvk("", "v1" if k == "Pod" else "", k)) for k in kinds for p in paths)


def _templates(name: str) -> FieldSpecs:
    """`labels` or `annotations` of the object and of the templates in it."""
    inner = f"spec/template/metadata/{name}"
    return (
        FieldSpec(f"metadata/{name}", create=True),
        *_of("ReplicationController", inner, version="v1", create=True),
        *(s for kind in ("Deployment", "ReplicaSet", "DaemonSet") for s in _of(kind, inner, create=True)),
        *_of("StatefulSet", inner, group="apps" if name == "labels" else "", create=True),
        *_of("Job", inner, group="batch", create=True),
        *_of("CronJob", f"spec/jobTemplate/metadata/{name}", f"spec/jobTemplate/spec/template/metadata/{name}", group="batch", create=True),
    )


def _claim_templates() -> FieldSpecs:
    return _of("StatefulSet", "spec/volumeClaimTemplates[]/metadata/labels", group="apps", create=True)


def _selectors() -> FieldSpecs:
    match = "spec/selector/matchLabels"
    affinity = [
        f"spec/template/spec/affinity/{kind}/{term}"
        for kind in ("podAffinity", "podAntiAffinity")
        for term in (
            "preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels",
            "requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels",
        )
    ]
    spread = "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels"
    return (
        *_of("Service", "spec/selector", version="v1", create=True),
        *_of("ReplicationController", "spec/selector", version="v1", create=True),
        *_of("Deployment", match, create=True),
        *_of("Deployment", *affinity, spread, group="apps"),
        *_of("ReplicaSet", match, create=True),
        *_of("DaemonSet", match, create=True),
        *_of("StatefulSet", match, group="apps", create=True),
        *_of("StatefulSet", *affinity, spread, group="apps"),
        *_of("Job", match, group="batch"),
        *_of("CronJob", "spec/jobTemplate/spec/selector/matchLabels", group="batch"),
        *_of("PodDisruptionBudget", match, group="policy"),
        *_of(
            "NetworkPolicy",
            "spec/podSelector/matchLabels",
            "spec/ingress/from/podSelector/matchLabels",
            "spec/egress/to/podSelector/matchLabels",
            group="networking.k8s.io",
        ),
    )


_CONTAINERS = ("containers", "initContainers")


def _config_maps() -> FieldSpecs:
    kinds = ("Pod", "PodTemplate", "Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "Job", "CronJob")
    used = [f"{c}/{p}" for c in _CONTAINERS for p in ("env/valueFrom/configMapKeyRef/name", "envFrom/configMapRef/name")]
    return (
        *_in_pods(kinds, "volumes/configMap/name", "volumes/projected/sources/configMap/name", *used),
        *_of("Node", "spec/configSource/configMap"),
        *_of("Role", "rules/resourceNames"),
        *_of("ClusterRole", "rules/resourceNames"),
        *_of("Ingress", "metadata/annotations/nginx.ingress.kubernetes.io\\/fastcgi-params-configmap"),
    )


def _secrets() -> FieldSpecs:
    kinds = ("Pod", "PodTemplate", "Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "Job", "CronJob")
    used = [f"{c}/{p}" for c in _CONTAINERS for p in ("env/valueFrom/secretKeyRef/name", "envFrom/secretRef/name")]
    nginx = "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-"
    return (
        *_in_pods(kinds, "volumes/secret/secretName", "volumes/projected/sources/secret/name", "imagePullSecrets/name", *used),
        *_of("Ingress", "spec/tls/secretName", "metadata/annotations/ingress.kubernetes.io\\/auth-secret"),
        *_of("Ingress", f"{nginx}secret", f"{nginx}tls-secret"),
        *_of("ServiceAccount", "imagePullSecrets/name"),
        *_of("StorageClass", *(f"parameters/{p}" for p in ("secretName", "adminSecretName", "userSecretName", "secretRef"))),
        *_of("Role", "rules/resourceNames"),
        *_of("ClusterRole", "rules/resourceNames"),
        *_of("Service", "spec/template/spec/containers/env/valueFrom/secretKeyRef/name", group="serving.knative.dev", version="v1"),
        *_of("PersistentVolume", "spec/azureFile/secretName"),
    )


def _references() -> tuple[NameReference, ...]:
    rbac, webhooks = "rbac.authorization.k8s.io", "admissionregistration.k8s.io"
    scaled = _of("HorizontalPodAutoscaler", "spec/scaleTargetRef/name")
    backends = ("spec/rules/http/paths/backend/serviceName", "spec/backend/serviceName", "spec/rules/http/paths/backend/service/name",
                "spec/defaultBackend/service/name")  # fmt: skip
    workloads = ("StatefulSet", "Deployment", "ReplicationController", "CronJob", "Job", "DaemonSet")

    def in_workloads(path: str) -> FieldSpecs:
        return (*_of("Pod", f"spec/{path}"), *_in_pods(workloads, path))

    return (
        *(NameReference(Gvk("", "", kind), scaled) for kind in ("Deployment", "ReplicationController", "ReplicaSet", "StatefulSet")),
        NameReference(Gvk("", "v1", "ConfigMap"), _config_maps()),
        NameReference(Gvk("", "v1", "Secret"), _secrets()),
        NameReference(Gvk("", "v1", "Service"), (
            *_of("StatefulSet", "spec/serviceName", group="apps"),
            *_of("Ingress", *backends),
            *_of("APIService", "spec/service/name", group="apiregistration.k8s.io"),
            *_of("ValidatingWebhookConfiguration", "webhooks/clientConfig/service", group=webhooks),
            *_of("MutatingWebhookConfiguration", "webhooks/clientConfig/service", group=webhooks),
        )),
        NameReference(Gvk(rbac, "", "Role"), _of("RoleBinding", "roleRef/name", group=rbac)),
        NameReference(Gvk(rbac, "", "ClusterRole"), (
            *_of("RoleBinding", "roleRef/name", group=rbac), *_of("ClusterRoleBinding", "roleRef/name", group=rbac),
        )),
        NameReference(Gvk("", "v1", "ServiceAccount"), (
            *_of("RoleBinding", "subjects", group=rbac), *_of("ClusterRoleBinding", "subjects", group=rbac),
            *in_workloads("serviceAccountName"),
        )),
        NameReference(Gvk("", "v1", "PersistentVolumeClaim"), in_workloads("volumes/persistentVolumeClaim/claimName")),
        NameReference(Gvk("", "v1", "PersistentVolume"), (
            *_of("PersistentVolumeClaim", "spec/volumeName"), *_of("ClusterRole", "rules/resourceNames"),
        )),
        NameReference(Gvk("storage.k8s.io", "v1", "StorageClass"), (
            *_of("PersistentVolume", "spec/storageClassName"), *_of("PersistentVolumeClaim", "spec/storageClassName"),
            *_of("StatefulSet", "spec/volumeClaimTemplates/spec/storageClassName"),
        )),
        NameReference(Gvk("scheduling.k8s.io", "v1", "PriorityClass"), in_workloads("priorityClassName")),
        # The table says so: a group that no object has, so the name of an IngressClass is never followed.
        NameReference(Gvk("networking.k8s.io/v1", "v1", "IngressClass"), _of("Ingress", "spec/ingressClassName")),
        NameReference(Gvk(webhooks, "", "ValidatingAdmissionPolicy"), _of(
            "ValidatingAdmissionPolicyBinding", "spec/policyName", group=webhooks,
        )),
    )  # fmt: skip


def _variables() -> FieldSpecs:
    used = [f"{c}/{p}" for c in _CONTAINERS for p in ("args", "command", "env/value", "volumeMounts/mountPath")]
    kinds = ("CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "StatefulSet")
    return (
        *(FieldSpec(f"{_POD[k]}/{p}", Gvk("", "", k)) for k in kinds for p in used),
        *(FieldSpec(f"{_POD[k]}/volumes/nfs/server", Gvk("", "", k)) for k in ("DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet")),
        *_of("CronJob", "spec/jobTemplate/spec/template/volumes/nfs/server"),
        *_of("Deployment", "spec/template/metadata/annotations"),
        *_of("Ingress", "spec/rules/host", "spec/tls/hosts", "spec/tls/secretName"),
        *_of("Service", "spec/ports/port", "spec/ports/targetPort"),
        *_of("StatefulSet", "spec/volumeClaimTemplates/spec/nfs/server"),
        *_of("PersistentVolume", "spec/nfs/server"),
        FieldSpec("metadata/labels"),
        FieldSpec("metadata/annotations"),
    )


@cache
def default() -> Config:
    """The built-in tables."""
    images = [f"{pod}/{p}" for pod in ("spec", "spec/template/spec") for p in ("containers[]/image", "initContainers[]/image")]
    return Config(
        name_prefix=(FieldSpec("metadata/name"),),
        name_suffix=(FieldSpec("metadata/name"),),
        namespace=(
            *_of("Namespace", "metadata/name", create=True),
            *_of("APIService", "spec/service/namespace", group="apiregistration.k8s.io", create=True),
            *_of(
                "CustomResourceDefinition", "spec/conversion/webhook/clientConfig/service/namespace", group="apiextensions.k8s.io"
            ),
        ),
        common_labels=(*_selectors(), *_templates("labels"), *_claim_templates()),
        template_labels=(*_templates("labels"), *_claim_templates()),
        common_annotations=_templates("annotations"),
        var_reference=_variables(),
        images=tuple(
            FieldSpec(p, create=True)
            for p in (*images, "spec/volumes[]/image/reference", "spec/template/spec/volumes[]/image/reference")
        ),
        replicas=tuple(
            FieldSpec("spec/replicas", Gvk("", "", k), create=True)
            for k in ("Deployment", "ReplicationController", "ReplicaSet", "StatefulSet")
        ),
        name_reference=_references(),
    )  # fmt: skip
