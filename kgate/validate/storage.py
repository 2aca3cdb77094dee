"""Group storage.k8s.io, and PersistentVolumes (pkg/apis/storage/validation/validation.go, pkg/apis/core/validation/validation.go)."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from kgate.manifest import Path
from kgate.validate import claims, formats, quantity, scheduling, selectors, sources
from kgate.validate.cause import (
    Body,
    Causes,
    Key,
    duplicate,
    forbidden,
    invalid,
    items,
    not_supported,
    part,
    required,
    strings,
    text,
    too_long,
)
from kgate.validate.gates import Gates
from kgate.validate.meta import no_negative

_SPEC: Path = ("spec",)
_MORE = "may not specify more than 1 volume type"
_MAX_PARAMETERS = 512
_MAX_BYTES = 256 * 1024


def storage_class(body: Body, _: Gates) -> Causes:
    """Left out, the reclaim policy is Delete and the binding mode Immediate."""
    yield from _provisioner(text(body, "provisioner"), ("provisioner",))
    yield from _parameters(part(body, "parameters"), ("parameters",))
    choices = (("reclaimPolicy", ("Delete", "Retain")), ("volumeBindingMode", ("Immediate", "WaitForFirstConsumer")))
    for name, valid in choices:
        if (value := body.get(name)) is not None and value not in valid and (value or name == "volumeBindingMode"):
            yield not_supported((name,), value, valid)
    yield from _topologies(body)


def _provisioner(name: str, path: Path) -> Causes:
    if not name:
        yield required(path)
    for fault in formats.label_key(name.lower()) if name else ():
        yield invalid(path, name, fault)


def _parameters(found: Body, path: Path, *, needed: bool = False) -> Causes:
    if len(found) > _MAX_PARAMETERS:
        yield too_long(path, _MAX_PARAMETERS)
        return
    if "" in found:
        yield invalid(path, "", "field can not be empty.")
    if sum(len(f"{key}{value or ''}".encode("utf-8", "replace")) for key, value in found.items()) > _MAX_BYTES:
        yield too_long(path, _MAX_BYTES)
    if needed and not found:
        yield required(path, "must contain at least one key/value pair")


def _topologies(body: Body) -> Causes:
    """Two terms that say the same are one too many; a term that says nothing is a duplicate by accident of the server."""
    seen: list[Mapping[str, frozenset[str]]] = [{}]
    for at, term in items(body, "allowedTopologies", ()):
        expressions: dict[str, frozenset[str]] = {}
        for where, requirement in items(term, "matchLabelExpressions", at):
            key, values = text(requirement, "key"), [v or "" for v in requirement.get("values") or ()]
            if not values:
                yield required((*where, "values"))
            for i, value in enumerate(values):
                if value in values[:i][:100]:
                    yield duplicate((*where, "values", i), value)
            for fault in formats.label_key(key):
                yield invalid((*where, "key"), key, fault)
            if key in expressions:
                yield duplicate((*where, "key"), key)
            expressions[key] = frozenset(values)
        if expressions in seen:
            yield duplicate((*at, "matchLabelExpressions"), "")
        if len(seen) < 100:  # enough for any real cluster: the cost of comparing grows with the square
            seen.append(expressions)


def volume_attributes_class(body: Body, _: Gates) -> Causes:
    yield from _provisioner(text(body, "driverName"), ("driverName",))
    yield from _parameters(part(body, "parameters"), ("parameters",), needed=True)


def csi_driver(body: Body, on: Gates) -> Causes:
    spec = part(body, "spec")
    period, in_secrets = spec.get("nodeAllocatableUpdatePeriodSeconds"), spec.get("serviceAccountTokenInSecrets")
    if "MutableCSINodeAllocatableCount" in on and period is not None and period < 10:
        yield invalid((*_SPEC, "nodeAllocatableUpdatePeriodSeconds"), period, "must be greater than or equal to 10 seconds")
    if "CSIServiceAccountTokenSecrets" in on and in_secrets is not None and not spec.get("tokenRequests"):
        detail = "serviceAccountTokenInSecrets is set but no tokenRequests are specified"
        yield invalid((*_SPEC, "serviceAccountTokenInSecrets"), in_secrets, detail)
    policies = ("File", "None", "ReadWriteOnceWithFSType")
    if (policy := spec.get("fsGroupPolicy")) is not None and policy not in policies:
        yield not_supported((*_SPEC, "fsGroupPolicy"), policy, policies)
    audiences: set[str] = set()
    for at, request in items(spec, "tokenRequests", _SPEC):
        if (audience := text(request, "audience")) in audiences:
            yield duplicate((*at, "audience"), audience)
            continue
        audiences.add(audience)
        if (seconds := request.get("expirationSeconds")) is not None:
            if seconds < 600:
                yield invalid((*at, "expirationSeconds"), seconds, "may not specify a duration less than 10 minutes")
            if seconds > 2**32:
                yield invalid((*at, "expirationSeconds"), seconds, "may not specify a duration larger than 2^32 seconds")
    for at, mode in strings(spec, "volumeLifecycleModes", _SPEC):
        if mode not in ("Persistent", "Ephemeral"):
            yield not_supported(at, mode, ["Persistent", "Ephemeral"], at=at[:-1])


def csi_node(body: Body, _: Gates) -> Causes:
    names: set[str] = set()
    for at, driver in items(part(body, "spec"), "drivers", _SPEC):
        name, node = text(driver, "name"), text(driver, "nodeID")
        yield from sources.driver(name, (*at, "name"))
        if not node:
            yield required((*at, "nodeID"))
        if len(node) > 256:
            yield invalid((*at, "nodeID"), node, "must be 256 characters or less")
        yield from no_negative(part(driver, "allocatable"), "count", (*at, "allocatable"))
        if name in names:
            yield duplicate((*at, "name"), name)
        names.add(name)
        keys: set[str] = set()
        for where, key in strings(driver, "topologyKeys", at):
            if key in keys:
                yield duplicate(where, key, at=at)
            keys.add(key)
            for fault in formats.label_key(key):
                yield invalid(where, key, fault, at=at)


def csi_storage_capacity(body: Body, _: Gates) -> Causes:
    yield from selectors.causes(part(body, "nodeTopology"), ("nodeTopology",))
    for fault in formats.dns1123_subdomain(text(body, "storageClassName")):
        yield invalid(("storageClassName",), text(body, "storageClassName"), fault)
    if quantity.nano(body.get("capacity")) < 0:
        yield invalid(("capacity",), quantity.text(body["capacity"]), "must be greater than or equal to 0")


def persistent_volume(body: Body, _: Gates) -> Causes:
    spec = part(body, "spec")
    if not spec.get("accessModes"):
        yield required((*_SPEC, "accessModes"))
    yield from claims.access_modes(spec, _SPEC)
    yield from _capacity(part(spec, "capacity"))
    policies = ("Delete", "Recycle", "Retain")
    if (policy := text(spec, "persistentVolumeReclaimPolicy")) and policy not in policies:
        yield not_supported((*_SPEC, "persistentVolumeReclaimPolicy"), policy, policies)
    if (affinity := spec.get("nodeAffinity")) is not None:
        yield from _affinity(affinity, (*_SPEC, "nodeAffinity"))
    yield from _source(spec, text(part(body, "metadata"), "name"))
    if policy == "Recycle" and posixpath.normpath(text(part(spec, "hostPath"), "path") or ".") in ("/", "//"):
        yield forbidden((*_SPEC, "persistentVolumeReclaimPolicy"), "may not be 'recycle' for a hostPath mount of '/'")
    yield from _class(spec)


def _capacity(capacity: Body) -> Causes:
    path = (*_SPEC, "capacity")
    if not capacity:
        yield required(path)
    if "storage" not in capacity or len(capacity) > 1:
        yield not_supported(path, capacity, ["storage"])
    for name, size in capacity.items():
        if quantity.nano(size) < 0:
            yield invalid((*path, Key(name)), quantity.text(size), "must be a valid resource quantity")
        if quantity.nano(size) <= 0:
            yield invalid((*path, Key(name)), quantity.text(size), "must be greater than zero")


def _affinity(affinity: Body, path: Path) -> Causes:
    if (wanted := affinity.get("required")) is None:
        yield required((*path, "required"), "must specify required node constraints")
    else:
        yield from scheduling.node_selector(wanted, (*path, "required"))


def _source(spec: Body, name: str) -> Causes:
    """Only the first source is looked at, in the order of the server."""
    present = [kind for kind in _SOURCES if spec.get(kind) is not None]
    if not present:
        yield required(_SPEC, "must specify a volume type")
        return
    first = present[0]
    yield from _SOURCES[first](spec[first], (*_SPEC, first))
    for kind in present[1:]:
        yield forbidden((*_SPEC, kind), _MORE)
    if first == "local" and spec.get("nodeAffinity") is None:
        yield required((*_SPEC, "nodeAffinity"), "Local volume requires node affinity")
    if first == "iscsi" and spec["iscsi"].get("initiatorName") is not None:
        portal = text(spec["iscsi"], "targetPortal")
        if len(f"{name}:{portal}".encode("utf-8", "replace")) > 64:
            detail = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified."
            yield invalid((*_SPEC, "iscsi", "targetPortal"), portal, detail, at=(*_SPEC, "iscsi", "targetportal"))


def _class(spec: Body) -> Causes:
    if name := text(spec, "storageClassName"):
        for fault in formats.dns1123_subdomain(name):
            yield invalid((*_SPEC, "storageClassName"), name, fault)
    if (mode := spec.get("volumeMode")) is not None and mode not in claims.VOLUME_MODES:
        yield not_supported((*_SPEC, "volumeMode"), mode, claims.VOLUME_MODES)


_SOURCES: Mapping[str, sources.Rules] = {
    "hostPath": sources.host_path,
    "gcePersistentDisk": sources.gce,
    "awsElasticBlockStore": sources.aws,
    "glusterfs": sources.persistent_glusterfs,
    "flocker": sources.flocker,
    "nfs": sources.nfs,
    "rbd": sources.needs("monitors", "image"),
    "quobyte": sources.quobyte,
    "cephfs": sources.needs("monitors"),
    "iscsi": sources.persistent_iscsi,
    "cinder": sources.persistent_cinder,
    "fc": sources.fibre_channel,
    "flexVolume": sources.flex,
    "azureFile": sources.persistent_azure_file,
    "vsphereVolume": sources.needs("volumePath"),
    "photonPersistentDisk": sources.needs("pdID"),
    "portworxVolume": sources.needs("volumeID"),
    "azureDisk": sources.azure_disk,
    "scaleIO": sources.needs("gateway", "system", "volumeName"),
    "local": sources.local,
    "storageos": sources.persistent_storage_os,
    "csi": sources.persistent_csi,
}
"""In the order in which the server looks at them."""
