"""How objects begin, count their changes and end (s/apiserver/pkg/registry/{generic/registry/store,rest/delete}.go, pkg/registry)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from kgate.engine.api.core import Namespace, NamespaceSpec, Pod
from kgate.engine.api.meta import Millis, ObjectMeta, Resource, Unstructured
from kgate.engine.api.names import with_group
from kgate.engine.errors import conflict

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
"""Finalizers that ask the garbage collector to deal with dependents before the object goes."""

KUBERNETES = "kubernetes"
"""The finalizer in the spec of every namespace: the namespace controller empties it first."""

WITHOUT_GENERATION = frozenset(
    {
        "ClusterRole",
        "ClusterRoleBinding",
        "ConfigMap",
        "Endpoints",
        "Event",
        "HorizontalPodAutoscaler",
        "Lease",
        "LimitRange",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "PriorityClass",
        "ResourceQuota",
        "Role",
        "RoleBinding",
        "Secret",
        "Service",
        "ServiceAccount",
        "StorageClass",
    }
)
"""Kinds whose strategy never sets metadata.generation."""


def prepared(obj: Any) -> Any:
    """What only the server sets in a new object: a namespace is active and has its finalizer (registry/core/namespace/strategy.go)."""
    if not isinstance(obj, Namespace):
        return obj
    mine = () if KUBERNETES in obj.spec.finalizers else (KUBERNETES,)
    spec = NamespaceSpec(finalizers=(*obj.spec.finalizers, *mine), rest=obj.spec.rest)
    return replace(obj, spec=spec, status=replace(obj.status, phase="Active"))


def wants_another(before: Any, after: Any) -> bool:
    """Whether something changed that a generation counts: the spec, and a Deployment's annotations (registry/apps/deployment/strategy.go).

    To be bound does not count for a pod.
    """
    if isinstance(after, Unstructured):
        return _without_status(before) != _without_status(after)
    new, old = getattr(after, "spec", None), getattr(before, "spec", None)
    if new is not old and new != old:
        return not isinstance(after, Pod) or replace(after.spec, node_name="") != replace(before.spec, node_name="")
    return bool(after.kind == "Deployment" and after.metadata.annotations != before.metadata.annotations)


def _without_status(obj: Unstructured) -> dict[str, Any]:
    return {k: v for k, v in obj.rest.items() if k != "status"}


def finalizers(obj: Any) -> tuple[str, ...]:
    """What keeps an object that is being deleted from going."""
    meta: ObjectMeta = obj.metadata
    return (*meta.finalizers, *obj.spec.finalizers) if isinstance(obj, Namespace) else meta.finalizers


def due(obj: Any) -> bool:
    """Nothing keeps an object that is being deleted any longer."""
    return not obj.metadata.deletion_grace_period_seconds and not finalizers(obj)


def check_preconditions(obj: Resource, uid: str | None, resource_version: int | None) -> None:
    """Raises ApiError 409 (rest/delete.go:BeforeDelete)."""
    meta, kind = obj.metadata, with_group(obj.kind, obj.api_version)
    if uid is not None and uid != meta.uid:
        said = f"the UID in the precondition ({uid}) does not match the UID in record ({meta.uid})."
        raise conflict(kind, meta.name, f"{said} The object might have been deleted and then recreated")
    if resource_version is not None and resource_version != meta.resource_version:
        said = f"the ResourceVersion in the precondition ({resource_version}) does not match the ResourceVersion in record"
        raise conflict(kind, meta.name, f"{said} ({meta.resource_version}). The object might have been modified")


def marked(obj: Any, now_ms: Millis, grace_seconds: int | None, propagation: str | None) -> Any | None:
    """The object with what a delete leaves in it; None when it goes at once without leaving anything.

    Only pods have a grace period. Once it runs, a further delete can only shorten it.
    """
    if isinstance(obj, Pod):
        meta, running = _graceful(obj, now_ms, grace_seconds)
        if running:
            return obj
        return replace(obj, metadata=replace(meta, finalizers=_deletion_finalizers(meta, propagation)))
    left = replace(obj, metadata=replace(obj.metadata, finalizers=_deletion_finalizers(obj.metadata, propagation)))
    if not finalizers(left):
        return None
    left = replace(left, metadata=_at_once(left.metadata, now_ms))
    return replace(left, status=replace(left.status, phase="Terminating")) if isinstance(left, Namespace) else left


def _at_once(meta: ObjectMeta, now_ms: Millis) -> ObjectMeta:
    """Without a grace period (markAsDeleting)."""
    since = now_ms if meta.deletion_timestamp_ms is None else min(now_ms, meta.deletion_timestamp_ms)
    return replace(meta, deletion_timestamp_ms=since, deletion_grace_period_seconds=0, generation=_once_more(meta))


def _graceful(pod: Pod, now_ms: Millis, asked: int | None) -> tuple[ObjectMeta, bool]:
    """The marks of a pod's deletion, and whether it is under way and this one changes nothing (BeforeDelete)."""
    meta = pod.metadata
    if meta.deletion_timestamp_ms is None:
        grace = _grace(pod, asked)
        due_ms = now_ms + grace * 1000
        return replace(meta, deletion_timestamp_ms=due_ms, deletion_grace_period_seconds=grace, generation=_once_more(meta)), False
    before = meta.deletion_grace_period_seconds or 0
    if before == 0:
        return meta, False
    grace = before if asked is None else _positive(asked)
    if grace >= before:
        return meta, True
    due_ms = meta.deletion_timestamp_ms + (grace - before) * 1000
    if due_ms < now_ms:
        due_ms, grace = now_ms, min(grace, 1)
    return replace(meta, deletion_timestamp_ms=due_ms, deletion_grace_period_seconds=grace), False


def _grace(pod: Pod, asked: int | None) -> int:
    """Seconds; nobody waits for a pod that was never bound or has already ended (pkg/registry/core/pod/strategy.go:CheckGracefulDelete)."""
    given = asked if asked is not None else pod.spec.termination_grace_period_seconds
    return 0 if not pod.spec.node_name or pod.terminal else _positive(30 if given is None else given)


def _positive(grace: int) -> int:
    return 1 if grace < 0 else grace


def _once_more(meta: ObjectMeta) -> int:
    return meta.generation if meta.deleting or not meta.generation else meta.generation + 1


def _deletion_finalizers(meta: ObjectMeta, propagation: str | None) -> tuple[str, ...]:
    """An explicit policy overrides what the object already has (deletionFinalizersForGarbageCollection)."""
    if propagation is None:
        return meta.finalizers
    wanted = {"Foreground": (FOREGROUND,), "Orphan": (ORPHAN,)}.get(propagation, ())
    return (*(f for f in meta.finalizers if f not in (FOREGROUND, ORPHAN)), *wanted)
