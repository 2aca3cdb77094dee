"""Annotations that older clients spoke to a pod with, and the fields that took their place.

From pkg/apis/core/validation/validation.go:ValidatePodSpecificAnnotations, validateSeccompAnnotationsAndFields,
validateAppArmorAnnotationsAndFieldsMatchOnCreate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kgate.manifest import Path
from kgate.validate import paths
from kgate.validate.cause import Body, Causes, Key, forbidden, invalid, items, part, text

_MIRROR = "kubernetes.io/config.mirror"
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_OF = "container.seccomp.security.alpha.kubernetes.io/"
_APP_ARMOR_OF = "container.apparmor.security.beta.kubernetes.io/"
_INTEGER = re.compile(r"0|-[0-9]{1,40}|[1-9][0-9]{0,9}").fullmatch
_LOCAL = "localhost/"
_CONTAINERS = ("initContainers", "containers")


def causes(annotations: Body, spec: Body, path: Path, at: Path) -> Causes:
    """`path` is where the annotations stand, `at` how the server calls it."""
    if _MIRROR in annotations and not text(spec, "nodeName"):
        detail = "must set spec.nodeName if mirror pod annotation is set"
        yield invalid((*path, Key(_MIRROR)), text(annotations, _MIRROR), detail, at=(*at, Key(_MIRROR)))
    if _DELETION_COST in annotations and not _cost(text(annotations, _DELETION_COST)):
        detail, key = "must be a 32bit integer", Key(_DELETION_COST)
        yield invalid((*path, key), text(annotations, _DELETION_COST), detail, at=(*at, key))
    for name in annotations:
        if name == _SECCOMP or name.startswith(_SECCOMP_OF):
            yield from _seccomp(text(annotations, name), (*path, Key(name)), (*at, name))
        elif name.startswith(_APP_ARMOR_OF):
            yield from _app_armor(name, text(annotations, name), spec, (*path, Key(name)), (*at, Key(name)))


def _cost(value: str) -> bool:
    """helper.GetDeletionCostFromPodAnnotations: no sign before a positive number, no leading zeros."""
    return bool(_INTEGER(value)) and -(2**31) <= int(value) < 2**31


def _seccomp(profile: str, path: Path, at: Path) -> Causes:
    if profile.startswith(_LOCAL):
        yield from paths.descending(profile.removeprefix(_LOCAL), path, at=at)
    elif profile not in ("runtime/default", "docker/default", "unconfined"):
        yield invalid(path, profile, "must be a valid seccomp profile", at=at)


def _app_armor(name: str, profile: str, spec: Body, path: Path, at: Path) -> Causes:
    container = name.removeprefix(_APP_ARMOR_OF)
    if all(text(c, "name") != container for kind in (*_CONTAINERS, "ephemeralContainers") for _, c in items(spec, kind, ())):
        yield invalid(path, container, "container not found", at=at, key=True)
    if profile not in ("", "runtime/default", "unconfined") and not profile.startswith(_LOCAL):
        yield invalid(path, profile, f'invalid AppArmor profile name: "{profile}"', at=at)


def contradicted(annotations: Body, spec: Body, path: Path, *, is_pod: bool) -> Causes:
    """Fields that say something else than the annotations. `path` is that of the spec.

    In a pod the server has turned the AppArmor annotation of a container into its field, unless it has one; in a template it has not.
    """
    if not any(name == _SECCOMP or name.startswith((_SECCOMP_OF, _APP_ARMOR_OF)) for name in annotations):
        return
    context = part(spec, "securityContext")
    if _SECCOMP in annotations and (profile := context.get("seccompProfile")) is not None:
        yield from _differs(text(annotations, _SECCOMP), profile, (*path, "securityContext", "seccompProfile"), "seccomp")
    for at, container in _all_containers(spec, path):
        own, name = part(container, "securityContext"), text(container, "name")
        if (profile := own.get("seccompProfile")) is not None and f"{_SECCOMP_OF}{name}" in annotations:
            annotation = text(annotations, f"{_SECCOMP_OF}{name}")
            yield from _differs(annotation, profile, (*at, "securityContext", "seccompProfile"), "seccomp")
        profile = own.get("appArmorProfile") or (None if is_pod else context.get("appArmorProfile"))
        if profile is not None and f"{_APP_ARMOR_OF}{name}" in annotations and text(part(spec, "os"), "name") != "windows":
            annotation = text(annotations, f"{_APP_ARMOR_OF}{name}")
            yield from _differs(annotation, profile, (*at, "securityContext", "appArmorProfile"), "apparmor")


def _all_containers(spec: Body, path: Path) -> Iterator[tuple[Path, Body]]:
    for kind in _CONTAINERS:
        yield from items(spec, kind, path)


def _differs(annotation: str, profile: Body, path: Path, what: str) -> Causes:
    kind = text(profile, "type")
    default = ("runtime/default", "docker/default") if what == "seccomp" else ("runtime/default",)
    matching = {"Unconfined": annotation == "unconfined", "RuntimeDefault": annotation in default}
    if not matching.get(kind, True) or (kind == "Localhost" and not annotation.startswith(_LOCAL)):
        yield forbidden((*path, "type"), f"{what} type in annotation and field must match")
    elif kind == "Localhost" and annotation.removeprefix(_LOCAL) != profile.get("localhostProfile"):
        yield forbidden((*path, "localhostProfile"), f"{what} profile in annotation and field must match")
