"""What a claim asks for, on its own or in a volume (pkg/apis/core/validation/validation.go:ValidatePersistentVolumeClaimSpec)."""

from __future__ import annotations

from kgate.manifest import Path
from kgate.validate import formats, quantity, resources, selectors
from kgate.validate.cause import Body, Causes, Key, forbidden, invalid, not_supported, part, required, strings, text

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")
_CLAIM = "PersistentVolumeClaim"
_SNAPSHOTS = ("snapshot.storage.k8s.io", "VolumeSnapshot")


def spec(found: Body, path: Path) -> Causes:
    if not found.get("accessModes"):
        yield required((*path, "accessModes"), "at least 1 access mode is required")
    yield from access_modes(found, path)
    yield from selectors.causes(part(found, "selector"), (*path, "selector"))
    yield from _storage(part(part(found, "resources"), "requests"), path)
    for name in ("storageClassName", "volumeAttributesClassName"):
        for fault in formats.dns1123_subdomain(text(found, name)) if text(found, name) else ():
            yield invalid((*path, name), text(found, name), fault)
    if (volume := found.get("volumeMode")) is not None and volume not in VOLUME_MODES:
        yield not_supported((*path, "volumeMode"), volume, VOLUME_MODES)
    yield from _data_sources(found, path)


def access_modes(found: Body, path: Path) -> Causes:
    """The server names the list, not the item of it."""
    modes = [mode for _, mode in strings(found, "accessModes", path)]
    for i, mode in enumerate(modes):
        if mode not in ACCESS_MODES:
            yield not_supported((*path, "accessModes", i), mode, ACCESS_MODES, at=(*path, "accessModes"))
    if "ReadWriteOncePod" in modes and set(modes) & {*ACCESS_MODES} - {"ReadWriteOncePod"}:
        yield forbidden((*path, "accessModes"), "may not use ReadWriteOncePod with other access modes")


def _storage(requests: Body, path: Path) -> Causes:
    """The server leaves `requests` out of the field."""
    at = (*path, "resources", Key("storage"))
    where = (*path, "resources", "requests", Key("storage"))
    if "storage" not in requests:
        yield required(where, at=at)
    elif quantity.nano(requests["storage"]) <= 0:
        yield invalid(where, quantity.text(requests["storage"]), "must be greater than zero", at=at)
    else:
        yield from resources.amount("storage", requests["storage"], where)


def _data_sources(found: Body, path: Path) -> Causes:
    """What the server drops before it looks is not looked at: a reference into another namespace, an unknown kind of dataSource."""
    source, reference = found.get("dataSource"), found.get("dataSourceRef")
    if reference is not None and text(reference, "namespace"):
        return
    if reference is None and source is not None and not _kept(source):
        return
    for name, value in (("dataSource", source), ("dataSourceRef", reference)):
        if value is not None:
            yield from _data_source(value, (*path, name))
    if source is not None and reference is not None and _identity(source) != _identity(reference):
        yield invalid((*path, "dataSource"), "dataSource", "must match dataSourceRef", at=path)


def _kept(source: Body) -> bool:
    group, kind = text(source, "apiGroup"), text(source, "kind")
    return (not group and kind == _CLAIM) or (group, kind) == _SNAPSHOTS


def _identity(source: Body) -> tuple[str | None, str, str]:
    return source.get("apiGroup"), text(source, "kind"), text(source, "name")


def _data_source(source: Body, path: Path) -> Causes:
    for name in ("name", "kind"):
        if not text(source, name):
            yield required((*path, name))
    group, kind = text(source, "apiGroup"), text(source, "kind")
    if not group and kind != _CLAIM:
        yield invalid(path, kind, f"must be '{_CLAIM}' when referencing the default apiGroup")
    for fault in formats.dns1123_subdomain(group) if group else ():
        yield invalid((*path, "apiGroup"), group, fault)
