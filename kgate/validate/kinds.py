"""Which rules of the server hold for which kind. Kinds that are not here have their schema and their metadata checked, and no more yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module

from kgate.validate.cause import Body, Causes
from kgate.validate.gates import Gates

CREATE: Mapping[tuple[str, str], str] = {
    ("apps", "Deployment"): "apps.deployment",
    ("apps", "ReplicaSet"): "apps.replica_set",
    ("apps", "StatefulSet"): "apps.stateful_set",
    ("apps", "DaemonSet"): "apps.daemon_set",
    ("", "Pod"): "pod.pod",
    ("", "ReplicationController"): "core.replication_controller",
    ("", "ConfigMap"): "core.config_map",
    ("", "Secret"): "core.secret",
    ("", "PersistentVolumeClaim"): "core.claim",
    ("", "Service"): "service.service",
    ("", "Endpoints"): "endpoints.endpoints",
    ("", "Namespace"): "nodes.namespace",
    ("", "Node"): "nodes.node",
    ("", "PersistentVolume"): "storage.persistent_volume",
    ("", "ResourceQuota"): "quotas.resource_quota",
    ("", "LimitRange"): "quotas.limit_range",
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"): "admissionpolicy.mutating",
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"): "admissionpolicy.mutating_binding",
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): "webhooks.mutating",
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): "admissionpolicy.validating",
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): "admissionpolicy.validating_binding",
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): "webhooks.validating",
    ("apiextensions.k8s.io", "CustomResourceDefinition"): "apiextensions.custom_resource_definition",
    ("apiregistration.k8s.io", "APIService"): "nodes.api_service",
    ("autoscaling", "HorizontalPodAutoscaler"): "autoscaling.horizontal_pod_autoscaler",
    ("batch", "Job"): "batch.job",
    ("batch", "CronJob"): "batch.cron_job",
    ("coordination.k8s.io", "Lease"): "nodes.lease",
    ("discovery.k8s.io", "EndpointSlice"): "endpoints.endpoint_slice",
    ("networking.k8s.io", "Ingress"): "networking.ingress",
    ("networking.k8s.io", "IngressClass"): "netpolicy.ingress_class",
    ("networking.k8s.io", "NetworkPolicy"): "netpolicy.network_policy",
    ("node.k8s.io", "RuntimeClass"): "nodes.runtime_class",
    ("policy", "PodDisruptionBudget"): "policy.pod_disruption_budget",
    ("rbac.authorization.k8s.io", "Role"): "rbac.role",
    ("rbac.authorization.k8s.io", "ClusterRole"): "rbac.cluster_role",
    ("rbac.authorization.k8s.io", "RoleBinding"): "rbac.role_binding",
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): "rbac.cluster_role_binding",
    ("scheduling.k8s.io", "PriorityClass"): "quotas.priority_class",
    ("storage.k8s.io", "CSIDriver"): "storage.csi_driver",
    ("storage.k8s.io", "CSINode"): "storage.csi_node",
    ("storage.k8s.io", "CSIStorageCapacity"): "storage.csi_storage_capacity",
    ("storage.k8s.io", "StorageClass"): "storage.storage_class",
    ("storage.k8s.io", "VolumeAttributesClass"): "storage.volume_attributes_class",
}

UPDATE: Mapping[tuple[str, str], str] = {
    ("apps", "Deployment"): "apps.selector_update",
    ("apps", "ReplicaSet"): "apps.selector_update",
    ("apps", "DaemonSet"): "apps.selector_update",
}
"""Kinds whose update has one rule, asked at each write: without the schema and the defaults that the rules of update/ look into."""

_ADMISSION = "admissionregistration.k8s.io"
WITH_CEL = frozenset(
    (
        *((_ADMISSION, f"{does}{what}") for does in ("Validating", "Mutating") for what in ("AdmissionPolicy", "WebhookConfiguration")),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
    )
)
"""Kinds that hold expressions, which validate.judge has compiled."""


def causes(body: Body, group: str, kind: str, on: Gates) -> Causes:
    if rules := _create(group, kind) or _rare(group, kind):
        yield from rules(body, on)


def update(group: str, kind: str) -> Callable[[Body, Body], Causes] | None:
    """The one rule for updates of that kind; None for kinds that have others, or none."""
    name = UPDATE.get((group, kind))
    return None if name is None else named(name)


@cache
def _create(group: str, kind: str) -> Callable[[Body, Gates], Causes] | None:
    name = CREATE.get((group, kind))
    return None if name is None else named(name)


def named(rule: str) -> Callable[..., Causes]:
    """A rule by the name that the tables above give it. Its module is imported when an object needs it: most runs see few kinds."""
    module, _, function = rule.partition(".")
    found: Callable[..., Causes] = getattr(import_module(f"kgate.validate.{module}"), function)
    return found


def _rare(group: str, kind: str) -> Callable[[Body, Gates], Causes] | None:
    if not group and kind != "PodTemplate":
        return None
    from kgate.validate import rare

    return rare.CREATE.get((group, kind))
