"""The scenario language as data: a cluster, how its pods behave, and what is done to it step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from kgate.manifest import Path
from kgate.rollout.expect.terms import Expectation
from kgate.rollout.nodes import Growth, NodeSpec
from kgate.rollout.pods import Kubelet
from kgate.rollout.scheduling import SchedulerSpec

Body = Mapping[str, Any]


class Apply(Struct, frozen=True, kw_only=True):
    """Server-side apply, forced, always as the same field manager."""

    objects: tuple[Body, ...]
    listed: bool
    """Whether the step was written as a list."""


class Create(Struct, frozen=True, kw_only=True):
    object: Body


class Patch(Struct, frozen=True, kw_only=True):
    kind: str
    name: str
    patch: Any
    type: str
    subresource: str


class Scale(Struct, frozen=True, kw_only=True):
    name: str
    replicas: int


class Delete(Struct, frozen=True, kw_only=True):
    """By name, or the oldest live pod that fits `prefix` and `ready`, or the newest ReplicaSet."""

    kind: str
    name: str
    propagation: str
    grace_s: int | None
    pick: bool = False
    prefix: str = ""
    ready: bool | None = None
    newest_replica_set: bool = False


class Evict(Struct, frozen=True, kw_only=True):
    prefix: str
    node: str
    unready: bool | None
    """Only pods that are not ready (True) or ready (False)."""
    count: int | None


class Drain(Struct, frozen=True, kw_only=True):
    node: str
    timeout_ms: int
    retry_ms: int


class NodeStep(Struct, frozen=True, kw_only=True):
    """`verb` is one of stop start cordon uncordon delete taint untaint label add."""

    verb: str
    name: str = ""
    taint: Mapping[str, str] | None = None
    labels: Mapping[str, str | None] | None = None
    added: tuple[NodeSpec, ...] = ()


class Unready(Struct, frozen=True, kw_only=True):
    prefix: str
    count: int


class Metrics(Struct, frozen=True, kw_only=True):
    prefix: str
    cpu: str
    memory: str


class KubeletStep(Struct, frozen=True, kw_only=True):
    """Changes the named parts of the behaviour from now on."""

    changes: Body
    path: Path


Kind = Literal["tie", "deletion", "start"]
"""What Kubernetes leaves open: a node among equals, a pod among equals, how long a pod starts."""


class Schedule(Struct, frozen=True, kw_only=True):
    """From now on what Kubernetes leaves open is numbered from 0, each kind by itself; what is named here comes as it says."""

    told: Mapping[tuple[Kind, int], str]
    """By kind (tie, deletion, start) and number: a node, or how many milliseconds a pod takes to start.

    A node that is not among those to choose from then is not taken.
    """


class Sleep(Struct, frozen=True, kw_only=True):
    ms: int


class Complete(Struct, frozen=True, kw_only=True):
    names: tuple[str, ...]
    allow_terminating: bool


class Quiet(Struct, frozen=True, kw_only=True):
    ms: int


class ConditionHolds(Struct, frozen=True, kw_only=True):
    kind: str
    name: str
    type: str
    status: str
    reason: str


class StatusHolds(Struct, frozen=True, kw_only=True):
    kind: str
    name: str
    fields: Mapping[str, Any]
    """Field of .status to its value, or to a mapping of `ge` and `le`."""


class PodsCount(Struct, frozen=True, kw_only=True):
    """How many pods, whose names begin with `prefix`, are in each state; None: any number."""

    prefix: str
    total: int | None
    ready: int | None
    bound: int | None
    unschedulable: int | None
    terminating: int | None
    not_on_node: str
    """No live pod is bound to this node."""


class Gone(Struct, frozen=True, kw_only=True):
    kind: str
    name: str


class EventSeen(Struct, frozen=True, kw_only=True):
    reason: str
    contains: str
    count: int


class NodeHolds(Struct, frozen=True, kw_only=True):
    name: str
    ready: str
    taint: str
    effect: str
    absent: bool


Until = Complete | Quiet | ConditionHolds | StatusHolds | PodsCount | Gone | EventSeen | NodeHolds


class Wait(Struct, frozen=True, kw_only=True):
    until: Until
    settle_ms: int
    timeout_ms: int


Action = Apply | Create | Patch | Scale | Delete | Evict | Drain | NodeStep | Unready | Metrics | KubeletStep | Schedule | Sleep | Wait


class Step(Struct, frozen=True, kw_only=True):
    op: str
    action: Action
    path: Path
    name: str = ""
    """For expectations to refer to."""


class Scenario(Struct, frozen=True, kw_only=True):
    name: str
    description: str = ""
    category: str = ""
    kubernetes: str = ""
    """The minor it wants to be played as (`1.36`); empty: the newest."""
    nodes: tuple[NodeSpec, ...]
    groups: tuple[Growth, ...] = ()
    """Groups of nodes that grow; the nodes they begin with are among `nodes`."""
    kubelet: Kubelet
    objects: tuple[Body, ...] = ()
    settings: Mapping[str, Any]
    scheduler: SchedulerSpec = SchedulerSpec()
    steps: tuple[Step, ...] = ()
    expect: tuple[Expectation, ...] = ()


def doing(action: Action) -> str:
    """What the step does beside the object it writes, in a few words, for people."""
    match action:
        case NodeStep():
            names = action.name or ", ".join(n.name for n in action.added)
            return f"{action.verb} {names}"
        case Wait():
            return f"for {_awaited(action.until)}"
        case Schedule():
            return ", ".join(f"{kind} {at}: {taken}{' ms' if kind == 'start' else ''}" for (kind, at), taken in action.told.items())
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
