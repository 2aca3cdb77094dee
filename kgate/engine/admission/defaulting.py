"""Fields the server fills in when they are absent (pkg/apis/core/v1/defaults.go, pkg/apis/apps/v1/defaults.go).

Works on a private JSON copy of the object and changes it in place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kgate.engine.admission.autoscaling import set_autoscaler_defaults

Json = dict[str, Any]


def set_defaults(obj: Json) -> None:
    """Fills in the defaults of the object's kind; kinds without an entry stay as they are."""
    fill = _BY_KIND.get(obj.get("kind", ""))
    if fill is not None:
        fill(obj)


def _deployment(obj: Json) -> None:
    spec = _part(obj, "spec")
    _absent(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = _part(spec, "strategy")
    _empty(strategy, type="RollingUpdate")
    if strategy.get("type") == "RollingUpdate":
        _absent(_part(strategy, "rollingUpdate"), maxUnavailable="25%", maxSurge="25%")
    _pod_spec(_part(_part(spec, "template"), "spec"))


def _replica_set(obj: Json) -> None:
    """Without labels of its own it gets the template's."""
    spec = _part(obj, "spec")
    _absent(spec, replicas=1)
    template = _part(spec, "template")
    labels = _mapping(template.get("metadata")).get("labels")
    if isinstance(labels, dict) and labels:
        meta = _part(obj, "metadata")
        meta["labels"] = meta.get("labels") or dict(labels)
        if spec.get("selector") is None:
            spec["selector"] = {"matchLabels": dict(labels)}
    _pod_spec(_part(template, "spec"))


def _pod(obj: Json) -> None:
    spec = _part(obj, "spec")
    _pod_spec(spec)
    _absent(spec, enableServiceLinks=True)


def _service(obj: Json) -> None:
    spec = _part(obj, "spec")
    _empty(spec, sessionAffinity="None", type="ClusterIP")
    if spec.get("type") != "ExternalName":
        _absent(spec, internalTrafficPolicy="Cluster")
    for port in _items(spec, "ports"):
        _empty(port, protocol="TCP", targetPort=port.get("port"))


def _node(obj: Json) -> None:
    status = _part(obj, "status")
    if isinstance(status.get("capacity"), dict) and not status.get("allocatable"):
        status["allocatable"] = dict(status["capacity"])


def _priority_class(obj: Json) -> None:
    _absent(obj, preemptionPolicy="PreemptLowerPriority")


def _limit_range(obj: Json) -> None:
    """A container's limit defaults to the maximum, its request to the limit, or else to the minimum."""
    for item in _items(_part(obj, "spec"), "limits"):
        if item.get("type") == "Container":
            limits, requests = _part(item, "default"), _part(item, "defaultRequest")
            for source, target in ((_mapping(item.get("max")), limits), (limits, requests), (_mapping(item.get("min")), requests)):
                _absent(target, **source)


def _namespace(obj: Json) -> None:
    meta = _part(obj, "metadata")
    _part(meta, "labels")["kubernetes.io/metadata.name"] = meta.get("name", "")


def _storage_class(obj: Json) -> None:
    _empty(obj, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _pod_spec(spec: Json) -> None:
    _empty(spec, dnsPolicy="ClusterFirst", restartPolicy="Always", schedulerName="default-scheduler")
    _absent(spec, terminationGracePeriodSeconds=30, securityContext={})
    if spec.get("serviceAccountName"):
        spec["serviceAccount"] = spec["serviceAccountName"]
    for container in (*_items(spec, "containers"), *_items(spec, "initContainers")):
        _container(container)
    for volume in _items(spec, "volumes"):
        _volume(volume)


def _container(container: Json) -> None:
    _empty(container, imagePullPolicy="Always" if tag_of(str(container.get("image") or "")) == "latest" else "IfNotPresent")
    _empty(container, terminationMessagePath="/dev/termination-log", terminationMessagePolicy="File")
    for port in _items(container, "ports"):
        _empty(port, protocol="TCP")
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if isinstance(container.get(probe), dict):
            _probe(container[probe])
    for handler in _mapping(container.get("lifecycle")).values():
        _http_get(handler)
    for env in _items(container, "env"):
        field_ref = _mapping(env.get("valueFrom")).get("fieldRef")
        if isinstance(field_ref, dict):
            _empty(field_ref, apiVersion="v1")


def _probe(probe: Json) -> None:
    _zero(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    _http_get(probe)
    if isinstance(probe.get("grpc"), dict):
        _absent(probe["grpc"], service="")


def _http_get(handler: Any) -> None:
    if isinstance(handler, dict) and isinstance(handler.get("httpGet"), dict):
        _empty(handler["httpGet"], path="/", scheme="HTTP")


def _volume(volume: Json) -> None:
    """A volume without a source is an emptyDir; modes of projected files are 0644."""
    if all(v is None for k, v in volume.items() if k != "name"):
        volume["emptyDir"] = {}
    for source in ("secret", "configMap", "downwardAPI", "projected"):
        if isinstance(volume.get(source), dict):
            _absent(volume[source], defaultMode=420)
    for projected in _items(_mapping(volume.get("projected")), "sources"):
        if isinstance(projected.get("serviceAccountToken"), dict):
            _absent(projected["serviceAccountToken"], expirationSeconds=3600)
    if isinstance(volume.get("hostPath"), dict):
        _absent(volume["hostPath"], type="")


def tag_of(image: str) -> str:
    """`latest` when there is neither a tag nor a digest, empty with a digest alone (pkg/util/parsers/parsers.go:ParseImageName)."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return tag or ("" if digest else "latest")


def _part(parent: Json, key: str) -> Json:
    """The mapping at `key`, made when it is absent or null. What is no mapping is left to decoding to refuse."""
    value = parent.get(key)
    if value is None:
        value = parent[key] = {}
    return value if isinstance(value, dict) else {}


def _mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _items(parent: Mapping[str, Any], key: str) -> list[Json]:
    value = parent.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _absent(target: Json, **defaults: Any) -> None:
    """Pointers: an explicit zero or empty string stays."""
    for key, value in defaults.items():
        if target.get(key) is None:
            target[key] = value


def _empty(target: Json, **defaults: Any) -> None:
    """Plain strings: an empty one counts as absent."""
    for key, value in defaults.items():
        if target.get(key) in (None, ""):
            target[key] = value


def _zero(target: Json, **defaults: int) -> None:
    """Plain numbers: 0 counts as absent."""
    for key, value in defaults.items():
        if not target.get(key):
            target[key] = value


_BY_KIND: Mapping[str, Callable[[Json], None]] = {
    "Deployment": _deployment,
    "HorizontalPodAutoscaler": set_autoscaler_defaults,
    "LimitRange": _limit_range,
    "Namespace": _namespace,
    "Node": _node,
    "Pod": _pod,
    "PriorityClass": _priority_class,
    "ReplicaSet": _replica_set,
    "Service": _service,
    "StorageClass": _storage_class,
}
