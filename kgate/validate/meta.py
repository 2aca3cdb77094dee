"""Metadata: names, namespaces, labels, annotations, owners, finalizers (apimachinery pkg/api/validation/objectmeta.go)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kgate.manifest import Path
from kgate.validate import formats
from kgate.validate.cause import Body, Causes, Key, forbidden, invalid, items, number, part, required, text, too_long
from kgate.validate.gates import Gates

MAX_ANNOTATIONS = 256 * 1024
"""Bytes of all keys and values."""

_SUBDOMAIN = formats.dns1123_subdomain
NAMES: Mapping[tuple[str, str], Callable[[str], formats.Faults]] = {
    ("", "Namespace"): formats.dns1123_label,
    ("", "Service"): formats.dns1123_label,
    ("policy", "PodDisruptionBudget"): formats.path_segment,
    ("rbac.authorization.k8s.io", "Role"): formats.path_segment,
    ("rbac.authorization.k8s.io", "ClusterRole"): formats.path_segment,
    ("rbac.authorization.k8s.io", "RoleBinding"): formats.path_segment,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): formats.path_segment,
    ("certificates.k8s.io", "CertificateSigningRequest"): _SUBDOMAIN,
    ("apiregistration.k8s.io", "APIService"): formats.path_segment,
    ("coordination.k8s.io", "Lease"): _SUBDOMAIN,
    ("", "Event"): _SUBDOMAIN,
    ("events.k8s.io", "Event"): _SUBDOMAIN,
}
"""What the name of a kind must look like; a DNS subdomain where nothing else is said."""

NAMELESS = {
    ("authentication.k8s.io", "TokenReview"),
    ("authentication.k8s.io", "SelfSubjectReview"),
    ("authentication.k8s.io", "TokenRequest"),
    ("authorization.k8s.io", "SubjectAccessReview"),
    ("authorization.k8s.io", "SelfSubjectAccessReview"),
    ("authorization.k8s.io", "SelfSubjectRulesReview"),
    ("authorization.k8s.io", "LocalSubjectAccessReview"),
    ("policy", "Eviction"),
    ("", "Binding"),
    ("autoscaling", "Scale"),
}
"""Questions and sub-resources: they are not stored and need no name."""

_STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")
_OWN_GROUPS = (
    "", "apps", "autoscaling", "batch", "discovery.k8s.io", "networking.k8s.io", "rbac.authorization.k8s.io",
    "scheduling.k8s.io", "storage.k8s.io", "certificates.k8s.io", "flowcontrol.apiserver.k8s.io", "resource.k8s.io",
)  # fmt: skip
"""Groups whose objects go through pkg/apis/core/validation, which is stricter about finalizers."""

_ROOT: Path = ("metadata",)


def causes(body: Body, group: str, kind: str, on: Gates) -> Causes:
    if (group, kind) in NAMELESS:
        return
    meta = part(body, "metadata")
    old_service = (group, kind) == ("", "Service") and "RelaxedServiceNameValidation" not in on
    yield from _names(meta, formats.dns1035_label if old_service else NAMES.get((group, kind), _SUBDOMAIN))
    yield from _namespace(meta)
    if number(meta, "generation") < 0:
        yield invalid((*_ROOT, "generation"), meta["generation"], "must be greater than or equal to 0")
    yield from labels(part(meta, "labels"), (*_ROOT, "labels"))
    yield from annotated(part(meta, "annotations"), (*_ROOT, "annotations"))
    yield from _owners(meta)
    yield from _finalizers(meta, group)


def _names(meta: Body, faults: Callable[[str], formats.Faults]) -> Causes:
    """A name is generated from generateName when there is none; the prefix may end in a dash."""
    prefix, name = text(meta, "generateName"), text(meta, "name")
    if prefix:
        masked = prefix[:-1] + "a" if len(prefix) > 1 and prefix.endswith("-") else prefix
        for fault in faults(masked):
            yield invalid((*_ROOT, "generateName"), prefix, fault)
    if not name and not prefix:
        yield required((*_ROOT, "name"), "name or generateName is required")
    for fault in faults(name) if name else ():
        yield invalid((*_ROOT, "name"), name, fault)


def _namespace(meta: Body) -> Causes:
    """The server ignores the namespace of an object that has none by its kind, but a client builds the request with it."""
    namespace = text(meta, "namespace")
    for fault in formats.dns1123_label(namespace) if namespace else ():
        yield invalid((*_ROOT, "namespace"), namespace, fault)


def labels(found: Body, path: Path, *, at: Path = ()) -> Causes:
    """`at`: how the server calls `path`, where it calls it differently."""
    for key, value in found.items():
        for fault in formats.label_key(key):
            yield invalid((*path, Key(key)), key, fault, at=at or path, key=True)
        for fault in formats.label_value(value or ""):
            yield invalid((*path, Key(key)), value or "", fault, at=at or path)


def annotated(found: Body, path: Path, *, at: Path = ()) -> Causes:
    """`at` as for labels."""
    for key in found:
        for fault in formats.label_key(key.lower()):
            yield invalid((*path, Key(key)), key, fault, at=at or path, key=True)
    if sum(_size(key) + _size(value or "") for key, value in found.items()) > MAX_ANNOTATIONS:
        yield too_long(path, MAX_ANNOTATIONS, at=at)


def _size(value: str) -> int:
    return len(value) if value.isascii() else len(value.encode("utf-8", "replace"))


def _owners(meta: Body) -> Causes:
    controllers = []
    for path, owner in items(meta, "ownerReferences", _ROOT):
        if not text(owner, "apiVersion"):
            yield invalid((*path, "apiVersion"), "", "version must not be empty", at=(*_ROOT, "ownerReferences", "apiVersion"))
        for field in ("kind", "name", "uid"):
            if not text(owner, field):
                yield invalid((*path, field), "", "must not be empty", at=(*_ROOT, "ownerReferences", field))
        if (text(owner, "apiVersion"), text(owner, "kind")) == ("v1", "Event"):
            yield invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner")
        if owner.get("controller"):
            controllers.append(f"{text(owner, 'kind')}/{text(owner, 'name')}")
    for other in controllers[1:]:
        detail = f'Only one reference can have Controller set to true. Found "true" in references for {controllers[0]} and {other}'
        yield invalid((*_ROOT, "ownerReferences"), meta["ownerReferences"], detail)


def _finalizers(meta: Body, group: str) -> Causes:
    finalizers = [f or "" for f in meta.get("finalizers") or ()]
    for i, finalizer in enumerate(finalizers):
        for fault in formats.label_key(finalizer):
            yield invalid((*_ROOT, "finalizers", i), finalizer, fault, at=(*_ROOT, "finalizers"))
        if group in _OWN_GROUPS and "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS:
            yield invalid((*_ROOT, "finalizers", i), finalizer, "name is neither a standard finalizer name nor is it fully qualified")
    if {"orphan", "foregroundDeletion"} <= set(finalizers):
        yield invalid((*_ROOT, "finalizers"), finalizers, "finalizer orphan and foregroundDeletion cannot be both set")


def no_negative(body: Body, name: str, path: Path) -> Causes:
    """objectmeta.go:ValidateNonnegativeField."""
    if number(body, name) < 0:
        yield invalid((*path, name), body[name], "must be greater than or equal to 0")


def only(body: Body, name: str, path: Path, detail: str) -> Causes:
    """A field that may not be there."""
    if body.get(name) is not None:
        yield forbidden((*path, name), detail)
