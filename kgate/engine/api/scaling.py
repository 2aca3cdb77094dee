"""The scale subresource (pkg/registry/apps/deployment/storage/storage.go:scaleFromDeployment)."""

from __future__ import annotations

from typing import Any

from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.codec import timestamp
from kgate.engine.api.meta import LabelSelector, Resource
from kgate.engine.errors import ApiError

_WORDS = {"In": "{} in ({})", "NotIn": "{} notin ({})", "Exists": "{}", "DoesNotExist": "!{}"}


def scale_of(obj: Resource) -> dict[str, Any]:
    """The Scale of a Deployment or ReplicaSet. Raises ApiError 404 for other kinds."""
    if not isinstance(obj, Deployment | ReplicaSet):
        raise ApiError(404, "the server could not find the requested resource", reason="NotFound")
    meta = obj.metadata
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {
            "name": meta.name,
            "namespace": meta.namespace,
            "uid": meta.uid,
            "resourceVersion": str(meta.resource_version),
            "creationTimestamp": timestamp(meta.creation_timestamp_ms or 0),
        },
        "spec": {"replicas": obj.spec.replicas},
        "status": {"replicas": obj.status.replicas, "selector": selector_text(obj.spec.selector)},
    }


def selector_text(selector: LabelSelector) -> str:
    """As `kubectl get -l` takes it: the requirements in order of their keys."""
    parts = [(key, f"{key}={value}") for key, value in selector.match_labels.items()]
    for r in selector.match_expressions:
        one = r.operator == "In" and len(r.values) == 1
        text = f"{r.key} in ({r.values[0]})" if one else _WORDS.get(r.operator, "{}").format(r.key, ",".join(sorted(r.values)))
        parts.append((r.key, text))
    return ",".join(text for _, text in sorted(parts, key=lambda part: part[0]))
