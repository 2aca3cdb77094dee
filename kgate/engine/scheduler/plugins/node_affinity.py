"""pkg/scheduler/framework/plugins/nodeaffinity."""

from __future__ import annotations

from typing import ClassVar

from kgate.engine.api.core import Node, NodeSelectorTerm, Pod
from kgate.engine.api.selector import matches_labels, matches_node, term_matches_node
from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.framework import Change, CycleState, OnlyNodes, Rejection, in_proportion
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo


class NodeAffinity:
    """The pod's nodeSelector and required node affinity must match; preferred terms add their weight."""

    name: ClassVar[str] = "NodeAffinity"
    local: ClassVar[bool] = True
    _rejection = Rejection(plugin=name, reasons=("node(s) didn't match Pod's node affinity/selector",), unresolvable=True)
    _conflict = Rejection(plugin=name, reasons=("pod affinity terms conflict",), unresolvable=True)

    def prefilter(self, pod: PodInfo, state: CycleState) -> Rejection | bool:
        names = _named_nodes(pod.pod)
        if names is not None and not names:
            return self._conflict
        if names is not None:
            state.write(OnlyNodes(names))
        return True

    def filter(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> Rejection | None:
        return None if node.node is None or required_matches(pod.pod, node.node) else self._rejection

    def prescore(self, pod: PodInfo) -> bool:
        affinity = pod.pod.spec.affinity
        return affinity is not None and affinity.node_affinity is not None and bool(affinity.node_affinity.preferred)

    def score(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> int:
        """Sum of the weights of the preferred terms that match."""
        affinity = pod.pod.spec.affinity
        if affinity is None or affinity.node_affinity is None:
            return 0
        return sum(t.weight for t in affinity.node_affinity.preferred if term_matches_node(t.preference, node.labels, node.name))

    def normalize(self, scores: list[int]) -> list[int]:
        return in_proportion(scores, reverse=False)

    def labels_read(self, pod: PodInfo) -> tuple[str, ...] | None:
        """None when the node's name is asked for."""
        affinity = pod.pod.spec.affinity.node_affinity if pod.pod.spec.affinity else None
        terms = [t.preference for t in affinity.preferred] if affinity is not None else []
        if affinity is not None and affinity.required is not None:
            terms += affinity.required.node_selector_terms
        if any(term.match_fields for term in terms):
            return None
        return tuple(dict.fromkeys([*pod.pod.spec.node_selector, *(e.key for term in terms for e in term.match_expressions)]))

    def concerns(self, pod: PodInfo) -> bool:
        return bool(pod.pod.spec.node_selector) or (pod.pod.spec.affinity is not None and pod.pod.spec.affinity.node_affinity is not None)

    def worth_retrying(self, pod: PodInfo, change: Change, cluster: Cache) -> bool:
        if change.node is None:
            return False
        old, new = change.node
        return new is not None and required_matches(pod.pod, new) and (old is None or not required_matches(pod.pod, old))


def required_matches(pod: Pod, node: Node) -> bool:
    """nodeSelector and required node affinity together (GetRequiredNodeAffinity)."""
    if not matches_labels(pod.spec.node_selector, node.metadata.labels):
        return False
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
    if affinity is None or affinity.required is None:
        return True
    return matches_node(affinity.required, node.metadata.labels, node.metadata.name)


def _named_nodes(pod: Pod) -> frozenset[str] | None:
    """The nodes that the terms name by metadata.name, if every term does. Empty when the names contradict each other."""
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
    if affinity is None or affinity.required is None or not affinity.required.node_selector_terms:
        return None
    per_term = [_names_in(t) for t in affinity.required.node_selector_terms]
    return None if None in per_term else frozenset().union(*(names for names in per_term if names is not None))


def _names_in(term: NodeSelectorTerm) -> frozenset[str] | None:
    named = [frozenset(r.values) for r in term.match_fields if r.key == "metadata.name" and r.operator == "In"]
    return frozenset.intersection(*named) if named else None
