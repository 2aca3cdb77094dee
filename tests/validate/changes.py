"""Changes to judge: what is said of an object that was something else in the base."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kgate.finding import Finding
from kgate.manifest import Manifest
from kgate.validate import NEWEST, judge
from tests.validate.validated import Nowhere, thing


def found(before: Mapping[str, Any], after: Mapping[str, Any], version: str = NEWEST) -> tuple[Finding, ...]:
    """The errors of `after`, as a change of `before`."""
    head, base = (Manifest(source=Nowhere(), document=0, body=body) for body in (after, before))
    return tuple(f for f in judge([head], version, base=[base]).findings if f.severity == "error")


def refused(before: Mapping[str, Any], after: Mapping[str, Any], version: str = NEWEST) -> list[str]:
    """`field: message` of each of them."""
    return [f.message for f in found(before, after, version)]


def assert_refused(before: Mapping[str, Any], after: Mapping[str, Any], *fields_and_ends: tuple[str, str], version: str = NEWEST) -> None:
    """Each error names the field and ends in the words; none at all means that the server takes the change."""
    messages = refused(before, after, version)
    assert len(messages) == len(fields_and_ends), messages
    for message, (field, end) in zip(messages, fields_and_ends, strict=True):
        assert message.startswith(f"{field}: ") and message.endswith(end), message


def stateful_set(**spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": "registry.example.com/db:1"}]}}
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
    selector = {"matchLabels": {"app": "db"}}
    body = {"serviceName": "db", "selector": selector, "template": template, "volumeClaimTemplates": [claim]}
    return thing("apps/v1", "StatefulSet", spec=body | spec)


def daemon_set(**spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "log"}}, "spec": {"containers": [{"name": "log", "image": "registry.example.com/log:1"}]}}
    return thing("apps/v1", "DaemonSet", spec={"selector": {"matchLabels": {"app": "log"}}, "template": template} | spec)


def job(**spec: Any) -> dict[str, Any]:
    container = {"name": "load", "image": "registry.example.com/load:1"}
    return thing("batch/v1", "Job", spec={"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}} | spec)


def pod(**spec: Any) -> dict[str, Any]:
    return thing("v1", "Pod", spec={"containers": [{"name": "app", "image": "registry.example.com/app:1"}]} | spec)


def service(**spec: Any) -> dict[str, Any]:
    return thing("v1", "Service", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]} | spec)


def claim(**spec: Any) -> dict[str, Any]:
    requests = {"resources": {"requests": {"storage": "5Gi"}}}
    return thing("v1", "PersistentVolumeClaim", spec={"accessModes": ["ReadWriteOnce"], "storageClassName": "fast"} | requests | spec)


def volume(**spec: Any) -> dict[str, Any]:
    source = {"nfs": {"server": "nfs.example.com", "path": "/srv"}}
    return thing("v1", "PersistentVolume", spec={"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany"]} | source | spec)
