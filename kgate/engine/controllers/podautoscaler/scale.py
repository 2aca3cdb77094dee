"""The scale of an autoscaler's target (horizontal.go:scaleForResourceMappings, pkg/registry/apps/deployment/storage/storage.go)."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.autoscaling import CrossVersionObjectReference
from kgate.engine.api.meta import Key, LabelSelector
from kgate.engine.api.names import resource
from kgate.engine.errors import ApiError, not_found
from kgate.engine.store import Store

_PLAYED: dict[tuple[str, str], type[Any]] = {("apps", "Deployment"): Deployment, ("apps", "ReplicaSet"): ReplicaSet}
_NOT_PLAYED = {("apps", "StatefulSet"): "apps/v1", ("", "ReplicationController"): "v1"}
"""Kinds that have a scale, and no controller here."""


class NotPlayedError(Exception):
    """The target has a scale, and nothing in this cluster acts on it."""


class NoScaleError(Exception):
    """There is no such scale, in the words of the API machinery."""


class Scale(Struct, frozen=True, kw_only=True):
    """autoscaling/v1 Scale. `status_replicas` counts pods that exist."""

    key: Key
    replicas: int
    status_replicas: int
    selector: LabelSelector


def get(store: Store, namespace: str, ref: CrossVersionObjectReference) -> Scale:
    """Raises NoScaleError, NotPlayedError."""
    target = _found(store, namespace, ref)
    return Scale(
        key=Key(target.kind, namespace, ref.name),
        replicas=target.spec.replicas,
        status_replicas=target.status.replicas,
        selector=target.spec.selector,
    )


def update(store: Store, scale: Scale, replicas: int) -> None:
    """Writes spec.replicas. Raises ApiError."""
    target = store.find(scale.key)
    if target is None:
        raise not_found(resource("apps/v1", scale.key.kind), scale.key.name)
    store.update(replace(target, spec=replace(target.spec, replicas=replicas)))


def _found(store: Store, namespace: str, ref: CrossVersionObjectReference) -> Any:
    if ref.api_version.count("/") > 1:
        raise NoScaleError(f"unexpected GroupVersion string: {ref.api_version}")
    group = ref.api_version.rpartition("/")[0]
    cls = _PLAYED.get((group, ref.kind))
    if cls is None:
        _other(store, namespace, ref, group)
    target: Any = store.get(cls, namespace, ref.name) if cls is not None else None
    if target is None:
        raise NoScaleError(_not_found("apps/v1", ref))
    return target


def _other(store: Store, namespace: str, ref: CrossVersionObjectReference, group: str) -> None:
    """What is not played: one that is there, one that is not, or a kind that the server does not know."""
    there: Any = store.find(Key(ref.kind, namespace, ref.name))
    if there is not None and there.api_version.rpartition("/")[0] == group:
        raise NotPlayedError(f"{ref.kind} is not played")
    if (group, ref.kind) in _NOT_PLAYED:
        raise NoScaleError(_not_found(_NOT_PLAYED[(group, ref.kind)], ref))
    raise NoScaleError(f'no matches for kind "{ref.kind}" in group "{group}"')


def _not_found(api_version: str, ref: CrossVersionObjectReference) -> str:
    answer: ApiError = not_found(resource(api_version, ref.kind), ref.name)
    return answer.message
