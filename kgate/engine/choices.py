"""Where Kubernetes leaves open what happens next: which of the nodes that are equally good, and what people may make of it instead.

A schedule is what was taken at each such place, in order; the nominal one takes the first option everywhere, as kube-scheduler does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from kgate.engine.api.core import Pod


class Choice(Struct, frozen=True, kw_only=True):
    """One place where it could have gone on differently."""

    at: int
    """Its number: 0 is the first since choices were noted."""
    about: str
    """Name of the pod."""
    options: tuple[str, ...]
    """Nodes; the nominal one first. Of nodes that do not differ only the first."""
    taken: int = 0

    @property
    def node(self) -> str:
        return self.options[self.taken]


class Alike(Protocol):
    """Which nodes are interchangeable at this moment: those of an equal token."""

    def token(self, node: str) -> object: ...


class Choices:
    """Takes what it is told, by number of the choice, else the first option; and notes what there was to choose from."""

    def __init__(self, told: Mapping[int, str] | None = None, alike: Alike | None = None) -> None:
        self.told = dict(told or {})
        self.alike = alike
        self.made: list[Choice] = []
        self.met = 0
        """So many choices there were, also where all options come to the same."""

    def __call__(self, pod: Pod, nodes: Sequence[str]) -> str:
        at, self.met = self.met, self.met + 1
        told = self.told.get(at)
        if told is not None and told in nodes:
            options = (*self._different(nodes), told)
            self.made.append(Choice(at=at, about=pod.metadata.name, options=options, taken=options.index(told)))
            return told
        options = self._different(nodes)
        if len(options) > 1:
            self.made.append(Choice(at=at, about=pod.metadata.name, options=options))
        return nodes[0]

    def _different(self, nodes: Sequence[str]) -> tuple[str, ...]:
        """One of each kind, in order."""
        if self.alike is None:
            return tuple(nodes)
        kinds: dict[object, str] = {}
        for node in nodes:
            kinds.setdefault(self.alike.token(node), node)
        return tuple(kinds.values())
