"""Label selectors of pods and node selectors of nodes.

Sources: apimachinery/pkg/apis/meta/v1/helpers.go (LabelSelectorAsSelector), apimachinery/pkg/labels/selector.go (Requirement.Matches),
component-helpers/scheduling/corev1/nodeaffinity/nodeaffinity.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSelectorRequirement:
    key: str
    operator: str
    """In, NotIn, Exists or DoesNotExist."""
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """A missing key satisfies NotIn and DoesNotExist. Raises ValueError for an operator that is none of the four."""
        match self.operator:
            case "In":
                return self.key in labels and labels[self.key] in self.values
            case "NotIn":
                return self.key not in labels or labels[self.key] not in self.values
            case "Exists":
                return self.key in labels
            case "DoesNotExist":
                return self.key not in labels
        raise ValueError(f'"{self.operator}" is not a valid label selector operator')


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSelector:
    """All of `match_labels` and all of `match_expressions`. An empty selector matches everything; for none at all see `matches`."""

    match_labels: Mapping[str, str] = field(default_factory=dict)
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.match_labels and not self.match_expressions

    def matches(self, labels: Mapping[str, str]) -> bool:
        for key, wanted in self.match_labels.items():
            if labels.get(key) != wanted:
                return False
        return all(r.matches(labels) for r in self.match_expressions)

    def requiring(self, key: str, value: str) -> LabelSelector:
        """This selector and `key in (value)`, as matchLabelKeys are merged into one."""
        more = LabelSelectorRequirement(key=key, operator="In", values=(value,))
        return LabelSelector(match_labels=self.match_labels, match_expressions=(*self.match_expressions, more))

    def refusing(self, key: str, value: str) -> LabelSelector:
        """This selector and `key notin (value)`, as mismatchLabelKeys are merged into one."""
        more = LabelSelectorRequirement(key=key, operator="NotIn", values=(value,))
        return LabelSelector(match_labels=self.match_labels, match_expressions=(*self.match_expressions, more))


def matches(selector: LabelSelector | None, labels: Mapping[str, str]) -> bool:
    """A selector that is absent (nil) matches nothing; an empty one matches everything."""
    return selector is not None and selector.matches(labels)


def matches_labels(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """The plain map of a Service's selector or a pod's nodeSelector: every pair must be there."""
    return all(labels.get(key) == value for key, value in wanted.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSelectorRequirement:
    key: str
    operator: str
    """In, NotIn, Exists, DoesNotExist, Gt or Lt."""
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Gt and Lt compare integers: the node's label, which must be one, with the single value. Anything else does not match."""
        if self.operator not in ("Gt", "Lt"):
            return LabelSelectorRequirement(key=self.key, operator=self.operator, values=self.values).matches(labels)
        mine, bound = _integer(labels.get(self.key, "")), _integer(self.values[0]) if len(self.values) == 1 else None
        if mine is None or bound is None:
            return False
        return mine > bound if self.operator == "Gt" else mine < bound


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSelectorTerm:
    """All of its expressions (on labels) and all of its fields (only `metadata.name`, In or NotIn with one value)."""

    match_expressions: tuple[NodeSelectorRequirement, ...] = ()
    match_fields: tuple[NodeSelectorRequirement, ...] = ()

    def matches(self, labels: Mapping[str, str], name: str) -> bool:
        """An empty term matches no node."""
        if not self.match_expressions and not self.match_fields:
            return False
        fields = {"metadata.name": name}
        return all(r.matches(labels) for r in self.match_expressions) and all(r.matches(fields) for r in self.match_fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSelector:
    """Any of its terms; without terms, no node."""

    node_selector_terms: tuple[NodeSelectorTerm, ...] = ()

    def matches(self, labels: Mapping[str, str], name: str) -> bool:
        return any(term.matches(labels, name) for term in self.node_selector_terms)


def _integer(text: str) -> int | None:
    """What strconv.ParseInt reads as a 64-bit integer."""
    if _INTEGER.fullmatch(text) is None or not -(2**63) <= int(text) < 2**63:
        return None
    return int(text)
