"""How many pods that match something are on each node and in each domain: kept up to date pod by pod, never counted again.

A cluster has as many selectors as Deployments; each pod is held against those only that ask for one of its labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from kgate.engine.api.core import Pod
from kgate.engine.api.meta import LabelSelector
from kgate.engine.scheduler.nodeinfo import AffinityTerm, NodeInfo, PodInfo, count

Pair = tuple[str, str]
"""A label and the value that a selector asks it to have."""

T = TypeVar("T")


class Column(Protocol):
    """Counts by place of the node, as an array; NumPy's, when the cluster is large."""

    def __getitem__(self, place: int) -> int: ...
    def __setitem__(self, place: int, n: int) -> None: ...


class ByLabel(Generic[T]):
    """Things with a selector, found by the labels that the selector asks for."""

    __slots__ = ("_any", "_by_pair")

    def __init__(self) -> None:
        self._by_pair: dict[Pair, list[T]] = {}
        self._any: list[T] = []

    def put(self, selector: LabelSelector | None, thing: T) -> None:
        """Under the pair that has the fewest things so far; under none when the selector asks for no certain value."""
        pairs = list(selector.match_labels.items()) if selector is not None else []
        if pairs:
            rarest = min(pairs, key=lambda pair: len(self._by_pair.get(pair, ())))
            self._by_pair.setdefault(rarest, []).append(thing)
        else:
            self._any.append(thing)

    def drop(self, thing: T) -> None:
        for things in (*self._by_pair.values(), self._any):
            if thing in things:
                things.remove(thing)

    def of(self, labels: Mapping[str, str]) -> Iterator[T]:
        """Those that may match; whether they do is for the caller to ask."""
        by_pair = self._by_pair
        for pair in labels.items():
            if pair in by_pair:
                yield from by_pair[pair]
        yield from self._any


class Census:
    """Bound pods by what selectors can see of them. Pods of one template are one entry, however many there are."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[tuple[str, Mapping[str, str], bool], tuple[Pod, dict[str, int]]] = {}

    def account(self, pod: Pod, node: str, sign: int) -> None:
        meta = pod.metadata
        looks = (meta.namespace, meta.labels, meta.deletion_timestamp_ms is not None)
        entry = self._entries.get(looks)
        if entry is None:
            entry = self._entries[looks] = (pod, {})
        count(entry[1], node, sign)
        if not entry[1]:
            del self._entries[looks]

    def by_node(self, matches: Callable[[Pod], bool]) -> dict[str, int]:
        """How many pods that match are on each node."""
        found: dict[str, int] = {}
        for pod, nodes in self._entries.values():
            if matches(pod):
                for name, n in nodes.items():
                    found[name] = found.get(name, 0) + n
        return found


class PodCounts:
    """Pods that `matches` on each node, and by the values of any topology key. Nodes without the key are in no domain."""

    __slots__ = ("_by_domain", "_matches", "by_node", "column")

    def __init__(self, matches: Callable[[Pod], bool], census: Census) -> None:
        self._matches = matches
        self.by_node = census.by_node(matches)
        self.column: Column | None = None
        """The same by place; who wants it fills it once, and it is kept up to date until the places change."""
        self._by_domain: dict[str, dict[str, int]] = {}

    def by_domain(self, key: str, find: Callable[[str], NodeInfo | None]) -> Mapping[str, int]:
        """`find` knows the nodes by their names."""
        counts = self._by_domain.get(key)
        if counts is None:
            counts = self._by_domain[key] = {}
            for name, n in self.by_node.items():
                node = find(name)
                if node is not None and key in node.labels:
                    count(counts, node.labels[key], n)
        return counts

    def forget_places(self) -> None:
        """Nodes came, went or changed their labels."""
        self._by_domain.clear()
        self.column = None

    def account(self, pod: Pod, node: NodeInfo, sign: int) -> None:
        if not self._matches(pod):
            return
        count(self.by_node, node.name, sign)
        if node.node is None:
            return
        if self.column is not None:
            self.column[node.place] += sign
        for key, counts in self._by_domain.items():
            if key in node.labels:
                count(counts, node.labels[key], sign)


class TermCounts:
    """The wishes that bound pods have about others, each distinct one with the domains of the pods that have it."""

    __slots__ = ("_by_label", "_domains")

    def __init__(self) -> None:
        self._domains: dict[AffinityTerm, dict[str, int]] = {}
        self._by_label: ByLabel[AffinityTerm] = ByLabel()

    def account(self, terms: Sequence[AffinityTerm], labels: Mapping[str, str], sign: int) -> None:
        """A pod with these terms came to, or left, a node with these labels."""
        for term in terms:
            if term.topology_key not in labels:
                continue
            domains = self._domains.get(term)
            if domains is None:
                domains = self._domains[term] = {}
                self._by_label.put(term.selector, term)
            count(domains, labels[term.topology_key], sign)
            if not domains:
                del self._domains[term]
                self._by_label.drop(term)

    def about(self, pod: PodInfo, namespace_labels: Mapping[str, str]) -> Iterator[tuple[AffinityTerm, Mapping[str, int]]]:
        """The terms that match the pod, each with the number of pods that have it by domain."""
        for term in self._by_label.of(pod.pod.metadata.labels):
            if term.matches(pod.pod, namespace_labels):
                yield term, self._domains[term]

    def __bool__(self) -> bool:
        return bool(self._domains)
