"""The parameters of a binding (apiserver pkg/admission/plugin/policy/generic/policy_dispatcher.go, CollectParams)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kgate.cel import UnknownError
from kgate.manifest import Manifest
from kgate.policy.admission.defaults import stored
from kgate.policy.admission.policies import Binding, Policy
from kgate.policy.admission.request import Request
from kgate.policy.admission.resources import Resources
from kgate.policy.nodes import mapping, text
from kgate.policy.selectors import selects
from kgate.policy.subjects import group_kind

Params = Mapping[str, Any] | None


class ConfigurationError(Exception):
    """The server would answer with the policy's failurePolicy; the text says what it says."""


class Parameters:
    """Of the objects among the manifests."""

    def __init__(self, manifests: Iterable[Manifest], resources: Resources) -> None:
        self._found: dict[tuple[str, str], list[Manifest]] = {}
        for m in manifests:
            self._found.setdefault((m.api_version, m.kind), []).append(m)
        self._resources = resources

    def of(self, policy: Policy, binding: Binding, request: Request) -> list[Params]:
        """One evaluation each; [None] where the policy gets none. Raises ConfigurationError, UnknownError."""
        kind, ref = policy.param_kind, binding.param_ref
        if kind is None or ref is None:
            return [None]
        candidates = self._found.get((text(kind, "apiVersion"), text(kind, "kind")), [])
        resource = self._resources.named(text(kind, "apiVersion"), text(kind, "kind"))
        named = text(ref, "namespace")
        cluster = resource.namespaced is False or (resource.namespaced is None and not any(m.namespace for m in candidates))
        if cluster and named and resource.namespaced is False:
            raise ConfigurationError("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
        if not cluster:
            candidates = _inside(candidates, named, request)
        found = self._wanted(candidates, ref)
        if not found:
            what = f"{text(kind, 'kind')} {text(ref, 'name')}".strip()
            raise UnknownError(f"its parameters ({what}) are not among the manifests")
        return [stored(m.body, group_kind(m), built_in=resource.built_in) for m in found]

    def _wanted(self, candidates: list[Manifest], ref: Mapping[str, Any]) -> list[Manifest]:
        if name := text(ref, "name"):
            found = [m for m in candidates if m.name == name]
            if any(other.body != found[0].body for other in found[1:]):
                raise UnknownError(f"several objects named {name} that differ could be its parameters")
            return found[:1]
        selector = ref.get("selector")
        return [m for m in candidates if isinstance(selector, dict) and selects(selector, mapping(m.metadata, "labels"))]


def _inside(candidates: list[Manifest], named: str, request: Request) -> list[Manifest]:
    """Those of the namespace; one that names none may be put there."""
    namespace = named or request.namespace
    if namespace == "":
        raise ConfigurationError("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources")
    if namespace is None:
        return [m for m in candidates if not m.namespace]
    return [m for m in candidates if m.namespace in (namespace, "")]
