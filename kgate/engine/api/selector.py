"""What label selectors of pods and node selectors of nodes match.

Sources: apimachinery/pkg/apis/meta/v1/helpers.go (LabelSelectorAsSelector), apimachinery/pkg/labels/selector.go (Requirement.Matches),
component-helpers/scheduling/corev1/nodeaffinity/nodeaffinity.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec.structs import replace

from kgate.engine.api.core import NodeSelector, NodeSelectorRequirement, NodeSelectorTerm
from kgate.engine.api.meta import LabelSelector, LabelSelectorRequirement

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)


def matches(selector: LabelSelector | None, labels: Mapping[str, str]) -> bool:
    """A selector that is absent (nil) matches nothing; an empty one matches everything."""
    if selector is None:
        return False
    for key, wanted in selector.match_labels.items():
        if labels.get(key) != wanted:
            return False
    return all(requirement_matches(r.key, r.operator, r.values, labels) for r in selector.match_expressions)


def matches_labels(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """The plain map of a Service's selector or a pod's nodeSelector: every pair must be there."""
    return all(labels.get(key) == value for key, value in wanted.items())


def requirement_matches(key: str, operator: str, values: tuple[str, ...], labels: Mapping[str, str]) -> bool:
    """A missing key satisfies NotIn and DoesNotExist. An unknown operator, which the API server refuses, matches nothing."""
    match operator:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False


def requiring(selector: LabelSelector, key: str, value: str) -> LabelSelector:
    """The selector and `key in (value)`, as matchLabelKeys are merged into one."""
    return _with(selector, LabelSelectorRequirement(key=key, operator="In", values=(value,)))


def refusing(selector: LabelSelector, key: str, value: str) -> LabelSelector:
    """The selector and `key notin (value)`, as mismatchLabelKeys are merged into one."""
    return _with(selector, LabelSelectorRequirement(key=key, operator="NotIn", values=(value,)))


def matches_node(selector: NodeSelector, labels: Mapping[str, str], name: str) -> bool:
    """Any of its terms; without terms, no node."""
    return any(term_matches_node(term, labels, name) for term in selector.node_selector_terms)


def term_matches_node(term: NodeSelectorTerm, labels: Mapping[str, str], name: str) -> bool:
    """All expressions (on labels) and all fields (`metadata.name`). A term without either matches no node."""
    if not term.match_expressions and not term.match_fields:
        return False
    fields = {"metadata.name": name}
    return all(_node_requirement_matches(r, labels) for r in term.match_expressions) and all(
        _node_requirement_matches(r, fields) for r in term.match_fields
    )


def _node_requirement_matches(r: NodeSelectorRequirement, labels: Mapping[str, str]) -> bool:
    """Gt and Lt compare integers: the node's label, which must be one, with the single value. Anything else does not match."""
    if r.operator not in ("Gt", "Lt"):
        return requirement_matches(r.key, r.operator, r.values, labels)
    mine, bound = _integer(labels.get(r.key, "")), _integer(r.values[0]) if len(r.values) == 1 else None
    if mine is None or bound is None:
        return False
    return mine > bound if r.operator == "Gt" else mine < bound


def _with(selector: LabelSelector, more: LabelSelectorRequirement) -> LabelSelector:
    return replace(selector, match_expressions=(*selector.match_expressions, more))


def _integer(text: str) -> int | None:
    """What strconv.ParseInt reads as a 64-bit integer."""
    if _INTEGER.fullmatch(text) is None or not -(2**63) <= int(text) < 2**63:
        return None
    return int(text)
