"""The cluster's nodes as columns of numbers, for clusters so large that asking node after node takes too long.

NumPy is loaded here and only here, when a cluster is large and NumPy is there. Plain Python says the same, more slowly.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from msgspec import Struct

from kgate.engine.api.resources import PODS
from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.counts import PodCounts
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo

LARGE = 200
"""From so many nodes on columns are worth loading NumPy for."""
MOST = 2**50
"""Amounts up to here stay exact in a column's arithmetic, as percentages and as fractions too."""

Array: TypeAlias = Any
"""Of NumPy, with one number a node in the node tree's order, or with one for each of some places."""


def worthwhile(cache: Cache) -> bool:
    return len(cache.nodes()) >= LARGE and importlib.util.find_spec("numpy") is not None


class Domains(Struct, frozen=True):
    """The values of one label, as numbers: nodes without it have the number `len(values)`."""

    number: Array
    values: list[str]
    index: dict[str, int]
    complete: bool
    """Every node has the label."""
    single: bool
    """And no two nodes have the same value."""


class Groups(Struct, frozen=True):
    """Nodes that some plugins cannot tell apart, as numbers, and the place of one node of each group."""

    number: Array
    first: list[int]


class Table:
    """Call `refresh` before reading. Rows are rewritten for the nodes that the cache says were touched, and only for those."""

    def __init__(self, cache: Cache) -> None:
        import numpy

        self.np = numpy
        self._cache = cache
        self._read = 0
        self.shape = -1
        """The cache's, when the columns were last built from the ground."""
        self.log: list[int] = []
        """Places, each time one is rewritten: a reader remembers how far it has read."""
        self.exact = True
        """No amount is beyond `MOST`."""

    def refresh(self) -> None:
        cache = self._cache
        if self.shape != cache.shape:
            self._build()
            return
        touched = cache.touched
        if len(touched) == self._read:
            return
        for name in touched[self._read :] if len(touched) > self._read + 1 else touched[-1:]:
            node = cache.node(name)
            if node is not None:
                self._write(node)
        self._read = len(touched)

    @property
    def size(self) -> int:
        return len(self._nodes)

    def allocatable(self, resource: str) -> Array:
        return self._columns(resource)[0]

    def used(self, resource: str) -> Array:
        """What the pods there request."""
        return self._columns(resource)[1]

    def domains(self, key: str) -> Domains:
        found = self._domains.get(key)
        if found is None:
            values = list(self._cache.values(key))
            index = {value: i for i, value in enumerate(values)}
            number = [index[n.labels[key]] if key in n.labels else len(values) for n in self._nodes]
            complete = sum(self._cache.values(key).values()) == len(self._nodes)
            single = complete and len(values) == len(self._nodes)
            found = self._domains[key] = Domains(self.np.array(number, dtype=self.np.int64), values, index, complete, single)
        return found

    def groups(self, keys: tuple[str, ...]) -> Groups:
        """Nodes that do not differ in taints, cordons, images and the labels with these keys."""
        found = self._groups.get(keys)
        if found is None:
            numbers: dict[object, int] = {}
            first: list[int] = []
            column = []
            for place, node in enumerate(self._nodes):
                looks = (_looks(node), *(node.labels.get(key) for key in keys))
                if looks not in numbers:
                    numbers[looks] = len(first)
                    first.append(place)
                column.append(numbers[looks])
            found = self._groups[keys] = Groups(self.np.array(column, dtype=self.np.int64), first)
        return found

    def column_of(self, counts: PodCounts) -> Array:
        """Pods by place."""
        if counts.column is None:
            column = self.np.zeros(len(self._nodes), dtype=self.np.int64)
            for name, n in counts.by_node.items():
                node = self._cache.node(name)
                if node is not None:
                    column[node.place] = n
            counts.column = column
        return counts.column

    def by_domain(self, counts: Mapping[str, int], key: str) -> Array:
        """Counts by domain, at the number of each; the last one is that of the nodes in no domain, 0."""
        domains = self.domains(key)
        found = self.np.zeros(len(domains.values) + 1, dtype=self.np.int64)
        if counts:
            index = domains.index
            found[[index[value] for value in counts]] = list(counts.values())
        return found

    def kept(self, name: str, make: Callable[[], Array]) -> Array:
        """Made once, until the nodes change."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def _build(self) -> None:
        np, cache = self.np, self._cache
        self.shape = cache.shape
        self._nodes = cache.nodes()
        self._read = len(cache.touched)
        self._domains: dict[str, Domains] = {}
        self._groups: dict[tuple[str, ...], Groups] = {}
        self._resources: dict[str, tuple[Array, Array]] = {}
        self._kept: dict[str, Array] = {}
        self.pods = np.array([len(n.pods) for n in self._nodes], dtype=np.int64)
        self.most_pods = self._numbers(n.allocatable.get(PODS, 0) for n in self._nodes)
        self.non_zero_cpu = self._numbers(n.non_zero_cpu for n in self._nodes)
        self.non_zero_memory = self._numbers(n.non_zero_memory for n in self._nodes)

    def _columns(self, resource: str) -> tuple[Array, Array]:
        found = self._resources.get(resource)
        if found is None:
            allocatable = self._numbers(n.allocatable.get(resource, 0) for n in self._nodes)
            used = self._numbers(n.requested.get(resource, 0) for n in self._nodes)
            found = self._resources[resource] = (allocatable, used)
        return found

    def _numbers(self, amounts: Iterable[int]) -> Array:
        there = list(amounts)
        if there and max(there) > MOST:
            self.exact = False
            there = [0] * len(there)
        return self.np.array(there, dtype=self.np.int64)

    def _write(self, node: NodeInfo) -> None:
        place = node.place
        self.pods[place] = len(node.pods)
        if max(node.non_zero_cpu, node.non_zero_memory, *node.requested.values()) > MOST:
            self.exact = False
            return
        self.non_zero_cpu[place] = node.non_zero_cpu
        self.non_zero_memory[place] = node.non_zero_memory
        for resource, (_, used) in self._resources.items():
            used[place] = node.requested.get(resource, 0)
        self.log.append(place)


def holds(pod: PodInfo) -> bool:
    """A column can take what the pod asks for."""
    return pod.non_zero_cpu <= MOST and pod.non_zero_memory <= MOST and all(n <= MOST for n in pod.requests.values())


def _looks(node: NodeInfo) -> object:
    found = node.node
    return None if found is None else (found.spec.unschedulable, found.spec.taints, found.status.images)
