"""What a claim asks for, on its own or in a volume (pkg/apis/core/validation/validation.go:ValidatePersistentVolumeClaimSpec)."""

from __future__ import annotations

from kgate.manifest import Path
from kgate.validate import formats, quantity, resources, selectors
from kgate.validate.cause import Body, Causes, Key, forbidden, invalid, not_supported, part, required, strings, text

_ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")


def spec(found: Body, path: Path) -> Causes:
    modes = [mode for _, mode in strings(found, "accessModes", path)]
    if not modes:
        yield required((*path, "accessModes"), "at least 1 access mode is required")
    for i, mode in enumerate(modes):
        if mode not in _ACCESS_MODES:
            yield not_supported((*path, "accessModes", i), mode, _ACCESS_MODES)
    if "ReadWriteOncePod" in modes and set(modes) - {"ReadWriteOncePod"}:
        yield forbidden((*path, "accessModes"), "may not use ReadWriteOncePod with other access modes")
    yield from selectors.causes(part(found, "selector"), (*path, "selector"))
    yield from _storage(part(part(found, "resources"), "requests"), path)
    if name := text(found, "storageClassName"):
        for fault in formats.dns1123_subdomain(name):
            yield invalid((*path, "storageClassName"), name, fault)
    if (volume := found.get("volumeMode")) is not None and volume not in ("Block", "Filesystem"):
        yield not_supported((*path, "volumeMode"), volume, ["Block", "Filesystem"])


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
