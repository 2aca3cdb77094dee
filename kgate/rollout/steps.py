"""The scenario language as data: a cluster, how its pods behave, and what is done to it step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kgate.manifest import Path
from kgate.rollout.nodes import NodeSpec
from kgate.rollout.pods import Kubelet

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply:
    """Server-side apply, forced, always as the same field manager."""

    objects: tuple[Body, ...]
    listed: bool
    """Whether the step was written as a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    object: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    kind: str
    name: str
    patch: Any
    type: str
    subresource: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    name: str
    replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """By name, or the oldest live pod that fits `prefix` and `ready`, or the newest ReplicaSet."""

    kind: str
    name: str
    propagation: str
    grace_s: int | None
    pick: bool = False
    prefix: str = ""
    ready: bool | None = None
    newest_replica_set: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Evict:
    prefix: str
    node: str
    unready: bool | None
    """Only pods that are not ready (True) or ready (False)."""
    count: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    node: str
    timeout_ms: int
    retry_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStep:
    """`verb` is one of stop start cordon uncordon delete taint untaint label add."""

    verb: str
    name: str = ""
    taint: Mapping[str, str] | None = None
    labels: Mapping[str, str | None] | None = None
    added: tuple[NodeSpec, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unready:
    prefix: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    prefix: str
    cpu: str
    memory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeletStep:
    """Changes the named parts of the behaviour from now on."""

    changes: Body
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleep:
    ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    names: tuple[str, ...]
    allow_terminating: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionHolds:
    kind: str
    name: str
    type: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusHolds:
    kind: str
    name: str
    fields: Mapping[str, Any]
    """Field of .status to its value, or to a mapping of `ge` and `le`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodsCount:
    """How many pods, whose names begin with `prefix`, are in each state; None: any number."""

    prefix: str
    total: int | None
    ready: int | None
    bound: int | None
    unschedulable: int | None
    terminating: int | None
    not_on_node: str
    """No live pod is bound to this node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSeen:
    reason: str
    contains: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeHolds:
    name: str
    ready: str
    taint: str
    effect: str
    absent: bool


Until = Complete | Quiet | ConditionHolds | StatusHolds | PodsCount | Gone | EventSeen | NodeHolds


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    until: Until
    settle_ms: int
    timeout_ms: int


Action = Apply | Create | Patch | Scale | Delete | Evict | Drain | NodeStep | Unready | Metrics | KubeletStep | Sleep | Wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    op: str
    action: Action
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str
    description: str = ""
    category: str = ""
    kubernetes: str = ""
    """The minor it wants to be played as (`1.36`); empty: the newest."""
    nodes: tuple[NodeSpec, ...]
    kubelet: Kubelet
    objects: tuple[Body, ...] = ()
    settings: Mapping[str, Any]
    steps: tuple[Step, ...] = ()


def doing(action: Action) -> str:
    """What the step does beside the object it writes, in a few words, for people."""
    match action:
        case NodeStep():
            names = action.name or ", ".join(n.name for n in action.added)
            return f"{action.verb} {names}"
        case Wait():
            return f"for {_awaited(action.until)}"
        case Sleep():
            return f"{action.ms / 1000:g}s"
        case Drain():
            return action.node
        case Evict() | Unready() | Metrics():
            return f"{action.prefix}*"
    return ""


def _awaited(until: Until) -> str:
    match until:
        case Complete():
            return "complete " + ", ".join(until.names)
        case Quiet():
            return f"quiet {until.ms / 1000:g}s"
        case ConditionHolds():
            return f"{until.kind}/{until.name} {until.type} " + " ".join(filter(None, (until.status, until.reason)))
        case StatusHolds():
            return f"{until.kind}/{until.name} {', '.join(until.fields)}"
        case PodsCount():
            return f"pods {until.prefix}*"
        case Gone():
            return f"{until.kind}/{until.name} gone"
        case EventSeen():
            return f"event {until.reason}"
        case NodeHolds():
            return f"Node/{until.name}"
