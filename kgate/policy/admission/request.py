"""What the server would be asked: an object that is created or updated, and what CEL sees of it (apiserver admission/plugin/cel)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from msgspec import Struct

from kgate.cel import Unknown
from kgate.manifest import Manifest, Path
from kgate.policy.admission.defaults import pod_spec, stored
from kgate.policy.admission.resources import Resource
from kgate.policy.subjects import group_kind, pod_of

_NO_NAMESPACE = Unknown("the manifest names no namespace, so it depends on where it is applied")
_WHO = Unknown("who asks is known to the API server alone")
POD = Resource(group="", version="v1", kind="Pod", plural="pods", namespaced=True, built_in=True)


class Request(Struct, frozen=True, kw_only=True, dict=True):
    manifest: Manifest
    resource: Resource
    operation: str = "CREATE"
    old: Mapping[str, Any] | None = None
    """The body that is replaced, as written."""
    template: Path = ()
    """Where the pod template stands that the request's Pod is made of; empty for the manifest's own object."""
    made: bool = False
    """The request is for a Pod that the manifest's workload makes."""

    @property
    def namespace(self) -> str | None:
        """None where the manifest does not name it; empty for what is in none."""
        if self.resource.namespaced is False:
            return self.name if self.resource.kind == "Namespace" and not self.resource.group else ""
        return self.manifest.namespace or None

    @property
    def name(self) -> str:
        return "" if self.made else str(self.manifest.metadata.get("name") or "")

    def __str__(self) -> str:
        return f"pods of {self.manifest.subject}" if self.made else str(self.manifest.subject)

    @cached_property
    def object(self) -> dict[str, Any]:
        found = self._pod() if self.made else self._stored(self.manifest.body)
        if self.resource.namespaced is not False and isinstance(metadata := found.get("metadata"), dict):
            metadata.setdefault("namespace", self.namespace or _NO_NAMESPACE)
        return found

    @cached_property
    def old_object(self) -> dict[str, Any] | None:
        return None if self.old is None else self._stored(self.old)

    def _stored(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return stored(body, group_kind(self.manifest), built_in=self.resource.built_in)

    def _pod(self) -> dict[str, Any]:
        """As its controller makes it of the template (pkg/controller/controller_utils.go, GetPodFromTemplate)."""
        pod = pod_of(self.manifest)
        assert pod is not None
        metadata = {k: pod.metadata[k] for k in ("labels", "annotations", "finalizers") if k in pod.metadata}
        made = Unknown("the controller that makes the pod names it")
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "name": "", "ownerReferences": []}, "spec": pod.body}
        found = stored(body, "Pod", built_in=True)
        found["metadata"] |= {"name": made, "generateName": made, "ownerReferences": made}
        pod_spec(found["spec"], alone=True)
        return found

    @cached_property
    def told(self) -> dict[str, Any]:
        """The variable `request`."""
        r = self.resource
        kind = {"group": r.group, "version": r.version, "kind": r.kind}
        resource = {"group": r.group, "version": r.version, "resource": r.plural}
        generated = not self.name
        return {
            "kind": kind,
            "resource": resource,
            "subResource": "",
            "requestKind": kind,
            "requestResource": resource,
            "requestSubResource": "",
            "name": Unknown("the name is generated") if generated and self.made else self.name,
            "namespace": _NO_NAMESPACE if self.namespace is None else self.namespace,
            "operation": self.operation,
            "userInfo": _WHO,
            "dryRun": False,
            "options": Unknown("the options of the request are the client's"),
            "uid": Unknown("only the API server makes the value"),
        }
