"""Which API an object claims to belong to, and whether the target minor serves it. All of it follows from the embedded schemas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from msgspec import Struct

from kgate.validate import nearest
from kgate.validate.cause import Cause, shown
from kgate.validate.schemas import bundle

REMOVED_EARLIER: Mapping[str, str] = {
    "extensions/v1beta1": "1.22",
    "apps/v1beta1": "1.16",
    "apps/v1beta2": "1.16",
    "admissionregistration.k8s.io/v1beta1": "1.22",
    "apiextensions.k8s.io/v1beta1": "1.22",
    "apiregistration.k8s.io/v1beta1": "1.22",
    "authentication.k8s.io/v1beta1": "1.22",
    "authorization.k8s.io/v1beta1": "1.22",
    "autoscaling/v2beta1": "1.25",
    "batch/v1beta1": "1.25",
    "batch/v2alpha1": "1.21",
    "certificates.k8s.io/v1beta1": "1.22",
    "coordination.k8s.io/v1beta1": "1.22",
    "discovery.k8s.io/v1beta1": "1.25",
    "events.k8s.io/v1beta1": "1.25",
    "networking.k8s.io/v1beta1": "1.22",
    "node.k8s.io/v1beta1": "1.25",
    "policy/v1beta1": "1.25",
    "rbac.authorization.k8s.io/v1alpha1": "1.22",
    "rbac.authorization.k8s.io/v1beta1": "1.22",
    "scheduling.k8s.io/v1beta1": "1.22",
    "storage.k8s.io/v1beta1": "1.22",
}
"""The minor in which the last kinds of an API went that no embedded schema has; from the deprecation guide."""

_BOTH = "write apiVersion and kind, for example apps/v1 and Deployment"
_GONE = ("extensions",)
_REMOVED_KINDS = {"PodSecurityPolicy"}
_LONG = 300  # nothing real is longer, and what is longer shall not stay in memory
_CUSTOM = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+/[A-Za-z0-9-]+").fullmatch
# Files of clients and components that look like objects: nobody applies them.
_CLIENT_FILES = {("v1", "Config"): "a kubeconfig"}


class Api(Struct, frozen=True, kw_only=True):
    """What kgate makes of apiVersion and kind: served when there are neither faults nor a reason to skip it."""

    version: str = ""
    kind: str = ""
    faults: tuple[Cause, ...] = ()
    skipped: str = ""
    """Why the object cannot be checked: there is no schema for a custom resource."""
    removed: bool = False
    """The fault is that the target minor does not serve what another one does."""


def recognised(body: Mapping[str, Any], minor: str) -> Api:
    version, kind = body.get("apiVersion"), body.get("kind")
    if version is None and kind is None:
        return Api(skipped="no Kubernetes object: neither apiVersion nor kind")
    faults = tuple(_unset(name, body.get(name)) for name in ("apiVersion", "kind") if not _named(body.get(name)))
    if faults or not isinstance(version, str) or not isinstance(kind, str):
        return Api(faults=faults)
    if len(version) + len(kind) > _LONG:
        return classified.__wrapped__(version, kind, minor)
    return classified(version, kind, minor)


@lru_cache(maxsize=2048)
def classified(version: str, kind: str, minor: str) -> Api:
    """Every object of a kind has the same answer."""
    if bundle().serves(version, kind, minor):
        return Api(version=version, kind=kind)
    if what := _CLIENT_FILES.get((version, kind)):
        return Api(skipped=f"no Kubernetes object: {what}")
    if bundle().served_in(version, kind) or (version in REMOVED_EARLIER and kind in _known_kinds() | _REMOVED_KINDS):
        return Api(faults=(_not_served(version, kind, minor),), removed=True)
    if _may_be_custom(version):
        return Api(skipped=f"no schema for {version} {kind}")
    if _foreign(version, kind):
        return Api(skipped=f"no Kubernetes object: {version} is no API group")
    return Api(faults=(_unknown(version, kind, minor),))


def _named(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _unset(name: str, value: object) -> Cause:
    if value is None or value == "":
        message = f"Object '{name[0].upper() + name[1:]}' is missing"
    else:
        message = f"{name} must be a string"
    return Cause(path=(name,), reason="BadRequest", message=message, remediation=_BOTH)


def _may_be_custom(version: str) -> bool:
    """A CustomResourceDefinition needs a group with a dot in it, and the groups of Kubernetes itself are taken."""
    group = version.rpartition("/")[0]
    return bool(_CUSTOM(version)) and group not in _groups()


def _foreign(version: str, kind: str) -> bool:
    """A file of some tool (`skaffold/v4beta1 Config`): neither its group nor its kind looks like one of Kubernetes'."""
    group, slash, _ = version.partition("/")
    near = not slash or group in _groups() or group in _GONE or nearest.name(group, [*_groups(), *_GONE])
    return not near and kind not in _known_kinds() and group.isidentifier()


@cache
def _groups() -> frozenset[str]:
    return frozenset({v.partition("/")[0] if "/" in v else "" for v in bundle().kinds})


@cache
def _known_kinds() -> frozenset[str]:
    return frozenset(kind for kinds in bundle().kinds.values() for kind in kinds)


def _not_served(version: str, kind: str, minor: str) -> Cause:
    minors = bundle().served_in(version, kind)
    if minors and _age(minors[0]) > _age(minor):
        since = f"it came with {minors[0]}"
    elif minors:
        since = f"it was removed in {_following(minors[-1])}"
    else:
        since = f"it was removed in {REMOVED_EARLIER[version]}"
    use = replacement(kind, minor, version)
    remediation = f"use apiVersion: {use}" if use else f"Kubernetes {minor} has nothing in its place: remove the object"
    message = f"Kubernetes {minor} does not serve {version} {kind}: {since}"
    return Cause(path=("apiVersion",), reason="BadRequest", message=message, remediation=remediation)


def _age(minor: str) -> tuple[int, ...]:
    return tuple(map(int, minor.split(".")))


def _following(minor: str) -> str:
    major, number = _age(minor)
    return f"{major}.{number + 1}"


def replacement(kind: str, minor: str, version: str = "") -> str:
    """The most stable apiVersion that serves `kind` in `minor`, the group of `version` first; empty when none does."""
    serving = [v for v in bundle().kinds if bundle().serves(v, kind, minor)]
    group = version.rpartition("/")[0]
    return min(serving, key=lambda v: (v.rpartition("/")[0] != group, *_rank(v)), default="")


def _rank(version: str) -> tuple[int, int, str]:
    """General availability first, then beta; of equals the newest: autoscaling/v2 before v1."""
    stage = 2 if "alpha" in version else 1 if "beta" in version else 0
    return stage, -int("".join(filter(str.isdigit, version.rpartition("/")[2])) or "0"), version


def _unknown(version: str, kind: str, minor: str) -> Cause:
    """The version is right and the kind misspelt, or the kind is right and the version wrong."""
    message = f"no kind {shown(kind[:300])} is registered for version {shown(version[:300])}"
    served = [k for k in bundle().kinds.get(version, ()) if bundle().serves(version, k, minor)]
    if guess := nearest.name(kind, served):
        return _wrong("kind", message, f'did you mean kind "{guess}"?')
    everything = sorted({k for v, ks in bundle().kinds.items() for k in ks if bundle().serves(v, k, minor)})
    known = kind if kind in everything else nearest.name(kind, everything)
    if use := replacement(known, minor, version):
        meant = "" if known == kind else f' and kind "{known}"'
        return _wrong("apiVersion", message, f'did you mean apiVersion "{use}"{meant}?')
    return _wrong("apiVersion" if version not in bundle().kinds else "kind", message, "correct apiVersion and kind")


def _wrong(name: str, message: str, remediation: str) -> Cause:
    return Cause(path=(name,), reason="BadRequest", message=message, remediation=remediation)
