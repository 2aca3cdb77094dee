"""Which requests a policy or a binding is about (apiserver pkg/admission/plugin/policy/matching/matching.go).

What cannot be told, because the manifest names no namespace or the namespace is not among the manifests, raises UnknownError.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kgate.cel import UnknownError
from kgate.manifest import Manifest
from kgate.policy.admission.request import Request
from kgate.policy.nodes import entries, mapping, text
from kgate.policy.selectors import selects

NAME_LABEL = "kubernetes.io/metadata.name"


class Namespaces:
    """The Namespaces among the manifests, by name."""

    def __init__(self, manifests: Iterable[Manifest]) -> None:
        self._found: dict[str, list[Manifest]] = {}
        for m in manifests:
            if m.kind == "Namespace" and m.api_version == "v1":
                self._found.setdefault(m.name, []).append(m)

    def named(self, name: str) -> Manifest | None:
        """None where there is none, or several that differ."""
        found = self._found.get(name, [])
        return found[0] if found and all(other.body == found[0].body for other in found) else None


def matches(constraints: Mapping[str, Any], request: Request, namespaces: Namespaces) -> bool:
    """Of a policy's matchConstraints or a binding's matchResources."""
    if not _selected(mapping(constraints, "objectSelector"), request):
        return False
    exact = constraints.get("matchPolicy") == "Exact"
    if _ruled(constraints, "excludeResourceRules", request, exact=exact):
        return False
    rules = constraints.get("resourceRules")
    if rules and not _ruled(constraints, "resourceRules", request, exact=exact):
        return False
    # Last, because it may not be known: what does not match anyhow needs no namespace.
    return _in_namespace(mapping(constraints, "namespaceSelector"), request, namespaces)


def _ruled(constraints: Mapping[str, Any], key: str, request: Request, *, exact: bool) -> bool:
    near = False
    for _, rule in entries(constraints, key):
        if not _operation(rule, request) or not _resource(rule, request) or not _named(rule, request):
            continue
        if _lists(rule, "apiVersions", request.resource.version):
            return True
        near = near or not exact
    if near:
        raise UnknownError(
            f"it is written for another version of {request.resource.plural}, to which the API server would convert the object"
        )
    return False


def _operation(rule: Mapping[str, Any], request: Request) -> bool:
    return _lists(rule, "operations", request.operation)


def _resource(rule: Mapping[str, Any], request: Request) -> bool:
    found, resource = rule.get("resources"), request.resource
    if not isinstance(found, list) or not _lists(rule, "apiGroups", resource.group):
        return False
    if not any(one in ("*", "*/*", resource.plural) for one in found):
        return False
    scope = text(rule, "scope") or "*"
    if scope == "*":
        return True
    if resource.namespaced is None:
        raise UnknownError(f"whether {resource.plural} live in namespaces is not known without their CustomResourceDefinition")
    return (scope == "Namespaced") is resource.namespaced


def _named(rule: Mapping[str, Any], request: Request) -> bool:
    names = rule.get("resourceNames")
    if not names:
        return True
    return isinstance(names, list) and request.name in names


def _lists(rule: Mapping[str, Any], key: str, value: str) -> bool:
    found = rule.get(key)
    return isinstance(found, list) and ("*" in found or value in found)


def _selected(selector: Mapping[str, Any], request: Request) -> bool:
    """The new object or the old one."""
    if not selector:
        return True
    objects = [request.object, *([request.old_object] if request.old_object is not None else [])]
    return any(selects(selector, mapping(found, "metadata", "labels")) for found in objects)


def _in_namespace(selector: Mapping[str, Any], request: Request, namespaces: Namespaces) -> bool:
    if not selector:
        return True
    if request.resource.kind == "Namespace" and not request.resource.group:
        return selects(selector, mapping(request.object, "metadata", "labels"))
    name = request.namespace
    if name == "":
        return True
    if name is None:
        raise UnknownError("it selects by namespace, and the manifest names none")
    if (found := namespaces.named(name)) is not None:
        return selects(selector, {**mapping(found.body, "metadata", "labels"), NAME_LABEL: name})
    return _by_name_alone(selector, name)


def _by_name_alone(selector: Mapping[str, Any], name: str) -> bool:
    """Of a namespace that is not among the manifests one label is known: its name."""
    known = {"matchLabels": {k: v for k, v in mapping(selector, "matchLabels").items() if k == NAME_LABEL}}
    known["matchExpressions"] = [e for _, e in entries(selector, "matchExpressions") if e.get("key") == NAME_LABEL]  # type: ignore[assignment]
    if not selects(known, {NAME_LABEL: name}):
        return False
    asked = len(mapping(selector, "matchLabels")) + len(list(entries(selector, "matchExpressions")))
    if asked > len(known["matchLabels"]) + len(known["matchExpressions"]):
        raise UnknownError(f"it selects by labels of the namespace {name}, which is not among the manifests")
    return True
