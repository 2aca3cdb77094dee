"""Volumes of a pod (pkg/apis/core/validation/validation.go:ValidateVolumes)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from kgate.manifest import Path
from kgate.validate import claims, fields, formats, meta, paths, quantity, selectors, sources
from kgate.validate.cause import (
    Body,
    Cause,
    Causes,
    duplicate,
    forbidden,
    invalid,
    items,
    not_supported,
    number,
    part,
    required,
    text,
)

_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
_MORE = "may not specify more than 1 volume type"

Volumes = Mapping[str, str]
"""The sound volumes of a pod by name: which source each has."""


def causes(spec: Body, path: Path, templates: tuple[str, ...]) -> tuple[Volumes, tuple[Cause, ...]]:
    """The volumes that mounts may name, and what is wrong with the others. Claim `templates` hide volumes of their name."""
    known = dict.fromkeys(templates, "persistentVolumeClaim")
    wrong: list[Cause] = []
    for at, volume in items(spec, "volumes", path):
        name = text(volume, "name")
        if name in templates:
            continue
        found = (*_source(volume, at), *_name(name, (*at, "name"), known))
        if not found:
            known[name] = next((s for s in _SOURCES if volume.get(s) is not None), "emptyDir")
        wrong.extend(found)
    return known, tuple(wrong)


def _name(name: str, path: Path, known: Volumes) -> Causes:
    if not name:
        yield required(path)
    for fault in formats.dns1123_label(name) if name else ():
        yield invalid(path, name, fault)
    if name in known:
        yield duplicate(path, name)


def _source(volume: Body, path: Path) -> Causes:
    """Without any source a volume is an emptyDir. Only the first source is looked at, in the order of the server."""
    present = [name for name in _SOURCES if volume.get(name) is not None]
    if present:
        yield from _SOURCES[present[0]](volume[present[0]], (*path, present[0]))
    for name in present[1:]:
        yield forbidden((*path, name), _MORE)


def _mode(body: Body, name: str, path: Path) -> Causes:
    if not 0 <= number(body, name) <= 0o777:
        yield invalid((*path, name), body[name], _MODE)


def _nothing(source: Body, path: Path) -> Causes:
    """A source of which only the schema is checked."""
    return iter(())


def _empty_dir(source: Body, path: Path) -> Causes:
    if quantity.nano(source.get("sizeLimit")) < 0:
        yield forbidden((*path, "sizeLimit"), "SizeLimit field must be a valid resource quantity")


def _git_repo(source: Body, path: Path) -> Causes:
    yield from sources.needs("repository")(source, path)
    yield from paths.descending(text(source, "directory"), (*path, "directory"))


def _secret(source: Body, path: Path) -> Causes:
    yield from sources.needs("secretName")(source, path)
    yield from _projection(source, path)


def _config_map(source: Body, path: Path) -> Causes:
    yield from sources.needs("name")(source, path)
    yield from _projection(source, path)


def _projection(source: Body, path: Path) -> Causes:
    yield from _mode(source, "defaultMode", path)
    for at, item in items(source, "items", path):
        yield from _key_to_path(item, at)


def _key_to_path(item: Body, path: Path) -> Causes:
    for name in ("key", "path"):
        if not text(item, name):
            yield required((*path, name))
    yield from paths.not_reserved(text(item, "path"), (*path, "path"))
    yield from _mode(item, "mode", path)


def _ephemeral(source: Body, path: Path) -> Causes:
    template, at = source.get("volumeClaimTemplate"), (*path, "volumeClaimTemplate")
    if template is None:
        yield required(at)
        return
    metadata = part(template, "metadata")
    yield from meta.annotated(part(metadata, "annotations"), (*at, "metadata", "annotations"))
    yield from meta.labels(part(metadata, "labels"), (*at, "metadata", "labels"))
    for name in metadata:
        if name not in ("annotations", "labels") and metadata[name]:
            yield forbidden((*at, "metadata", name), "cannot be set")
    yield from claims.spec(part(template, "spec"), (*at, "spec"))


def _image(source: Body, path: Path) -> Causes:
    """What stands in a template may still lack its reference."""
    if (policy := text(source, "pullPolicy")) and policy not in ("Always", "IfNotPresent", "Never"):
        yield not_supported((*path, "pullPolicy"), policy, ["Always", "IfNotPresent", "Never"])


def _downward(source: Body, path: Path) -> Causes:
    """The server names the list, not the item of it."""
    yield from _mode(source, "defaultMode", path)
    for at, file in items(source, "items", path):
        yield from _downward_file(file, at, path)


def _downward_file(file: Body, path: Path, field: Path) -> Causes:
    if not text(file, "path"):
        yield required((*path, "path"), at=(*field, "path"))
    yield from paths.not_reserved(text(file, "path"), (*path, "path"), at=(*field, "path"))
    reference, resource = file.get("fieldRef"), file.get("resourceFieldRef")
    if reference is not None:
        yield from fields.object_field(reference, (*path, "fieldRef"), fields.OF_VOLUMES)
        if resource is not None:
            yield invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously", at=field)
    elif resource is not None:
        yield from fields.resource_field(resource, (*path, "resourceFieldRef"), of_volume=True)
    else:
        yield required(path, "one of fieldRef and resourceFieldRef is required", at=field)
    yield from _mode(file, "mode", path)


def _projected(source: Body, path: Path) -> Causes:
    yield from _mode(source, "defaultMode", path)
    taken: set[str] = set()
    for at, projection in items(source, "sources", path):
        present = [name for name in _PROJECTIONS if projection.get(name) is not None]
        for name in present:
            yield from _PROJECTIONS[name](projection[name], (*at, name))
        if len(present) > 1:
            yield forbidden(at, "may not specify more than 1 volume type per source")
        for where, file in _written(projection, at):
            if file in taken:
                yield invalid(where, file, "conflicting duplicate paths", at=path)
            taken.add(file)


def _written(projection: Body, path: Path) -> Iterator[tuple[Path, str]]:
    for name in ("secret", "configMap", "downwardAPI"):
        for at, item in items(part(projection, name), "items", (*path, name)):
            if file := text(item, "path"):
                yield (*at, "path"), file


def _projected_object(source: Body, path: Path) -> Causes:
    yield from sources.needs("name")(source, path)
    for at, item in items(source, "items", path):
        yield from _key_to_path(item, at)


def _projected_downward(source: Body, path: Path) -> Causes:
    for at, file in items(source, "items", path):
        yield from _downward_file(file, at, path)


def _token(source: Body, path: Path) -> Causes:
    seconds = number(source, "expirationSeconds", 3600)
    if seconds < 600:
        yield invalid((*path, "expirationSeconds"), seconds, "may not specify a duration less than 10 minutes")
    if seconds > 2**32:
        yield invalid((*path, "expirationSeconds"), seconds, "may not specify a duration larger than 2^32 seconds")
    field = (*path[:-3], "path")  # the server names the volume
    if not text(source, "path"):
        yield required((*path, "path"), at=field)
    yield from paths.not_reserved(text(source, "path"), (*path, "path"), at=field)


def _trust_bundle(source: Body, path: Path) -> Causes:
    name, signer = source.get("name"), source.get("signerName")
    if name is not None and signer is not None:
        yield invalid(path, source, "only one of name and signerName may be used")
    elif name is None and signer is None:
        yield required(path, "either name or signerName must be specified")
    elif name is not None and source.get("labelSelector") is not None:
        yield invalid((*path, "labelSelector"), source["labelSelector"], "labelSelector must be unset if name is specified")
    elif signer is not None:
        yield from selectors.causes(part(source, "labelSelector"), (*path, "labelSelector"))
    if not text(source, "path"):
        yield required((*path, "path"))
    yield from paths.not_reserved(text(source, "path"), (*path, "path"))


_PROJECTIONS: Mapping[str, Callable[[Body, Path], Causes]] = {
    "secret": _projected_object,
    "configMap": _projected_object,
    "downwardAPI": _projected_downward,
    "serviceAccountToken": _token,
    "clusterTrustBundle": _trust_bundle,
    "podCertificate": _nothing,
}

_SOURCES: Mapping[str, sources.Rules] = {
    "emptyDir": _empty_dir,
    "hostPath": sources.host_path,
    "gitRepo": _git_repo,
    "gcePersistentDisk": sources.gce,
    "awsElasticBlockStore": sources.aws,
    "secret": _secret,
    "nfs": sources.nfs,
    "iscsi": sources.iscsi,
    "glusterfs": sources.needs("endpoints", "path"),
    "flocker": sources.flocker,
    "persistentVolumeClaim": sources.needs("claimName"),
    "rbd": sources.needs("monitors", "image"),
    "cinder": sources.cinder,
    "cephfs": sources.needs("monitors"),
    "quobyte": sources.quobyte,
    "downwardAPI": _downward,
    "fc": sources.fibre_channel,
    "flexVolume": sources.flex,
    "configMap": _config_map,
    "azureFile": sources.needs("secretName", "shareName"),
    "vsphereVolume": sources.needs("volumePath"),
    "photonPersistentDisk": sources.needs("pdID"),
    "portworxVolume": sources.needs("volumeID"),
    "azureDisk": sources.azure_disk,
    "storageos": sources.storage_os,
    "projected": _projected,
    "scaleIO": sources.needs("gateway", "system", "volumeName"),
    "csi": sources.csi,
    "ephemeral": _ephemeral,
    "image": _image,
}
"""In the order in which the server looks at them."""
