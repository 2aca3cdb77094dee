"""Where the bytes of a volume come from: the sources that pods and PersistentVolumes share, and those of one of them.

From pkg/apis/core/validation/validation.go:validateVolumeSource, ValidatePersistentVolumeSpec.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kgate.manifest import Path
from kgate.validate import formats, paths
from kgate.validate.cause import Body, Causes, Key, invalid, not_supported, number, part, required, text, too_long

Rules = Callable[[Body, Path], Causes]

_HOST_PATH_TYPES = ("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket")
_PARTITION = "must be between 1 and 255, inclusive"
_BY_TWO = ("iqn", "eui", "naa")
_IQN = re.compile(r"iqn\.[0-9]{4}-[0-9]{2}\.[A-Za-z0-9.-]+:[^,;*&$|\s]+\Z").search
_EUI = re.compile(r"eui.[A-Za-z0-9]{16}").fullmatch
_NAA = re.compile(r"naa.[A-Za-z0-9]{32}").fullmatch
_PAIRS = "must be a host:port pair or multiple pairs separated by commas"
_RESERVED = (".kubernetes.io", ".k8s.io")
_MANAGED = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
_BLOB = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"


def needs(*names: str) -> Rules:
    """A source whose rules are the names that must not be empty."""

    def rules(source: Body, path: Path) -> Causes:
        for name in names:
            if not source.get(name):
                yield required((*path, name))

    return rules


def host_path(source: Body, path: Path) -> Causes:
    if not text(source, "path"):
        yield required((*path, "path"))
        return
    yield from paths.no_backsteps(text(source, "path"), (*path, "path"))
    if (kind := text(source, "type")) not in _HOST_PATH_TYPES:
        yield not_supported((*path, "type"), kind, _HOST_PATH_TYPES)


def disk(source: Body, path: Path, name: str, *, at: Path = ()) -> Causes:
    """A disk of Google or Amazon."""
    if not text(source, name):
        yield required((*path, name), at=(*at, name) if at else ())
    if not 0 <= (partition := number(source, "partition")) <= 255:
        yield invalid((*path, "partition"), partition, _PARTITION, at=(*at, "partition") if at else ())


def gce(source: Body, path: Path) -> Causes:
    """The server calls it persistentDisk."""
    yield from disk(source, path, "pdName", at=(*path[:-1], "persistentDisk"))


def aws(source: Body, path: Path) -> Causes:
    yield from disk(source, path, "volumeID")


def nfs(source: Body, path: Path) -> Causes:
    yield from needs("server", "path")(source, path)
    if not text(source, "path").startswith("/"):
        yield invalid((*path, "path"), text(source, "path"), "must be an absolute path")


def iscsi(source: Body, path: Path) -> Causes:
    yield from needs("targetPortal")(source, path)
    yield from _qualified(text(source, "iqn"), (*path, "iqn")) if text(source, "iqn") else (required((*path, "iqn")),)
    for fault in formats.between(number(source, "lun"), 0, 255):
        yield invalid((*path, "lun"), number(source, "lun"), fault)
    if (source.get("chapAuthDiscovery") or source.get("chapAuthSession")) and source.get("secretRef") is None:
        yield required((*path, "secretRef"))
    if (initiator := source.get("initiatorName")) is not None:
        yield from _qualified(initiator, (*path, "initiatorName"), at=(*path, "initiatorname"))


def _qualified(name: str, path: Path, *, at: Path = ()) -> Causes:
    if not name.startswith(_BY_TWO):
        yield invalid(path, name, "must be valid format starting with iqn, eui, or naa", at=at)
    elif not (_IQN(name) if name.startswith("iqn") else _EUI(name) if name.startswith("eui") else _NAA(name)):
        yield invalid(path, name, "must be valid format", at=at)


def persistent_iscsi(source: Body, path: Path) -> Causes:
    yield from iscsi(source, path)
    yield from _secret(source, path, "name")


def fibre_channel(source: Body, path: Path) -> Causes:
    names, ids, lun = source.get("targetWWNs"), source.get("wwids"), source.get("lun")
    if not names and not ids:
        yield required((*path, "targetWWNs"), "must specify either targetWWNs or wwids, but not both")
    if names and ids:
        yield invalid((*path, "targetWWNs"), names, "targetWWNs and wwids can not be specified simultaneously")
    if names and lun is None:
        yield required((*path, "lun"), "lun is required if targetWWNs is specified")
    elif names and lun is not None:
        for fault in formats.between(lun, 0, 255):
            yield invalid((*path, "lun"), lun, fault)


def persistent_glusterfs(source: Body, path: Path) -> Causes:
    yield from needs("endpoints", "path")(source, path)
    namespace, at = source.get("endpointsNamespace"), (*path, "endpointsNamespace")
    if namespace == "":
        yield invalid(at, namespace, "if the endpointnamespace is set, it must be a valid namespace name")
    for fault in formats.dns1123_label(namespace) if namespace else ():
        yield invalid(at, namespace, fault)


def flocker(source: Body, path: Path) -> Causes:
    name, uuid = text(source, "datasetName"), text(source, "datasetUUID")
    if not name and not uuid:
        yield required(path, "one of datasetName and datasetUUID is required")
    if name and uuid:
        yield invalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously")
    if "/" in name:
        yield invalid((*path, "datasetName"), name, "must not contain '/'")


def quobyte(source: Body, path: Path) -> Causes:
    registry = text(source, "registry")
    if not registry:
        yield required((*path, "registry"), _PAIRS)
    elif len(text(source, "tenant")) >= 65:
        yield required((*path, "tenant"), "must be a UUID and may not exceed a length of 64 characters")
    elif not all(map(_is_pair, registry.split(","))):
        yield invalid((*path, "registry"), registry, _PAIRS)
    yield from needs("volume")(source, path)


def _is_pair(pair: str) -> bool:
    """Go's net.SplitHostPort: one colon, or colons within brackets."""
    host, colon, _ = pair.rpartition(":")
    return bool(colon) and (":" not in host or (host.startswith("[") and host.endswith("]")))


def _secret(source: Body, path: Path, *names: str) -> Causes:
    if (secret := source.get("secretRef")) is not None:
        yield from needs(*names)(secret, (*path, "secretRef"))


def cinder(source: Body, path: Path) -> Causes:
    yield from needs("volumeID")(source, path)
    yield from _secret(source, path, "name")


def persistent_cinder(source: Body, path: Path) -> Causes:
    yield from needs("volumeID")(source, path)
    yield from _secret(source, path, "name", "namespace")


def flex(source: Body, path: Path) -> Causes:
    yield from needs("driver")(source, path)
    for key in part(source, "options"):
        if f".{key.partition('/')[0].lower()}".endswith(_RESERVED):
            yield invalid((*path, "options", Key(key)), key, "kubernetes.io and k8s.io namespaces are reserved", key=True)


def persistent_azure_file(source: Body, path: Path) -> Causes:
    yield from needs("secretName", "shareName")(source, path)
    if source.get("secretNamespace") == "":
        yield required((*path, "secretNamespace"))


def azure_disk(source: Body, path: Path) -> Causes:
    """kind is Shared and cachingMode ReadWrite where they are left out (pkg/apis/core/v1/defaults.go)."""
    yield from needs("diskName", "diskURI")(source, path)
    kind, uri = source.get("kind") or "Shared", text(source, "diskURI")
    for name, valid in (("cachingMode", ("None", "ReadOnly", "ReadWrite")), ("kind", ("Dedicated", "Managed", "Shared"))):
        if (value := source.get(name)) is not None and value not in valid:
            yield not_supported((*path, name), value, valid)
    start, wanted = ("/subscriptions/", _MANAGED) if kind == "Managed" else ("https://", _BLOB)
    if not uri.startswith(start):
        yield not_supported((*path, "diskURI"), uri, [wanted])


def storage_os(source: Body, path: Path) -> Causes:
    yield from needs("volumeName")(source, path)
    for name in ("volumeName", "volumeNamespace"):
        for fault in formats.dns1123_label(text(source, name)) if text(source, name) else ():
            yield invalid((*path, name), text(source, name), fault)
    yield from _secret(source, path, "name")


def persistent_storage_os(source: Body, path: Path) -> Causes:
    yield from storage_os(source, path)
    if (secret := source.get("secretRef")) is not None:
        yield from needs("namespace")(secret, (*path, "secretRef"))


def local(source: Body, path: Path) -> Causes:
    yield from needs("path")(source, path)
    yield from paths.no_backsteps(text(source, "path"), (*path, "path"))


def driver(name: str, path: Path) -> Causes:
    """ValidateCSIDriverName; capitals are taken."""
    if not name:
        yield required(path)
        return
    if len(name.encode("utf-8", "replace")) > 63:
        yield too_long(path, 63)
    for fault in formats.dns1123_subdomain(name.lower()):
        yield invalid(path, name, fault)


def csi(source: Body, path: Path) -> Causes:
    """The server leaves the reference out of the field of its name."""
    yield from driver(text(source, "driver"), (*path, "driver"))
    if (secret := source.get("nodePublishSecretRef")) is not None:
        at, name = (*path, "nodePublishSecretRef", "name"), text(secret, "name")
        if not name:
            yield required(at)
        for fault in formats.dns1123_subdomain(name) if name else ():
            yield invalid(at, name, fault, at=(*path, "name"))


def persistent_csi(source: Body, path: Path) -> Causes:
    yield from driver(text(source, "driver"), (*path, "driver"))
    yield from needs("volumeHandle")(source, path)
    for reference in ("controllerPublishSecretRef", "controllerExpandSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef"):
        if (secret := source.get(reference)) is not None:
            yield from _persistent_secret(secret, (*path, reference))


def _persistent_secret(secret: Body, path: Path) -> Causes:
    for name, faults in (("name", formats.dns1123_subdomain), ("namespace", formats.dns1123_label)):
        if not (value := text(secret, name)):
            yield required((*path, name))
        for fault in faults(value) if value else ():
            yield invalid((*path, name), value, fault)
