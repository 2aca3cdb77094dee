"""Updates of what a cluster is made of: nodes, quotas, the ranges of Services, definitions of custom resources."""

from __future__ import annotations

from kgate.manifest import Path
from kgate.validate.cause import Body, Cause, Causes, items, part, shown, text
from kgate.validate.update.change import IMMUTABLE, Change, forbidden, refused

_SPEC: Path = ("spec",)


def node(change: Change) -> Causes:
    """pkg/apis/core/validation/validation.go:ValidateNodeUpdate. What the base does not write the cluster may have set."""
    new, old = part(change.new, "spec"), part(change.old, "spec")
    for name, called in (("podCIDRs", "podCIDR"), ("providerID", "providerID")):
        if old.get(name) and (found := change.differences((*_SPEC, name))):
            yield forbidden(change, found, (*_SPEC, name), f'node updates may not change {called} except from "" to valid')
    if text(new, "externalID") != text(old, "externalID"):
        path: Path = (*_SPEC, "externalID")
        yield forbidden(change, [path], path, "may not be updated")


def resource_quota(change: Change) -> Causes:
    """The order of scopes is free."""
    path: Path = (*_SPEC, "scopes")
    new, old = (set(part(body, "spec").get("scopes") or ()) for body in (change.new, change.old))
    if new != old:
        yield refused(change, change.differences(path), path, IMMUTABLE)


def service_cidr(change: Change) -> Causes:
    """pkg/apis/networking/validation/validation.go:ValidateServiceCIDRUpdate: a second family may come."""
    path: Path = (*_SPEC, "cidrs")
    new, old = (part(body, "spec").get("cidrs") or [] for body in (change.new, change.old))
    if len(new) != len(old) and (len(old), len(new)) != (1, 2):
        yield refused(change, change.differences(path), path, IMMUTABLE)
        return
    for i, (mine, theirs) in enumerate(zip(new, old, strict=False)):
        if mine != theirs:
            yield refused(change, [(*path, i)], (*path, i), IMMUTABLE)


def custom_resource_definition(change: Change) -> Causes:
    """apiextensions-apiserver: in a version that was once the storage version there may be objects, and they must stay readable."""
    stored, path = _storage(change.old), (*_SPEC, "versions")
    names = [text(version, "name") for _, version in items(part(change.new, "spec"), "versions", _SPEC)]
    if stored and stored not in names:
        detail = (
            f"missing from spec.versions; {stored} was previously a storage version, and must remain in spec.versions until a storage"
            f" migration ensures no data remains persisted in {stored} and removes {stored} from status.storedVersions"
        )
        instead = f"keep {stored} with served: false until every object is stored in another version"
        message = f"Invalid value: {shown(stored)}: {detail}"
        at: Path = ("status", "storedVersions", 0)
        yield Cause(path=path, reason="FieldValueInvalid", message=message, at=at, remediation=instead)


def _storage(body: Body) -> str:
    versions = items(part(body, "spec"), "versions", _SPEC)
    return next((text(version, "name") for _, version in versions if version.get("storage")), "")
