"""Label selectors, the plain maps of Services, and node selectors."""

from __future__ import annotations

import pytest

from kgate.engine.api.core import NodeSelector, NodeSelectorRequirement, NodeSelectorTerm
from kgate.engine.api.meta import FrozenMap, LabelSelector, LabelSelectorRequirement
from kgate.engine.api.selector import matches, matches_labels, matches_node, refusing, requiring, term_matches_node


def selector(labels: dict[str, str] | None = None, *expressions: tuple[str, str, tuple[str, ...]]) -> LabelSelector:
    return LabelSelector(
        match_labels=FrozenMap(labels or {}),
        match_expressions=tuple(LabelSelectorRequirement(key=k, operator=op, values=v) for k, op, v in expressions),
    )


@pytest.mark.parametrize(
    ("asked", "labels", "found"),
    [
        (selector(), {}, True),
        (selector(), {"a": "1"}, True),
        (selector({"a": "1"}), {"a": "1", "b": "2"}, True),
        (selector({"a": "1"}), {"a": "2"}, False),
        (selector({"a": "1"}), {}, False),
        (selector({"a": ""}), {}, False),
        (selector({"a": ""}), {"a": ""}, True),
        (selector(None, ("a", "In", ("1", "2"))), {"a": "2"}, True),
        (selector(None, ("a", "In", ("1", "2"))), {}, False),
        (selector(None, ("a", "NotIn", ("1",))), {"a": "2"}, True),
        (selector(None, ("a", "NotIn", ("1",))), {"a": "1"}, False),
        (selector(None, ("a", "NotIn", ("1",))), {}, True),
        (selector(None, ("a", "Exists", ())), {"a": ""}, True),
        (selector(None, ("a", "Exists", ())), {}, False),
        (selector(None, ("a", "DoesNotExist", ())), {}, True),
        (selector(None, ("a", "DoesNotExist", ())), {"a": "x"}, False),
        (selector({"b": "2"}, ("a", "Exists", ())), {"a": "1"}, False),
        (selector({"b": "2"}, ("a", "Exists", ())), {"a": "1", "b": "2"}, True),
    ],
)
def test_a_selector_finds_what_satisfies_all_of_it(asked: LabelSelector, labels: dict[str, str], found: bool) -> None:
    assert matches(asked, labels) is found


def test_an_absent_selector_finds_nothing_and_an_empty_one_everything() -> None:
    assert not matches(None, {"a": "1"})
    assert matches(LabelSelector(), {"a": "1"})


def test_an_unknown_operator_matches_nothing() -> None:
    assert not matches(selector(None, ("a", "Like", ())), {"a": "1"})


def test_keys_merged_into_a_selector_narrow_it() -> None:
    asked = selector({"app": "web"})
    assert matches(requiring(asked, "hash", "x"), {"app": "web", "hash": "x"})
    assert not matches(requiring(asked, "hash", "x"), {"app": "web", "hash": "y"})
    assert matches(refusing(asked, "hash", "x"), {"app": "web"})
    assert not matches(refusing(asked, "hash", "x"), {"app": "web", "hash": "x"})


def test_a_plain_map_wants_every_pair() -> None:
    assert matches_labels({}, {"a": "1"})
    assert matches_labels({"a": "1"}, {"a": "1", "b": "2"})
    assert not matches_labels({"a": "1", "b": "2"}, {"a": "1"})


def term(*expressions: tuple[str, str, tuple[str, ...]], names: tuple[str, tuple[str, ...]] | None = None) -> NodeSelectorTerm:
    fields = (NodeSelectorRequirement(key="metadata.name", operator=names[0], values=names[1]),) if names else ()
    return NodeSelectorTerm(
        match_expressions=tuple(NodeSelectorRequirement(key=k, operator=op, values=v) for k, op, v in expressions),
        match_fields=fields,
    )


@pytest.mark.parametrize(
    ("asked", "labels", "found"),
    [
        (term(), {"a": "1"}, False),
        (term(("cpus", "Gt", ("4",))), {"cpus": "8"}, True),
        (term(("cpus", "Gt", ("8",))), {"cpus": "8"}, False),
        (term(("cpus", "Lt", ("8",))), {"cpus": "-1"}, True),
        (term(("cpus", "Gt", ("4",))), {}, False),
        (term(("cpus", "Gt", ("4",))), {"cpus": "many"}, False),
        (term(("cpus", "Gt", ("4", "5"))), {"cpus": "8"}, False),
        (term(("cpus", "Gt", ("4",))), {"cpus": "99999999999999999999"}, False),
        (term(("cpus", "Gt", ("0",))), {"cpus": "1_0"}, False),
        (term(names=("In", ("n1",))), {}, True),
        (term(names=("In", ("n2",))), {}, False),
        (term(names=("NotIn", ("n2",))), {}, True),
        (term(("a", "Exists", ()), names=("In", ("n1",))), {}, False),
        (term(("a", "Exists", ()), names=("In", ("n1",))), {"a": "1"}, True),
    ],
)
def test_a_node_selector_term_wants_all_of_its_requirements(asked: NodeSelectorTerm, labels: dict[str, str], found: bool) -> None:
    assert term_matches_node(asked, labels, "n1") is found


def test_terms_are_alternatives_and_without_any_no_node_matches() -> None:
    either = NodeSelector(node_selector_terms=(term(("a", "Exists", ())), term(names=("In", ("n1",)))))
    assert matches_node(either, {}, "n1")
    assert matches_node(either, {"a": "1"}, "n2")
    assert not matches_node(either, {}, "n2")
    assert not matches_node(NodeSelector(), {"a": "1"}, "n1")
