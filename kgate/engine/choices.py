"""Where Kubernetes leaves open what happens next, and what people may make of it instead.

tie: which of the nodes that are equally good gets a pod. deletion: which of the pods that only random uids tell apart goes first.
start: how long a pod takes to become ready, within what its behaviour leaves open. A schedule is what was taken at each such place;
the nominal one takes the first option everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal, NamedTuple, Protocol

from msgspec import Struct

from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Millis

Kind = Literal["tie", "deletion", "start"]


class At(NamedTuple):
    """Each kind is counted by itself, from 0, whether there was more than one option or not."""

    kind: Kind
    number: int


class Choice(Struct, frozen=True, kw_only=True):
    """One place where it could have gone on differently."""

    at: At
    serial: int
    """Among those of all kinds."""
    about: str
    """Name of a pod."""
    options: tuple[str, ...]
    """Nodes, or for a start milliseconds; the nominal one first. Of nodes that do not differ only the first."""
    taken: int = 0

    @property
    def node(self) -> str:
        return self.options[self.taken]


class Alike(Protocol):
    """Which nodes are interchangeable at this moment: those of an equal token."""

    def token(self, node: str) -> object: ...


Watch = Callable[[int, Pod], None]
"""The serial of the choice, and whom it is about."""


class Choices:
    """Takes what it is told, else the first option; and notes what there was to choose from."""

    fork_shares: ClassVar[tuple[str, ...]] = ("watch",)

    def __init__(
        self,
        told: Mapping[At, str] | None = None,
        alike: Alike | None = None,
        *,
        kinds: frozenset[Kind] = frozenset({"tie"}),
        jitter_ms: Millis = 0,
    ) -> None:
        """Only places of `kinds` are noted. `jitter_ms`: so much later a pod may be ready whose behaviour leaves nothing open."""
        self.told = dict(told or {})
        self.alike = alike
        self.kinds = kinds
        self.jitter_ms = jitter_ms
        self.made: list[Choice] = []
        self.met = 0
        """So many choices there were, also where all options come to the same."""
        self.watch: Watch | None = None
        """Hears of a choice before it is made, when there is more than one option. It may raise, and end all that."""
        self._counts: dict[Kind, int] = {}
        self._least = 0

    def __call__(self, pod: Pod, nodes: Sequence[str]) -> str:
        """Which of these nodes gets the pod."""
        at = self._next("tie")
        return self._took(at, pod, nodes[0], self._told(at, nodes), self._different(at, nodes))

    def deletion(self, pods: Sequence[Pod], *, first: bool) -> Pod:
        """Which of these pods goes next. `first` of those that go together, whose order does not matter."""
        at = self._next("deletion")
        nodes = [pod.spec.node_name for pod in pods]
        told = self._told(at, nodes)
        options = self._different(at, nodes)
        tokens = self._tokens(nodes)
        self._least = 0 if first else self._least
        usual = tokens.index(self._token(nodes[0]))
        rest = tuple(o for o in options[1:] if tokens.index(self._token(o)) >= self._least)
        node = self._took(at, pods[0], nodes[0], told, (options[0], *rest) if options else (), watched=first)
        self._least = usual if told is None else tokens.index(self._token(node))
        return pods[nodes.index(node)]

    def startup(self, pod: Pod, usual_ms: Millis, least_ms: Millis | None) -> Millis:
        """How long this pod takes: as usual, as fast as it can be, or in between."""
        at = self._next("start")
        told = self.told.get(at)
        options: tuple[str, ...] = ()
        if "start" in self.kinds:
            spans = _spans(usual_ms, least_ms) if least_ms is not None else (usual_ms, usual_ms + self.jitter_ms)
            options = tuple(dict.fromkeys(map(str, spans)))
        return int(self._took(at, pod, str(usual_ms), told, options))

    def _next(self, kind: Kind) -> At:
        number = self._counts.get(kind, 0)
        self._counts[kind] = number + 1
        self.met += 1
        return At(kind, number)

    def _told(self, at: At, nodes: Sequence[str]) -> str | None:
        told = self.told.get(at)
        return told if told in nodes else None

    def _took(self, at: At, about: Pod, usual: str, told: str | None, options: tuple[str, ...], *, watched: bool = True) -> str:
        """Pods that go together are chosen one after another, and nobody can see in between how far that has come: not `watched`."""
        if told is not None and told not in options:
            options = (*(options or (usual,)), told)
        if len(options) > 1:
            if self.watch is not None and watched:
                self.watch(self.met - 1, about)
            taken = 0 if told is None else options.index(told)
            self.made.append(Choice(at=at, serial=self.met - 1, about=about.metadata.name, options=options, taken=taken))
        return usual if told is None else told

    def _different(self, at: At, nodes: Sequence[str]) -> tuple[str, ...]:
        """One of each kind, in order."""
        if at.kind not in self.kinds:
            return ()
        if self.alike is None:
            return tuple(dict.fromkeys(nodes))
        kinds: dict[object, str] = {}
        for node in nodes:
            kinds.setdefault(self.alike.token(node), node)
        return tuple(kinds.values())

    def _token(self, node: str) -> object:
        return node if self.alike is None else self.alike.token(node)

    def _tokens(self, nodes: Sequence[str]) -> list[object]:
        return list(dict.fromkeys(map(self._token, nodes)))


def _spans(most_ms: Millis, least_ms: Millis) -> tuple[Millis, ...]:
    """The corners, and what tells three pods that become ready one after another."""
    return (most_ms, least_ms, (most_ms + least_ms) // 2000 * 1000 if most_ms - least_ms >= 2000 else least_ms)
