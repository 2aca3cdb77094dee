"""The two composers: libyaml's, and the iterative one that stands in for it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgate.load import compose as module
from kgate.load.compose import compose
from kgate.load.yaml import parse

TEXTS = [
    "a: 1\n",
    "a: &x [1, 'two', !!str 3]\nb: *x\n",
    "- - a\n  - b: {c: d}\n- ~\n",
    "",
    "# nothing\n",
    "a: |\n  b\n",
    "a: 1\n...\n---\nb: 2\n",
    "[" * 50 + "]" * 50,
]


@pytest.fixture
def pure(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if PyYAML had been built without libyaml."""
    monkeypatch.setattr(module, "CParser", None)


def shape(node: Any) -> Any:
    """A node with its tags and marks, comparable."""
    if node is None:
        return None
    at = (node.start_mark.line, node.start_mark.column)
    children = (
        node.value if isinstance(node.value, str) else [tuple(map(shape, c)) if isinstance(c, tuple) else shape(c) for c in node.value]
    )
    return (type(node).__name__, node.tag, at, children)


@pytest.mark.parametrize("text", TEXTS)
def test_both_composers_build_the_same_nodes(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = compose(text)
    monkeypatch.setattr(module, "CParser", None)
    slow = compose(text)
    assert shape(quick.root) == shape(slow.root)
    assert (quick.rest is None) == (slow.rest is None)


@pytest.mark.usefixtures("pure")
@pytest.mark.parametrize("text", ["[" * 5000, "- " * 5000 + "x\n", "a: *x\n", "a: b: c\n", "a: [1\n", "a: \x00\n", "a: &x 1\nb: &x 2\n"])
def test_the_pure_parser_is_guarded_as_well(text: str) -> None:
    assert parse(text).faults or parse(text).data


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.sampled_from(["a", "~", "'b'", "1e3", "yes"]), lambda inner: st.lists(inner, max_size=3).map(lambda v: f"[{', '.join(v)}]")
    )
)
def test_the_pure_parser_means_the_same(text: str) -> None:
    quick = parse(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CParser", None)
        assert parse(text) == quick


def test_the_fast_composer_is_there() -> None:
    """Without it everything works, ten times slower: the wheels have it, so its absence here is a broken environment."""
    assert module.CParser is not None
