"""Nodes (staging/src/k8s.io/api/core/v1/types.go)."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct, field

from kgate.engine.api.meta import NO_METADATA, NO_REST, Condition, ObjectMeta, Rest, Time
from kgate.engine.api.pods import NO_RESOURCES, ResourceList


class Taint(Struct, frozen=True, kw_only=True, gc=False):
    """`effect` is NoSchedule, PreferNoSchedule or NoExecute."""

    key: str = ""
    value: str = ""
    effect: str = ""
    time_added_ms: Time | None = None
    rest: Rest = NO_REST


class NodeSpec(Struct, frozen=True, kw_only=True, gc=False):
    """`unschedulable` is what `kubectl cordon` sets."""

    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()
    provider_id: str = field(default="", name="providerID")
    rest: Rest = NO_REST


class ContainerImage(Struct, frozen=True, kw_only=True, gc=False):
    """An image the node has already pulled, under all its names."""

    names: tuple[str, ...] = ()
    size_bytes: int = 0
    rest: Rest = NO_REST


class NodeStatus(Struct, frozen=True, kw_only=True, gc=False):
    """What the node has, and how it feels."""

    capacity: ResourceList = NO_RESOURCES
    allocatable: ResourceList = NO_RESOURCES
    conditions: tuple[Condition, ...] = ()
    images: tuple[ContainerImage, ...] = ()
    rest: Rest = NO_REST


class Node(Struct, frozen=True, kw_only=True, gc=False):
    """A machine pods are bound to."""

    kind: ClassVar[str] = "Node"
    api_version: ClassVar[str] = "v1"
    metadata: ObjectMeta = NO_METADATA
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()
    rest: Rest = NO_REST
