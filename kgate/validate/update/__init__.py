"""Would the server take the change from base to head? What it refuses beyond what it refuses of a new object."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from kgate.validate import gates, kinds, openapi
from kgate.validate.api import Api
from kgate.validate.cause import Body, Cause, Causes, dotted
from kgate.validate.schemas import Schema
from kgate.validate.update import cluster, pods, service, storage, table, workloads
from kgate.validate.update.change import Change, value_at
from kgate.validate.update.defaults import defaulted
from kgate.validate.update.merge import duplicates, merged

RULES: Mapping[tuple[str, str], Callable[[Change], Causes]] = {
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("batch", "Job"): workloads.job,
    ("", "Pod"): pods.pod,
    ("", "Service"): service.service,
    ("", "ConfigMap"): storage.config_map,
    ("", "Secret"): storage.secret,
    ("", "PersistentVolumeClaim"): storage.claim,
    ("", "PersistentVolume"): storage.volume,
    ("", "Node"): cluster.node,
    ("", "ResourceQuota"): cluster.resource_quota,
    ("networking.k8s.io", "ServiceCIDR"): cluster.service_cidr,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): cluster.custom_resource_definition,
}
"""Beside table.FIXED."""

_WITH_TEMPLATES = {
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("batch", "Job"),
    ("batch", "CronJob"),
    ("", "ReplicationController"),
}
"""Kinds with a default that may stay where it no longer belongs: the rules for new objects are asked of the merged object as well."""


def applied(head: Body, base: Body, known: Api, minor: str) -> Causes:
    """Causes that an apply of `head` meets because `base` was applied before. Both are sound objects of the same apiVersion and kind."""
    schema = openapi.compiled(known.version, known.kind, minor).schema
    group = known.version.rpartition("/")[0]
    live = defaulted(base, schema, schema)
    new = defaulted(merged(live, base, head, schema, schema), schema, schema)
    change = Change(head=head, new=new, old=live, root=schema, on=gates.on(minor), minor=minor)
    yield from _twice(head, base, schema)
    yield from _ruled(change, group, known.kind)
    if (group, known.kind) in _WITH_TEMPLATES:
        yield from _left_over(change, group, known.kind)


def replaced(body: Body, stored: Body, known: Api, minor: str) -> Causes:
    """Causes that an update (PUT) of `stored` to `body` meets because of what is stored: nothing is merged, what is left out goes.

    Both are sound objects of the same apiVersion and kind.
    """
    schema = openapi.compiled(known.version, known.kind, minor).schema
    new, old = defaulted(body, schema, schema), defaulted(stored, schema, schema)
    change = Change(head=body, new=new, old=old, root=schema, on=gates.on(minor), minor=minor)
    yield from _ruled(change, known.version.rpartition("/")[0], known.kind)


def _ruled(change: Change, group: str, kind: str) -> Causes:
    yield from _identity(change)
    yield from table.causes(change, group, kind)
    if rule := RULES.get((group, kind)):
        yield from rule(change)


def _twice(head: Body, base: Body, schema: Schema) -> Causes:
    """What stood twice in the base was not applied by the server, and will not be by whoever does it now."""
    before = {(at, key) for at, _, key in duplicates(base, schema, schema)}
    for at, path, key in duplicates(head, schema, schema):
        if (at, key) not in before:
            message = f"duplicate entries for key {key}"
            yield Cause(path=path, reason="FieldValueDuplicate", message=message, at=at, remediation="keep one of the two")


def _identity(change: Change) -> Causes:
    """The uid of an object is for life; a file that names one must name the same."""
    new, old = (body.get("metadata", {}).get("uid") for body in (change.new, change.old))
    if new and old and new != old:
        path = ("metadata", "uid")
        yield Cause(path=path, reason="FieldValueInvalid", message=f'Invalid value: "{new}": field is immutable', remediation="remove uid")


def _left_over(change: Change, group: str, kind: str) -> Causes:
    """What the rules for new objects say of the merged object alone: some default of the base does not go with the head."""
    if found := list(kinds.causes(change.new, group, kind, change.on)):
        before = {_said(cause) for cause in kinds.causes(change.old, group, kind, change.on)}
        yield from (_explained(cause, change) for cause in found if _said(cause) not in before)


def _explained(cause: Cause, change: Change) -> Cause:
    """Nobody can remove from the file what only the stored object has."""
    if value_at(change.head, cause.path) is not None or value_at(change.old, cause.path) is None:
        return cause
    remediation = (
        f"the server filled in {dotted(cause.path)} when {change.named} was created, and a server-side apply keeps it: make this change"
        " once with kubectl patch --type merge, with null there, or delete the object and create it anew"
    )
    return replace(cause, remediation=remediation)


def _said(cause: Cause) -> tuple[object, ...]:
    return (cause.path, cause.reason, cause.message)
