"""What a scheduler plugin is, what it may answer, and how its answers become kube-scheduler's words.

Sources: kube-scheduler/framework/interface.go, pkg/scheduler/framework/types.go (FitError), .../framework/runtime/framework.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Protocol, TypeVar, cast, runtime_checkable

from msgspec import Struct

from kgate.engine.api.core import Node, Pod
from kgate.engine.api.meta import Resource
from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo

MAX_NODE_SCORE = 100

T = TypeVar("T")


class Rejection(Struct, frozen=True, kw_only=True):
    """Why a node (or, from `prefilter`, the whole cluster) does not take the pod."""

    plugin: str
    reasons: tuple[str, ...]
    """In kube-scheduler's words. Several only from NodeResourcesFit."""
    unresolvable: bool = False
    """Removing pods from the node would not help (UnschedulableAndUnresolvable)."""


class Change(Struct, frozen=True, kw_only=True):
    """Something that happened in the cluster and may let a pod in that was refused. `old` is None when it was added, `new` when deleted.

    Pods appear here only once they are bound: being bound is being added, ending (Succeeded or Failed) is being deleted.
    """

    old: Resource | PodInfo | None
    new: Resource | PodInfo | None

    @property
    def node(self) -> tuple[Node | None, Node | None] | None:
        """Before and after, if it is a node that changed."""
        return (self.old, self.new) if isinstance(self.old or self.new, Node) else None  # type: ignore[return-value]

    @property
    def pod(self) -> tuple[PodInfo | None, PodInfo | None] | None:
        """Before and after, if it is a bound pod that changed."""
        return (self.old, self.new) if isinstance(self.old or self.new, PodInfo) else None  # type: ignore[return-value]


class OnlyNodes(Struct, frozen=True):
    """Written by a `prefilter` that leaves only these nodes: no other is even looked at (PreFilterResult)."""

    names: frozenset[str]


class CycleState:
    """What plugins work out once for a pod and read again for every node. Keyed by class, one entry a class."""

    __slots__ = ("_entries", "cluster", "kept")

    def __init__(self, cluster: Cache, kept: dict[object, Any] | None = None) -> None:
        self.cluster = cluster
        self.kept: dict[object, Any] = {} if kept is None else kept
        """What plugins worked out before for pods that are alike; each says by itself until when that holds."""
        self._entries: dict[type[object], object] = {}

    def write(self, entry: object) -> None:
        self._entries[type(entry)] = entry

    def read(self, kind: type[T]) -> T | None:
        return cast("T | None", self._entries.get(kind))


class Plugin(Protocol):
    """Each plugin also has one or more of the methods below."""

    name: ClassVar[str]
    local: ClassVar[bool]
    """Its answer depends on the pod, the node and the pods of that node alone, so it may be kept until the node changes."""


@runtime_checkable
class PreEnqueue(Plugin, Protocol):
    def preenqueue(self, pod: Pod) -> str:
        """What the pod must wait for before it may enter the queue; empty when it may."""


@runtime_checkable
class PreFilter(Plugin, Protocol):
    def prefilter(self, pod: PodInfo, state: CycleState) -> Rejection | bool:
        """Called once a pod. A rejection here is for all nodes; False: the plugin's `filter` has nothing against any node."""


@runtime_checkable
class Idle(Plugin, Protocol):
    def concerns(self, pod: PodInfo) -> bool:
        """False: neither its `prefilter` nor its `filter` has anything against such a pod, wherever it goes."""


@runtime_checkable
class Filter(Plugin, Protocol):
    def filter(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> Rejection | None:
        """None lets the pod in."""


@runtime_checkable
class Accounting(Plugin, Protocol):
    def account(self, pod: PodInfo, other: PodInfo, node: NodeInfo, count: int, state: CycleState) -> None:
        """Preemption imagines `other` away from the node (-1) or back on it (+1): correct what `prefilter` worked out."""


@runtime_checkable
class PreBind(Plugin, Protocol):
    def prebind(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> Sequence[Resource]:
        """Objects as they must be written before the pod is bound to the node."""


@runtime_checkable
class Score(Plugin, Protocol):
    """A local score: it depends on the pod, the node and the pods of that node alone."""

    def score(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> int:
        """0 to 100, unless `normalize` makes it so."""


@runtime_checkable
class PreScore(Score, Protocol):
    def prescore(self, pod: PodInfo) -> bool:
        """False: this plugin scores no node for such a pod."""


@runtime_checkable
class Normalize(Score, Protocol):
    def normalize(self, scores: list[int]) -> list[int]:
        """The scores of all nodes that are left, to 0..100. Equal scores stay equal."""


@runtime_checkable
class WideScore(Plugin, Protocol):
    """A score that depends on what is elsewhere in the cluster."""

    def scores(self, pod: PodInfo, nodes: Sequence[NodeInfo], state: CycleState) -> list[int] | None:
        """0 to 100 for each of the nodes that are left; None when the plugin has no opinion."""


@runtime_checkable
class Retry(Plugin, Protocol):
    def worth_retrying(self, pod: PodInfo, change: Change, cluster: Cache) -> bool:
        """Whether the change may let in a pod that this plugin refused (upstream: QueueingHintFn)."""


def offering(plugins: Iterable[Plugin], kind: Any) -> list[Any]:
    """Those that have the methods of one of the Protocols above. To isinstance that takes twenty times as long."""
    return [p for p in plugins if offers(p, kind)]


def offers(plugin: object, kind: Any) -> bool:
    return all(hasattr(plugin, name) for name in _methods(kind))


@cache
def _methods(kind: type) -> tuple[str, ...]:
    return tuple(name for cls in kind.__mro__ if cls.__module__ == __name__ for name in vars(cls) if not name.startswith("_"))


def in_proportion(scores: list[int], *, reverse: bool) -> list[int]:
    """0..highest to 0..100, the other way round if `reverse` (plugins/helper/normalize_score.go). All 100 when reversed and all zero."""
    highest = max(scores, default=0)
    if highest == 0:
        return [MAX_NODE_SCORE] * len(scores) if reverse else scores
    if reverse:
        return [MAX_NODE_SCORE - MAX_NODE_SCORE * s // highest for s in scores]
    return [MAX_NODE_SCORE * s // highest for s in scores]


def counted(rejections: Mapping[Rejection, int], extra: Mapping[str, int] | None = None) -> str:
    """`1 Insufficient cpu, 2 node(s) were unschedulable`: reasons with their number of nodes, sorted as text (so 10 comes before 2)."""
    reasons: Counter[str] = Counter(extra or {})
    for rejection, n in rejections.items():
        for reason in rejection.reasons:
            reasons[reason] += n
    return ", ".join(sorted(f"{n} {reason}" for reason, n in reasons.items()))


def unavailable(n_nodes: int, what: str) -> str:
    """FitError.Error without the part about preemption."""
    return f"0/{n_nodes} nodes are available: {what}." if what else f"0/{n_nodes} nodes are available:"
