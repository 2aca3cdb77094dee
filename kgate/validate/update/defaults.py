"""What the server fills in before it stores an object (pkg/apis/*/v1/defaults.go, zz_generated.defaults.go), by definition.

Only what an update may run into: the defaults that stay in the stored object when the head leaves the field out, and those that
make a field that was written out equal to one that was left out.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from kgate.validate import schemas
from kgate.validate.schemas import Schema
from kgate.validate.update.merge import child_of, definition

Node = dict[str, Any]

STATIC: Mapping[str, Mapping[str, Any]] = {
    "PodSpec": {
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
        "schedulerName": "default-scheduler",
    },
    "Container": {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"},
    "EphemeralContainer": {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"},
    "ContainerPort": {"protocol": "TCP"},
    "Probe": {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
    "HTTPGetAction": {"path": "/", "scheme": "HTTP"},
    "GRPCAction": {"service": ""},
    "ConfigMapVolumeSource": {"defaultMode": 420},
    "SecretVolumeSource": {"defaultMode": 420},
    "DownwardAPIVolumeSource": {"defaultMode": 420},
    "ProjectedVolumeSource": {"defaultMode": 420},
    "ServiceAccountTokenProjection": {"expirationSeconds": 3600},
    "ObjectFieldSelector": {"apiVersion": "v1"},
    "FileKeySelector": {"optional": False},
    "HostPathVolumeSource": {"type": ""},
    "ISCSIVolumeSource": {"iscsiInterface": "default"},
    "ISCSIPersistentVolumeSource": {"iscsiInterface": "default"},
    "RBDVolumeSource": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "RBDPersistentVolumeSource": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "AzureDiskVolumeSource": {"cachingMode": "ReadWrite", "fsType": "ext4", "readOnly": False, "kind": "Shared"},
    "ScaleIOVolumeSource": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
    "ScaleIOPersistentVolumeSource": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
    "DeploymentSpec": {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600},
    "ReplicaSetSpec": {"replicas": 1},
    "ReplicationControllerSpec": {"replicas": 1, "minReadySeconds": 0},
    "DaemonSetSpec": {"revisionHistoryLimit": 10},
    "StatefulSetSpec": {"podManagementPolicy": "OrderedReady", "replicas": 1, "revisionHistoryLimit": 10},
    "CronJobSpec": {"concurrencyPolicy": "Allow", "suspend": False, "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1},
    "PodFailurePolicyOnPodConditionsPattern": {"status": "True"},
    "PersistentVolumeClaimSpec": {"volumeMode": "Filesystem"},
    "PersistentVolumeSpec": {"persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"},
    "Secret": {"type": "Opaque"},
    "StorageClass": {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"},
    "CSIDriverSpec": {"attachRequired": True, "podInfoOnMount": False, "storageCapacity": False, "volumeLifecycleModes": ["Persistent"]},
    "PriorityClass": {"preemptionPolicy": "PreemptLowerPriority"},
    "DeviceToleration": {"operator": "Equal"},
    "RoleRef": {"apiGroup": "rbac.authorization.k8s.io"},
}

_POINTERS_NAMES = (
    "activeDeadlineSeconds affinity allowPrivilegeEscalation appArmorProfile attachRequired automountServiceAccountToken backoffLimit"
    " backoffLimitPerIndex cachingMode capabilities completionMode completions configMap configMapKeyRef configMapRef csi dataSource"
    " dataSourceRef defaultMode dnsConfig downwardAPI emptyDir enableServiceLinks ephemeral exec expirationSeconds failedJobsHistoryLimit"
    " fieldRef fsGroup fsGroupChangePolicy grpc hostPath hostProcess hostUsers hostnameOverride httpGet immutable lifecycle livenessProbe"
    " localhostProfile managedBy manualSelector maxFailedIndexes maxSurge maxUnavailable minDomains minReplicas mode mountPropagation"
    " namespaceSelector nfs nodeAffinity nodeAffinityPolicy nodeTaintsPolicy optional ordinals os parallelism persistentVolumeClaim"
    " persistentVolumeClaimRetentionPolicy podAffinity podAntiAffinity podFailurePolicy podInfoOnMount podReplacementPolicy postStart"
    " preStop preemptionPolicy priority privileged procMount progressDeadlineSeconds projected readOnlyRootFilesystem readinessProbe"
    " reclaimPolicy recursiveReadOnly replicas resourceFieldRef revisionHistoryLimit rollingUpdate runAsGroup runAsNonRoot runAsUser"
    " runAsUserName runtimeClassName seLinuxChangePolicy seLinuxOptions seccompProfile secret secretKeyRef secretRef securityContext"
    " service serviceAccountToken setHostnameAsFQDN shareProcessNamespace sizeLimit sleep startupProbe stopSignal storageCapacity"
    " successPolicy successfulJobsHistoryLimit supplementalGroupsPolicy suspend tcpSocket terminationGracePeriodSeconds tolerationSeconds"
    " ttlSecondsAfterFinished valueFrom volumeAttributesClassName volumeBindingMode volumeClaimTemplate volumeMode windowsOptions"
)
POINTERS = frozenset(_POINTERS_NAMES.split())
"""Fields whose zero value (0, false, "", {}) is not the same as none: they are pointers in the API's types (staging/src/k8s.io/api)."""
POINTERS_OF: Mapping[str, frozenset[str]] = {
    "apiGroup": frozenset({"TypedLocalObjectReference", "TypedObjectReference"}),
    "fsType": frozenset({"AzureDiskVolumeSource", "CSIVolumeSource", "LocalVolumeSource"}),
    "kind": frozenset({"AzureDiskVolumeSource"}),
    "lun": frozenset({"FCVolumeSource"}),
    "name": frozenset({"ClusterTrustBundleProjection"}),
    "namespace": frozenset({"TypedObjectReference"}),
    "partition": frozenset({"RollingUpdateStatefulSetStrategy"}),
    "readOnly": frozenset({"AzureDiskVolumeSource", "CSIVolumeSource"}),
    "resources": frozenset({"PodSpec"}),
    "restartPolicy": frozenset({"Container", "EphemeralContainer"}),
    "storageClassName": frozenset({"PersistentVolumeClaimSpec"}),
    "type": frozenset({"HostPathVolumeSource"}),
    "value": frozenset({"PodDNSConfigOption"}),
}
"""The same for names that are pointers in these definitions only."""


def pointer(name: str, of: str) -> bool:
    return name in POINTERS or of in POINTERS_OF.get(name, ())


def defaulted(body: Any, root: Schema, schema: Schema) -> Any:
    """A copy of `body` with the server's defaults in it."""
    if isinstance(body, list):
        items = schemas.resolved(root, schema).get("items", {})
        return [defaulted(item, root, items) for item in body]
    if not isinstance(body, Mapping):
        return body
    node = {name: defaulted(value, root, child_of(root, schema, name)) for name, value in body.items()}
    named = definition(schema)
    for name, value in STATIC.get(named, {}).items():
        fill(node, name, value, named)
    if rule := _COMPUTED.get(named):
        rule(node)
    return node


def fill(node: Node, name: str, value: Any, of: str) -> None:
    """Only nil is filled in a pointer, the zero value as well everywhere else."""
    found = node.get(name)
    if found is None or (not found and not pointer(name, of)):
        node[name] = value


def _image(node: Node) -> None:
    fill(node, "imagePullPolicy", pull_policy(node.get("image") or ""), "Container")


def pull_policy(image: str) -> str:
    """Always for the tag latest, which is also the tag of an image without tag and digest."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return "Always" if tag == "latest" or (name and not tag and not digest) else "IfNotPresent"


def _volume(node: Node) -> None:
    if all(value is None for name, value in node.items() if name != "name"):
        node["emptyDir"] = {}


def _image_volume(node: Node) -> None:
    fill(node, "pullPolicy", pull_policy(node.get("reference") or ""), "ImageVolumeSource")


def _pod_spec(node: Node) -> None:
    """The old name of serviceAccountName follows it, and leads where it stands alone."""
    if account := node.get("serviceAccountName") or node.get("serviceAccount"):
        node["serviceAccountName"] = node["serviceAccount"] = account


def _pod(node: Node) -> None:
    """A pod on its own has more defaults than a template: requests are limits, and admission names the account."""
    spec = node.get("spec")
    if not isinstance(spec, dict):
        return
    fill(spec, "enableServiceLinks", True, "PodSpec")
    fill(spec, "serviceAccountName", "default", "PodSpec")
    spec["serviceAccount"] = spec["serviceAccountName"]
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        if isinstance(container, dict):
            _requests(container.get("resources"))
            for port in container.get("ports") or () if spec.get("hostNetwork") else ():
                if isinstance(port, dict):
                    fill(port, "hostPort", port.get("containerPort"), "ContainerPort")


def _requests(resources: Any) -> None:
    if isinstance(resources, dict) and isinstance(limits := resources.get("limits"), Mapping):
        resources["requests"] = {**limits, **(resources.get("requests") or {})}


def _secret(node: Node) -> None:
    """stringData is for writing only: it becomes data."""
    if plain := node.pop("stringData", None):
        encoded = {name: _encoded(value) for name, value in plain.items()}
        node["data"] = {**(node.get("data") or {}), **encoded}


def _encoded(value: Any) -> str:
    return base64.b64encode(str(value or "").encode("utf-8", "replace")).decode("ascii")


def _replication_controller(node: Node) -> None:
    """Without a selector it takes the labels of its template, and keeps them when those change."""
    labels = ((node.get("template") or {}).get("metadata") or {}).get("labels")
    if labels and not node.get("selector"):
        node["selector"] = dict(labels)


def _device_request(node: Node) -> None:
    if node.get("deviceClassName"):
        fill(node, "allocationMode", "ExactCount", "")
        if node["allocationMode"] == "ExactCount":
            fill(node, "count", 1, "")


def _deployment(node: Node) -> None:
    _rolling(node, "strategy", {"maxUnavailable": "25%", "maxSurge": "25%"})


def _daemon_set(node: Node) -> None:
    _rolling(node, "updateStrategy", {"maxUnavailable": 1, "maxSurge": 0})


def _rolling(node: Node, name: str, amounts: Mapping[str, Any]) -> None:
    strategy = node[name] = dict(node.get(name) or {})
    fill(strategy, "type", "RollingUpdate", "")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy["rollingUpdate"] = dict(strategy.get("rollingUpdate") or {})
        for amount, value in amounts.items():
            fill(rolling, amount, value, "")


def _stateful_set(node: Node) -> None:
    strategy = node["updateStrategy"] = dict(node.get("updateStrategy") or {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        fill(strategy, "rollingUpdate", {}, "")
    if strategy["type"] == "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        strategy["rollingUpdate"] = dict(strategy["rollingUpdate"])
        fill(strategy["rollingUpdate"], "partition", 0, "RollingUpdateStatefulSetStrategy")
    policy = node["persistentVolumeClaimRetentionPolicy"] = dict(node.get("persistentVolumeClaimRetentionPolicy") or {})
    for when in ("whenDeleted", "whenScaled"):
        fill(policy, when, "Retain", "")


def _job(job: Node) -> None:
    """Not of the template of a CronJob: there they come with each Job."""
    node = job["spec"] = dict(job.get("spec") or {})
    if node.get("completions") is None and node.get("parallelism") is None:
        node["completions"] = 1
    fill(node, "parallelism", 1, "")
    fill(node, "backoffLimit", 6 if node.get("backoffLimitPerIndex") is None else 2**31 - 1, "")
    fill(node, "completionMode", "NonIndexed", "")
    fill(node, "suspend", False, "")
    fill(node, "manualSelector", False, "")
    fill(node, "podReplacementPolicy", "TerminatingOrFailed" if node.get("podFailurePolicy") is None else "Failed", "")


def _claim(node: Node) -> None:
    """dataSource and dataSourceRef stand for each other (pkg/api/persistentvolumeclaim/util.go:NormalizeDataSources)."""
    source, reference = node.get("dataSource"), node.get("dataSourceRef")
    if isinstance(source, Mapping) and reference is None:
        node["dataSourceRef"] = dict(source)
    elif isinstance(reference, Mapping) and source is None and not reference.get("namespace"):
        node["dataSource"] = {k: v for k, v in reference.items() if k != "namespace"}


_COMPUTED: Mapping[str, Callable[[Node], None]] = {
    "Container": _image,
    "EphemeralContainer": _image,
    "Volume": _volume,
    "ImageVolumeSource": _image_volume,
    "PodSpec": _pod_spec,
    "Pod": _pod,
    "DeploymentSpec": _deployment,
    "DaemonSetSpec": _daemon_set,
    "StatefulSetSpec": _stateful_set,
    "Job": _job,
    "PersistentVolumeClaimSpec": _claim,
    "Secret": _secret,
    "ReplicationControllerSpec": _replication_controller,
    "DeviceRequest": _device_request,
    "ExactDeviceRequest": _device_request,
    "DeviceSubRequest": _device_request,
}
