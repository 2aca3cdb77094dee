"""An object as the server holds it when it asks policies: decoded and defaulted (pkg/apis/*/v1/defaults.go, zz_generated.defaults.go).

Of what is filled in, this is what objects in repositories leave out and policies look at. Fields without a value are dropped, quantities
stand in their canonical form. Values that only the server makes are Unknown.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kgate.cel import Unknown
from kgate.cel.quantities import canonical
from kgate.policy.subjects import POD_TEMPLATES
from kgate.reference import parse

Object = dict[str, Any]
_MADE = Unknown("only the API server makes the value")
_DEFAULT_MODE = 0o644


def stored(body: Mapping[str, Any], group_kind: str, *, built_in: bool) -> Object:
    """`group_kind` as `Deployment.apps`. The body itself stays as it is."""
    found: Object = _copied(body, drop=built_in)
    metadata = found.setdefault("metadata", {})
    if isinstance(metadata, dict):
        for name in ("uid", "creationTimestamp"):
            metadata.setdefault(name, _MADE)
        if "name" not in metadata and metadata.get("generateName"):
            metadata["name"] = _MADE
    if built_in:
        _filled(found, group_kind)
    return found


def _copied(value: Any, *, drop: bool) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _copied(v, drop=drop) for k, v in value.items() if not (drop and v is None)}
    if isinstance(value, list):
        return [_copied(item, drop=drop) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(value)
    return value


def _filled(found: Object, group_kind: str) -> None:
    spec = found.get("spec")
    if (fill := _KINDS.get(group_kind)) is not None:
        fill(found, spec if isinstance(spec, dict) else {})
    template = POD_TEMPLATES.get(group_kind)
    holder: Any = found
    for step in template or ():
        holder = holder.get(step) if isinstance(holder, dict) else None
    if template is not None and isinstance(holder, dict) and isinstance(holder.get("spec"), dict):
        pod_spec(holder["spec"], alone=not template)


def pod_spec(spec: Object, *, alone: bool) -> None:
    """`alone`: of a Pod, not of a template."""
    _set(spec, restartPolicy="Always", dnsPolicy="ClusterFirst", terminationGracePeriodSeconds=30, schedulerName="default-scheduler")
    spec.setdefault("securityContext", {})
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if alone:
        _set(spec, enableServiceLinks=True, preemptionPolicy="PreemptLowerPriority")
        account = account or "default"
        if "priorityClassName" not in spec:
            _set(spec, priority=0)
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for key in ("containers", "initContainers", "ephemeralContainers"):
        for container in _dicts(spec.get(key)):
            _container(container, alone=alone, host_network=spec.get("hostNetwork") is True)
    for volume in _dicts(spec.get("volumes")):
        _volume(volume)


def _container(container: Object, *, alone: bool, host_network: bool) -> None:
    _set(container, terminationMessagePath="/dev/termination-log", terminationMessagePolicy="File")
    if isinstance(container.get("image"), str):
        container.setdefault("imagePullPolicy", _pull_policy(container["image"]))
    resources = container.setdefault("resources", {})
    if isinstance(resources, dict):
        _quantities(resources, alone=alone)
    for port in _dicts(container.get("ports")):
        port.setdefault("protocol", "TCP")
        if host_network and "containerPort" in port:
            port.setdefault("hostPort", port["containerPort"])
    for key in ("livenessProbe", "readinessProbe", "startupProbe"):
        if isinstance(probe := container.get(key), dict):
            _set(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
            _handler(probe)
    for hook in _dicts(list(container["lifecycle"].values())) if isinstance(container.get("lifecycle"), dict) else ():
        _handler(hook)
    for env in _dicts(container.get("env")):
        source = env.get("valueFrom")
        if isinstance(source, dict) and isinstance(source.get("fieldRef"), dict):
            source["fieldRef"].setdefault("apiVersion", "v1")


def _pull_policy(image: str) -> str:
    try:
        reference = parse(image)
    except ValueError:
        return "IfNotPresent"
    return "Always" if reference.tag == "latest" or not (reference.tag or reference.digest) else "IfNotPresent"


def _quantities(resources: Object, *, alone: bool) -> None:
    for name in ("limits", "requests"):
        if isinstance(amounts := resources.get(name), dict):
            resources[name] = {key: canonical(value) for key, value in amounts.items()}
    if alone and isinstance(limits := resources.get("limits"), dict) and isinstance(resources.get("requests", {}), dict):
        resources["requests"] = {**limits, **resources.get("requests", {})}


def _handler(found: Object) -> None:
    if isinstance(get := found.get("httpGet"), dict):
        _set(get, path="/", scheme="HTTP")
    if isinstance(grpc := found.get("grpc"), dict):
        grpc.setdefault("service", "")


def _volume(volume: Object) -> None:
    sources = [key for key in volume if key != "name"]
    if not sources:
        volume["emptyDir"] = {}
    for key in ("secret", "configMap", "downwardAPI", "projected"):
        if isinstance(source := volume.get(key), dict):
            source.setdefault("defaultMode", _DEFAULT_MODE)
    if isinstance(host := volume.get("hostPath"), dict):
        host.setdefault("type", "")
    if isinstance(projected := volume.get("projected"), dict):
        for one in _dicts(projected.get("sources")):
            if isinstance(token := one.get("serviceAccountToken"), dict):
                token.setdefault("expirationSeconds", 3600)


def _deployment(found: Object, spec: Object) -> None:
    _set(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = spec.setdefault("strategy", {})
    if isinstance(strategy, dict):
        strategy.setdefault("type", "RollingUpdate")
        if strategy["type"] == "RollingUpdate" and isinstance(rolling := strategy.setdefault("rollingUpdate", {}), dict):
            _set(rolling, maxUnavailable="25%", maxSurge="25%")
    found.setdefault("status", {})


def _replica_set(found: Object, spec: Object) -> None:
    _set(spec, replicas=1)
    _labelled(found, spec)
    found.setdefault("status", {"replicas": 0})


def _labelled(found: Object, spec: Object) -> None:
    """A ReplicaSet without labels has those of its template."""
    template, metadata = spec.get("template"), found.get("metadata")
    labels = template["metadata"].get("labels") if isinstance(template, dict) and isinstance(template.get("metadata"), dict) else None
    if labels and isinstance(metadata, dict):
        metadata.setdefault("labels", labels)


def _stateful_set(found: Object, spec: Object) -> None:
    _set(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady")
    update = spec.setdefault("updateStrategy", {})
    if isinstance(update, dict) and update.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = update.setdefault("rollingUpdate", {})
        if isinstance(rolling, dict):
            _set(rolling, partition=0)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    if isinstance(retention, dict):
        _set(retention, whenDeleted="Retain", whenScaled="Retain")
    for claim in _dicts(spec.get("volumeClaimTemplates")):
        if isinstance(claim.get("spec"), dict):
            _claim(claim, claim["spec"])
    found.setdefault("status", {"replicas": 0, "availableReplicas": 0})


def _daemon_set(found: Object, spec: Object) -> None:
    _set(spec, revisionHistoryLimit=10)
    update = spec.setdefault("updateStrategy", {})
    if isinstance(update, dict) and update.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = update.setdefault("rollingUpdate", {})
        if isinstance(rolling, dict):
            _set(rolling, maxUnavailable=1, maxSurge=0)
    found.setdefault("status", {"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0})


def _job(found: Object, spec: Object) -> None:
    if "completions" not in spec and "parallelism" not in spec:
        _set(spec, completions=1)
    _set(spec, parallelism=1, backoffLimit=6, completionMode="NonIndexed", suspend=False, podReplacementPolicy=_replaced(spec))
    found.setdefault("status", {})


def _replaced(spec: Object) -> str:
    return "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed"


def _cron_job(found: Object, spec: Object) -> None:
    _set(spec, concurrencyPolicy="Allow", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1)
    found.setdefault("status", {})


def _service(found: Object, spec: Object) -> None:
    _set(spec, sessionAffinity="None", type="ClusterIP")
    if spec["type"] != "ExternalName":
        _set(spec, internalTrafficPolicy="Cluster", clusterIP=_MADE, clusterIPs=_MADE, ipFamilies=_MADE, ipFamilyPolicy="SingleStack")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        _set(spec, externalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        _set(spec, allocateLoadBalancerNodePorts=True)
    for port in _dicts(spec.get("ports")):
        port.setdefault("protocol", "TCP")
        if "port" in port:
            port.setdefault("targetPort", port["port"])
        if spec["type"] in ("NodePort", "LoadBalancer"):
            port.setdefault("nodePort", _MADE)
    found.setdefault("status", {"loadBalancer": {}})


def _claim(found: Object, spec: Object) -> None:
    _set(spec, volumeMode="Filesystem")
    if isinstance(spec.setdefault("resources", {}), dict):
        _quantities(spec["resources"], alone=False)
    found.setdefault("status", {"phase": "Pending"})


def _secret(found: Object, spec: Object) -> None:
    found.setdefault("type", "Opaque")
    texts = found.pop("stringData", None)
    if isinstance(texts, dict):
        data = found.setdefault("data", {})
        if isinstance(data, dict):
            data |= {k: base64.b64encode(v.encode("utf-8", "replace")).decode() for k, v in texts.items() if isinstance(v, str)}


def _namespace(found: Object, spec: Object) -> None:
    metadata = found["metadata"]
    if isinstance(metadata, dict) and isinstance(labels := metadata.setdefault("labels", {}), dict):
        labels["kubernetes.io/metadata.name"] = metadata.get("name", "")
    found.setdefault("spec", {"finalizers": ["kubernetes"]})
    found.setdefault("status", {"phase": "Active"})


def _binding(found: Object, spec: Object) -> None:
    if isinstance(role := found.get("roleRef"), dict):
        role.setdefault("apiGroup", "rbac.authorization.k8s.io")
    for subject in _dicts(found.get("subjects")):
        if subject.get("kind") in ("User", "Group"):
            subject.setdefault("apiGroup", "rbac.authorization.k8s.io")


def _network_policy(found: Object, spec: Object) -> None:
    spec.setdefault("policyTypes", ["Ingress", "Egress"] if "egress" in spec else ["Ingress"])
    for rule in (*_dicts(spec.get("ingress")), *_dicts(spec.get("egress"))):
        for port in _dicts(rule.get("ports")):
            port.setdefault("protocol", "TCP")


_KINDS: Mapping[str, Callable[[Object, Object], None]] = {
    "Deployment.apps": _deployment,
    "ReplicaSet.apps": _replica_set,
    "ReplicationController": _replica_set,
    "StatefulSet.apps": _stateful_set,
    "DaemonSet.apps": _daemon_set,
    "Job.batch": _job,
    "CronJob.batch": _cron_job,
    "Service": _service,
    "PersistentVolumeClaim": _claim,
    "Secret": _secret,
    "Namespace": _namespace,
    "RoleBinding.rbac.authorization.k8s.io": _binding,
    "ClusterRoleBinding.rbac.authorization.k8s.io": _binding,
    "NetworkPolicy.networking.k8s.io": _network_policy,
    "Pod": lambda found, spec: found.setdefault("status", {"phase": "Pending", "qosClass": _MADE}),
}


def _set(found: Object, **values: Any) -> None:
    for name, value in values.items():
        found.setdefault(name, value)


def _dicts(items: Any) -> Iterator[Object]:
    if isinstance(items, list):
        yield from (item for item in items if isinstance(item, dict))
